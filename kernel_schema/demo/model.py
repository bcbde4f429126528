"""A small model in plain torch, with one layer that is registered for kernels."""

from __future__ import annotations

import torch
from kernels import replace_kernel_forward_from_hub  # pyright: ignore[reportUnknownVariableType] (kernels has no types)
from torch import nn


class RMSNorm(nn.Module):
    """Root mean square normalisation, spelt out.

    Args:
        size: Size of the last dimension.
        eps: Added to the mean square.
    """

    def __init__(self, size: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Normalise over the last dimension."""
        mean_square = hidden_states.pow(2).mean(-1, keepdim=True)
        return self.weight * hidden_states * torch.rsqrt(mean_square + self.eps)


# What the decorator `use_kernel_forward_from_hub("RMSNorm")` does, in a form with types.
replace_kernel_forward_from_hub(RMSNorm, "RMSNorm")


class Block(nn.Module):
    """Normalise, transform, add.

    Args:
        size: Size of the last dimension.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = RMSNorm(size)
        self.linear = nn.Linear(size, size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Add what the linear layer makes of the normalised input."""
        return hidden_states + self.linear(self.norm(hidden_states))


def build_model(size: int = 64, depth: int = 4) -> nn.Module:
    """The model of the demo, always with the same weights, in eval mode.

    Args:
        size: Size of the last dimension.
        depth: Number of blocks.
    """
    model = nn.Sequential(*(Block(size) for _ in range(depth)), RMSNorm(size))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, mean=0.5, std=0.1, generator=generator)
    return model.eval()
