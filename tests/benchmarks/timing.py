"""Side by side timing: everything compared runs in turn, so that a busy machine slows all alike."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def medians(candidates: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of each candidate, all of them run in turn `rounds` times.

    Args:
        candidates: What to time; each is run once more before, unmeasured.
        rounds: How often.
    """
    for candidate in candidates:
        candidate()
    times: list[list[float]] = [[] for _ in candidates]
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for candidate, own in zip(candidates, times, strict=True):
                started = perf_counter()
                candidate()
                own.append(perf_counter() - started)
                gc.collect(0)
    finally:
        if was_enabled:
            gc.enable()
    return [median(own) for own in times]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        what: What is compared.
        ours: Seconds.
        theirs: Seconds of what it is compared with.
        target: What the ratio must not exceed, or with `at_least` must reach; None for no target.
        at_least: Whether the ratio is theirs to ours, and more is better.
    """

    what: str
    ours: float
    theirs: float
    target: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Ours to theirs, or theirs to ours where more is better."""
        return self.theirs / self.ours if self.at_least else self.ours / self.theirs

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        if self.target is None:
            return True
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "ok" if self.holds else "MISSED"
        wanted = "" if self.target is None else f"{sign} {self.target:g}  {verdict}"
        times = f"{_shown(self.ours):>10} {_shown(self.theirs):>10}"
        return f"{self.what:<58} {times} {self.ratio:>8.2f}  {wanted}".rstrip()


HEADING = f"{'':<58} {'ours':>10} {'theirs':>10} {'ratio':>8}  target"


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"
