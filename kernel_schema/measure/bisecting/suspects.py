"""What of a config is switched, as its plan for a model has it, and the config of each trial."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kernel_schema.lowering.explain import explain
from kernel_schema.measure.bisecting.bisection import Suspect
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.rules import RuntimeChoice
from kernel_schema.schema.vocabulary import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from kernel_schema.choice.plan import LayerPlan, Plan
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.rules import Rule


def plans_of(
    config: ConfigSource,
    model: Module,
    modes: Sequence[ModeInput | None],
    *,
    device: DeviceInput | None = None,
    capability: int | None = None,
    inherited: Iterable[Rule] | None = None,
) -> list[Plan]:
    """What will run in a model in each mode; raises what `explain` does."""
    rules = None if inherited is None else tuple(inherited)
    plan = partial(explain, config, model, device=device, capability=capability, inherited=rules)
    return [plan(mode=mode) for mode in modes]


def suspects_of(plans: Iterable[Plan]) -> list[Suspect]:
    """The layers of which a kernel is put in place in one of some plans, each once."""
    suspects: dict[str, Suspect] = {}
    for plan in plans:
        for layer in plan.layers:
            suspect = _suspect(layer)
            if suspect is not None:
                suspects.setdefault(layer.layer_name, suspect)
    return list(suspects.values())


def _suspect(layer: LayerPlan) -> Suspect | None:
    chosen = layer.chosen
    kernel = None if chosen is None else chosen.rule.kernel
    if chosen is None or kernel is None:
        return None
    # What a callable of kernels decides on is not known before.
    if not layer.kernels and not isinstance(kernel, RuntimeChoice):
        return None
    return Suspect(layer.layer_name, kernel, chosen.rule.route, chosen.span)


def without(config: KernelConfig, off: Collection[str]) -> KernelConfig:
    """The same config, in which some layers run their own forward, whatever they inherit.

    >>> config = KernelConfig({"A": "org/repo:A", "B": {"cuda": "org/repo:B"}})
    >>> without(config, ["B", "C"]).model_dump()["kernel_mapping"]
    {'A': 'org/repo:A', 'B': 'original', 'C': 'original'}
    """
    if not off:
        return config
    return KernelConfig(
        {**config.kernel_mapping, **dict.fromkeys(off, ORIGINAL)},
        inherit_mapping=config.inherit_mapping,
        lockfile=config.lockfile,
    )
