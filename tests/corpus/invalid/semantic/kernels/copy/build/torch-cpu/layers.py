from torch import Tensor, nn


class MyNorm(nn.Module):
    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states


class NormForInference(nn.Module):
    has_backward = False

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states


class NormWithState(nn.Module):
    epsilon = 1e-6

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states
