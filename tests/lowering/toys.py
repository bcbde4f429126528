"""Small models with registered layers and functions, and kernels that multiply with another factor.

What a model computes tells what ran: the layers multiply with 1 and the functions with 2, each
kernel with a prime of its own.
"""

# The decorators of kernels give back `type | object`, says their type.
# pyright: reportCallIssue=false, reportArgumentType=false, reportReturnType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import torch
from torch import nn

from tests.kernel_repos import KernelLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The kernels of `conftest.kernel_repository`, by what they lack.
KERNELS = (
    KernelLayer("Norm", "3 * x * self.weight", can_torch_compile=True),
    KernelLayer("Other", "5 * x * self.weight"),
    KernelLayer("NoBackward", "7 * x * self.weight", has_backward=False),
    KernelLayer("TwoArguments", "x * y", arguments="x, y"),
    KernelLayer("Double", "11 * x", can_torch_compile=True),
)


class Norm(nn.Module):
    kernel_layer_name = "Norm"

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class LateNorm(Norm):
    """A second name, visited after the others in `make_model`."""

    kernel_layer_name = "LateNorm"


class Choosy(Norm):
    """A layer whose condition asks the module."""

    kernel_layer_name = "Choosy"

    def __init__(self, *, willing: bool) -> None:
        super().__init__()
        self.willing = willing

    @staticmethod
    def kernel_condition(module: Choosy) -> bool:
        return module.willing


@kernels.use_kernel_forward_from_hub("double")
def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


@kernels.use_kernelized_func(double)
class Block(nn.Module):
    """Holds a registered layer and a registered function."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = Norm()
        self.linear = nn.Linear(4, 4)
        nn.init.eye_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return double(self.linear(self.norm(x)))


class Plain(nn.Module):
    """Registers nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def make_model() -> Any:
    """Two blocks, a plain module, a layer of a second name: Norm x 2, double x 2, LateNorm x 1.

    A `Sequential`; `Any` is for tests that reach into it.
    """
    return nn.Sequential(Block(), Block(), Plain(), LateNorm()).eval()


def factor(model: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """What the model multiplies its input with; for `make_model` as it is, 4."""
    with torch.inference_mode():
        found = model(torch.ones(1, 4))
    assert torch.all(found == found[0, 0])
    return found[0, 0].item()


def carriers(model: nn.Module) -> Iterator[nn.Module]:
    """Everything that may carry a name: the modules and the functions that they hold."""
    for module in model.modules():
        yield module
        yield from vars(module).get("_kernel_funcs", {}).values()


class Pristine:
    """What the modules and functions of a model are made of, to tell whether anything changed."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._before = self._look()

    def _look(self) -> dict[int, dict[str, object]]:
        return {id(carrier): dict(vars(carrier)) for carrier in carriers(self._model)}

    def changes(self) -> list[str]:
        """The attributes that were set, changed or removed since."""
        now = self._look()
        assert now.keys() == self._before.keys()
        return [
            key
            for carrier, before in self._before.items()
            for key in before.keys() | now[carrier].keys()
            if before.get(key, self) is not now[carrier].get(key, self)
        ]
