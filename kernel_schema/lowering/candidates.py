"""Why a rule does not decide: one question after the other, in kernels' own order."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from kernel_schema.lowering.inherited import is_inherited
from kernel_schema.lowering.plan import Candidate, Standing, Status
from kernel_schema.lowering.selection import MODE_CHAIN, for_capability, for_device, for_mode
from kernel_schema.schema.capability import Capabilities
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, ModeName
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kernel_schema.diagnostics import Span
    from kernel_schema.lowering.inference import Target
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType


@dataclass(frozen=True, slots=True)
class Choice:
    """kernels' choice for one layer, with what led to it.

    Args:
        target: What is chosen for.
        own: What the config says of the layer.
        outer: What it inherits.
        here: The rules for this device; those of the config if there are any.
        narrowest: Those of them in the range that wins.
        rule: The one that decides, or None.
    """

    target: Target
    own: Sequence[Rule]
    outer: Sequence[Rule]
    here: Sequence[Rule]
    narrowest: Sequence[Rule]
    rule: Rule | None

    @property
    def steps(self) -> tuple[ModeName, ...]:
        """The modes that are looked for, up to the one that is found; none without a range."""
        chain = MODE_CHAIN[self.target.mode]
        if not self.narrowest:
            return ()
        return chain if self.rule is None else chain[: chain.index(_mode(self.rule)) + 1]


def choose(layer_name: str, own: Sequence[Rule], outer: Sequence[Rule], target: Target) -> Choice:
    """Choose between the rules of one layer.

    Args:
        layer_name: The registered name.
        own: What the config says of it.
        outer: What it inherits.
        target: What is chosen for; its capability is given wherever ranges are in play.
    """
    here = for_device(own, layer_name, target.device)
    here = here or for_device(outer, layer_name, target.device)
    narrowest = for_capability(here, target.device, target.capability)
    return Choice(target, own, outer, here, narrowest, for_mode(narrowest, target.mode))


def judge(choice: Choice, locate: Callable[[Rule], Span | None]) -> tuple[Candidate, ...]:
    """What became of every rule of a choice.

    Args:
        choice: The choice.
        locate: Says where a rule of the config is stated.
    """
    own = (Candidate(rule, *_verdict(rule, choice), span=locate(rule)) for rule in choice.own)
    outer = (
        Candidate(rule, *_verdict(rule, choice), standing_of(rule, choice.own))
        for rule in choice.outer
    )
    return (*own, *outer)


def _verdict(rule: Rule, choice: Choice) -> tuple[Status, str]:
    """The first question that a rule fails, and how."""
    target, chosen, narrowest = choice.target, choice.rule, choice.narrowest
    if rule is chosen:
        return Status.CHOSEN, why_chosen(rule)
    if rule.device not in (None, target.device):
        return Status.OTHER_DEVICE, f"it is for {rule.device}"
    if is_inherited(rule) and choice.here and not is_inherited(choice.here[0]):
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
    mode = _mode(rule)
    if chosen is None or mode not in MODE_CHAIN[target.mode]:
        return Status.OTHER_MODE, f"{mode} never serves {target.mode}"
    better = _mode(chosen)
    return Status.LATER_MODE, f"{better} comes before {mode} for {target.mode}"


def why_chosen(rule: Rule) -> str:
    """What it means that a rule decides."""
    if rule.kernel is not None:
        return "it runs"
    if is_inherited(rule):
        return "it names no kernel: the model's own forward stays"
    return "it keeps the model's own forward"


def _why_covered(rule: Rule, choice: Choice) -> str:
    covering = choice.here[0]
    where = "every device" if covering.device is None else str(covering.device)
    says = f"the config names {where} for this layer"
    if all(one.kernel is None for one in choice.here):
        says = f"disabled by `original` for {where}"
    if standing_of(rule, choice.own) is Standing.REPLACED:
        return f"replaced: {says}"
    return f"shadowed: {says}, and has nothing for some of what this one serves"


def standing_of(entry: Rule, own: Sequence[Rule]) -> Standing:
    """What a config makes of one entry that it inherits.

    Args:
        entry: The inherited rule.
        own: What the config says of its layer.
    """
    if entry.device is None:
        message = f"an inherited rule names its device, unlike {quote(entry.route)}"
        raise ValueError(message)
    here = for_device(own, entry.layer_name, entry.device)
    if not here:
        return Standing.INHERITED
    mode = _mode(entry)
    modes = MODE_CHAIN if entry.kernel is None or mode is ModeName.FALLBACK else (mode,)
    for _, narrowest in winners(here, entry.device, entry.capabilities):
        if any(for_mode(narrowest, one) is None for one in modes):
            return Standing.SHADOWED
    return Standing.REPLACED


def winners(
    rules: Sequence[Rule], device: DeviceType, within: Capabilities | None = None
) -> Iterator[tuple[Capabilities, Sequence[Rule]]]:
    """The rules of the range that wins, for each stretch of capability in which nothing changes.

    What `for_capability` says of every capability, in one pass over the bounds.

    Args:
        rules: The rules of one layer for one device.
        device: The device; one without capabilities is a single stretch, for all the rules.
        within: The capabilities that are asked for; every one if left out.
    """
    if device not in CAPABILITY_DEVICES:
        yield within or Capabilities(), rules
        return
    by_range: dict[Capabilities, list[Rule]] = {}
    for rule in rules:
        by_range.setdefault(rule.capabilities, []).append(rule)
    stated = {capabilities: place for place, capabilities in enumerate(by_range)}
    to_come = sorted(by_range, reverse=True)
    holding: list[tuple[int, int, Capabilities]] = []
    for piece in pieces_of(by_range, within):
        while to_come and to_come[-1].lowest <= piece.lowest:
            begun = to_come.pop()
            heappush(holding, (begun.width, stated[begun], begun))
        while holding and not holding[0][-1].holds(piece.lowest):
            heappop(holding)
        yield piece, by_range[holding[0][-1]] if holding else ()


def pieces_of(
    ranges: Iterable[Capabilities], within: Capabilities | None = None
) -> list[Capabilities]:
    """Cut a range of capability where others begin or end: inside a piece nothing changes.

    >>> [str(piece) for piece in pieces_of([Capabilities(80, 89), Capabilities(90)])]
    ['capability 0 to 79', 'capability 80 to 89', 'capability 90 and above']
    """
    whole = within or Capabilities()
    starts = {whole.lowest}
    for one in ranges:
        starts |= {one.lowest, one.highest + 1}
    ordered = sorted(start for start in starts if whole.holds(start))
    ends = [*(start - 1 for start in ordered[1:]), whole.highest]
    return [Capabilities(start, end) for start, end in zip(ordered, ends, strict=True)]


def gaps_of(rules: Iterable[Rule]) -> tuple[Capabilities, ...]:
    """The capabilities between ranges that none of them holds."""
    gaps: list[Capabilities] = []
    reached: int | None = None
    for bounds in sorted({rule.capabilities for rule in rules}):
        if reached is not None and bounds.lowest > reached + 1:
            gaps.append(Capabilities(reached + 1, bounds.lowest - 1))
        reached = max(bounds.highest, -1 if reached is None else reached)
    return tuple(gaps)


def _mode(rule: Rule) -> ModeName:
    return rule.mode or ModeName.FALLBACK
