"""Ranges of compute capability."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Capabilities:
    """A range of compute capabilities, both bounds included; 90 means 9.0.

    Args:
        lowest: 0 where nothing bounds it below.
        highest: `sys.maxsize` where nothing bounds it above, as kernels has it.

    >>> Capabilities(75, 89).holds(80), Capabilities(75, 89).holds(90)
    (True, False)
    >>> print(Capabilities(75, 89), Capabilities(90), Capabilities(90, 90), Capabilities())
    capability 75 to 89 capability 90 and above capability 90 every capability
    """

    lowest: int = 0
    highest: int = sys.maxsize

    def __str__(self) -> str:
        if not self.bounded:
            return "every capability"
        if self.highest == sys.maxsize:
            return f"capability {self.lowest} and above"
        if self.lowest == self.highest:
            return f"capability {self.lowest}"
        return f"capability {self.lowest} to {self.highest}"

    @property
    def width(self) -> int:
        """What kernels compares: the narrowest range that holds a capability wins."""
        return self.highest - self.lowest

    @property
    def bounded(self) -> bool:
        """Whether a bound is stated at all."""
        return self != EVERY_CAPABILITY

    @property
    def bounded_above(self) -> bool:
        """Whether there is an upper bound."""
        return self.highest < sys.maxsize

    def holds(self, capability: int) -> bool:
        """Whether `capability` lies in the range."""
        return self.lowest <= capability <= self.highest

    def overlaps(self, other: Capabilities) -> bool:
        """Whether any capability lies in both ranges."""
        return self.lowest <= other.highest and other.lowest <= self.highest


EVERY_CAPABILITY = Capabilities()
