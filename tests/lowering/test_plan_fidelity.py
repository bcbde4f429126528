"""Prediction equals reality: `explain` against the real `kernelize`, for 1,500 random configs.

Nothing of kernels is replaced but `_find_capability`, which asks the GPU for its capability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import kernels
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import nn

import kernel_schema as ks
from kernel_schema.lowering.inherited import inherited_rules
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.draws import (
    DEVICES,
    LAYER_NAMES,
    MODES,
    RUN_MODES,
    mappings,
    tables,
)
from tests.lowering.test_fidelity import CAPABILITIES, chosen_by, chosen_by_kernels, gpu_of
from tests.lowering.toys import Norm

if TYPE_CHECKING:
    from collections.abc import Callable


class Willing(Norm):
    """A layer that says of each module whether it may be replaced."""

    def __init__(self, *, willing: bool = True) -> None:
        super().__init__()
        self.willing = willing

    @staticmethod
    def kernel_condition(module: Willing) -> bool:
        return module.willing


CLASSES = {
    name: type(f"Layer{name}", (base,), {"kernel_layer_name": name})
    for name, base in zip(LAYER_NAMES, (Norm, Willing, Norm), strict=True)
}


def make_model(willing: tuple[bool, ...] = (True,)) -> nn.Module:
    """Modules of every name that is drawn; those of one name say whether they are willing."""
    first, second, third = CLASSES.values()
    return nn.Sequential(first(), *(second(willing=one) for one in willing), third(), first())


@dataclass(frozen=True)
class Case:
    """A config, what is registered in kernels, and for what kernels are chosen."""

    table: dict[str, Any]
    inherited: dict[str, Any]
    inherit: bool
    device: ks.DeviceType
    capability: int
    mode: ks.ModeName

    @property
    def config(self) -> ks.KernelConfig:
        return ks.KernelConfig(self.table, inherit_mapping=self.inherit)

    def plan(self, model: nn.Module) -> ks.Plan:
        return ks.explain(
            self.config, model, device=self.device, capability=self.capability, mode=self.mode
        )


def cases(table: st.SearchStrategy[Any], inherited: st.SearchStrategy[Any]) -> Any:
    capability_devices = st.sampled_from([one for one in DEVICES if one in CAPABILITY_DEVICES])
    return st.builds(
        Case,
        table=table,
        inherited=inherited,
        inherit=st.booleans(),
        device=capability_devices | st.sampled_from(DEVICES),
        capability=st.sampled_from([one for one in CAPABILITIES if one < 10_000]),
        mode=st.sampled_from(RUN_MODES),
    )


PLAIN_MODEL = make_model()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(cases(tables(), mappings()))
def test_the_choice_is_that_of_kernels(case: Case) -> None:
    """On every device, with every capability: the repository and the mode it stands under."""
    with kernels.use_kernel_mapping(case.inherited, inherit_mapping=False):
        plan = case.plan(PLAIN_MODEL)
        explained(plan)
        with ks.use_kernel_config(case.config), gpu_of(case.capability):
            for name in LAYER_NAMES:
                theirs = chosen_by_kernels(name, case.device, case.mode)
                layer = plan.layer(name)
                assert chosen_by(layer.rule) == theirs
                assert layer.replaced == (0 if theirs is None else layer.total)
                if theirs is not None:
                    assert layer.steps[-1] is theirs[1]


def explained(plan: ks.Plan) -> None:
    """Hold what every plan must be: complete, and with a reason for everything."""
    for layer in plan.layers:
        assert layer.total == layer.replaced + sum(one.count for one in layer.kept)
        assert all(one.reason for one in layer.candidates)
        chosen = [one for one in layer.candidates if one.status is ks.Status.CHOSEN]
        assert len(chosen) <= 1
        for one in layer.candidates:
            assert (one.standing is None) == (one.rule.route.steps[0] == "kernel_mapping")
            if one.status is ks.Status.COVERED:
                assert str(one.standing) in {"replaced", "shadowed"}
            elif one.status is not ks.Status.OTHER_DEVICE:
                assert str(one.standing) in {"None", "inherited"}


REPOSITORIES = 6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ks.LocalRef]:
    """Gives each kernel that is drawn a real layer of a real repository."""
    root = tmp_path_factory.mktemp("kernels")
    layers = [
        KernelLayer(f"K{number}", f"{number + 2} * x * self.weight", can_torch_compile=True)
        for number in range(REPOSITORIES)
    ]
    for backend in ("a", "b"):
        write_kernel_repository(root / backend, layers)
    names = [(root / one, layer.name) for one in ("a", "b") for layer in layers]

    def at(drawn: str) -> ks.LocalRef:
        number = int("".join(filter(str.isdigit, drawn.rpartition(":")[2])))
        path, layer_name = names[number % len(names)]
        return ks.LocalRef(path, layer_name)

    return at


def placed(entry: Any, place: Callable[[str], ks.LocalRef]) -> Any:
    """An entry with its kernels replaced by real ones."""
    if isinstance(entry, list):
        return [placed(one, place) for one in entry]
    if isinstance(entry, str):
        return entry if entry == "original" else place(entry)
    if "kernel" in entry:
        bounds = {key: value for key, value in entry.items() if key.endswith("_capability")}
        return bounds | {"kernel": placed(entry["kernel"], place)}
    return {
        key: value if isinstance(value, int) else placed(value, place)
        for key, value in entry.items()
    }


def placed_mapping(mapping: dict[str, Any], place: Callable[[str], ks.LocalRef]) -> dict[str, Any]:
    """A mapping of kernels with its repositories replaced by real ones."""

    def real(repository: Any) -> Any:
        from pathlib import Path

        ref = place(f":{repository.layer_name}")
        return kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)

    return {
        name: {
            device: {mode: real(one) for mode, one in value.items()}
            if isinstance(value, dict)
            else real(value)
            for device, value in devices.items()
        }
        for name, devices in mapping.items()
    }


@settings(max_examples=60, deadline=None)
@given(
    case=cases(tables(), mappings()),
    willing=st.lists(st.booleans(), min_size=1, max_size=4).map(tuple),
    ours=st.booleans(),
)
def test_what_runs_is_what_was_planned(
    case: Case, willing: tuple[bool, ...], place: Callable[[str], ks.LocalRef], *, ours: bool
) -> None:
    """Real kernels, really put in place; the CPU stands in for every GPU."""
    table = {name: placed(entry, place) for name, entry in case.table.items()}
    real = Case(
        table,
        placed_mapping(case.inherited, place),
        case.inherit,
        case.device,
        case.capability,
        case.mode,
    )
    model = make_model(willing)
    with kernels.use_kernel_mapping(real.inherited, inherit_mapping=False):
        plan = real.plan(model)
        with gpu_of(real.capability):
            if ours and real.device not in CAPABILITY_DEVICES:
                event("by ks.kernelize")
                report = ks.kernelize(
                    model, real.config, device=real.device, mode=real.mode, strict=False
                )
            else:
                event("by kernels.kernelize")
                with ks.use_kernel_config(real.config):
                    kernels.kernelize(model, mode=MODES[real.mode], device=real.device.value)
                report = ks.audit(model)
    event(f"replaced: {report.replaced > 0}")
    assert ks.disagreements(plan, report) == ()
    audited = ks.audit(model, plan)
    assert "plan-not-met" not in {one.code for one in audited.diagnostics}
    for layer in audited.layers:
        planned = plan.layer(layer.layer_name)
        assert (layer.total, layer.replaced) == (planned.total, planned.replaced)
        assert layer.kernels == report.layer(layer.layer_name).kernels


def test_there_is_something_inherited_to_draw() -> None:
    mapping: dict[str, Any] = {
        "A": {"cuda": kernels.LayerRepository("o/r", layer_name="L", version=1)}
    }
    with kernels.use_kernel_mapping(mapping, inherit_mapping=False):
        assert len(inherited_rules()) == 1
