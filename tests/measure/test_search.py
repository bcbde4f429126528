"""The search for what is guilty, over every single thing and every pair."""

from __future__ import annotations

from itertools import chain, combinations
from math import ceil, log2
from random import Random
from typing import TYPE_CHECKING

import pytest

from kernel_schema.measure.bisecting.search import (
    Answer,
    Contradiction,
    Guilty,
    Undecided,
    search,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.measure.bisecting.search import Things

BAD, GOOD, UNKNOWN = Answer.BAD, Answer.GOOD, Answer.UNKNOWN


class Bench:
    """Answers by what is guilty, and counts."""

    def __init__(
        self, *guilty: Iterable[int], unknown: Callable[[Things], bool] | None = None
    ) -> None:
        self.guilty = [frozenset(each) for each in guilty]
        self.unknown = unknown
        self.asked: list[Things] = []

    def __call__(self, on: Things) -> Answer:
        self.asked.append(on)
        if self.unknown is not None and self.unknown(on):
            return UNKNOWN
        return BAD if any(each <= on for each in self.guilty) else GOOD


def most_asked(count: int, size: int) -> int:
    """How often it is asked at most, over every set of that size; each is found."""
    most = 0
    for things in combinations(range(count), size):
        bench = Bench(things)
        assert search(count, bench) == Guilty(things, more=False)
        assert len(set(bench.asked)) == len(bench.asked)
        assert frozenset(range(count)) not in bench.asked
        assert frozenset() not in bench.asked
        most = max(most, len(bench.asked))
    return most


def test_one_of_40_in_8_and_a_pair_in_20() -> None:
    assert most_asked(40, 1) <= 8
    assert most_asked(40, 2) == 16


def test_what_the_module_promises_of_other_numbers() -> None:
    for count in range(1, 12):
        assert most_asked(count, 1) <= ceil(log2(count)) + 2
        assert most_asked(count, 2) <= 2 * ceil(log2(count)) + 4


def test_more_than_a_pair_is_named_too() -> None:
    for size in (3, 4, 5):
        assert most_asked(6, size) > 0


def test_of_several_causes_one_is_named_and_more_are_told() -> None:
    pool = list(chain(combinations(range(6), 1), combinations(range(6), 2)))
    for one, other in combinations(pool, 2):
        found = search(6, Bench(one, other))
        assert found.things in {one, other}
        left = [each for each in (one, other) if not set(each) & set(found.things)]
        assert found.more is bool(left)


def outcome(count: int, ask: Callable[[Things], Answer]) -> Guilty | Contradiction | Undecided:
    try:
        return search(count, ask)
    except (Contradiction, Undecided) as answer:
        return answer


def test_what_cannot_be_told_names_nobody_wrong() -> None:
    """Whatever questions stay without an answer: the guilty are named, or among the suspects."""
    named = 0
    for seed in range(300):
        chance = Random(seed)  # noqa: S311 (no secret)
        guilty = chance.sample(range(9), chance.choice([1, 2]))
        silent: dict[Things, bool] = {}

        def unknown(
            on: Things, silent: dict[Things, bool] = silent, chance: Random = chance
        ) -> bool:
            return silent.setdefault(on, chance.random() < 0.4)

        found = outcome(9, Bench(guilty, unknown=unknown))
        if isinstance(found, Guilty):
            assert found.things == tuple(sorted(guilty))
            named += 1
        else:
            assert isinstance(found, Undecided)
            assert found.suspects & set(guilty)
    assert named > 100


def test_a_trial_that_cannot_be_told_is_passed_by() -> None:
    assert search(8, Bench([3], unknown=lambda on: on == frozenset(range(4)))).things == (3,)
    with pytest.raises(Undecided) as caught:
        search(8, Bench([3], unknown=lambda on: 3 in on))
    assert 3 in caught.value.suspects


def test_answers_that_contradict_each_other_name_nobody() -> None:
    """Whatever is named of answers by chance, no answer speaks against it."""
    contradictions = 0
    for seed in range(200):
        chance = Random(seed)  # noqa: S311 (no secret)
        given: dict[Things, Answer] = {frozenset(range(12)): BAD, frozenset(): GOOD}

        def ask(on: Things, given: dict[Things, Answer] = given, chance: Random = chance) -> Answer:
            return given.setdefault(on, chance.choice([BAD, GOOD]))

        found = outcome(12, ask)
        if isinstance(found, Contradiction):
            assert found.bad < found.good
            assert (given[found.bad], given[found.good]) == (BAD, GOOD)
            contradictions += 1
            continue
        assert isinstance(found, Guilty)
        guilty = frozenset(found.things)
        assert given[guilty] is BAD
        assert (given[frozenset(range(12)) - guilty] is BAD) is found.more
        for on, answer in given.items():
            assert (answer is BAD) or not guilty <= on
            assert (answer is GOOD) or not on < guilty
    assert contradictions > 20


def test_two_faults_that_cancel_each_other_are_a_contradiction() -> None:
    def ask(on: Things) -> Answer:  # 2 undoes what 1 does, but for 6
        return BAD if (1 in on) is not (2 in on) or {1, 2, 6} <= on else GOOD

    with pytest.raises(Contradiction) as caught:
        search(8, ask)
    assert caught.value.bad == {1}
