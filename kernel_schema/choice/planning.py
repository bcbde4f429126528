"""From a situation to a plan: what will run for each registered name, and why, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from kernel_schema.choice.choose import MODE_CHAIN, choose, for_mode, gaps_of, winners
from kernel_schema.choice.plan import Candidate, LayerPlan, Plan, Standing, Status
from kernel_schema.choice.report import Kept, KernelInUse
from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.rules import Kernel, RuntimeChoice
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, DeviceType, ModeName
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.choice.choose import Choice
    from kernel_schema.choice.situation import LayerRules, Situation
    from kernel_schema.diagnostics import Span
    from kernel_schema.model.carriers import CarrierFacts
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.model.target import Target
    from kernel_schema.schema.rules import Rule

    Locate: TypeAlias = Callable[[Rule], Span | None]

Matrix: TypeAlias = dict[tuple[DeviceType, Capabilities | None], dict[ModeName, LayerPlan]]
"""By device and range of capability, None where ranges play no part; then by mode."""


CONDITION_IS_FALSE = "its kernel_condition is false"
MAPPING_DISABLED = "DISABLE_KERNEL_MAPPING is set"


def _nothing(_: Rule) -> None:
    """Where a rule of a config that was read from no text is stated, and what it cannot do."""


def plan_model(
    situation: Situation,
    facts: CarrierFacts,
    *,
    locate: Locate = _nothing,
    cannot_serve: Callable[[Rule], str | None] = _nothing,
) -> Plan:
    """What will run in the model of a situation that has layers and a target.

    `cannot_serve` says why the kernel of a rule is passed over in the mode of the target, where its
    code tells. A `capability-needed` where ranges are in play and nothing tells the capability.
    """
    layers, target = situation.layers, situation.target
    if layers is None or target is None:
        raise ValueError("a plan is for a model and a target")
    _need_capability(situation, layers, target)
    plans: list[LayerPlan] = []
    for layer_name, layer in layers.items():
        choice = choose(situation.of_layer(layer_name), target)
        why_kept = why_no_kernel(choice) or (MAPPING_DISABLED if situation.disabled else None)
        if why_kept is None and choice.rule is not None:
            why_kept = cannot_serve(choice.rule)
        ranged = choice.in_force if target.device in CAPABILITY_DEVICES else ()
        plans.append(
            _plan(
                layer,
                choice.rule,
                why_kept,
                judge(choice, locate),
                classes=facts.classes.get(layer_name),
                refused=facts.refused[layer_name],
                steps=choice.steps,
                gaps=gaps_of(rule.capabilities for rule in ranged),
            )
        )
    unregistered = tuple(name for name in situation.by_layer if name not in layers)
    return Plan(tuple(plans), target.device, target.mode, target.capability, unregistered)


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
        own_forward=layer.own_forward,
    )


def why_no_kernel(choice: Choice) -> str | None:
    """Why a choice leaves a layer its own forward; None where it names a kernel."""
    rule = choice.rule
    if rule is not None and rule.kernel is not None:
        return str(rule.kernel) if isinstance(rule.kernel, RuntimeChoice) else None
    if rule is not None:
        inherited = "what is inherited for it names no kernel"
        return inherited if rule.is_inherited else f"`original`, says {rule.route}"
    target = choice.target
    if not choice.in_force:
        devices = dict.fromkeys(str(rule.device) for rules in choice.rules for rule in rules)
        if not devices:
            return "nothing in the config or inherited names it"
        return f"there are only entries for {listing(list(devices), 'and')}"
    if not choice.narrowest:
        ranges = ", ".join(dict.fromkeys(str(rule.capabilities) for rule in choice.in_force))
        return f"no range holds capability {target.capability} (there are: {ranges})"
    modes = [str(rule.mode) for rule in choice.narrowest if rule.mode is not None]
    reason = f"no kernel serves {quote(target.mode)}, only {listing(modes, 'and')}"
    best, capability = choice.narrowest[0].capabilities, target.capability or 0
    if any(
        rule.capabilities != best and rule.capabilities.holds(capability)
        for rule in choice.in_force
    ):
        reason += f": {best} wins whole, being the narrowest"
    return reason


def judge(choice: Choice, locate: Locate) -> tuple[Candidate, ...]:
    """What became of every rule of a choice; `locate` says where one of the config is stated."""
    rules = choice.rules
    own = (Candidate(rule, *_verdict(rule, choice), span=locate(rule)) for rule in rules.own)
    outer = (
        Candidate(rule, *_verdict(rule, choice), standing_of(rule, rules)) for rule in rules.outer
    )
    return (*own, *outer)


def _verdict(rule: Rule, choice: Choice) -> tuple[Status, str]:
    """The first question that a rule fails, and how."""
    target, chosen, narrowest = choice.target, choice.rule, choice.narrowest
    if rule is chosen:
        return Status.CHOSEN, why_chosen(rule)
    if rule.device not in (None, target.device):
        return Status.OTHER_DEVICE, f"it is for {rule.device}"
    if rule.is_inherited and choice.in_force and not choice.in_force[0].is_inherited:
        return Status.COVERED, _why_covered(rule, choice)
    if target.capability is not None and not rule.capabilities.holds(target.capability):
        return Status.OUT_OF_RANGE, f"{rule.capabilities} does not hold {target.capability}"
    if narrowest and rule.capabilities != narrowest[0].capabilities:
        reason = f"{narrowest[0].capabilities} is narrower and wins whole"
        if chosen is None:
            reason += f", though it has no kernel for {target.mode}"
        elif chosen.kernel is None:
            reason += ", and keeps the original forward"
        return Status.WIDER_RANGE, reason
    mode = rule.mode_or_fallback
    if chosen is None or mode not in MODE_CHAIN[target.mode]:
        return Status.OTHER_MODE, f"{mode} never serves {target.mode}"
    better = chosen.mode_or_fallback
    return Status.LATER_MODE, f"{better} comes before {mode} for {target.mode}"


def why_chosen(rule: Rule) -> str:
    """What it means that a rule decides."""
    if rule.kernel is not None:
        return str(rule.kernel) if isinstance(rule.kernel, RuntimeChoice) else "it runs"
    if rule.is_inherited:
        return "it names no kernel: the model's own forward stays"
    return "it keeps the model's own forward"


def _why_covered(rule: Rule, choice: Choice) -> str:
    covering = choice.in_force[0]
    where = "every device" if covering.device is None else str(covering.device)
    says = f"the config names {where} for this layer"
    if all(other.kernel is None for other in choice.in_force):
        says = f"disabled by `original` for {where}"
    if standing_of(rule, choice.rules) is Standing.REPLACED:
        return f"replaced: {says}"
    return f"shadowed: {says}, and has nothing for some of what this one serves"


def standing_of(entry: Rule, rules: LayerRules) -> Standing:
    """What a config makes of one entry that it inherits."""
    if entry.device is None:
        raise ValueError(f"an inherited rule names its device, unlike {quote(entry.route)}")
    in_force = rules.in_force(entry.device)
    if in_force[0].is_inherited:
        return Standing.INHERITED
    mode = entry.mode_or_fallback
    modes = MODE_CHAIN if entry.kernel is None or mode is ModeName.FALLBACK else (mode,)
    for _, narrowest in winners(in_force, entry.device, entry.capabilities):
        if any(for_mode(narrowest, served) is None for served in modes):
            return Standing.SHADOWED
    return Standing.REPLACED
