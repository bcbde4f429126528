"""Every check: what it finds, what it leaves alone, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from tests.lowering.toys import LateNorm, Norm, Plain, make_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Kernel = Callable[[str], ks.LocalRef]


def check(mapping: Any, model: nn.Module | None = None, **options: Any) -> tuple[Any, ...]:
    inherit = options.pop("inherit_mapping", True)
    return ks.check(ks.KernelConfig(mapping, inherit_mapping=inherit), model, **options)


def codes(found: tuple[ks.Diagnostic, ...]) -> list[str]:
    return [diagnostic.code for diagnostic in found]


def only(found: tuple[ks.Diagnostic, ...], code: str) -> ks.Diagnostic:
    assert codes(found) == [code]
    return found[0]


HUB = "org/repo:Layer"


class TestUnregisteredLayer:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("Nrom", "Norm"),
            ("norm", "Norm"),
            ("NORM", "Norm"),
            ("Late-Norm", "LateNorm"),
            ("late_norm", "LateNorm"),
            ("LatNorm", "LateNorm"),
            ("duoble", "double"),
        ],
    )
    def test_did_you_mean(self, written: str, meant: str) -> None:
        found = only(check({written: HUB}, make_model()), "unregistered-layer")
        assert found.severity is ks.Severity.ERROR
        assert str(found.route) == f"kernel_mapping.{written}"
        assert found.route.at_key
        assert found.message == f"the model registers no layer `{written}`"
        assert found.help == f"did you mean `{meant}`? It registers `double`, `Norm` and `LateNorm`"

    def test_what_is_under_it_is_mended_too(self) -> None:
        text = "kernel_mapping:\n  Nrom: {cuda: org/repo@1:L}\n"
        found = ks.check(ks.loads_document(text, format="yaml"), make_model())
        assert codes(found) == ["unregistered-layer", "unlikely-revision"]
        assert all(each.fix is not None for each in found)

    def test_nothing_near(self) -> None:
        found = only(check({"Attention": HUB}, make_model()), "unregistered-layer")
        assert found.help == "It registers `double`, `Norm` and `LateNorm`"

    def test_class_name_is_answered_with_the_registered_name(self) -> None:
        @kernels.use_kernel_forward_from_hub("RMSNorm")
        class LlamaRMSNorm(nn.Module):
            pass

        model: Any = LlamaRMSNorm()
        found = only(check({"LlamaRMSNorm": HUB}, model), "unregistered-layer")
        assert found.help == "the class `LlamaRMSNorm` is registered under `RMSNorm`"

    def test_class_that_registers_nothing(self) -> None:
        found = only(check({"Linear": HUB}, make_model()), "unregistered-layer")
        assert found.help == (
            "the class `Linear` is in the model but registers no name. "
            "It registers `double`, `Norm` and `LateNorm`"
        )

    def test_name_set_on_an_instance(self) -> None:
        model: Any = nn.Sequential(Plain(), Norm())
        model[0].kernel_layer_name = "Mine"
        found = only(check({"Mine": HUB}, model), "unregistered-layer")
        assert found.message == ("`Mine` is set on the module `0` itself, where kernels ignores it")
        assert found.help is not None
        assert "use_kernel_forward_from_hub" in found.help

    def test_model_that_registers_nothing(self) -> None:
        found = only(check({"Norm": HUB}, nn.Linear(2, 2)), "unregistered-layer")
        assert found.help == "It registers no layer at all"

    def test_many_names(self) -> None:
        model = nn.Sequential(
            *(type(f"N{n}", (nn.Module,), {"kernel_layer_name": f"Layer{n}"})() for n in range(11))
        )
        found = only(check({"Attention": HUB}, model), "unregistered-layer")
        assert found.help is not None
        assert found.help.endswith("`Layer6` and `Layer7` and 3 more")

    def test_each_layer_once(self) -> None:
        entry = {"cpu": HUB, "cuda": {"inference": HUB, "training": HUB}}
        found = check({"A": entry, "Norm": HUB, "B": "original"}, make_model())
        assert [str(one.route) for one in found] == ["kernel_mapping.A", "kernel_mapping.B"]

    def test_registered(self) -> None:
        entries = {"Norm": HUB, "LateNorm": "original", "double": {"cpu": HUB}}
        assert check(entries, make_model()) == ()
        assert check({}, make_model()) == ()
        assert check({"Nrom": HUB}) == ()


class TestMissingLocalKernel:
    def test_no_directory(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        found = only(check({"Norm": f"{missing}:L"}), "missing-local-kernel")
        assert found.severity is ks.Severity.ERROR
        assert str(found.route) == "kernel_mapping.Norm"
        assert str(missing)[:40] in found.message
        assert "is not a directory" in found.message

    def test_relative_path_says_where_it_looked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        found = only(check({"Norm": {"cpu": "./missing:L"}}), "missing-local-kernel")
        assert str(found.route) == "kernel_mapping.Norm.cpu"
        assert "`./missing`" in found.message
        assert "looked for" in found.message
        assert found.help is not None
        assert "working directory" in found.help

    def test_path_below_the_working_directory_is_shown_from_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        found = only(check({"Norm": f"{tmp_path}/missing:L"}), "missing-local-kernel")
        assert found.message == "the kernel repository `./missing` is not a directory"

    def test_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        only(check({"Norm": f"{tmp_path}/file:L"}), "missing-local-kernel")

    def test_directory_without_builds(self, tmp_path: Path) -> None:
        found = only(check({"Norm": f"{tmp_path}:L"}), "missing-local-kernel")
        assert "has no folder `build`" in found.message

    @pytest.mark.parametrize("path", ["/" + "x" * 5000, "~no-such-user/kernels", "/x/\u0130" * 60])
    def test_what_the_file_system_refuses_to_look_at(self, path: str) -> None:
        only(check({"Norm": f"{path}:L"}), "missing-local-kernel")
        with pytest.raises(ks.KernelSchemaError, match="missing-local-kernel"):
            ks.kernelize(Norm(), ks.KernelConfig({"Norm": f"{path}:L"}))

    def test_every_place_that_names_it(self, tmp_path: Path) -> None:
        entry = {"cpu": f"{tmp_path}/a:L", "cuda": f"{tmp_path}/a:M", "xpu": HUB}
        found = check({"Norm": entry})
        assert [str(one.route) for one in found] == [
            "kernel_mapping.Norm.cpu",
            "kernel_mapping.Norm.cuda",
        ]

    def test_there(self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
        assert check({"Norm": kernel("Norm")}, make_model()) == ()
        monkeypatch.chdir(ks.LocalRef(kernel("Norm").path, "x").path)
        assert check({"Norm": "./:Norm"}) == ()
        monkeypatch.setenv("HOME", str(kernel("Norm").path))
        assert check({"Norm": "~:Norm"}) == check({"Norm": "~/:Norm"}) == ()


class TestMissingLockfile:
    def test_missing(self, tmp_path: Path) -> None:
        entry = {"kernel": HUB, "lockfile": str(tmp_path / "kernels.lock")}
        found = only(check({"Norm": {"cuda": entry}}), "missing-lockfile")
        assert found.severity is ks.Severity.ERROR
        assert str(found.route) == "kernel_mapping.Norm.cuda"
        assert "kernels.lock" in found.message
        assert found.help == "write it with `kernels lock`"

    def test_directory(self, tmp_path: Path) -> None:
        entry = {"kernel": HUB, "lockfile": str(tmp_path)}
        only(check({"Norm": entry}), "missing-lockfile")

    def test_home_that_is_not_there(self) -> None:
        entry = {"kernel": HUB, "lockfile": "~no-such-user/kernels.lock"}
        only(check({"Norm": entry}), "missing-lockfile")
        with pytest.raises(ks.LoweringError, match="missing-lockfile"):
            ks.lower(ks.KernelConfig({"Norm": entry}))

    def test_there(self, tmp_path: Path) -> None:
        lockfile = tmp_path / "kernels.lock"
        lockfile.touch()
        assert check({"Norm": {"kernel": HUB, "lockfile": str(lockfile)}}) == ()


def ranges(*bounds: tuple[int | None, int | None]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for low, high in bounds:
        entry: dict[str, Any] = {"kernel": HUB}
        entry |= {} if low is None else {"min_capability": low}
        entry |= {} if high is None else {"max_capability": high}
        entries.append(entry)
    return {"Norm": {"cuda": entries}}


class TestCrossingCapability:
    @pytest.mark.parametrize(
        ("bounds", "route", "says"),
        [
            ([(70, 90), (80, 120)], 1, "capability 70 to 90 and capability 80 to 120 cross"),
            ([(80, 120), (70, 90)], 0, "capability 70 to 90 and capability 80 to 120 cross"),
            ([(None, 80), (80, None)], 1, "capability 0 to 80 and capability 80 and above cross"),
            (
                [(50, 60), (70, 90), (90, 115), (110, 140)],
                2,
                "where both hold, capability 70 to 90 wins",
            ),
        ],
    )
    def test_crossing(self, bounds: Any, route: int, says: str) -> None:
        found = check(ranges(*bounds))
        assert set(codes(found)) == {"crossing-capability"}
        assert found[0].severity is ks.Severity.WARNING
        assert says in found[0].message
        assert str(found[0].route) == f"kernel_mapping.Norm.cuda[{route}]"
        assert found[0].help is not None

    def test_the_narrower_wins(self) -> None:
        found = only(check(ranges((70, 90), (80, 120))), "crossing-capability")
        assert found.message.endswith("where both hold, capability 70 to 90 wins, being narrower")

    @pytest.mark.parametrize(
        "bounds",
        [
            [(70, 79), (80, 89), (90, None)],
            [(70, 120), (80, 89), (80, 85)],
            [(None, None), (80, None), (None, 79)],
            [(None, None), (80, 80)],
            [(80, 89)],
        ],
    )
    def test_apart_or_nested(self, bounds: Any) -> None:
        assert check(ranges(*bounds)) == ()

    def test_ranges_of_two_devices_do_not_cross(self) -> None:
        entry = {
            "cuda": [{"kernel": HUB, "min_capability": 70, "max_capability": 90}],
            "rocm": [{"kernel": HUB, "min_capability": 80, "max_capability": 120}],
        }
        assert check({"Norm": entry}) == ()


class TestDeviceNotCovered:
    def test_other_devices_only(self) -> None:
        found = only(check({"Norm": {"cuda": HUB, "xpu": HUB}}, Norm()), "device-not-covered")
        assert found.severity is ks.Severity.WARNING
        assert found.message == "the model is on `cpu`, and `Norm` names only `cuda` and `xpu`"
        assert str(found.route) == "kernel_mapping.Norm"
        assert found.help is not None
        assert "`cpu`" in found.help

    def test_device_given(self) -> None:
        assert check({"Norm": {"cuda": HUB}}, Norm(), device="cuda") == ()
        found = check({"Norm": {"cpu": HUB}}, Norm(), device=torch.device("cuda", 1))
        assert codes(found) == ["device-not-covered"]
        assert codes(check({"Norm": {"cuda": HUB}}, device="cpu")) == []

    def test_covered_or_unknown(self) -> None:
        assert check({"Norm": {"cuda": HUB, "cpu": "original"}}, Norm()) == ()
        assert check({"Norm": HUB}, Norm()) == ()
        assert check({"Norm": {"cuda": HUB}}, Norm().to("meta")) == ()
        assert check({"Norm": {"cuda": HUB}}) == ()

    def test_not_said_of_what_is_not_registered(self) -> None:
        only(check({"Attention": {"cuda": HUB}}, Norm()), "unregistered-layer")


class TestHidesInherited:
    @pytest.fixture(autouse=True)
    def _outer(self, _nothing_inherited: None) -> Any:
        repository = kernels.LayerRepository("org/repo", layer_name="Layer", version=1)
        outer: Any = {
            "Norm": {
                "cpu": repository,
                "xpu": repository,
                kernels.Device("cuda", kernels.CUDAProperties(90, 90)): repository,
            },
            "LateNorm": {"cpu": repository},
        }
        with kernels.use_kernel_mapping(outer, inherit_mapping=False):
            yield

    @pytest.mark.parametrize("entry", [HUB, "original", {"inference": HUB}], ids=repr)
    def test_plain_entry(self, entry: Any) -> None:
        found = only(check({"Norm": entry}, Norm()), "hides-inherited")
        assert found.severity is ks.Severity.WARNING
        assert found.message == (
            "`Norm` speaks for every device, and hides what is inherited for "
            "`xpu` and `cuda (capability 90)`"
        )
        assert str(found.route) == "kernel_mapping.Norm"
        assert found.help == "name the device to keep what is inherited for the others"

    def test_without_a_model(self) -> None:
        found = only(check({"Norm": HUB}), "hides-inherited")
        assert "`cpu`, `xpu` and `cuda (capability 90)`" in found.message

    def test_nothing_hidden(self) -> None:
        assert check({"Norm": {"cpu": HUB}}, Norm()) == ()
        assert check({"LateNorm": HUB}, LateNorm()) == ()
        assert check({"Norm": HUB}, Norm(), inherit_mapping=False) == ()
        assert check({"double": HUB}, make_model()) == ()


class TwoArguments(nn.Module):
    kernel_layer_name = "Norm"

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


class KeywordOnly(nn.Module):
    kernel_layer_name = "Norm"

    def forward(self, *, x: torch.Tensor) -> torch.Tensor:
        return x


class OtherWords(nn.Module):
    kernel_layer_name = "Norm"

    def forward(self, hidden_states: torch.Tensor | None = None) -> torch.Tensor | None:
        return hidden_states


class TestMixedSignatures:
    @pytest.mark.parametrize("other", [TwoArguments, KeywordOnly])
    def test_classes_that_differ(self, other: type[nn.Module]) -> None:
        model = nn.Sequential(Norm(), other(), Norm())
        found = only(check({"Norm": {"cpu": HUB}}, model), "mixed-signatures")
        assert found.severity is ks.Severity.ERROR
        assert f"(`Norm` and `{other.__name__}`)" in found.message
        assert str(found.route) == "kernel_mapping.Norm"
        assert found.help == "register them under different names"

    def test_kernels_goes_by_the_first_class_alone(self, kernel: Kernel) -> None:
        """FACTS K17: without the check, the kernel stands in for what it does not fit."""
        model = nn.Sequential(Norm(), TwoArguments())
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        ignored = ["mixed-signatures", "signature-mismatch"]
        assert ks.kernelize(model, config, ignore=ignored).replaced == 2
        with pytest.raises(TypeError):
            model[1](torch.ones(4), torch.ones(4))

    def test_classes_that_agree(self) -> None:
        assert check({"Norm": HUB}, nn.Sequential(Norm(), OtherWords(), LateNorm())) == ()

    def test_not_said_where_no_kernel_is_meant(self) -> None:
        model = nn.Sequential(Norm(), TwoArguments())
        assert check({"Norm": "original"}, model) == ()
        assert check({}, model) == ()

    def test_functions(self) -> None:
        assert check({"double": HUB}, make_model()) == ()

        @kernels.use_kernel_forward_from_hub("double")
        def double(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

        @kernels.use_kernelized_func(double)
        class Another(nn.Module):
            pass

        model = nn.Sequential(make_model(), Another())
        only(check({"double": HUB}, model), "mixed-signatures")


class TestMixedTrainingState:
    def test_some_in_training(self) -> None:
        model = make_model().train()
        model[1].eval()
        found = only(check({"Norm": HUB, "LateNorm": HUB}, model), "mixed-training-state")
        assert found.severity is ks.Severity.WARNING
        assert "1 of 2 modules of `Norm` are in training mode" in found.message
        assert str(found.route) == "kernel_mapping.Norm"
        assert found.help is not None
        assert "`mode=`" in found.help

    def test_mode_given(self) -> None:
        model = make_model().train()
        model[1].eval()
        assert check({"Norm": HUB}, model, mode="training") == ()

    def test_of_one_mind(self) -> None:
        assert check({"Norm": HUB, "double": HUB}, make_model().train()) == ()
        assert check({"Norm": HUB, "double": HUB}, make_model().eval()) == ()

    def test_not_said_where_no_kernel_is_meant(self) -> None:
        model = make_model().train()
        model[1].eval()
        assert check({"Norm": "original"}, model) == ()


class TestAll:
    """Several problems at once: their order, and which of them are wanted."""

    def found(self, tmp_path: Path, **options: Any) -> tuple[ks.Diagnostic, ...]:
        model = nn.Sequential(Norm(), TwoArguments(), LateNorm()).train()
        model[0].eval()
        mapping = {
            "Norm": {
                "cpu": f"{tmp_path}:L",
                "cuda": ranges((70, 90), (80, 120))["Norm"]["cuda"],
            },
            "Nrom": {"kernel": HUB, "lockfile": str(tmp_path / "lock")},
            "LateNorm": {"cuda": HUB},
        }
        return check(mapping, model, **options)

    def test_in_the_order_of_the_config(self, tmp_path: Path) -> None:
        found = self.found(tmp_path)
        assert [(str(one.route).removeprefix("kernel_mapping."), one.code) for one in found] == [
            ("Norm", "mixed-signatures"),
            ("Norm", "mixed-training-state"),
            ("Norm.cpu", "missing-local-kernel"),
            ("Norm.cuda[1]", "crossing-capability"),
            ("Nrom", "unregistered-layer"),
            ("Nrom", "missing-lockfile"),
            ("LateNorm", "device-not-covered"),
        ]

    def test_ignore_and_select(self, tmp_path: Path) -> None:
        everything = codes(self.found(tmp_path))
        assert len(set(everything)) == 7
        for code in everything:
            assert codes(self.found(tmp_path, select=[code])) == [code]
            rest = [one for one in everything if one != code]
            assert codes(self.found(tmp_path, ignore={code})) == rest
            assert codes(self.found(tmp_path, select=(code,), ignore=(code,))) == []
        assert codes(self.found(tmp_path, select=[])) == []
        assert codes(self.found(tmp_path, ignore=everything)) == []

    def test_sanitize_raises_every_error_and_no_warning(self, tmp_path: Path) -> None:
        model = nn.Sequential(Norm(), LateNorm())
        config = ks.KernelConfig({"Nrom": HUB, "LateNorm": {"cuda": HUB}, "Norm": f"{tmp_path}:L"})
        with pytest.raises(ValueError, match="unregistered-layer") as caught:
            config.sanitize_kernel_mapping(model)
        assert isinstance(caught.value, ks.ModelCheckError)
        assert codes(caught.value.diagnostics) == ["unregistered-layer", "missing-local-kernel"]
        ks.KernelConfig({"LateNorm": {"cuda": HUB}}).sanitize_kernel_mapping(model)

    def test_config_is_not_changed(self, tmp_path: Path) -> None:
        config = ks.KernelConfig({"Nrom": HUB, "Norm": {"cuda": HUB}})
        before = config.model_copy(deep=True)
        assert ks.check(config, Norm()) == ks.check(config, Norm())
        assert config == before
