"""Llama and a Mixtral-like mixture of experts, in plain torch and bfloat16: sizes of real layers.

Of a real model they have fewer layers, so that all runs take minutes together.
"""

from __future__ import annotations

from typing import Any

import torch
from kernels import (
    replace_kernel_forward_from_hub,
    use_kernel_forward_from_hub,
    use_kernelized_func,
)
from torch import nn
from torch.nn.functional import one_hot, scaled_dot_product_attention, silu

HIDDEN = 4096
INTERMEDIATE = 14336
HEADS = 32
KEY_HEADS = 8
EXPERTS = 8
VOCABULARY = 32000
TOKENS = (2, 2048)


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = 1e-6

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = x.to(torch.float32)
        scaled = values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)


class SiluAndMul(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, up = x.chunk(2, dim=-1)
        return silu(gate) * up


def _rotate_half(x: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def _rotary(
    q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return q * cos + _rotate_half(q) * sin, k * cos + _rotate_half(k) * sin


# The decorators of kernels as calls: they have no types.
replace_kernel_forward_from_hub(Norm, "RMSNorm")
replace_kernel_forward_from_hub(SiluAndMul, "SiluAndMul")
rotary: Any = use_kernel_forward_from_hub("rotary_pos_emb")(_rotary)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.size = HIDDEN // HEADS
        self.q = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.k = nn.Linear(HIDDEN, KEY_HEADS * self.size, bias=False)
        self.v = nn.Linear(HIDDEN, KEY_HEADS * self.size, bias=False)
        self.o = nn.Linear(HIDDEN, HIDDEN, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            linear(x).view(*x.shape[:2], -1, self.size).transpose(1, 2)
            for linear in (self.q, self.k, self.v)
        )
        q, k = rotary(q, k, cos, sin)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.o(mixed.transpose(1, 2).flatten(2))


use_kernelized_func(rotary)(Attention)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_up = nn.Linear(HIDDEN, 2 * INTERMEDIATE, bias=False)
        self.act = SiluAndMul()
        self.down = nn.Linear(INTERMEDIATE, HIDDEN, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(self.act(self.gate_up(x)))


class Experts(nn.Module):
    """Each token goes to two of eight: how many come to one depends on the data."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(HIDDEN, EXPERTS, bias=False)
        self.experts = nn.ModuleList(Dense() for _ in range(EXPERTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, -2)
        weights, chosen = self.router(flat).float().softmax(-1).topk(2, dim=-1)
        result = torch.zeros_like(flat)
        for index, expert in enumerate(self.experts):
            tokens, rank = (one_hot(chosen, EXPERTS)[..., index] == 1).nonzero(as_tuple=True)
            share = weights[tokens, rank, None].to(flat.dtype)
            result.index_add_(0, tokens, expert(flat[tokens]) * share)
        return result.view_as(x)


class Block(nn.Module):
    def __init__(self, mixing: nn.Module) -> None:
        super().__init__()
        self.before = Norm(HIDDEN)
        self.attention = Attention()
        self.between = Norm(HIDDEN)
        self.mixing = mixing

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.before(x), cos, sin)
        return x + self.mixing(self.between(x))


class Decoder(nn.Module):
    def __init__(self, mixing: type[nn.Module], depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, HIDDEN)
        self.blocks = nn.ModuleList(Block(mixing()) for _ in range(depth))
        self.norm = Norm(HIDDEN)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids)
        size = HIDDEN // HEADS
        steps = torch.arange(0, size, 2, device=ids.device) / size
        positions = torch.arange(ids.shape[1], device=ids.device)
        angles = torch.outer(positions, 500_000.0**-steps).repeat(ids.shape[0], 1, 2)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)


def _built(mixing: type[nn.Module], depth: int) -> Any:
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = Decoder(mixing, depth).to(torch.bfloat16)
        with torch.no_grad():
            for module in model.modules():
                for parameter in module.parameters(recurse=False):
                    is_norm = isinstance(module, Norm)
                    parameter.normal_(1.0 if is_norm else 0.0, 0.1 if is_norm else 0.02)
    return model.eval()


def llama() -> Any:
    return _built(Dense, 2)


def mixture() -> Any:
    return _built(Experts, 1)


def ids() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(VOCABULARY, TOKENS, generator=generator).to("cuda")
