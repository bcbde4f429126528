"""Stretches of compute capability: where ranges begin and end, and what they leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.schema.ranges import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable


def pieces_of(
    ranges: Iterable[Capabilities], within: Capabilities | None = None
) -> list[Capabilities]:
    """Cut a range of capability where others begin or end: inside a piece nothing changes.

    >>> [str(piece) for piece in pieces_of([Capabilities(80, 89), Capabilities(90)])]
    ['capability 0 to 79', 'capability 80 to 89', 'capability 90 and above']
    """
    whole = within or Capabilities()
    starts = {whole.lowest}
    for bounds in ranges:
        starts |= {bounds.lowest, bounds.highest + 1}
    ordered = sorted(start for start in starts if whole.holds(start))
    ends = [*(start - 1 for start in ordered[1:]), whole.highest]
    return [Capabilities(start, end) for start, end in zip(ordered, ends, strict=True)]


def gaps_of(ranges: Iterable[Capabilities]) -> tuple[Capabilities, ...]:
    """The capabilities between ranges that none of them holds.

    >>> [str(gap) for gap in gaps_of([Capabilities(90), Capabilities(75, 80)])]
    ['capability 81 to 89']
    """
    gaps: list[Capabilities] = []
    reached: int | None = None
    for bounds in sorted(set(ranges)):
        if reached is not None and bounds.lowest > reached + 1:
            gaps.append(Capabilities(reached + 1, bounds.lowest - 1))
        reached = max(bounds.highest, -1 if reached is None else reached)
    return tuple(gaps)
