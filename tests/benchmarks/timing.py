"""Times of two things side by side: they run in turn, so that a busy machine slows both alike."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from math import ceil
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Clock = Literal["CPU", "wall"]
"""Of this process alone, or of the clock on the wall where other processes are started."""

_CLOCKS: Final = {"CPU": process_time, "wall": perf_counter}
_SAMPLE: Final = 2e-3
"""Seconds of a sample, at least: what is shorter is run more than once for it."""
_FEWEST: Final = 7
_MOST: Final = 200


class Effort(NamedTuple):
    """How much is done for a figure.

    Args:
        seconds: How long each thing is measured, about; seven rounds are made in any case.
        tiny: Whether all sizes are tiny, to see that everything runs.
    """

    seconds: float = 3.0
    tiny: bool = False

    def size(self, full: int, tiny: int) -> int:
        """The size that counts."""
        return tiny if self.tiny else full

    def rounds(self, seconds: float) -> int:
        """How many rounds of so many seconds are made."""
        if self.tiny:
            return 2
        return min(max(int(self.seconds / max(seconds, 1e-9)), _FEWEST), _MOST)


class Spread(BaseModel, frozen=True):
    """A median with its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of two values or more."""
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(low=low, median=median(values), high=high)


def in_turn(
    candidates: Sequence[Callable[[], object]], effort: Effort, clock: Clock = "CPU"
) -> list[list[float]]:
    """The seconds of one call of each candidate, in rounds; each has run twice before."""
    now = _CLOCKS[clock]

    def sample(candidate: Callable[[], object], calls: int) -> float:
        started = now()
        for _ in range(calls):
            candidate()
        return (now() - started) / calls

    with _no_garbage_collection():
        for candidate in candidates:
            candidate()
        estimates = [sample(candidate, 1) for candidate in candidates]
        calls = [
            1 if effort.tiny else max(1, ceil(_SAMPLE / max(each, 1e-6))) for each in estimates
        ]
        a_round = sum(each * count for each, count in zip(estimates, calls, strict=True))
        times: list[list[float]] = [[] for _ in candidates]
        for _ in range(effort.rounds(a_round)):
            for candidate, count, own in zip(candidates, calls, times, strict=True):
                own.append(sample(candidate, count))
                gc.collect(0)
    return times


@contextmanager
def _no_garbage_collection() -> Generator[None]:
    """A collection would hit whichever happens to run."""
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
