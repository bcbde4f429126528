from torch import Tensor, nn


class MyNorm(nn.Module):
    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states
