"""A plan: what will run in a model and why, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from kernel_schema.choice.report import LayerOutcome, Outcome, as_loaded
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.schema.rules import Kernel, RuntimeChoice
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.choice.report import Report
    from kernel_schema.diagnostics import Span
    from kernel_schema.schema.ranges import Capabilities
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


class Status(str, Enum):
    """What became of a rule that speaks of a layer, for one device, capability and mode.

    CHOSEN: It decides what runs.
    OTHER_DEVICE: It is for another device.
    COVERED: It is inherited, and the config names the layer and device.
    OUT_OF_RANGE: Its range does not hold the capability.
    WIDER_RANGE: A narrower range holds the capability, and wins whole.
    OTHER_MODE: Its mode never serves the one that is asked for.
    LATER_MODE: A mode that kernels looks for earlier is there.
    """

    CHOSEN = "chosen"
    OTHER_DEVICE = "other-device"
    COVERED = "covered"
    OUT_OF_RANGE = "out-of-range"
    WIDER_RANGE = "wider-range"
    OTHER_MODE = "other-mode"
    LATER_MODE = "later-mode"

    def __str__(self) -> str:
        return self.value


class Standing(str, Enum):
    """What a config makes of one entry that it inherits, wherever a model may run.

    INHERITED: The config does not name the layer on this device: the entry stays in force.
    REPLACED: The config has a kernel or `original` of its own wherever the entry would count.
    SHADOWED: The config names the layer on this device, and so hides the entry, but says nothing
        for some of the capabilities or modes for which it counts: the model's own forward runs.
    """

    INHERITED = "inherited"
    REPLACED = "replaced"
    SHADOWED = "shadowed"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that speaks of a layer, and what became of it.

    Args:
        rule: The rule; its route starts with `inherited` if the config does not state it.
        status: What became of it.
        reason: Why, in words.
        standing: What the config makes of it, where it is inherited; None for a rule of the config.
        span: Where the config states it, if it was read from text.
    """

    rule: Rule
    status: Status
    reason: str
    standing: Standing | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class LayerPlan(LayerOutcome):
    """What will run for one registered name; its first fields are those of a `LayerReport`.

    Args:
        classes: Names of the classes that carry it, or hold a function that does.
        candidates: Every rule that speaks of the layer: those of the config in its order, then
            what is inherited.
        steps: The modes that were looked for, in kernels' order, up to the one that was found.
        gaps: Ranges of capability between those of the rules that none of them holds.
    """

    classes: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    steps: tuple[ModeName, ...]
    gaps: tuple[Capabilities, ...]

    _REPLACED = "will be replaced"

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that decides; None where nothing is said for this target."""
        chosen = (each for each in self.candidates if each.status is Status.CHOSEN)
        return next(chosen, None)

    @property
    def rule(self) -> Rule | None:
        """The rule that decides; None where nothing is said for this target."""
        return None if self.chosen is None else self.chosen.rule


@dataclass(frozen=True, slots=True)
class Plan(Outcome[LayerPlan]):
    """What will run in a model.

    Args:
        layers: One plan for each registered name, in the order of the model.
        device: Where the model runs.
        mode: How it runs.
        capability: Compute capability of the GPU, where the device has one and it is known.
        unregistered: Names that the config maps and the model does not register.
        diagnostics: What `check` finds, the state of the environment included.
    """

    layers: tuple[LayerPlan, ...]
    device: DeviceType
    mode: ModeName
    capability: int | None = None
    unregistered: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def asked(self) -> dict[str, Kernel]:
        """The kernel that is meant, by registered name, where one is."""
        rules = {layer.layer_name: layer.rule for layer in self.layers}
        kernels = {name: rule.kernel for name, rule in rules.items() if rule is not None}
        return {name: kernel for name, kernel in kernels.items() if isinstance(kernel, Kernel)}

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Registered names of which neither the config nor what it inherits says anything."""
        return tuple(layer.layer_name for layer in self.layers if not layer.candidates)


def disagreements(plan: Plan, report: Report) -> tuple[Diagnostic, ...]:
    """Where what runs is not what was planned: `plan-not-met`, one for each registered name.

    A plan cannot know what only shows when a kernel is loaded: that it lacks a backward, say.

    Args:
        plan: What `explain` told.
        report: What `kernelize` or `audit` saw in the same model.

    Returns:
        Warnings, in the order of the plan; none where everything runs as planned, or is decided by
        a callable of kernels.
    """
    running = {layer.layer_name: layer for layer in report.layers}
    planned = {layer.layer_name: layer for layer in plan.layers}
    differing = (_disagreement(planned.get(name), running.get(name)) for name in planned | running)
    return tuple(filter(None, differing))


def _disagreement(planned: LayerPlan | None, actual: LayerOutcome | None) -> Diagnostic | None:
    named = planned or actual
    rule = planned.rule if planned is not None else None
    if named is None or (rule is not None and isinstance(rule.kernel, RuntimeChoice)):
        return None
    if planned and actual and _counted(planned) == _counted(actual):
        return None
    kept = actual.kept if actual is not None else ()
    return Diagnostic(
        "plan-not-met",
        f"{quote(named.layer_name)} was to run {_side(planned)}, and runs {_side(actual)}",
        rule.route if rule is not None else Route(("kernel_mapping", named.layer_name)),
        help="; ".join(dict.fromkeys(forwards.reason for forwards in kept)) or None,
        severity=Severity.WARNING,
    )


def _counted(layer: LayerOutcome) -> dict[object, int]:
    """How often each kernel runs; one that kernels does not know any more counts by its class."""
    return {
        as_loaded(used.kernel) if used.kernel is not None else used.layer_class: used.count
        for used in layer.kernels
    }


def _side(layer: LayerOutcome | None) -> str:
    if layer is None:
        return "nothing, since it was not registered"
    parts = [
        f"`{used.kernel or used.layer_class}` in {used.count} of {layer.total}"
        for used in layer.kernels
    ]
    if layer.replaced < layer.total:
        parts.append(f"its own forward in {layer.total - layer.replaced}")
    return " and ".join(parts)
