"""Places in a text: lines and columns from offsets, and the place of every key and value."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Span, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Located:
    """Where a value stands, and its key.

    Args:
        key: The key, quotes included; None for the whole text and for items of a list.
        value: The value, quotes and brackets included.
    """

    key: Span | None
    value: Span


class LineIndex:
    r"""Turns offsets into a text to lines and columns.

    >>> LineIndex("a: 1\r\nbc: 2").span(6, 8)
    Span(line=2, column=1, end_line=2, end_column=3)
    """

    __slots__ = ("_starts", "length")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]

    def point(self, offset: int) -> tuple[int, int]:
        r"""The line and column of an offset.

        >>> LineIndex("a\nb").point(2)
        (2, 1)
        """
        offset = min(max(offset, 0), self.length)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        r"""The offset of a line and column; the end of the text where there is no such line.

        >>> LineIndex("a\nb").offset(2, 1)
        2
        """
        if not 1 <= line <= len(self._starts):
            return self.length
        return min(self._starts[line - 1] + column - 1, self.length)

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        return Span(*self.point(start), *self.point(max(start, end)))


@dataclass(slots=True)
class Node:
    """The place of a value, as offsets; those of its key are -1 where it has none.

    `children` holds the places of what is in a list or table.
    """

    start: int
    end: int
    key_start: int = -1
    key_end: int = -1
    children: dict[Step, Node] = field(default_factory=dict[Step, "Node"])

    @property
    def place(self) -> tuple[int, int]:
        """Where the key stands, or else the value."""
        return (self.start, self.end) if self.key_start < 0 else (self.key_start, self.key_end)

    def under(self, step: Step) -> Node | None:
        """The place of what stands under a key or list position, if there is such a thing."""
        return self.children.get(step)


class Positions:
    """The places of one text, worked out when first asked for."""

    __slots__ = ("_lines", "_root", "_scan", "text")

    def __init__(self, text: str, scan: Callable[[], Node]) -> None:
        self.text = text
        self._scan = scan
        self._root: Node | None = None
        self._lines: LineIndex | None = None

    def node(self, steps: Iterable[Step]) -> Node:
        """The place of the value at a route, or of the nearest one above it that there is."""
        if self._root is None:
            self._root = self._scan()
        node = self._root
        for step in steps:
            child = node.under(step)
            if child is None:
                break
            node = child
        return node

    def locate(self, steps: Iterable[Step]) -> Located:
        """The same in lines and columns."""
        if self._lines is None:
            self._lines = LineIndex(self.text)
        node = self.node(steps)
        key = None if node.key_start < 0 else self._lines.span(node.key_start, node.key_end)
        return Located(key, self._lines.span(node.start, node.end))
