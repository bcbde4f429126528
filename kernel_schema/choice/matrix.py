"""One layer on every device and in every mode, to read a config for a mixed fleet at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.choice.choose import MODE_CHAIN, for_mode, winners
from kernel_schema.choice.plan import Candidate, LayerPlan, Standing, Status
from kernel_schema.choice.reasons import why_chosen
from kernel_schema.choice.report import Kept, KernelInUse
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.rules import RuntimeChoice
from kernel_schema.schema.vocabulary import DeviceType, ModeName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel_schema.choice.situation import LayerRules
    from kernel_schema.diagnostics import Span
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.schema.rules import Rule

Matrix: TypeAlias = dict[tuple[DeviceType, Capabilities | None], dict[ModeName, LayerPlan]]


def matrix_of(
    layer: RegisteredLayer, rules: LayerRules, locate: Callable[[Rule], Span | None]
) -> Matrix:
    """What runs for one layer everywhere: by device and range of capability, then by mode.

    Args:
        layer: What carries the name.
        rules: The rules that speak of it.
        locate: Says where a rule of the config is stated.

    Returns:
        A row for each device that any rule names, split where a range begins or ends; None stands
        for a device without ranges. A plain entry makes a row for every device. Of the candidates
        a plan holds the one that decides: of all of them in every row there would be too many.
    """
    # One plan for each rule that decides, however many rows and modes it does so in.
    plans: dict[Rule | None, LayerPlan] = {}
    rows: Matrix = {}
    for device in _devices_of((*rules.own, *rules.outer)):
        in_force = rules.in_force(device)
        ranged = any(rule.capabilities.bounded for rule in in_force)
        for piece, narrowest in winners(in_force, device):
            row = rows[device, piece if ranged else None] = {}
            for mode in MODE_CHAIN:
                rule = for_mode(narrowest, mode)
                if rule not in plans:
                    plans[rule] = _plan(layer, rule, locate)
                row[mode] = plans[rule]
    return rows


def _devices_of(rules: Sequence[Rule]) -> list[DeviceType]:
    named = {rule.device for rule in rules}
    return [device for device in DeviceType if device in named or None in named]


def _plan(
    layer: RegisteredLayer, rule: Rule | None, locate: Callable[[Rule], Span | None]
) -> LayerPlan:
    total = layer.modules + layer.functions
    kernels: tuple[KernelInUse, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reason = "no rule speaks of it"
    if rule is not None:
        reason = why_chosen(rule)
        standing = Standing.INHERITED if rule.is_inherited else None
        span = None if rule.is_inherited else locate(rule)
        candidates = (Candidate(rule, Status.CHOSEN, reason, standing, span),)
        if rule.kernel is not None and not isinstance(rule.kernel, RuntimeChoice):
            kernels = (KernelInUse(rule.kernel, rule.kernel.layer_name, None, total),)
    kept = () if kernels else (Kept(reason, total),)
    classes = tuple(cls.__name__ for cls in layer.classes)
    return LayerPlan(
        layer.layer_name, layer.modules, layer.functions, kernels, kept, classes, candidates, (), ()
    )
