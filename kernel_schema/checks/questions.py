"""All questions to a situation, those that need no model among them, and their answers in order."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.cache import is_any_cached
from kernel_schema.checks.paths import missing_local_kernels, missing_lockfiles
from kernel_schema.checks.refusals import unknown_home, untrusted_revision
from kernel_schema.checks.unlikely import (
    folders_beside,
    unlikely_capabilities,
    unlikely_layer_names,
    unlikely_revisions,
)
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.routes import Step
    from kernel_schema.schema.ranges import Capabilities
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType


def ask(
    situation: Situation,
    *,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    further: Iterable[Diagnostic] = (),
) -> tuple[Diagnostic, ...]:
    """Find everything that is wrong in a situation; takes, gives and raises what `check` does.

    `further` is what others find in it.
    """
    answers = [*(question(situation) for question in _QUESTIONS), further]
    if situation.layers is not None:
        from kernel_schema.checks.model import MODEL_QUESTIONS

        of_model = (question(situation, situation.layers) for question in MODEL_QUESTIONS)
        answers = [*of_model, *answers]
    problems = list(islice(wanted(chain.from_iterable(answers), ignore, select), MAX_PROBLEMS + 1))
    if not problems:
        return ()
    order: dict[tuple[Step, ...], int] = {}
    for index, rule in enumerate(situation.rules):
        steps = rule.route.steps
        for end in range(2, len(steps) + 1):
            order.setdefault(steps[:end], index)

    def rank(diagnostic: Diagnostic) -> tuple[int, int]:
        """A key comes before what is under it; what has no place at all comes first."""
        return order.get(diagnostic.route.steps, -1), len(diagnostic.route.steps)

    ordered = sorted(problems[:MAX_PROBLEMS], key=rank)
    if len(problems) > MAX_PROBLEMS:
        last = ordered[-1].route
        ordered.append(Diagnostic("too-many-problems", TOO_MANY_PROBLEMS, last))
    return tuple(ordered)


def wanted(
    diagnostics: Iterable[Diagnostic], ignore: Collection[str], select: Collection[str] | None
) -> Iterator[Diagnostic]:
    """The diagnostics whose codes are asked for; takes and raises what `outside` does."""
    if not ignore and select is None:
        return iter(diagnostics)
    # Imported here: most calls want all of them.
    from kernel_schema.checks.selection import outside

    left_out = outside(ignore, select)
    return (diagnostic for diagnostic in diagnostics if diagnostic.code not in left_out)


def _lock_problems(situation: Situation) -> Iterator[Diagnostic]:
    """A lock that cannot be used, or lacks a kernel: `missing-lockfile`, `lock-out-of-step`."""
    return iter(situation.lock_problems)


def _untrusted_revisions(situation: Situation) -> Iterator[Diagnostic]:
    """Revisions that anybody may have written: `untrusted-revision`."""
    named = (rule for rule, kernel in situation.on_hub if kernel.revision)
    return filter(None, map(untrusted_revision, named))


def _unknown_homes(situation: Situation) -> Iterator[Diagnostic]:
    """Paths in homes of other users: `missing-local-kernel`, `missing-lockfile`."""
    local = (rule for rule, _ in situation.on_disk)
    locked = (rule for rule, kernel in situation.on_hub if kernel.lockfile)
    return filter(None, map(unknown_home, chain(local, locked)))


def _kernel_contracts(situation: Situation) -> Iterator[Diagnostic]:
    """What kernels will say of the code, where it is here to be read."""
    on_hub: set[str] = set()
    if situation.reads_cache:
        on_hub = {kernel.repo_id for _, kernel in situation.on_hub}
    if situation.on_disk or is_any_cached(on_hub):
        # Imported with what there is to read: not to check a file alone.
        from kernel_schema.checks.contract import kernel_contracts

        yield from kernel_contracts(situation)


def _crossing_ranges(situation: Situation) -> Iterator[Diagnostic]:
    """Ranges of one device that cross without one lying in the other: `crossing-capability`."""
    groups: dict[tuple[str, DeviceType | None], dict[Capabilities, Rule]] = {}
    for rule in situation.ranged:
        group = groups.setdefault((rule.layer_name, rule.device), {})
        group.setdefault(rule.capabilities, rule)
    for ranges in groups.values():
        for low, high in _crossings(sorted(ranges)):
            winner = min(low, high, key=attrgetter("width"))
            loser, bound = low, f"max_capability: {high.lowest - 1}"
            if winner == low:
                loser, bound = high, f"min_capability: {low.highest + 1}"
            yield Diagnostic(
                "crossing-capability",
                f"{low} and {high} cross: where both hold, {winner} wins, being narrower",
                ranges[high].route,
                f"write `{bound}` for {loser}, which says the same",
                Severity.WARNING,
            )


def _crossings(ordered: Iterable[Capabilities]) -> Iterator[tuple[Capabilities, Capabilities]]:
    """Each range, in their order, that begins inside one before it and ends beyond it.

    Of several such ranges before it the one that ends first is named.
    """
    ends: list[int] = []
    ending: dict[int, Capabilities] = {}
    for _, group in groupby(ordered, key=attrgetter("lowest")):
        together = tuple(group)
        for high in together:
            place = bisect_left(ends, high.lowest)
            if place < len(ends) and ends[place] < high.highest:
                yield ending[ends[place]], high
        for bounds in together:
            if bounds.highest not in ending:
                insort(ends, bounds.highest)
            ending[bounds.highest] = bounds


def _hidden_inherited(situation: Situation) -> Iterator[Diagnostic]:
    """Plain entries that hide kernels which other devices inherit: `hides-inherited`."""
    inherited: dict[str, dict[str, None]] = {}
    for rule in situation.inherited:
        where = f"{rule.device} ({rule.capabilities})" if rule.capabilities.bounded else rule.device
        inherited.setdefault(rule.layer_name, {})[str(where)] = None
    for layer_name, devices in inherited.items():
        rules = situation.by_layer.get(layer_name)
        hidden = [where for where in devices if where != str(situation.device)]
        if hidden and rules and rules[0].device is None:
            yield Diagnostic(
                "hides-inherited",
                f"{quote(layer_name)} speaks for every device, and hides what is inherited for "
                f"{listing(hidden, 'and')}",
                Route(("kernel_mapping", layer_name), at_key=True),
                help="name the device to keep what is inherited for the others",
                severity=Severity.WARNING,
            )


_QUESTIONS: Final[tuple[Callable[[Situation], Iterator[Diagnostic]], ...]] = (
    _lock_problems,
    _untrusted_revisions,
    unlikely_layer_names,
    unlikely_capabilities,
    unlikely_revisions,
    folders_beside,
    _unknown_homes,
    missing_local_kernels,
    missing_lockfiles,
    _kernel_contracts,
    _crossing_ranges,
    _hidden_inherited,
)
