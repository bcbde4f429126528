"""On a real GPU: kernels' own choice by capability, a real Triton kernel, and its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

import kernel_schema as ks
from tests.kernel_repos import KernelLayer, write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.version.hip is not None,
    reason="needs a CUDA GPU: elsewhere the choice by capability is compared with kernels' code",
)

TRITON_NORM = """
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def _rms_norm(x, weight, out, size, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    inside = columns < size
    values = tl.load(x + row * size + columns, mask=inside, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(values * values, axis=0) / size + eps)
    weights = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * size + columns, values * scale * weights, mask=inside)


class TritonRMSNorm(nn.Module):
    has_backward = False

    def forward(self, x):
        out = torch.empty_like(x)
        rows = x.numel() // x.shape[-1]
        block = triton.next_power_of_2(x.shape[-1])
        _rms_norm[(rows,)](x, self.weight, out, x.shape[-1], self.eps, BLOCK=block, num_warps=8)
        return out
"""


class Norm(nn.Module):
    kernel_layer_name = "RMSNorm"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, size))
        self.eps = 1e-6

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = x.float()
        scaled = values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + self.eps)
        return (scaled * self.weight).to(x.dtype)


def model(size: int = 4096) -> nn.Module:
    return nn.Sequential(Norm(size), Norm(size)).to("cuda", torch.bfloat16).eval()


def capability() -> int:
    major, minor = torch.cuda.get_device_capability()
    return major * 10 + minor


def test_a_triton_kernel_runs_and_agrees(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    repository = write_kernel_repository(tmp_path / "norm", TRITON_NORM, backends=["cuda"])
    config = ks.KernelConfig({"RMSNorm": ks.LocalRef(repository, "TritonRMSNorm")})
    layers = model()
    x = torch.randn(512, 4096, device="cuda", dtype=torch.bfloat16)
    with torch.inference_mode():
        expected = layers(x)
        plan = ks.explain(config, layers)
        with ks.kernelized(layers, config) as report:
            actual = layers(x)
            fast = _milliseconds(layers, x)
        slow = _milliseconds(layers, x)
    assert (report.device, report.mode) == (ks.DeviceType.CUDA, ks.ModeName.INFERENCE)
    assert report.layer("RMSNorm").replaced == 2
    assert ks.disagreements(plan, report) == ()
    difference = (actual - expected).float().norm() / expected.float().norm()
    record_property("speed", f"{fast * 1000:.0f} us with the kernel, {slow * 1000:.0f} us without")
    assert difference < 1e-2
    assert fast < slow


def _milliseconds(module: nn.Module, x: torch.Tensor) -> float:
    testing = pytest.importorskip("triton.testing")
    return testing.do_bench(lambda: module(x), return_mode="median")


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_narrowest_range_wins_as_explained(tmp_path: Path, offset: int) -> None:
    here = capability() + offset
    paths = {
        name: write_kernel_repository(
            tmp_path / name, [KernelLayer("Scaled", f"x * {factor}.0")], backends=["cuda"]
        )
        for name, factor in (("wide", 2), ("narrow", 3), ("rest", 5))
    }
    refs = {name: str(ks.LocalRef(path, "Scaled")) for name, path in paths.items()}
    config = ks.KernelConfig(
        {
            "RMSNorm": {
                "cuda": [
                    {
                        "min_capability": here - 20,
                        "max_capability": here + 20,
                        "kernel": refs["wide"],
                    },
                    {"min_capability": here, "max_capability": here, "kernel": refs["narrow"]},
                    {"kernel": refs["rest"]},
                ]
            }
        }
    )
    layers = model(8)
    plan = ks.explain(config, layers)
    report = ks.kernelize(layers, config)
    x = torch.ones(2, 8, device="cuda", dtype=torch.bfloat16)
    factor = layers(x)[0, 0].item()
    assert factor == (9.0 if offset == 0 else 4.0)
    assert ks.disagreements(plan, report) == ()
    assert plan.capability == capability()


def test_a_range_without_this_gpu_is_reported_and_not_raised(tmp_path: Path) -> None:
    repository = write_kernel_repository(
        tmp_path / "norm", [KernelLayer("Scaled", "x * 2.0")], backends=["cuda"]
    )
    kernel = str(ks.LocalRef(repository, "Scaled"))
    ranged = [{"min_capability": capability() + 1, "kernel": kernel}]
    layers = model(8)
    report = ks.kernelize(layers, ks.KernelConfig({"RMSNorm": {"cuda": ranged}}))
    (kept,) = report.layer("RMSNorm").kept
    assert f"no range holds capability {capability()}" in kept.reason


def test_the_seed_on_a_cuda_model() -> None:
    from kernels import LayerRepository, Mode

    config = ks.KernelConfig({"RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm"})
    repository = LayerRepository(
        "kernels-community/layer_norm", layer_name="LlamaRMSNorm", version=1
    )
    mapping = config.create_compatible_mapping(model(8))
    assert mapping == {"RMSNorm": {"cuda": {Mode.INFERENCE: repository}}}


def test_training_with_a_kernel_without_backward_is_told(tmp_path: Path) -> None:
    repository = write_kernel_repository(tmp_path / "norm", TRITON_NORM, backends=["cuda"])
    config = ks.KernelConfig({"RMSNorm": ks.LocalRef(repository, "TritonRMSNorm")})
    layers = model(64)
    ks.kernelize(layers, config)
    layers.train()
    codes = [diagnostic.code for diagnostic in ks.audit(layers).diagnostics]
    assert codes == ["stale-mode", "kernel-without-backward-in-training"]
    with pytest.raises(ks.KernelNotAppliedError):
        ks.kernelize(layers, config)
