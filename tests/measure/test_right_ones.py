"""200 right kernels, in other formulations and dtypes: none of them is taken for a wrong one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import kernel_schema as ks
from tests.kernel_repos import write_kernel_repository

if TYPE_CHECKING:
    from pathlib import Path

# What the model does, and the same in another order, in float32, or by another function.
PAIRS: dict[str, tuple[str, str]] = {
    "norm": (
        "x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight",
        "functional.rms_norm(x.float(), x.shape[-1:], self.weight.float(), 1e-6).to(x.dtype)",
    ),
    "normalized": (
        "self.weight * functional.normalize(x.float(), dim=-1).mul(x.shape[-1] ** 0.5).to(x.dtype)",
        "(x.float() / x.float().square().mean(-1, keepdim=True).sqrt() * self.weight).to(x.dtype)",
    ),
    "layer_norm": (
        "functional.layer_norm(x, x.shape[-1:], self.weight)",
        (
            "((x.double() - x.double().mean(-1, keepdim=True)) / (x.double().var(-1, correction=0, "
            "keepdim=True) + 1e-5).sqrt() * self.weight).to(x.dtype)"
        ),
    ),
    "silu": ("functional.silu(x)", "(x.float() * torch.sigmoid(x.float())).to(x.dtype)"),
    "gelu": (
        "functional.gelu(x)",
        "(x.float() * 0.5 * (1 + torch.erf(x.float() / 2**0.5))).to(x.dtype)",
    ),
    "softmax": (
        "torch.softmax(x, -1)",
        (
            "functional.normalize((x.float() - x.float().amax(-1, keepdim=True)).exp(), 1, -1)"
            ".to(x.dtype)"
        ),
    ),
    "gated": (
        "functional.silu(x) * (x @ self.square)",
        "(x.float() * torch.sigmoid(x.float()) * (x.float() @ self.square.float())).to(x.dtype)",
    ),
    "linear": (
        "functional.linear(x, self.square)",
        "(x.unsqueeze(-2).float() * self.square.float()).sum(-1).to(x.dtype)",
    ),
    "mlp": (
        "functional.linear(functional.relu(functional.linear(x, self.square)), self.square)",
        "(torch.relu(x.float() @ self.square.float().T) @ self.square.float().T).to(x.dtype)",
    ),
    "mean": ("x.mean(-2)", "(x.float().sum(-2) / x.shape[-2]).to(x.dtype)"),
}
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
# Sizes, the scale of the inputs, and whether what comes in lies transposed in memory.
CASES = ((16, 1.0, False), (64, 1.0, True), (128, 30.0, False), (256, 0.01, False), (65, 3.0, True))
IN_FLOAT32 = ".float()"


class Layer(nn.Module):
    def __init__(self, expression: str, size: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(size) + 0.5)
        self.square = nn.Parameter(torch.randn(size, size) / size**0.5)
        self.to(dtype)
        self._code = compile(expression, "layer", "eval")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return eval(self._code, {"torch": torch, "functional": functional}, {"self": self, "x": x})  # noqa: S307


class All(nn.Module):
    """Every layer on an input of its own."""

    def __init__(self, cases: list[tuple[str, torch.dtype, Any]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.inputs: list[torch.Tensor] = []
        for index, (name, dtype, (size, scale, transposed)) in enumerate(cases):
            cls = type(f"Layer{index}", (Layer,), {"kernel_layer_name": f"layer{index}"})
            self.layers.append(cls(PAIRS[name][0], size, dtype))
            x = (torch.randn(3, 33, size) * scale).to(dtype)
            self.inputs.append(x.transpose(0, 1) if transposed else x)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [layer(each) for layer, each in zip(self.layers, self.inputs, strict=True)]


def compared(folder: Path, cases: list[tuple[str, torch.dtype, Any]]) -> ks.Comparison:
    header = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"
    classes = [
        f"class {name}(nn.Module):\n    def forward(self, x):\n        return {kernel}\n"
        for name, (_, kernel) in PAIRS.items()
    ]
    # A kernel that computes in float32 is right for what has no more digits.
    doubled = [
        each.replace(f"class {name}", f"class {name}_double").replace(IN_FLOAT32, "")
        for name, each in zip(PAIRS, classes, strict=True)
    ]
    path = write_kernel_repository(folder / "right", "\n\n".join([header, *classes, *doubled]))
    config = {
        f"layer{index}": f"{path}:{name}{'_double' if dtype == torch.float64 else ''}"
        for index, (name, dtype, _) in enumerate(cases)
    }
    with torch.random.fork_rng():
        torch.manual_seed(len(cases))
        host = All(cases).eval()
    return ks.compare(host, ks.KernelConfig(config), torch.ones(1), backward=True, seconds=0)


def errors(comparison: ks.Comparison) -> list[str]:
    return [str(each) for each in comparison.diagnostics if each.severity is ks.Severity.ERROR]


def test_one_of_each(tmp_path: Path) -> None:
    dtypes = [DTYPES[index % 3] for index in range(len(PAIRS))]
    cases = [(name, dtype, CASES[0]) for name, dtype in zip(PAIRS, dtypes, strict=True)]
    comparison = compared(tmp_path, cases)
    assert len(comparison.layers) == len(PAIRS)
    assert errors(comparison) == []


@pytest.mark.slow
def test_two_hundred(tmp_path: Path) -> None:
    cases = list(product(PAIRS, DTYPES, CASES))
    assert len(cases) == 200
    comparison = compared(tmp_path, cases)
    assert len(comparison.layers) == 200
    assert errors(comparison) == []
    # They are other formulations, and not the same code.
    exact = [layer for layer in comparison.layers if all(e.exact for e in layer.differences)]
    assert len(exact) < 60
