"""From a situation to a plan: what will run for each registered name, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from kernel_schema.choice.choose import MODE_CHAIN, choose, for_mode, gaps_of, winners
from kernel_schema.choice.plan import Candidate, LayerPlan, Plan, Standing, Status
from kernel_schema.choice.reasons import (
    CONDITION_IS_FALSE,
    MAPPING_DISABLED,
    judge,
    why_chosen,
    why_no_kernel,
)
from kernel_schema.choice.report import Kept, KernelInUse
from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.rules import Kernel
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, DeviceType, ModeName
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.choice.situation import LayerRules, Situation
    from kernel_schema.diagnostics import Span
    from kernel_schema.model.carriers import CarrierFacts
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.model.target import Target
    from kernel_schema.schema.rules import Rule

    Locate: TypeAlias = Callable[[Rule], Span | None]

Matrix: TypeAlias = dict[tuple[DeviceType, Capabilities | None], dict[ModeName, LayerPlan]]
"""By device and range of capability, None where ranges play no part; then by mode."""


def _nowhere(_: Rule) -> None:
    """Where a rule of a config that was read from no text is stated."""


def plan_model(
    situation: Situation,
    facts: CarrierFacts,
    *,
    locate: Locate = _nowhere,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Plan:
    """What will run in the model of a situation that has layers and a target.

    A `capability-needed` where ranges are in play and nothing tells the capability.
    """
    layers, target = situation.layers, situation.target
    if layers is None or target is None:
        message = "a plan is for a model and a target"
        raise ValueError(message)
    _need_capability(situation, layers, target)
    plans: list[LayerPlan] = []
    for layer_name, layer in layers.items():
        choice = choose(situation.of_layer(layer_name), target)
        ranged = choice.in_force if target.device in CAPABILITY_DEVICES else ()
        plans.append(
            _plan(
                layer,
                choice.rule,
                why_no_kernel(choice) or (MAPPING_DISABLED if situation.disabled else None),
                judge(choice, locate),
                classes=facts.classes.get(layer_name),
                refused=facts.refused[layer_name],
                steps=choice.steps,
                gaps=gaps_of(rule.capabilities for rule in ranged),
            )
        )
    unregistered = tuple(name for name in situation.by_layer if name not in layers)
    return Plan(
        tuple(plans), target.device, target.mode, target.capability, unregistered, diagnostics
    )


def _need_capability(situation: Situation, layer_names: Iterable[str], target: Target) -> None:
    """Refuse to choose between ranges where nothing tells the capability."""
    if target.device not in CAPABILITY_DEVICES or target.capability is not None:
        return
    problems: list[Diagnostic] = []
    for layer_name in layer_names:
        in_force = situation.of_layer(layer_name).in_force(target.device)
        ranged = next((rule for rule in in_force if rule.capabilities.bounded), None)
        if ranged is not None:
            inherits = "inherits" if ranged.is_inherited else "has"
            problems.append(
                Diagnostic(
                    "capability-needed",
                    f"{quote(layer_name)} {inherits} capability ranges for "
                    f"{quote(target.device)}, and there is no such GPU to tell which counts",
                    ranged.route,
                    help="pass `capability=` (`--capability` on the command line): 90 means 9.0",
                )
            )
    if problems:
        raise LoweringError(problems)


def matrix_of(layer: RegisteredLayer, rules: LayerRules, locate: Locate) -> Matrix:
    """What runs for one layer everywhere: see `plan_matrix`.

    Of the candidates a plan holds the one that decides: of all of them in every row there would be
    too many.
    """
    # One plan for each rule that decides, however many rows and modes it does so in.
    plans: dict[Rule | None, LayerPlan] = {}
    rows: Matrix = {}
    named = {rule.device for rule in (*rules.own, *rules.outer)}
    for device in DeviceType:
        if device not in named and None not in named:
            continue
        in_force = rules.in_force(device)
        ranged = any(rule.capabilities.bounded for rule in in_force)
        for piece, narrowest in winners(in_force, device):
            row = rows[device, piece if ranged else None] = {}
            for mode in MODE_CHAIN:
                rule = for_mode(narrowest, mode)
                if rule not in plans:
                    plans[rule] = _plan_of_rule(layer, rule, locate)
                row[mode] = plans[rule]
    return rows


def _plan_of_rule(layer: RegisteredLayer, rule: Rule | None, locate: Locate) -> LayerPlan:
    if rule is None:
        return _plan(layer, None, "no rule speaks of it", ())
    reason = why_chosen(rule)
    standing = Standing.INHERITED if rule.is_inherited else None
    span = None if rule.is_inherited else locate(rule)
    candidate = Candidate(rule, Status.CHOSEN, reason, standing, span)
    return _plan(layer, rule, None if isinstance(rule.kernel, Kernel) else reason, (candidate,))


def _plan(
    layer: RegisteredLayer,
    rule: Rule | None,
    why_kept: str | None,
    candidates: tuple[Candidate, ...],
    *,
    classes: Iterable[str] | None = None,
    refused: int = 0,
    steps: tuple[ModeName, ...] = (),
    gaps: tuple[Capabilities, ...] = (),
) -> LayerPlan:
    """The plan for one name: the kernel of the rule, unless there is a reason why it is kept.

    `refused` is how many modules `kernel_condition` rules out.
    """
    total = layer.modules + layer.functions
    kernels: tuple[KernelInUse, ...] = ()
    kept = () if why_kept is None else (Kept(why_kept, total),)
    if rule is not None and why_kept is None:
        kernel: Any = rule.kernel
        if refused < total:
            kernels = (KernelInUse(kernel, kernel.layer_name, None, total - refused),)
        if refused:
            kept = (Kept(CONDITION_IS_FALSE, refused),)
    if classes is None:
        classes = (cls.__name__ for cls in layer.classes)
    return LayerPlan(
        layer.layer_name,
        layer.modules,
        layer.functions,
        kernels,
        kept,
        tuple(classes),
        candidates,
        steps,
        gaps,
    )
