"""The search for what is guilty, of things that are on or off: pure, and frugal with questions.

It holds that whatever is bad stays so when more is on. Then the shortest beginning of the list that
is bad ends with a guilty one, and a binary search finds it. If that is not bad alone, it is with
others before it: the shortest beginning that is bad beside it ends with the next, and so on. Last,
all but the guilty are asked for. For `n` that makes at most `ceil(log2(n)) + 2` questions beyond
those of all and of none for a single guilty one, and `2 * ceil(log2(n)) + 4` for a pair: 8 and 16
of 40.

An answer that breaks what is held, because it is not always the same or because two faults cancel
each other, is a `Contradiction`: nothing is named then.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Things: TypeAlias = "frozenset[int]"
"""What is on, by number."""


class Answer(str, Enum):
    """What came of a trial.

    GOOD: All is well.
    BAD: Something is wrong.
    UNKNOWN: It cannot be told.
    """

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class Contradiction(Exception):  # noqa: N818 (an answer, not an error)
    """Bad with some on, and good with the same and more."""

    def __init__(self, bad: Things, good: Things) -> None:
        super().__init__(bad, good)
        self.bad = bad
        self.good = good


class Undecided(Exception):  # noqa: N818 (an answer, not an error)
    """It could not be told often enough; the guilty, or one of them, is among the suspects."""

    def __init__(self, suspects: Things) -> None:
        super().__init__(suspects)
        self.suspects = suspects


class Guilty(NamedTuple):
    """What is bad, together only if there are several.

    `more` tells whether something else is guilty too: it is bad without these. None if that cannot
    be told.
    """

    things: tuple[int, ...]
    more: bool | None


class _Memory:
    """Asks each question once, and stops at a contradiction."""

    def __init__(self, ask: Callable[[Things], Answer], known: dict[Things, Answer]) -> None:
        self._ask = ask
        self._answers = known

    def __call__(self, on: Things) -> Answer:
        if on not in self._answers:
            self._answers[on] = self._ask(on)
            self._hold_together()
        return self._answers[on]

    def _hold_together(self) -> None:
        by_answer = {
            answer: [on for on, given in self._answers.items() if given is answer]
            for answer in Answer
        }
        for bad in by_answer[Answer.BAD]:
            for good in by_answer[Answer.GOOD]:
                if bad <= good:
                    raise Contradiction(bad, good)


def search(count: int, ask: Callable[[Things], Answer]) -> Guilty:
    """Find what is guilty among things of which all together are bad, and none is good.

    Args:
        count: How many there are; their numbers begin with 0.
        ask: Tells what comes of it when these are on. It is not asked for all, nor for none.

    Raises:
        Contradiction, Undecided: Where the answers name nothing.

    >>> search(40, lambda on: Answer.BAD if {3, 17} <= on else Answer.GOOD)
    Guilty(things=(3, 17), more=False)
    """
    everything = frozenset(range(count))
    answer = _Memory(ask, {everything: Answer.BAD, frozenset(): Answer.GOOD})
    guilty: frozenset[int] = frozenset()
    length = count
    while not guilty or answer(guilty) is not Answer.BAD:
        if guilty and answer(guilty) is Answer.UNKNOWN:
            raise Undecided(guilty | frozenset(range(length)))
        thing, length = _next(length, guilty, answer)
        guilty |= {thing}
    if len(guilty) > 1:
        # That each alone is good follows from the answers so far; of a pair it is asked.
        for thing in guilty:
            answer(frozenset({thing}))
    rest = answer(everything - guilty)
    more = None if rest is Answer.UNKNOWN else rest is Answer.BAD
    return Guilty(tuple(sorted(guilty)), more)


def _next(bad: int, beside: Things, answer: Callable[[Things], Answer]) -> tuple[int, int]:
    """A thing that makes a good beginning bad, beside some others, and how long that is."""
    good = 0
    while bad - good > 1:
        for length in _from_the_middle(good, bad):
            given = answer(frozenset(range(length)) | beside)
            if given is Answer.BAD:
                bad = length
            elif given is Answer.GOOD:
                good = length
            else:
                continue
            break
        else:
            return _any_of(good, bad, beside, answer), good
    return bad - 1, good


def _any_of(good: int, bad: int, beside: Things, answer: Callable[[Things], Answer]) -> int:
    """The same where nothing can be told of what lies between: each thing by itself."""
    for beginning in (range(good), ()):
        for thing in range(good, bad):
            if answer(frozenset((*beginning, thing)) | beside) is Answer.BAD:
                return thing
    raise Undecided(frozenset(range(bad)) | beside)


def _from_the_middle(low: int, high: int) -> Iterator[int]:
    """The numbers between two, the middle one first."""
    middle = (low + high) // 2
    return iter(sorted(range(low + 1, high), key=lambda number: abs(number - middle)))
