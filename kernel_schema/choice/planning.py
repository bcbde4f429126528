"""From a situation to a plan: what will run for each registered name, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_schema.choice.choose import choose
from kernel_schema.choice.pieces import gaps_of
from kernel_schema.choice.plan import LayerPlan, Plan
from kernel_schema.choice.reasons import (
    CONDITION_IS_FALSE,
    MAPPING_DISABLED,
    judge,
    why_no_kernel,
)
from kernel_schema.choice.report import Kept, KernelInUse
from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.choice.situation import LayerRules, Situation
    from kernel_schema.diagnostics import Span
    from kernel_schema.model.carriers import CarrierFacts
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.model.target import Target
    from kernel_schema.schema.rules import Rule


def _nowhere(_: Rule) -> None:
    """Where a rule of a config that was read from no text is stated."""


def plan_model(
    situation: Situation,
    facts: CarrierFacts,
    *,
    locate: Callable[[Rule], Span | None] = _nowhere,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Plan:
    """What will run in a model.

    Args:
        situation: What is known; with layers and a target.
        facts: What was asked of the single modules.
        locate: Says where a rule of the config is stated.
        diagnostics: What the plan is to carry.

    Raises:
        LoweringError: With code `capability-needed`, where ranges are in play and nothing tells
            the capability.
    """
    layers, target = situation.layers, situation.target
    if layers is None or target is None:
        message = "a plan is for a model and a target"
        raise ValueError(message)
    _need_capability(situation, layers, target)
    plans = tuple(
        plan_layer(
            layer,
            situation.of_layer(layer_name),
            target,
            classes=facts.classes.get(layer_name),
            refused=facts.refused[layer_name],
            disabled=situation.disabled,
            locate=locate,
        )
        for layer_name, layer in layers.items()
    )
    unregistered = tuple(name for name in situation.by_layer if name not in layers)
    return Plan(plans, target.device, target.mode, target.capability, unregistered, diagnostics)


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


def plan_layer(
    layer: RegisteredLayer,
    rules: LayerRules,
    target: Target,
    *,
    classes: Iterable[str] | None = None,
    refused: int = 0,
    disabled: bool = False,
    locate: Callable[[Rule], Span | None] = _nowhere,
) -> LayerPlan:
    """The plan for one registered name.

    Args:
        layer: What carries the name.
        rules: The rules that speak of it.
        target: What kernels are chosen for; with a capability wherever ranges are in play.
        classes: Names of the classes that carry it or hold what does; those of the layer itself
            if left out.
        refused: How many modules `kernel_condition` rules out.
        disabled: Whether kernels is switched off altogether.
        locate: Says where a rule of the config is stated.
    """
    choice = choose(rules, target)
    total = layer.modules + layer.functions
    kernels: tuple[KernelInUse, ...] = ()
    kept: tuple[Kept, ...] = ()
    reason = why_no_kernel(choice) or (MAPPING_DISABLED if disabled else None)
    if reason is not None:
        kept = (Kept(reason, total),)
    else:
        kernel: Any = choice.rule and choice.rule.kernel
        if refused < total:
            kernels = (KernelInUse(kernel, kernel.layer_name, None, total - refused),)
        if refused:
            kept = (Kept(CONDITION_IS_FALSE, refused),)
    if classes is None:
        classes = (cls.__name__ for cls in layer.classes)
    ranged = target.device in CAPABILITY_DEVICES
    return LayerPlan(
        layer.layer_name,
        layer.modules,
        layer.functions,
        kernels,
        kept,
        tuple(classes),
        judge(choice, locate),
        choice.steps,
        gaps_of(rule.capabilities for rule in choice.in_force) if ranged else (),
    )
