"""kernelize, kernelized, restore and use_kernel_config, on the real kernels library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from kernel_schema.choice.choose import choose
from kernel_schema.choice.planning import why_no_kernel
from kernel_schema.choice.situation import LayerRules
from kernel_schema.lowering.inherited import inherited_rules
from kernel_schema.model.target import Target
from tests.lowering.toys import Choosy, LateNorm, Norm, Pristine, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


def kept(report: ks.Report, layer_name: str) -> dict[str, int]:
    """How many of a layer kept their forward, by reason."""
    return {one.reason: one.count for one in report.layer(layer_name).kept}


def replaced(report: ks.Report) -> dict[str, int]:
    return {layer.layer_name: layer.replaced for layer in report.layers}


class TestKernelize:
    def test_replaces_and_restores(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        config = ks.KernelConfig({"Norm": kernel("Norm"), "double": kernel("Double")})
        report = ks.kernelize(model, config)
        assert replaced(report) == {"double": 2, "Norm": 2, "LateNorm": 0}
        assert report.replaced == 4
        assert (report.device, report.mode) == ("cpu", "inference")
        assert report.diagnostics == ()
        assert factor(model) == (3 * 11) ** 2
        assert ks.audit(model) == ks.Report(
            (*report.layers[:2], ks.LayerReport("LateNorm", 1, 0, (), (NOTHING_PLACED,))),
            report.device,
            report.mode,
        )
        ks.restore(model)
        assert pristine.changes() == []
        assert factor(model) == 4
        assert ks.audit(model).replaced == 0
        assert ks.audit(model).mode is None

    def test_report(self, kernel: Kernel, kernel_repository: Path) -> None:
        report = ks.kernelize(make_model(), ks.KernelConfig({"Norm": kernel("Norm")}))
        norm = report.layer("Norm")
        assert (norm.modules, norm.functions, norm.total, norm.replaced) == (2, 0, 2, 2)
        double = report.layer("double")
        assert (double.modules, double.functions, double.total, double.replaced) == (0, 2, 2, 0)
        [in_use] = norm.kernels
        assert in_use.kernel == ks.LocalKernel(str(kernel_repository), "Norm")
        assert in_use.layer_class == "Norm"
        assert in_use.file is not None
        assert Path(in_use.file).name == "layers.py"
        assert Path(in_use.file).is_relative_to(kernel_repository)
        assert str(report).splitlines() == [
            "double: 0 of 2 replaced",
            "  2 kept: nothing in the config or inherited names it",
            "Norm: 2 of 2 replaced",
            f"  2 by {kernel_repository}:Norm ({in_use.file})",
            "LateNorm: 0 of 1 replaced",
            "  1 kept: nothing in the config or inherited names it",
        ]
        with pytest.raises(KeyError, match="RMSNorm"):
            report.layer("RMSNorm")

    def test_empty_config_keeps_everything(self) -> None:
        model = make_model()
        report = ks.kernelize(model, ks.KernelConfig())
        assert report.replaced == 0
        assert factor(model) == 4
        ks.restore(model)

    def test_model_without_names(self) -> None:
        report = ks.kernelize(nn.Linear(2, 2), ks.KernelConfig())
        assert report.layers == ()
        assert str(report) == "the model registers no layer"

    def test_model_that_is_itself_the_layer(self, kernel: Kernel) -> None:
        model = Norm()
        assert ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")})).replaced == 1
        assert factor(model) == 3

    def test_shared_module_counts_once(self, kernel: Kernel) -> None:
        norm = Norm()
        model = nn.Sequential(norm, norm)
        assert ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")})).replaced == 1
        assert factor(model) == 9

    def test_config_is_not_changed(self, kernel: Kernel) -> None:
        config = ks.KernelConfig({"Norm": {"cpu": {"inference": kernel("Norm")}}})
        before = config.model_copy(deep=True)
        for model in (make_model(), make_model()):
            ks.kernelize(model, config)
            with ks.kernelized(model, config):
                pass
        assert config == before
        assert config.model_dump() == before.model_dump()

    def test_refuses_what_check_refuses(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        config = ks.KernelConfig({"Nrom": kernel("Norm"), "Norm": kernel("Norm")})
        with pytest.raises(ks.ModelCheckError) as caught:
            ks.kernelize(model, config)
        assert [found.code for found in caught.value.diagnostics] == ["unregistered-layer"]
        assert pristine.changes() == []
        assert ks.kernelize(model, config, ignore=["unregistered-layer"]).replaced == 2
        ks.restore(model)
        assert ks.kernelize(model, config, select=["missing-local-kernel"]).replaced == 2

    def test_warnings_of_check_are_in_the_report(self, kernel: Kernel) -> None:
        config = ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": {"cuda": "org/repo:L"}})
        report = ks.kernelize(make_model(), config)
        assert [found.code for found in report.diagnostics] == ["device-not-covered"]
        assert "warning[device-not-covered]" in str(report)


NOTHING_PLACED = ks.Kept("no kernel was put in its place", 1)


class TestKept:
    """Every reason for which a module keeps its own forward."""

    @pytest.mark.parametrize(
        ("entry", "mode", "reason"),
        [
            ("original", "inference", "`original`, says kernel_mapping.Norm"),
            ({"cpu": "original"}, "inference", "`original`, says kernel_mapping.Norm.cpu"),
            (
                {"cuda": "org/repo:L", "xpu": "org/repo:L"},
                "inference",
                "there are only entries for `cuda` and `xpu`",
            ),
            (
                {"inference": "org/repo:L", "inference_torch_compile": "org/repo:L"},
                "training",
                "no kernel serves `training`, only `inference` and `inference_torch_compile`",
            ),
            (
                {"cpu": {"inference": "org/repo:L"}, "xpu": "org/repo:L"},
                "inference_torch_compile",
                "no kernel serves `inference_torch_compile`, only `inference`",
            ),
        ],
    )
    def test_entry_not_meant_for_here(self, entry: Any, mode: str, reason: str) -> None:
        """Reported, not raised: strict speaks only of entries that are meant for this model."""
        model = Norm()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": entry}), mode=mode, strict=True)
        assert kept(report, "Norm") == {reason: 1}
        assert factor(model) == 1

    @pytest.mark.parametrize(
        ("capability", "reason"),
        [
            (70, "no range holds capability 70 (there are: capability 75 to 89, capability 90)"),
            (80, "no kernel serves `training_torch_compile`, only `training`"),
        ],
    )
    def test_ranges_without_this_gpu(self, capability: int, reason: str) -> None:
        """In words, since no machine has every GPU."""
        ranges = [
            {"training": "org/repo:L", "min_capability": 75, "max_capability": 89},
            {"kernel": "org/repo:L", "min_capability": 90, "max_capability": 90},
        ]
        rules = ks.expand(ks.KernelConfig({"Norm": {"cuda": ranges}}))
        target = Target(ks.DeviceType.CUDA, ks.ModeName.TRAINING_TORCH_COMPILE, capability)
        assert why_no_kernel(choose(LayerRules(rules), target)) == reason

    @pytest.mark.parametrize(
        ("layer_name", "mode"),
        [
            ("NoBackward", "training"),
            ("NoBackward", "training_torch_compile"),
            ("Other", "compile"),
        ],
    )
    def test_kernel_that_lacks_support(self, kernel: Kernel, layer_name: str, mode: str) -> None:
        run_mode = "inference_torch_compile" if mode == "compile" else mode
        config = ks.KernelConfig({"Norm": kernel(layer_name)})
        model = Norm()
        pristine = Pristine(model)
        with pytest.raises(ks.KernelNotAppliedError) as caught:
            ks.kernelize(model, config, mode=run_mode)
        [problem] = caught.value.diagnostics
        assert problem.code == "kernel-not-applied"
        assert str(problem.route) == "kernel_mapping.Norm"
        assert "replaced none of the 1 `Norm`" in problem.message
        lacks = "it has no backward" if layer_name == "NoBackward" else "under torch.compile"
        assert f"does not serve `{run_mode}`: it " in problem.message
        assert lacks in problem.message
        assert problem.help is not None
        assert "strict=False" in problem.help
        assert pristine.changes() == []
        report = ks.kernelize(model, config, mode=run_mode, strict=False)
        [reason] = kept(report, "Norm")
        assert lacks in reason
        assert reason.startswith(str(config.kernel_mapping["Norm"]))

    def test_nothing_names_it(self) -> None:
        report = ks.kernelize(Norm(), ks.KernelConfig())
        assert kept(report, "Norm") == {"nothing in the config or inherited names it": 1}

    def test_condition_is_false_for_some(self, kernel: Kernel) -> None:
        model = nn.Sequential(Choosy(willing=True), Choosy(willing=False), Choosy(willing=False))
        pristine = Pristine(model)
        report = ks.kernelize(model, ks.KernelConfig({"Choosy": kernel("Norm")}))
        assert replaced(report) == {"Choosy": 1}
        assert kept(report, "Choosy") == {"its kernel_condition is false": 2}
        assert factor(model) == 3
        assert ks.audit(model).layers == report.layers
        ks.restore(model)
        assert pristine.changes() == []

    def test_condition_is_false_for_all(self, kernel: Kernel) -> None:
        model = nn.Sequential(Choosy(willing=False), Choosy(willing=False))
        pristine = Pristine(model)
        config = ks.KernelConfig({"Choosy": kernel("Norm")})
        with pytest.raises(ks.KernelNotAppliedError, match="its kernel_condition is false"):
            ks.kernelize(model, config)
        report = ks.kernelize(model, config, strict=False)
        assert kept(report, "Choosy") == {"its kernel_condition is false": 2}
        assert pristine.changes() == []

    def test_condition_that_turned_false_keeps_the_earlier_kernel(self, kernel: Kernel) -> None:
        model = Choosy(willing=True)
        config = ks.KernelConfig({"Choosy": kernel("Norm")})
        ks.kernelize(model, config)
        model.willing = False
        # kernels passes over it: the kernel of the first time stays.
        assert ks.kernelize(model, config).replaced == 1
        assert factor(model) == 3
        ks.restore(model)
        assert factor(model) == 1

    def test_forward_of_somebody_else(self) -> None:
        """Where kernels does not come by, a forward that was set by hand is named."""
        model = Choosy(willing=False)
        model.forward = by_hand
        report = ks.kernelize(model, ks.KernelConfig({"Choosy": "original"}))
        assert kept(report, "Choosy") == {"`original`, says kernel_mapping.Choosy": 1}
        assert kept(ks.audit(model), "Choosy") == {f"its forward is `by_hand` of {__name__}": 1}

    def test_all_strict_problems_come_together(self, kernel: Kernel) -> None:
        model = make_model().train()
        refused = ks.KernelConfig(
            {"LateNorm": kernel("NoBackward"), "Norm": {"cpu": kernel("NoBackward")}}
        )
        with pytest.raises(ks.KernelNotAppliedError) as caught:
            ks.kernelize(model, refused)
        assert {str(one.route) for one in caught.value.diagnostics} == {
            "kernel_mapping.LateNorm",
            "kernel_mapping.Norm.cpu",
        }


def by_hand(x: torch.Tensor) -> torch.Tensor:
    return 13 * x


class TestInherited:
    @pytest.fixture(autouse=True)
    def _outer(self, kernel: Kernel, _nothing_inherited: None) -> Any:
        """An outer mapping with a kernel for everything, Norm by way of two entries."""
        outer = {
            "Norm": {"cpu": local(kernel("Other")), "xpu": local(kernel("Norm"))},
            "LateNorm": {"cpu": {kernels.Mode.TRAINING: local(kernel("Other"))}},
            "double": {"cpu": local(kernel("Double"))},
        }
        with kernels.use_kernel_mapping(outer, inherit_mapping=False):
            yield

    def test_kept_where_the_config_is_silent(self, kernel: Kernel, kernel_repository: Path) -> None:
        model = make_model()
        report = ks.kernelize(model, ks.KernelConfig({"LateNorm": kernel("Norm")}))
        assert replaced(report) == {"double": 2, "Norm": 2, "LateNorm": 1}
        assert factor(model) == (5 * 11) ** 2 * 3
        [in_use] = report.layer("Norm").kernels
        assert in_use.kernel == ks.LocalKernel(str(kernel_repository), "Other")

    def test_kept_for_a_device_that_is_not_named(self, kernel: Kernel) -> None:
        model = Norm()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": {"cuda": kernel("Norm")}}))
        assert replaced(report) == {"Norm": 1}
        assert factor(model) == 5

    @pytest.mark.parametrize("plain", [True, False])
    def test_replaced_where_the_config_names_it(self, kernel: Kernel, *, plain: bool) -> None:
        model = Norm()
        entry = kernel("Norm") if plain else {"cpu": kernel("Norm")}
        ks.kernelize(model, ks.KernelConfig({"Norm": entry}))
        assert factor(model) == 3

    @pytest.mark.parametrize("entry", ["original", {"cpu": "original"}], ids=repr)
    def test_original_goes_over_it(self, entry: Any) -> None:
        model = make_model()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": entry}))
        assert replaced(report) == {"double": 2, "Norm": 0, "LateNorm": 1}
        assert factor(model) == 11**2 * 5

    def test_modes_of_the_named_device_are_replaced_whole(self, kernel: Kernel) -> None:
        """Naming a device for inference drops what is inherited for training there."""
        model = LateNorm().train()
        assert ks.kernelize(model, ks.KernelConfig()).replaced == 1
        config = ks.KernelConfig({"LateNorm": {"cpu": {"inference": kernel("Norm")}}})
        assert kept(ks.kernelize(model, config), "LateNorm") == {
            "no kernel serves `training`, only `inference`": 1
        }
        assert factor(model) == 1

    def test_inherit_mapping_false(self, kernel: Kernel) -> None:
        model = make_model()
        config = ks.KernelConfig({"LateNorm": kernel("Norm")}, inherit_mapping=False)
        report = ks.kernelize(model, config)
        assert replaced(report) == {"double": 0, "Norm": 0, "LateNorm": 1}
        assert kept(report, "Norm") == {"nothing in the config or inherited names it": 2}
        assert factor(model) == 4 * 3

    def test_outer_mapping_is_back(self, kernel: Kernel) -> None:
        before = inherited_rules()
        assert len(before) == 4
        ks.kernelize(make_model(), ks.KernelConfig({"Norm": kernel("Norm")}))
        assert inherited_rules() == before
        with pytest.raises(ks.KernelNotAppliedError):
            ks.kernelize(make_model().train(), ks.KernelConfig({"Norm": kernel("NoBackward")}))
        assert inherited_rules() == before

    def test_strict_does_not_speak_of_what_is_inherited(self) -> None:
        """LateNorm inherits a kernel for training alone."""
        model = LateNorm().eval()
        report = ks.kernelize(model, ks.KernelConfig(), mode="inference_torch_compile", strict=True)
        assert kept(report, "LateNorm") == {
            "no kernel serves `inference_torch_compile`, only `training`": 1
        }

    def test_nothing_of_use_is_inherited(self) -> None:
        with kernels.use_kernel_mapping({"Norm": {"cpu": {}}}):
            report = ks.kernelize(Norm(), ks.KernelConfig())
        assert kept(report, "Norm") == {"what is inherited for it names no kernel": 1}

    def test_inherited_kernel_that_fails(self, tmp_path: Path) -> None:
        model = Norm()
        pristine = Pristine(model)
        missing: dict[str, Any] = {
            "Norm": {"cpu": kernels.LocalLayerRepository(tmp_path, layer_name="Norm")}
        }
        with (
            kernels.use_kernel_mapping(missing),
            pytest.raises(ks.KernelNotAppliedError) as caught,
        ):
            ks.kernelize(model, ks.KernelConfig())
        [problem] = caught.value.diagnostics
        assert problem.code == "kernel-load-failed"
        assert str(problem.route) == "inherited.Norm.cpu"
        assert pristine.changes() == []


def local(ref: ks.LocalRef) -> kernels.LocalLayerRepository:
    return kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)
