"""The rules between keys: what must not stand together, and which ranges exclude each other."""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from kernel_schema.schema.capability import Capabilities
from kernel_schema.schema.kinds import is_table
from kernel_schema.schema.problems import located, problem
from kernel_schema.schema.references import HubRef, LocalRef, is_local
from kernel_schema.schema.shapes import shape
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    DEVICE_NAMES,
    MAX_CAPABILITY,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
)
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic_core import InitErrorDetails

    from kernel_schema.schema.problems import Loc

_PINS = ("version", "revision", "lockfile")
_HUB_ONLY = (*_PINS, "trust_remote_code")
_RANGE_WORDS = frozenset((*RANGE_KEYS, *SPEC_KEYS, *MODE_NAMES))
_WITHOUT_CAPABILITY = frozenset(DEVICE_NAMES) - CAPABILITY_DEVICES


def spec_conflicts(table: Mapping[str, Any], move: Callable[[Loc], Loc]) -> list[InitErrorDetails]:
    """At most one pin, and pins and trust for Hub kernels only.

    Judged on the raw table, so that it is reported together with wrong values.
    """
    options = [key for key in table if key in _HUB_ONLY]
    if not options:
        return []
    kernel = table.get("kernel")
    if isinstance(kernel, LocalRef) or (isinstance(kernel, str) and is_local(kernel)):
        return [
            located(
                move((key,)),
                problem(
                    "misplaced-option",
                    f"{quote(key)} is for kernels on the Hub, and {quote(kernel)} is on disk",
                    "leave it out: a local kernel is used as it is",
                    at_key=True,
                ),
                table[key],
            )
            for key in options
        ]
    pins = [key for key in options if key in _PINS]
    in_reference = _pin_in_reference(kernel)
    stated = [in_reference, *pins] if in_reference else pins
    if len(stated) < 2:
        return []
    error = problem(
        "conflicting-pins",
        f"{listing(stated, 'and')} pin one kernel: state at most one",
        f"remove all but one of {listing(stated, 'and')}",
        at_key=True,
    )
    return [located(move((pins[-1],)), error, table[pins[-1]])]


def _pin_in_reference(kernel: object) -> str | None:
    if isinstance(kernel, HubRef):
        pinned = kernel.version is not None or kernel.revision is not None
        return f"@{str(kernel).partition('@')[2].partition(':')[0]}" if pinned else None
    if isinstance(kernel, str) and "@" in kernel:
        return f"@{kernel.partition('@')[2].partition(':')[0]}"
    return None


def range_conflicts(table: Mapping[str, Any]) -> list[InitErrorDetails]:
    """A range that ends before it starts."""
    low, high = table.get("min_capability"), table.get("max_capability")
    if type(low) is not int or type(high) is not int or low <= high:
        return []
    error = problem(
        "empty-capability-range",
        f"`min_capability` {quote(low)} is above `max_capability` {quote(high)}: "
        "no device is in this range",
        "exchange them" if high > 0 else None,
    )
    return [located(("min_capability",), error, low)]


def device_conflicts(table: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
    """Capability ranges under a device that has none, and ranges that exclude each other.

    Judged on the raw table too. `table` may have keys that are no devices: not a matter of ranges.
    """
    for key, value in table.items():
        if shape(value) != "ranges":
            continue
        if key in CAPABILITY_DEVICES:
            yield from _clashing_ranges(key, value)
        elif key in _WITHOUT_CAPABILITY:
            error = problem(
                "capability-not-supported",
                f"capability ranges are for {listing(sorted(CAPABILITY_DEVICES), 'and')} only",
                "write the kernel without a list",
            )
            yield located((key,), error, value)


def _clashing_ranges(device: str, entries: Sequence[Any]) -> Iterator[InitErrorDetails]:
    """Ranges of one device between which kernels would choose at random.

    kernels takes the narrowest range that holds the capability, and among equally narrow ones the
    one with the lower memory address.
    """
    by_width: dict[int, list[int]] = {}
    for index, entry in enumerate(entries):
        own = _range_of(entry)
        if own is None:
            continue
        # Of equally wide ranges the nearest tells: where a farther one overlaps, it does too.
        starts = by_width.setdefault(own.width, [])
        place = bisect_left(starts, own.lowest)
        beside = starts[max(place - 1, 0) : place + 1]
        gaps = {abs(lowest - own.lowest): lowest for lowest in beside}
        gap = min(gaps, default=None)
        if gap == 0:
            message = f"two entries for {own}"
            help_text = "give one of them other bounds, or write both as modes of one entry"
        else:
            starts.insert(place, own.lowest)
            if gap is None or gap > own.width:
                continue
            other = Capabilities(gaps[gap], gaps[gap] + own.width)
            message = f"{own} and {other} overlap and are equally wide"
            help_text = "make one of them narrower: the narrower range wins"
        error = problem(
            "overlapping-capability",
            f"{message}: kernels would choose between them at random",
            help_text,
        )
        yield located((device, index), error, entry)


def _range_of(entry: object) -> Capabilities | None:
    """The capabilities that an item of a list is for; None where it does not say so rightly."""
    if not is_table(entry):
        own = getattr(entry, "capabilities", None)
        return own if isinstance(own, Capabilities) else None
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
