"""A small model, and kernels for it that are right or wrong in one way each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tests.kernel_repos import write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SOURCE = """
import torch
from torch import nn


def norm(x, weight, eps):
    values = x.float()
    values = values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + eps)
    return (values * weight.float()).to(x.dtype)


class Right(nn.Module):
    def forward(self, x):
        return norm(x, self.weight, self.eps)


class Copy(nn.Module):  # what the original does, to the letter
    def forward(self, x):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x * scale * self.weight


class Twice(nn.Module):
    def forward(self, x):
        return 2 * norm(x, self.weight, self.eps)


class OneUlp(nn.Module):
    def forward(self, x):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        exact = x * scale * self.weight
        return torch.nextafter(exact, torch.full_like(exact, float("inf")))


class WrongForEight(nn.Module):
    def forward(self, x):
        result = norm(x, self.weight, self.eps)
        return result * 1.5 if x.shape[-2] == 8 else result


class WrongInHalf(nn.Module):
    def forward(self, x):
        result = norm(x, self.weight, self.eps)
        return result * 1.1 if x.dtype == torch.bfloat16 else result


class Backwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient


class WrongBackward(nn.Module):
    def forward(self, x):
        return norm(Backwards.apply(x), self.weight, self.eps)


class NoGradient(nn.Module):
    def forward(self, x):
        return norm(x, self.weight, self.eps).detach()


class Slow(nn.Module):
    def forward(self, x):
        return [norm(x, self.weight, self.eps) for _ in range(20)][0]


class Raises(nn.Module):
    def forward(self, x):
        raise NotImplementedError("sizes of a power of 2 only")


class OtherShape(nn.Module):
    def forward(self, x):
        return norm(x, self.weight, self.eps)[..., :1]


class NotANumber(nn.Module):
    def forward(self, x):
        result = norm(x, self.weight, self.eps)
        result.view(-1)[0] = float("nan")
        return result


class InPlace(nn.Module):
    def forward(self, x):
        return x.mul_(torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)).mul_(self.weight)
"""


class Norm(nn.Module):
    kernel_layer_name = "RMSNorm"

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, size))
        self.eps = 1e-6

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x * scale * self.weight


class Model(nn.Module):
    """Its layer is called twice in a forward, on two shapes; `spare` is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Norm()
        self.linear = nn.Linear(16, 16)
        self.last = Norm()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.linear(self.first(x))[:, :4])


def inputs(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(2, 8, 16, generator=torch.Generator().manual_seed(0)).to(dtype)


def model(dtype: torch.dtype = torch.float32) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Model().to(dtype).eval()


def repository(folder: Path) -> Path:
    return write_kernel_repository(folder / "planted", SOURCE)


@contextmanager
def one_thread() -> Generator[None]:
    """Tests share the cores: threads that wait for each other would measure that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
