"""What is read of kernels in private: the table is true, and what is gone is told by name."""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

import kernels
import pytest
from kernels.layer import globals as kernels_globals
from kernels.layer import layer as kernels_layer
from kernels.layer.repos import DeviceRepos
from packaging.version import Version
from torch import nn

import kernel_schema as ks
from kernel_schema.lowering.upstream import PRIVATE_NAMES, PrivateName, attribute, kernel_of
from tests.lowering.toys import Norm, factor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_schema import LocalRef

INSTALLED = Version(kernels.__version__)


def _samples(tmp_path: Path) -> dict[str, Any]:
    """An instance of each class of which attributes are read."""
    cuda: Any = DeviceRepos.create_repo(kernels.Device("cuda"))
    cuda.insert(kernels.Device("cuda"), {})
    return {
        "kernels.LayerRepository": kernels.LayerRepository("o/r", layer_name="L", version=1),
        "kernels.FuncRepository": kernels.FuncRepository("o/r", func_name="f", version=1),
        "kernels.LocalLayerRepository": kernels.LocalLayerRepository(tmp_path, layer_name="L"),
        "kernels.LocalFuncRepository": kernels.LocalFuncRepository(tmp_path, func_name="f"),
        "kernels.layer.repos._CUDARepos": cuda,
        "kernels.layer.repos._CPURepos": DeviceRepos.create_repo(kernels.Device("cpu")),
        "kernels.layer._interval_tree.IntervalTree": cuda.repos_by_capability,
        "kernels.layer._interval_tree._Node": cuda.repos_by_capability.root,
    }


@pytest.mark.parametrize("read", PRIVATE_NAMES, ids=lambda read: f"{read.owner}.{read.name}")
def test_what_is_read_is_there(read: PrivateName, tmp_path: Path) -> None:
    if Version(read.since) > INSTALLED:
        pytest.skip(f"since kernels {read.since}")
    samples = _samples(tmp_path)
    if read.owner in samples:
        assert hasattr(samples[read.owner], read.name)
        return
    module_name, _, class_name = read.owner.rpartition(".")
    owner: Any
    if class_name[:1].isupper():
        owner = getattr(importlib.import_module(module_name), class_name)
        # One is made from a lock file: what its constructor sets tells as much.
        assert hasattr(owner, read.name) or f"self.{read.name}" in inspect.getsource(owner)
    else:
        assert read.name in vars(importlib.import_module(read.owner))


VARIABLES = [
    (kernels_globals, "_KERNEL_MAPPING"),
    (kernels_globals, "_DISABLE_KERNEL_MAPPING"),
    (kernels_layer, "_CACHED_LAYER"),
]


@pytest.mark.parametrize(("module", "name"), VARIABLES, ids=lambda part: str(part)[:30])
def test_a_variable_that_is_gone_is_told_by_its_name(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch, kernel: Callable[[str], LocalRef]
) -> None:
    """Nothing is taken for an empty mapping: an inherited range would win silently."""
    monkeypatch.delitem(vars(module), name)
    model, config = Norm(), ks.KernelConfig({"Norm": kernel("Norm")})
    ask = ks.audit if name == "_CACHED_LAYER" else lambda model: ks.kernelize(model, config)
    with pytest.raises(ks.LoweringError) as caught:
        ask(model)
    (problem,) = caught.value.diagnostics
    assert problem.code == "unsupported-by-kernels"
    assert f"`{module.__name__}.{name}`" in problem.message
    assert factor(model) == 1


def test_a_module_that_has_moved_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kernels.layer.globals")
    with pytest.raises(ks.LoweringError, match=r"kernels\.layer\.globals\._KERNEL_MAPPING"):
        ks.check(ks.KernelConfig({"Norm": "org/repo:L"}), Norm())


@pytest.mark.parametrize("name", ["_repo_id", "_version", "_revision", "_trust_remote_code"])
def test_an_attribute_that_is_gone_is_no_default(name: str) -> None:
    repository = kernels.LayerRepository("o/r", layer_name="L", version=2, trust_remote_code=True)
    delattr(repository, name)
    with pytest.raises(ks.LoweringError, match=f"LayerRepository.{name}"):
        kernel_of(repository)


def test_a_repository_of_a_class_derived_from_kernels_own() -> None:
    class Loud(kernels.LayerRepository):
        pass

    loud = Loud("o/r", layer_name="L", version=2, trust_remote_code=True)
    assert kernel_of(loud) == ks.HubKernel("o/r", "L", 2, trust_remote_code=True)


def test_attribute() -> None:
    with pytest.raises(ks.LoweringError, match=r"builtins\.str\.no_such"):
        attribute("text", "no_such")


class TestCallableInTheMapping:
    """Kernels that a callable picks when kernelize runs: a layer's, or those of one device."""

    @pytest.fixture(params=["layer", "device"])
    def selector(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
        def pick(*_: object) -> None:
            message = "no kernel is picked here"
            raise AssertionError(message)

        mapping: Any = {"Norm": pick if request.param == "layer" else {"cpu": pick}}
        token = kernels_globals._KERNEL_MAPPING.set(mapping)
        yield pick
        kernels_globals._KERNEL_MAPPING.reset(token)

    def test_it_is_shown(self, selector: Any) -> None:
        plan = ks.explain(ks.KernelConfig({}), Norm(), device="cpu")
        (kept,) = plan.layer("Norm").kept
        assert kept.reason == f"decided at run time by {__name__}.{selector.__qualname__}"
        assert plan.replaced == 0

    def test_it_is_replaced_where_the_config_names_the_layer(
        self, selector: Any, kernel: Callable[[str], LocalRef]
    ) -> None:
        model = Norm()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": {"cpu": kernel("Norm")}}))
        assert report.replaced == 1
        assert factor(model) == 3
        active: Any = kernels_globals._KERNEL_MAPPING.get()
        assert active["Norm"] is selector or active["Norm"]["cpu"] is selector

    def test_it_is_left_alone_where_it_does_not(
        self, selector: Any, kernel: Callable[[str], LocalRef]
    ) -> None:
        class Other(Norm):
            kernel_layer_name = "Other"

        model = nn.Sequential(Other())
        assert ks.kernelize(model, ks.KernelConfig({"Other": kernel("Norm")})).replaced == 1
        with ks.use_kernel_config(ks.KernelConfig({"Other": kernel("Norm")})):
            active: Any = kernels_globals._KERNEL_MAPPING.get()
            assert selector in (active["Norm"], *_values(active["Norm"]))


def _values(by_device: Any) -> tuple[Any, ...]:
    return tuple(by_device.values()) if isinstance(by_device, dict) else ()
