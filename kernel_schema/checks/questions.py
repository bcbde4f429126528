"""All questions to a situation, and their answers in the order of the config."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from kernel_schema.checks.config import crossing_ranges, hidden_inherited, untrusted_revisions
from kernel_schema.checks.paths import missing_local_kernels, missing_lockfiles, unknown_homes
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.diagnostics import Step


def ask(
    situation: Situation, *, ignore: Collection[str] = (), select: Collection[str] | None = None
) -> tuple[Diagnostic, ...]:
    """Find everything that is wrong in a situation.

    Args:
        situation: What is known; questions that need a model are asked where there is one.
        ignore: Codes to leave out.
        select: Codes to report, all of them if left out.

    Returns:
        The problems in the order of the config, warnings among them. Where there are more than
        1,000, only so many are looked for, and the last one is `too-many-problems`.
    """
    answers = [question(situation) for question in _QUESTIONS]
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
    found: Iterable[Diagnostic], ignore: Collection[str], select: Collection[str] | None
) -> Iterator[Diagnostic]:
    """The diagnostics whose codes are asked for; takes what `ask` takes."""
    return (
        diagnostic
        for diagnostic in found
        if diagnostic.code not in ignore and (select is None or diagnostic.code in select)
    )


_QUESTIONS: Final[tuple[Callable[[Situation], Iterator[Diagnostic]], ...]] = (
    untrusted_revisions,
    unknown_homes,
    missing_local_kernels,
    missing_lockfiles,
    crossing_ranges,
    hidden_inherited,
)
