"""Lines and columns of a text, as editors count them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from kernel_schema.diagnostics import Span


class LineIndex:
    """Turns offsets into a text to lines and columns, as editors count them."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        # Of as many characters as before, each line ends with one that ends no other.
        lines = text.replace("\r\n", " \n").replace("\r", "\n").split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in lines[:-1])]

    def point(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset."""
        offset = min(max(offset, 0), self.length)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column; the end of the text where there is no such line."""
        if not 1 <= line <= len(self._starts):
            return self.length
        return min(self._starts[line - 1] + column - 1, self.length)

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        return Span(*self.point(start), *self.point(max(start, end)))
