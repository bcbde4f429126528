"""What a config says against itself and against what it inherits: a function for each question."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import groupby
from typing import TYPE_CHECKING

from kernel_schema.checks.refusals import untrusted_revision
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.schema.ranges import Capabilities
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType


def untrusted_revisions(situation: Situation) -> Iterator[Diagnostic]:
    """Revisions that anybody may have written: `untrusted-revision`."""
    return filter(None, map(untrusted_revision, situation.rules))


def crossing_ranges(situation: Situation) -> Iterator[Diagnostic]:
    """Ranges of one device that cross without one lying in the other: `crossing-capability`."""
    groups: dict[tuple[str, DeviceType | None], dict[Rule, None]] = {}
    for rule in situation.rules:
        if rule.capabilities.bounded:
            groups.setdefault((rule.layer_name, rule.device), {})[rule] = None
    for rules in groups.values():
        ranges = {rule.capabilities: rule for rule in reversed(rules)}
        for low, high in _crossings(sorted(ranges)):
            winner = min(low, high, key=lambda one: one.width)
            yield Diagnostic(
                "crossing-capability",
                f"{low} and {high} cross: where both hold, {winner} wins, being narrower",
                ranges[high].route,
                help="bound them so that they meet, or one lies inside the other",
                severity=Severity.WARNING,
            )


def _crossings(ordered: Iterable[Capabilities]) -> Iterator[tuple[Capabilities, Capabilities]]:
    """Each range, in their order, that begins inside one before it and ends beyond it.

    Of several such ranges before it the one that ends first is named.
    """
    ends: list[int] = []
    ending: dict[int, Capabilities] = {}
    for _, group in groupby(ordered, key=lambda one: one.lowest):
        together = tuple(group)
        for high in together:
            place = bisect_left(ends, high.lowest)
            if place < len(ends) and ends[place] < high.highest:
                yield ending[ends[place]], high
        for one in together:
            if one.highest not in ending:
                insort(ends, one.highest)
            ending[one.highest] = one


def hidden_inherited(situation: Situation) -> Iterator[Diagnostic]:
    """Plain entries that hide kernels which other devices inherit: `hides-inherited`."""
    inherited: dict[str, dict[str, None]] = {}
    for rule in situation.inherited:
        where = f"{rule.device} ({rule.capabilities})" if rule.capabilities.bounded else rule.device
        inherited.setdefault(rule.layer_name, {})[str(where)] = None
    for layer_name, rules in situation.by_layer.items():
        hidden = [
            where for where in inherited.get(layer_name, {}) if where != str(situation.device)
        ]
        if rules[0].device is None and hidden:
            yield Diagnostic(
                "hides-inherited",
                f"{quote(layer_name)} speaks for every device, and hides what is inherited for "
                f"{listing(hidden, 'and')}",
                Route(("kernel_mapping", layer_name), at_key=True),
                help="name the device to keep what is inherited for the others",
                severity=Severity.WARNING,
            )
