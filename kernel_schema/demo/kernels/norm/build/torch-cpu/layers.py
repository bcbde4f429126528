"""The layers of this kernel repository."""

import torch
from torch import nn
from torch.nn import functional


class DemoRMSNorm(nn.Module):
    """RMSNorm through torch's fused function instead of four elementwise operations."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Normalise over the last dimension and scale by the layer's own weight."""
        shape = (hidden_states.shape[-1],)
        return functional.rms_norm(hidden_states, shape, self.weight, self.eps)
