"""Positions as editors count them: from 0, columns in units of the encoding that was agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kernel_schema.diagnostics import Span
from kernel_schema.files.text.lines import LineIndex

BYTE_ORDER_MARK: Final = "\ufeff"
_CODECS: Final = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

Point = tuple[int, int]
"""A line and a column, from 0, as an editor counts them."""


@dataclass(frozen=True)
class EditedText:
    """A text as it stands in an editor.

    Args:
        text: All of it, with its byte order mark if the editor keeps one.
        encoding: What columns count: units of `utf-8`, `utf-16` or `utf-32`.

    >>> text = EditedText("a: '🦙'  # llama", "utf-16")
    >>> text.offset((0, 6)), text.point(5), text.points(Span(1, 4, 1, 7))
    (5, (0, 6), ((0, 3), (0, 7)))
    """

    text: str
    encoding: str = "utf-16"

    @cached_property
    def _lines(self) -> LineIndex:
        return LineIndex(self.text)

    def line(self, number: int) -> str:
        """A line, counted from 0, without what ends it; "" where there is none."""
        start, end = self._lines.offset(number + 1, 1), self._lines.offset(number + 2, 1)
        return self.text[start:end].rstrip("\r\n")

    def offset(self, point: Point) -> int:
        """Where a point is in the text: the end of its line where that is shorter."""
        line, column = point
        if line < 0:
            return 0
        return self._lines.offset(line + 1, 1) + self._characters(self.line(line), column)

    def point(self, offset: int) -> Point:
        """The point of a place in the text."""
        line, column = self._lines.point(offset)
        return line - 1, self._units(self.line(line - 1)[: column - 1])

    def points(self, span: Span) -> tuple[Point, Point]:
        """Where a span begins and ends: spans count without the byte order mark."""
        return (
            self._point_of(span.line, span.column),
            self._point_of(span.end_line, span.end_column),
        )

    def place(self, point: Point) -> tuple[int, int]:
        """The line and the column, from 1 and in characters, as spans have them."""
        line, column = self._lines.point(self.offset(point))
        return line, max(1, column - self._shift(line))

    def with_change(self, start: Point, end: Point, new: str) -> EditedText:
        """The text with something else between two points."""
        begin, stop = sorted((self.offset(start), self.offset(end)))
        return EditedText(f"{self.text[:begin]}{new}{self.text[stop:]}", self.encoding)

    def _point_of(self, line: int, column: int) -> Point:
        return line - 1, self._units(self.line(line - 1)[: column - 1 + self._shift(line)])

    def _shift(self, line: int) -> int:
        return int(line == 1 and self.text.startswith(BYTE_ORDER_MARK))

    def _units(self, text: str) -> int:
        if text.isascii():
            return len(text)
        codec, width = _CODECS[self.encoding]
        return len(text.encode(codec, "surrogatepass")) // width

    def _characters(self, line: str, units: int) -> int:
        """How many characters of a line a number of units is; half a character is none."""
        if units <= 0:
            return 0
        if line.isascii():
            return min(units, len(line))
        codec, width = _CODECS[self.encoding]
        for count, char in enumerate(line):
            units -= len(char.encode(codec, "surrogatepass")) // width
            if units <= 0:
                return count + (units == 0)
        return len(line)
