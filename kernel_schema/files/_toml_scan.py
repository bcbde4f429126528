"""Where things stand in a TOML text, and which of its keys are there twice.

tomllib gives values without positions, and stops at the first mistake. This scanner goes over the
same text for the positions. It takes for granted what tomllib has found good, and stops where it
does not understand.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.files._toml_library import decode_value
from kernel_schema.files.positions import Node
from kernel_schema.files.source import Findings, read_int
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_schema.diagnostics import Step

_BASIC = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_LITERAL = r"'[^'\n]*'"
TEXT = (
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*""""{0,2}'
    r"|'''[^']*(?:'(?!'')[^']*)*''''{0,2}"
    rf"|{_BASIC}|{_LITERAL}"
)
"""The pattern of a string of any of the four kinds; for use with `re.DOTALL`."""

_TEXT = re.compile(TEXT, re.DOTALL)
_PART = re.compile(rf"[A-Za-z0-9_-]+|{_BASIC}|{_LITERAL}")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_COMMA = re.compile(rf"{_GAP.pattern}(,)?{_GAP.pattern}")
_BLANKS = re.compile(r"[ \t]*")
_LINE_END = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_BARE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[^\s,\]}#]*|[^\s,\[\]{}#\"'=]+")
_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+")
_FLOAT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS = frozenset("-+0123456789")
_BASES = {"0x": 16, "0o": 8, "0b": 2}


class _Kind(Enum):
    """How a table came to be: that says what may be added to it."""

    VALUE = auto()  # it stands behind a `=`, and is complete
    SUPER = auto()  # named on the way of a header; may get a header of its own
    DOTTED = auto()  # named on the way of a dotted key
    TABLE = auto()  # has a header
    ARRAY = auto()  # has headers in double brackets


@dataclass(slots=True)
class _Place(Node):
    """A node that knows how it came to be."""

    kind: _Kind = _Kind.VALUE

    def child(self, step: Step) -> _Place | None:
        """What stands under a key, if it can be said to be a table or value of this scanner."""
        child = self.children.get(step) if self.children else None
        return child if isinstance(child, _Place) else None

    def add(self, step: Step, child: _Place) -> None:
        """Put something under a key."""
        if self.children is None:
            self.children = {}
        self.children[step] = child

    def append(self, child: _Place) -> None:
        """Put something at the end of a list."""
        self.add(len(self.children or ()), child)

    def newest(self) -> _Place:
        """The table that a header means when it names this on its way."""
        last = self.child(len(self.children or ()) - 1) if self.kind is _Kind.ARRAY else None
        return last or self


class _Part(NamedTuple):
    """One part of a dotted key."""

    name: str
    start: int
    end: int

    def hold(self, place: _Place) -> _Place:
        """Make this the key of a place."""
        place.key_start, place.key_end = self.start, self.end
        return place


class _StopError(Exception):
    """Something that the scanner does not understand."""


class Scanner:
    """Reads the positions of one TOML text.

    Args:
        text: The text, with brackets no deeper than `MAX_DEPTH`.
        found: What takes the problems: keys that are there twice, and numbers too large.

    Attributes:
        stopped: Where the scanner did not understand the text; -1 if it came to the end.
        brackets: From where to where brackets and braces go, those left open at the end last.
        edits: What to put in the place of what, for the problems to go away.
    """

    def __init__(self, text: str, found: Findings) -> None:
        self.stopped = -1
        self.brackets: list[tuple[int, int]] = []
        self.edits: list[tuple[int, int, str]] = []
        self._text = text
        self._found = found
        self._position = 0
        self._root = _Place(0, 0, kind=_Kind.TABLE)
        # The table that statements go into, and what ends where they end.
        self._table = self._root
        self._array: _Place | None = None
        self._open: list[int] = []

    def scan(self) -> Node:
        """The root of the positions, of as much as can be understood.

        Raises:
            ReadError: if there are too many problems.
        """
        text, root = self._text, self._root
        self._skip(_GAP)
        root.start = root.end = self._position
        try:
            while self._position < len(text):
                if text[self._position] == "[":
                    self._header()
                else:
                    self._pair(self._table)
                    self._table.end = self._position
                root.end = self._position
                if self._array is not None:
                    self._array.end = self._position
                self._end_line()
        except _StopError:
            self.stopped = self._position
            self.brackets.extend((start, len(text) + 1) for start in self._open)
        return root

    def _end_line(self) -> None:
        if not self._skip(_LINE_END):
            raise _StopError
        self._skip(_GAP)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._position)
        if match:
            self._position = match.end()
        return match is not None

    def _expect(self, sign: str) -> None:
        self._skip(_BLANKS)
        if not self._text.startswith(sign, self._position):
            raise _StopError
        self._position += len(sign)

    def _key(self) -> list[_Part]:
        parts: list[_Part] = []
        while match := _PART.match(self._text, self._position):
            name = match[0]
            if name[0] == "'" or (name[0] == '"' and "\\" not in name):
                name = name[1:-1]
            elif name[0] == '"':
                name = _decode(name)
            parts.append(_Part(name, match.start(), match.end()))
            self._position = match.end()
            if not self._skip(_DOT):
                return parts
        raise _StopError

    # Headers.

    def _header(self) -> None:
        start = self._position
        closing = "]]" if self._text.startswith("[[", start) else "]"
        self._position += len(closing)
        self._skip(_BLANKS)
        parts = self._key()
        self._expect(closing)
        self._array = None
        self._table = _Place(start, self._position, kind=_Kind.TABLE)
        outer = self._root
        for part in parts[:-1]:
            inner = outer.child(part.name)
            if inner is None:
                inner = part.hold(_Place(start, self._position, kind=_Kind.SUPER))
                outer.add(part.name, inner)
            elif inner.kind is _Kind.VALUE:
                self._refuse(parts, part, inner)
                return
            outer = inner.newest()
        last = parts[-1]
        old = outer.child(last.name)
        if closing == "]]":
            self._array_table(outer, parts, old)
        elif old is None:
            outer.add(last.name, last.hold(self._table))
        elif old.kind is _Kind.SUPER:
            old.kind, old.start, old.end = _Kind.TABLE, start, self._position
            self._table = last.hold(old)
        else:
            self._refuse(parts, last, old)

    def _array_table(self, outer: _Place, parts: Sequence[_Part], old: _Place | None) -> None:
        last = parts[-1]
        if old is None:
            old = last.hold(_Place(self._table.start, self._table.end, kind=_Kind.ARRAY))
            outer.add(last.name, old)
        elif old.kind is not _Kind.ARRAY:
            self._refuse(parts, last, old)
            return
        old.append(self._table)
        self._array = old

    def _refuse(self, parts: Sequence[_Part], part: _Part, old: _Place) -> None:
        """Report a key that cannot be there for one that is there already."""
        line = self._found.lines.point(old.key_start)[0]
        written = quote(self._text[part.start : part.end])
        message = f"the key {written} is here twice: first in line {line}"
        help_text = "remove one of the two"
        if part is not parts[-1]:
            message = f"{written} is complete in line {line}: nothing can be added to it here"
            help_text = "write it all in one place"
        self._found.add("duplicate-key", part.start, part.end, message, help_text)
        free_key = f'"\\u0000{len(self.edits)}"'
        self.edits.append((parts[0].start, parts[-1].end, free_key))

    # Keys with values.

    def _pair(self, table: _Place) -> None:
        parts = self._key()
        self._expect("=")
        self._skip(_BLANKS)
        value = self._value()
        for part, following in pairwise(parts):
            inner = table.child(part.name)
            if inner is None:
                inner = part.hold(_Place(following.start, value.end, kind=_Kind.DOTTED))
                table.add(part.name, inner)
            elif inner.kind is _Kind.SUPER:
                inner.kind = _Kind.DOTTED
            elif inner.kind is not _Kind.DOTTED:
                self._refuse(parts, part, inner)
                return
            table = inner
        last = parts[-1]
        old = table.child(last.name)
        if old is None:
            table.add(last.name, last.hold(value))
        else:
            self._refuse(parts, last, old)

    def _value(self) -> _Place:
        start = self._position
        char = self._text[start : start + 1]
        if char == "[":
            return self._list()
        if char == "{":
            return self._inline_table()
        match = (_TEXT if char in {'"', "'"} else _BARE).match(self._text, start)
        if match is None or (match[0] in {'""', "''"} and self._text.startswith(char * 3, start)):
            raise _StopError
        self._position = match.end()
        if char in _NUMBER_STARTS and match.end() - start > 1:
            self._check_range(match[0].replace("_", ""), start)
        return _Place(start, self._position)

    def _check_range(self, word: str, start: int) -> None:
        prefix = word[:2]
        if _INTEGER.fullmatch(word):
            digits = word[2:] if prefix in _BASES else word
            too_large, instead = read_int(digits, _BASES.get(prefix, 10)) is None, "0"
        elif _FLOAT.fullmatch(word):
            too_large, instead = math.isinf(float(word)), "0.0"
        else:
            return
        if too_large:
            end = self._position
            self._found.add("number-out-of-range", start, end, "this number is too large")
            self.edits.append((start, end, instead))

    def _list(self) -> _Place:
        place = self._opened()
        while not self._text.startswith("]", self._position):
            place.append(self._value())
            self._comma("]")
        return self._closed(place)

    def _inline_table(self) -> _Place:
        place = self._opened()
        while not self._text.startswith("}", self._position):
            self._pair(place)
            self._comma("}")
        return self._closed(place)

    def _opened(self) -> _Place:
        place = _Place(self._position, self._position)
        self._open.append(self._position)
        self._position += 1
        self._skip(_GAP)
        return place

    def _comma(self, closing: str) -> None:
        match = _COMMA.match(self._text, self._position)
        self._position = match.end() if match else self._position
        if not (match and match[1]) and not self._text.startswith(closing, self._position):
            raise _StopError

    def _closed(self, place: _Place) -> _Place:
        self._position += 1
        place.end = self._position
        self.brackets.append((self._open.pop(), self._position))
        return place


def _decode(written: str) -> str:
    try:
        return str(decode_value(written))
    except ValueError:
        raise _StopError from None
