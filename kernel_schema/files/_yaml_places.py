"""The places of a YAML document, from the spans of its keys and values in the order of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kernel_schema.diagnostics import Step
    from kernel_schema.files.source import Value


class Spot:
    """The place of one value. What is in it is looked for when asked for: few places ever are.

    Args:
        value: The value.
        spans: Start and end of every key and value; those of a list or mapping come before those
            of what is in it.
        ends: By where the span of a list or mapping stands among the spans: where those of what is
            in it end.
        spot: Where the span of the value stands.
        key: Whether the span of a key stands before it.
    """

    __slots__ = (
        "_ends",
        "_spans",
        "_spot",
        "_under",
        "_value",
        "end",
        "key_end",
        "key_start",
        "start",
    )

    def __init__(
        self,
        value: Value,
        spans: Sequence[int],
        ends: Mapping[int, int],
        spot: int = 0,
        *,
        key: bool = False,
    ) -> None:
        self.start, self.end = spans[spot], spans[spot + 1]
        self.key_start, self.key_end = (spans[spot - 2], spans[spot - 1]) if key else (-1, -1)
        self._value = value
        self._spans = spans
        self._ends = ends
        self._spot = spot
        self._under: dict[Step, Spot] | None = None

    def under(self, step: Step) -> Spot | None:
        """The place of what stands under a key or list position, if there is such a thing."""
        if self._under is None:
            self._under = dict(self._find())
        return self._under.get(step)

    def _find(self) -> Iterator[tuple[Step, Spot]]:
        value, keyed = self._value, isinstance(self._value, dict)
        items: Iterable[tuple[Step, Value]] = ()
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        spot = self._spot + 2
        for step, item in items:
            spot += 2 * keyed
            yield step, Spot(item, self._spans, self._ends, spot, key=keyed)
            spot = self._ends.get(spot, spot + 2)
