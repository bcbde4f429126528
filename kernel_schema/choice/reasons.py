"""Why a rule decides or does not, in words: one question after the other, in kernels' own order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.choice.choose import MODE_CHAIN, for_mode, winners
from kernel_schema.choice.plan import Candidate, Standing, Status
from kernel_schema.schema.rules import RuntimeChoice
from kernel_schema.schema.vocabulary import ModeName
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.choice.choose import Choice
    from kernel_schema.choice.situation import LayerRules
    from kernel_schema.diagnostics import Span
    from kernel_schema.schema.rules import Rule

CONDITION_IS_FALSE = "its kernel_condition is false"
MAPPING_DISABLED = "DISABLE_KERNEL_MAPPING is set"


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


def judge(choice: Choice, locate: Callable[[Rule], Span | None]) -> tuple[Candidate, ...]:
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
        message = f"an inherited rule names its device, unlike {quote(entry.route)}"
        raise ValueError(message)
    in_force = rules.in_force(entry.device)
    if in_force[0].is_inherited:
        return Standing.INHERITED
    mode = entry.mode_or_fallback
    modes = MODE_CHAIN if entry.kernel is None or mode is ModeName.FALLBACK else (mode,)
    for _, narrowest in winners(in_force, entry.device, entry.capabilities):
        if any(for_mode(narrowest, served) is None for served in modes):
            return Standing.SHADOWED
    return Standing.REPLACED
