"""What audit says of models that we, kernels or transformers kernelized."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DataParallel, DistributedDataParallel

import kernel_schema as ks
from tests.kernel_repos import write_kernel_repository
from tests.lowering.toys import Norm, double, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


def codes(report: ks.Report) -> list[str]:
    return [found.code for found in report.diagnostics]


def kernelize_by_kernels(model: nn.Module, ref: ks.LocalRef, mode: kernels.Mode) -> None:
    repository = kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)
    with kernels.use_kernel_mapping({"Norm": {"cpu": repository}}):
        kernels.kernelize(model, mode=mode, device="cpu")


class TestStale:
    def test_after_train_and_eval(self, kernel: Kernel) -> None:
        config = ks.KernelConfig(
            {"Norm": {"inference": kernel("NoBackward"), "training": kernel("Norm")}}
        )
        model = make_model().eval()
        ks.kernelize(model, config)
        assert codes(ks.audit(model)) == []
        model.train()
        report = ks.audit(model)
        assert codes(report) == ["stale-mode", "kernel-without-backward-in-training"]
        assert all(found.severity is ks.Severity.WARNING for found in report.diagnostics)
        stale, no_backward = report.diagnostics
        assert "chosen for `inference`, and the model is in `training` now" in stale.message
        assert stale.help is not None
        assert "2 of `Norm`" in no_backward.message
        assert str(no_backward.route) == "kernel_mapping.Norm"
        # Told also by the text, and not cured by asking.
        assert "stale-mode" in str(report)
        assert codes(ks.audit(model)) == codes(report)
        assert codes(ks.kernelize(model, config)) == []
        assert codes(ks.audit(model)) == []
        assert ks.audit(model).mode is ks.ModeName.TRAINING
        model.eval()
        assert codes(ks.audit(model)) == ["stale-mode"]
        ks.restore(model)
        assert codes(ks.audit(model)) == []

    def test_compiled_since(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        compiled: Any = torch.compile(model, backend="eager")
        [stale] = ks.audit(compiled).diagnostics
        assert stale.code == "stale-mode"
        assert "the model is in `inference_torch_compile` now" in stale.message
        assert codes(ks.audit(model)) == []

    def test_kernelized_before_it_is_compiled(self, kernel: Kernel) -> None:
        """The order in which kernels' own manual does it."""
        model = make_model()
        ks.kernelize(
            model, ks.KernelConfig({"Norm": kernel("Norm")}), mode="inference_torch_compile"
        )
        assert codes(ks.audit(model)) == []
        compiled: Any = torch.compile(model, backend="eager")
        assert codes(ks.audit(compiled)) == []
        assert factor(compiled) == 4 * 9
        model.train()
        assert codes(ks.audit(model)) == codes(ks.audit(compiled)) == ["stale-mode"]

    def test_mode_that_was_given_is_not_that_of_the_model(self, kernel: Kernel) -> None:
        model = Norm().eval()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        assert codes(ks.kernelize(model, config, mode="training")) == []
        assert codes(ks.audit(model)) == ["stale-mode"]

    def test_only_frozen_layers_in_inference(self, kernel: Kernel) -> None:
        """Each module tells whether it trains, not the whole model."""
        model = nn.Sequential(Norm(), Norm()).eval()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("NoBackward")}))
        model[0].train()
        [found] = ks.audit(model).diagnostics
        assert found.code == "kernel-without-backward-in-training"
        assert "1 of `Norm`" in found.message

    def test_function_held_by_a_module_in_training(self, tmp_path: Path, kernel: Kernel) -> None:
        code = inspect.cleandoc("""
            from torch import nn
            class Double(nn.Module):
                has_backward = False
                def forward(self, x):
                    return 2 * x
        """)
        ref = ks.LocalRef(write_kernel_repository(tmp_path / "double", code), "Double")
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"double": ref}))
        model.train()
        assert codes(ks.audit(model)) == ["stale-mode", "kernel-without-backward-in-training"]

    def test_note_is_void_once_somebody_else_kernelizes(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("NoBackward")}))
        model.train()
        assert "stale-mode" in codes(ks.audit(model))
        kernelize_by_kernels(model, kernel("Norm"), kernels.Mode.TRAINING)
        report = ks.audit(model)
        assert codes(report) == []
        assert (report.device, report.mode, report.replaced) == (None, None, 2)

    def test_note_is_void_although_a_forward_was_set_by_hand(self, kernel: Kernel) -> None:
        """A forward that kernels did not place tells nothing of who kernelized last."""
        model: Any = nn.Sequential(Unwilling(), Norm())
        model[0].forward = by_hand
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert ks.audit(model).mode is ks.ModeName.TRAINING
        kernelize_by_kernels(model, kernel("Norm"), kernels.Mode.TRAINING)
        assert ks.audit(model).mode is None

    def test_wrapped_since(self, kernel: Kernel, process_group: None) -> None:
        """The note belongs to the wrapped model, under whatever wrapper."""
        model = make_model()
        wrapped = DistributedDataParallel(model)
        ks.kernelize(wrapped, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert ks.audit(model) == ks.audit(wrapped)
        assert ks.audit(model).mode is ks.ModeName.INFERENCE
        assert codes(ks.audit(wrapped)) == []
        ks.restore(wrapped)
        assert ks.audit(model).replaced == 0


class Unwilling(Norm):
    kernel_layer_name = "Unwilling"

    @staticmethod
    def kernel_condition(module: nn.Module) -> bool:
        return False


def by_hand(x: torch.Tensor) -> torch.Tensor:
    return 13 * x


class TestOthers:
    def test_kernelized_by_kernels(self, kernel: Kernel, kernel_repository: Path) -> None:
        model = make_model()
        kernelize_by_kernels(model, kernel("Norm"), kernels.Mode.INFERENCE)
        report = ks.audit(model)
        assert (report.device, report.mode) == (None, None)
        [in_use] = report.layer("Norm").kernels
        assert in_use.kernel == ks.LocalKernel(str(kernel_repository), "Norm")
        assert in_use.count == 2
        assert report.layer("LateNorm").kept == (ks.Kept("no kernel was put in its place", 1),)

    def test_function_of_a_repository(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The deprecated kind of repository, in which a function stands in for a layer."""
        if not hasattr(kernels, "LocalFuncRepository"):
            pytest.skip("this kernels has no function repositories any more")
        directory = write_kernel_repository(tmp_path / "functions", "")
        for init in directory.glob("build/*/__init__.py"):
            init.write_text("def triple(x):\n    return 3 * x\n", encoding="utf-8")
        with caplog.at_level(logging.ERROR):
            repository = kernels.LocalFuncRepository(directory, func_name="triple")
        model = make_model()
        with kernels.use_kernel_mapping({"double": {"cpu": repository}}):
            kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
        assert factor(model) == 9
        [in_use] = ks.audit(model).layer("double").kernels
        assert in_use.kernel == ks.LocalKernel(str(directory), "triple")
        assert in_use.file is not None
        assert Path(in_use.file).is_relative_to(directory)
        ks.restore(model)
        assert "forward" not in vars(double)

    def test_two_layers_by_one_kernel_and_one_layer_by_two(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": kernel("Norm")}))
        ks.kernelize(model[0], ks.KernelConfig({"Norm": kernel("Other")}))
        report = ks.audit(model)
        assert [(used.layer_class, used.count) for used in report.layer("Norm").kernels] == [
            ("Other", 1),
            ("Norm", 1),
        ]
        assert report.layer("LateNorm").replaced == 1
        assert factor(model) == 4 * 5 * 3 * 3

    def test_audit_changes_nothing(self, kernel: Kernel) -> None:
        model = make_model()
        before = [dict(vars(module)) for module in model.modules()]
        ks.audit(model)
        assert [dict(vars(module)) for module in model.modules()] == before


def checkpointed(model: Any) -> Any:
    for index, child in enumerate(model):
        model[index] = checkpoint_wrapper(child)
    return model


def sharded(model: Any) -> Any:
    mesh = init_device_mesh("cpu", (1,))
    for child in model:
        fully_shard(child, mesh=mesh)
    return fully_shard(model, mesh=mesh)


class TestUnderWrappers:
    """The kernel really runs where kernelize was given the wrapper."""

    def test_ddp(self, kernel: Kernel, process_group: None) -> None:
        model = DistributedDataParallel(make_model().train())
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        report = ks.kernelize(model, config)
        assert (report.replaced, report.mode) == (2, ks.ModeName.TRAINING)
        out = model(torch.ones(1, 4))
        assert out[0, 0].item() == 4 * 9
        out.sum().backward()
        weight = model.module[0].norm.weight
        assert weight.grad is not None
        assert weight.grad[0].item() == 4 * 9
        ks.restore(model)
        assert model(torch.ones(1, 4))[0, 0].item() == 4

    @pytest.mark.parametrize(
        "wrap", [DataParallel, checkpointed, sharded], ids=["dp", "ac", "fsdp"]
    )
    def test_other_wrappers(
        self, kernel: Kernel, process_group: None, wrap: Callable[[nn.Module], nn.Module]
    ) -> None:
        model = wrap(make_model().train())
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert (report.replaced, report.mode) == (2, ks.ModeName.TRAINING)
        assert ks.audit(model).replaced == 2
        out = model(torch.ones(1, 4))
        assert out[0, 0].item() == 4 * 9
        out.sum().backward()
        ks.restore(model)
        assert model(torch.ones(1, 4))[0, 0].item() == 4
        assert ks.audit(model).replaced == 0

    @pytest.mark.parametrize("in_place", [False, True])
    @pytest.mark.parametrize("ran_before", [False, True])
    def test_torch_compile(self, kernel: Kernel, *, in_place: bool, ran_before: bool) -> None:
        torch.compiler.reset()
        model: Any = make_model()
        if in_place:
            model.compile(backend="eager", fullgraph=True)
        else:
            model = torch.compile(model, backend="eager", fullgraph=True)
        if ran_before:
            assert factor(model) == 4
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert report.mode is ks.ModeName.INFERENCE_TORCH_COMPILE
        assert report.replaced == 2
        assert factor(model) == 4 * 9
        assert codes(ks.audit(model)) == []
        ks.restore(model)
        assert factor(model) == 4

    def test_torch_compile_wants_a_kernel_for_it(self, kernel: Kernel) -> None:
        model: Any = torch.compile(make_model(), backend="eager")
        config = ks.KernelConfig({"LateNorm": kernel("Other")})
        with pytest.raises(ks.KernelNotAppliedError, match="does not say that it works"):
            ks.kernelize(model, config)
        report = ks.kernelize(model, config, mode="inference")
        assert report.layer("LateNorm").replaced == 1
