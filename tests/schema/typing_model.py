"""The model-aware pass as a type checker sees it. Needs torch and kernels to be installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import assert_type

import kernel_schema as ks

if TYPE_CHECKING:
    import torch
    from kernels import Device, LayerRepository, LocalLayerRepository, LockedLayerRepository, Mode

    Repository = (
        LayerRepository | LocalLayerRepository | LockedLayerRepository | ks.PinnedLayerRepository
    )
    Mapping = dict[str, dict[str | Device, dict[Mode, Repository]]]


def checks(config: ks.KernelConfig, model: torch.nn.Module) -> None:
    assert_type(ks.check(config), tuple[ks.Diagnostic, ...])
    found = ks.check(config, model, device="cuda", mode="training", ignore=["a"], select={"b"})
    assert_type(found, tuple[ks.Diagnostic, ...])
    assert_type(config.sanitize_kernel_mapping(model), None)
    ks.check(config, 1)  # wrong: not a model
    ks.check(config, model, "cuda")  # wrong: by keyword only
    assert_type(ks.check({"A": "org/repo:Layer"}, model), tuple[ks.Diagnostic, ...])
    assert_type(ks.check("kernels.yaml"), tuple[ks.Diagnostic, ...])
    assert_type(ks.check(Path("kernels.yaml")), tuple[ks.Diagnostic, ...])
    ks.check(b"kernels.yaml")  # wrong: not a path
    ks.check(["A"])  # wrong: not a config


def objects_of_kernels(mode: Mode, device: Device) -> None:
    ks.KernelConfig({"A": {mode: "org/repo:Layer"}, "B": {device: {mode: "org/repo:Layer"}}})
    ks.ModeMapping({mode: "org/repo:Layer"})
    ks.DeviceMapping({device: "original"})


def lowering(
    config: ks.KernelConfig, model: torch.nn.Module, device: torch.device, mode: Mode
) -> None:
    assert_type(ks.lower(config), Mapping)
    assert_type(ks.lower(config, model, device=device, mode=ks.ModeName.TRAINING), Mapping)
    assert_type(ks.lower(config, device=ks.DeviceType.CUDA, mode=mode), Mapping)
    assert_type(config.create_compatible_mapping(model), Mapping)
    assert_type(config.create_compatible_mapping(model, compile=True), Mapping)
    ks.lower(config, device=0)  # wrong: not a device


def applying(config: ks.KernelConfig, model: torch.nn.Module) -> None:
    assert_type(ks.inspect_model(model), ks.RegisteredLayers)
    report = ks.kernelize(model, config, mode="inference", strict=False, ignore=("a",))
    assert_type(report, ks.Report)
    assert_type(ks.audit(model), ks.Report)
    assert_type(ks.restore(model), None)
    with ks.kernelized(model, config) as entered:
        assert_type(entered, ks.Report)
    with ks.use_kernel_config(config, device="cpu"):
        pass
    ks.kernelize(config, model)  # wrong: the model comes first
