"""For which device and which mode: as given, or as the model and the machine say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import kernel_schema as ks
from kernel_schema.model.target import device_of, resolve_device, resolve_mode
from tests.lowering.toys import Norm, Pristine, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


class TestModes:
    def test_each_mode_its_kernel(self, kernel: Kernel) -> None:
        config = ks.KernelConfig(
            {"Norm": {"inference": kernel("NoBackward"), "training": kernel("Other")}}
        )
        model = Norm()
        with ks.kernelized(model.eval(), config) as report:
            assert report.mode is ks.ModeName.INFERENCE
            assert factor(model) == 7
        with ks.kernelized(model.train(), config) as report:
            assert report.mode is ks.ModeName.TRAINING
            assert factor(model) == 5

    @pytest.mark.parametrize(
        "mode", ["training", ks.ModeName.TRAINING, kernels.Mode.TRAINING], ids=repr
    )
    def test_mode_given(self, kernel: Kernel, mode: Any) -> None:
        config = ks.KernelConfig(
            {"Norm": {"inference": kernel("Norm"), "training": kernel("Other")}}
        )
        model = Norm().eval()
        assert ks.kernelize(model, config, mode=mode).mode is ks.ModeName.TRAINING
        assert factor(model) == 5

    @pytest.mark.parametrize(
        "mode",
        [
            "inference_torch_compile",
            ks.ModeName.INFERENCE_TORCH_COMPILE,
            kernels.Mode.INFERENCE | kernels.Mode.TORCH_COMPILE,
            kernels.Mode.TORCH_COMPILE | kernels.Mode.INFERENCE,
        ],
        ids=repr,
    )
    def test_compile_mode_given(self, kernel: Kernel, mode: Any) -> None:
        report = ks.kernelize(Norm(), ks.KernelConfig({"Norm": kernel("Norm")}), mode=mode)
        assert report.mode is ks.ModeName.INFERENCE_TORCH_COMPILE
        assert report.replaced == 1

    @pytest.mark.parametrize(
        "mode",
        [
            "fallback",
            ks.ModeName.FALLBACK,
            kernels.Mode.FALLBACK,
            "infer",
            kernels.Mode.TORCH_COMPILE,
        ],
        ids=repr,
    )
    def test_mode_in_which_no_model_runs(self, kernel: Kernel, mode: Any) -> None:
        model = Norm()
        pristine = Pristine(model)
        with pytest.raises(ks.LoweringError) as caught:
            ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}), mode=mode)
        [problem] = caught.value.diagnostics
        assert problem.code == "unknown-mode"
        assert problem.help is not None
        assert pristine.changes() == []

    def test_mode_given_settles_a_mixed_training_state(self, kernel: Kernel) -> None:
        model = nn.Sequential(Norm().train(), Norm().eval())
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        assert [one.code for one in ks.check(config, model)] == ["mixed-training-state"]
        assert ks.kernelize(model, config, mode="inference").diagnostics == ()


class TestDevices:
    @pytest.mark.parametrize(
        "device", ["cpu", ks.DeviceType.CPU, torch.device("cpu"), torch.device("cpu", 0)], ids=repr
    )
    def test_device_given(self, kernel: Kernel, device: Any) -> None:
        for model in (Norm(), Norm().to("meta")):
            report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}), device=device)
            assert report.device is ks.DeviceType.CPU
            assert report.replaced == 1

    @pytest.mark.parametrize("device", ["cuda", ks.DeviceType.CUDA, torch.device("cuda", 1)])
    @pytest.mark.parametrize("plain", [False, True])
    def test_no_such_gpu(self, kernel: Kernel, device: Any, *, plain: bool) -> None:
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
        model = Norm()
        pristine = Pristine(model)
        entry = kernel("Norm") if plain else {"cuda": kernel("Norm")}
        with pytest.raises(ks.LoweringError) as caught:
            ks.kernelize(model, ks.KernelConfig({"Norm": entry}), device=device)
        [problem] = caught.value.diagnostics
        assert problem.code == "no-such-gpu"
        assert "torch sees no cuda GPU" in problem.message
        assert problem.help == "call this where the model will run"
        assert pristine.changes() == []

    @pytest.mark.parametrize(
        ("device", "code", "suggestion"),
        [
            ("gpu", "unknown-device", "cuda"),
            ("cuda:0", "unknown-device", "cuda"),
            ("CPU", "unknown-device", "cpu"),
            (torch.device("meta"), "unsupported-device", "cpu"),
            (3, "unknown-device", None),
        ],
    )
    def test_no_device(
        self, kernel: Kernel, device: Any, code: str, suggestion: str | None
    ) -> None:
        for call in (
            lambda: ks.kernelize(Norm(), ks.KernelConfig({"Norm": kernel("Norm")}), device=device),
            lambda: ks.check(ks.KernelConfig(), Norm(), device=device),
            lambda: ks.lower(ks.KernelConfig({"Norm": kernel("Norm")}), device=device),
        ):
            with pytest.raises(ks.LoweringError) as caught:
                call()
            [problem] = caught.value.diagnostics
            assert problem.code == code
            told = problem.help or problem.message
            assert f"`{suggestion or 'cpu'}`" in told

    @pytest.mark.parametrize("model", [nn.Identity(), Norm().to("meta")], ids=["empty", "meta"])
    def test_device_that_nothing_tells(self, model: nn.Module) -> None:
        config = ks.KernelConfig({"Norm": "org/repo:L"})
        assert device_of(model) is None
        with pytest.raises(ks.LoweringError) as caught:
            ks.kernelize(model, config, ignore=["unregistered-layer"])
        assert [found.code for found in caught.value.diagnostics] == ["device-not-inferable"]
        with pytest.raises(ks.LoweringError) as caught:
            config.create_compatible_mapping(model)
        [problem] = caught.value.diagnostics
        assert problem.code == "device-not-inferable"
        assert str(problem.route) == "kernel_mapping.Norm"
        assert problem.help is not None
        assert "pass `device=`" in problem.help
        named = ks.KernelConfig({"Norm": {"cuda": "org/repo:L"}})
        assert list(named.create_compatible_mapping(model)["Norm"]) == ["cuda"]

    def test_first_parameter_off_the_meta_device_tells(self) -> None:
        model = nn.Sequential(Norm().to("meta"), Norm())
        assert device_of(model) is ks.DeviceType.CPU
        assert resolve_device(None, model) is ks.DeviceType.CPU
        assert resolve_device(None, None) is None

    def test_device_of_the_model_that_kernels_does_not_know(self) -> None:
        """A check says so; it does not raise."""
        with FakeTensorMode(), torch.device("vulkan"):
            model = Norm()
        config = ks.KernelConfig({"Norm": {"cpu": "org/repo:L"}})
        [found] = ks.check(config, model)
        assert found.code == "unsupported-device"
        assert "`vulkan`" in found.message
        assert ks.check(config, model, ignore=["unsupported-device"]) == ()
        assert ks.check(config, model, device="cpu") == ()
        with pytest.raises(ks.ModelCheckError, match="unsupported-device"):
            config.sanitize_kernel_mapping(model)
        with pytest.raises(ks.LoweringError, match="unsupported-device"):
            ks.kernelize(model, config)


def test_modes_by_every_name() -> None:
    for mode in ks.ModeName:
        base, _, compiled = mode.kernels_name.partition("|")
        member = kernels.Mode[base]
        if compiled:
            member |= kernels.Mode[compiled]
        assert resolve_mode(member) is resolve_mode(mode.value) is resolve_mode(mode) is mode
    assert resolve_mode(None) is None


def test_kernels_logs_nothing_about_layers_without_entry(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    """The report says it once; kernels would say it for each module."""
    model = make_model()
    with caplog.at_level(logging.WARNING):
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        ks.kernelize(model, ks.KernelConfig({"Norm": {"cuda": "org/repo:L"}}))
        ks.kernelize(model, ks.KernelConfig({"LateNorm": "original"}, inherit_mapping=False))
        with kernels.use_kernel_mapping({"Norm": {}}):
            ks.kernelize(model, ks.KernelConfig())
    assert caplog.messages == []
    kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
    assert len(caplog.messages) == 5
    assert factor(model) == 4


class TestWalks:
    def test_the_device_is_told_by_the_walk_that_looks_for_layers(self) -> None:
        class Blank(nn.Module):
            kernel_layer_name = "Norm"

            def parameters(self, *_: Any) -> Any:
                raise AssertionError("gone through once more")

        config = ks.KernelConfig({"Norm": {"cpu": "org/repo:L"}})
        config.sanitize_kernel_mapping(Blank())
        assert list(config.create_compatible_mapping(Blank())["Norm"]) == ["cpu"]

    def test_it_is_the_device_of_the_first_parameter_off_the_meta_device(self) -> None:
        with torch.device("meta"):
            meta = Norm()
        config = ks.KernelConfig({"Norm": {"cuda": "org/repo:L"}})
        assert ks.check(config, meta) == ()
        for model in (nn.Sequential(meta, Norm()), nn.Sequential(meta, nn.Sequential(Norm()))):
            assert device_of(model) is ks.DeviceType.CPU
            [diagnostic] = ks.check(config, model)
            assert diagnostic.code == "device-not-covered"
            assert "`cpu`" in diagnostic.message
