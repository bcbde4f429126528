"""Ranges of compute capability, and which of them exclude each other."""

from __future__ import annotations

import sys
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.alternatives import alternative
from kernel_schema.schema.arguments import plain_keys
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    DEVICE_NAMES,
    LOWEST_LIKELY,
    MAX_CAPABILITY,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
)
from kernel_schema.typeguards import is_table
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kernel_schema.schema.problems import Steps


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
        return self.lowest > 0 or self.highest < sys.maxsize

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

_RANGE_WORDS: Final = frozenset((*RANGE_KEYS, *SPEC_KEYS, *MODE_NAMES))
_WITHOUT_CAPABILITY: Final = frozenset(DEVICE_NAMES) - CAPABILITY_DEVICES


def bounds_problem(table: Mapping[Any, Any]) -> Problem | None:
    """A range that ends before it starts."""
    low, high = table.get("min_capability"), table.get("max_capability")
    if type(low) is not int or type(high) is not int or low <= high:
        return None
    stated = f"`min_capability` {quote(low)} is above `max_capability` {quote(high)}"
    message = f"{stated}: no device is in this range"
    if high == 0:
        return Problem("empty-capability-range", message)
    meant = {"min_capability": high, "max_capability": low}
    help_text, safe = "exchange them", False
    if high < LOWEST_LIKELY and low <= 10 * high:
        meant = {"max_capability": 10 * high}
        help_text, safe = f"capability {high}.0 is written {10 * high}", high < 10
    repair = Repair("replace", {**table, **meant}, up=1, safe=safe)
    return Problem("empty-capability-range", message, help_text, repair=repair)


def device_problems(table: Mapping[Any, Any]) -> Iterator[tuple[Steps, Problem]]:
    """Capability ranges under a device that has none, and ranges that exclude each other.

    Judged on the raw table, so that it is reported together with wrong values.
    """
    for key, value in table.items():
        if alternative(value) != "ranges":
            continue
        if key in CAPABILITY_DEVICES:
            yield from _clashing_ranges(key, value)
        elif key in _WITHOUT_CAPABILITY:
            devices = listing(sorted(CAPABILITY_DEVICES), "and")
            message = f"capability ranges are for {devices} only"
            help_text, repair = "write the kernel without a list", None
            if len(value) == 1 and is_table(value[0]):
                kernel = {name: item for name, item in value[0].items() if name not in RANGE_KEYS}
                repair = Repair("replace", kernel, safe=len(kernel) == len(value[0]))
            problem = Problem("capability-not-supported", message, help_text, repair=repair)
            yield (key,), problem


def _clashing_ranges(device: str, entries: Sequence[Any]) -> Iterator[tuple[Steps, Problem]]:
    """Ranges of one device between which kernels would choose at random.

    kernels takes the narrowest range that holds the capability, and among equally narrow ones the
    one with the lower memory address.
    """
    by_width: dict[int, list[int]] = {}
    firsts: dict[Capabilities, int] = {}
    # A list is mended once at a time.
    mendable = all(map(is_table, entries))
    for index, entry in enumerate(entries):
        own = _range_of(entry)
        if own is None:
            continue
        # Of equally wide ranges the nearest tells: where a farther one overlaps, it does too.
        starts = by_width.setdefault(own.width, [])
        nearest = bisect_left(starts, own.lowest)
        beside = starts[max(nearest - 1, 0) : nearest + 1]
        gaps = {abs(lowest - own.lowest): lowest for lowest in beside}
        gap = min(gaps, default=None)
        repair = None
        if gap == 0:
            message = f"two entries for {own}"
            help_text = "give one of them other bounds, or write both as modes of one entry"
            if mendable and (repair := _one_entry(entries, firsts[own], index)):
                help_text, mendable = "write both as one entry, with the modes of both", False
        else:
            starts.insert(nearest, own.lowest)
            firsts[own] = index
            if gap is None or gap > own.width:
                continue
            other = Capabilities(gaps[gap], gaps[gap] + own.width)
            message = f"{own} and {other} overlap and are equally wide"
            lower, end = min(own, other), max(own, other).lowest - 1
            help_text = f"write `max_capability: {end}` for {lower}, so that they meet"
            if mendable:
                place, mendable = index if lower == own else firsts[other], False
                ended = {**entries[place], RANGE_KEYS[1]: end}
                written = [*entries[:place], ended, *entries[place + 1 :]]
                repair = Repair("replace", written, up=1, safe=False)
        message += ": kernels would choose between them at random"
        yield (
            (device, index),
            Problem("overlapping-capability", message, help_text, repair=repair),
        )


def _one_entry(entries: Sequence[Any], first: int, second: int) -> Repair | None:
    """A list of tables in which two for one range are one, if they speak of different modes."""
    one, other = entries[first], entries[second]
    modes = [{key for key in each if key not in RANGE_KEYS} for each in (one, other)]
    if not modes[0].isdisjoint(modes[1]) or not (modes[0] | modes[1]).issubset(MODE_NAMES):
        return None
    kept = [*entries[:second], *entries[second + 1 :]]
    kept[first] = {**one, **other}
    return Repair("replace", kept, up=1)


def _range_of(entry: object) -> Capabilities | None:
    """The capabilities that an item of a list is for; None where it does not say so rightly."""
    if not is_table(entry):
        own = getattr(entry, "capabilities", None)
        return own if isinstance(own, Capabilities) else None
    if not _RANGE_WORDS.issuperset(entry):
        entry = plain_keys(entry)
    bounds = {key: entry[key] for key in RANGE_KEYS if key in entry}
    # What is misspelt may be a bound.
    if (
        not _RANGE_WORDS.issuperset(entry)
        or len(bounds) == len(entry)
        or not all(map(_is_capability, bounds.values()))
    ):
        return None
    lowest = bounds.get("min_capability", 0)
    highest = bounds.get("max_capability", sys.maxsize)
    return Capabilities(lowest, highest) if lowest <= highest else None


def _is_capability(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_CAPABILITY
