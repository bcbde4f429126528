"""What the three readers share: spans, parsed text with positions, and the error they raise.

A reader turns a text into a `Parsed`: the plain value and, for every route into it, the place of
the key and of the value. What it cannot read, it refuses with a `ReadError` that carries every
problem found, in the order of the text.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.files.positions import LineIndex, Located, Positions
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime, time

    from kernel_schema.diagnostics import Span, Step

Value: TypeAlias = (
    "bool | int | float | str | date | datetime | time | list[Value] | dict[str, Value] | None"
)

MAX_DEPTH = 32
"""How many lists and mappings may stand inside one another, the outermost one included."""

MAX_DIGITS = 4300
"""How many digits an integer may have: what Python itself converts without being told to."""

_INT_LIMIT = 10**MAX_DIGITS

_ASCII_ALLOWED = bytes((9, 10, 13, *range(32, 127)))
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARK = "\ufeff"
# The first byte of U+0080 to U+00BF, and of everything from U+F000 to U+FFFF.
_SUSPECT_BYTES = (b"\xc2", b"\xef\xbf")


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """One reason why a text cannot be read.

    Args:
        code: What kind of problem it is, in kebab-case; stable.
        message: What is wrong, in one line.
        span: Where.
        help: What to do about it, where that can be said.
    """

    code: str
    message: str
    span: Span
    help: str | None = None


class ReadError(ValueError):
    """A text that cannot be read.

    Args:
        problems: Everything that was found, in the order of the text.

    >>> from kernel_schema.diagnostics import Span
    >>> error = ReadError([ReadProblem("syntax-error", "a ',' is missing", Span(3, 7, 3, 8))])
    >>> print(error)
    3:7: a ',' is missing
    """

    def __init__(self, problems: Iterable[ReadProblem]) -> None:
        self.problems: tuple[ReadProblem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(
            printable(f"{problem.span.line}:{problem.span.column}: {problem.message}")
            for problem in self.problems
        )


class Parsed:
    """A text that was read: its value, and the position of every key and value in it.

    Args:
        value: What the text says, as plain Python values.
        positions: The places of the text.
        steps: The route to `value` in the text, for a view of a part of it.
    """

    __slots__ = ("_positions", "_steps", "value")

    def __init__(self, value: Value, positions: Positions, steps: tuple[Step, ...] = ()) -> None:
        self.value = value
        self._positions = positions
        self._steps = steps

    def locate(self, steps: Iterable[Step] = ()) -> Located:
        """The positions of the key and the value at a route.

        Args:
            steps: Keys and list positions (from 0), outermost first.

        Returns:
            The place of that value. Where the route leads nowhere, the place of the nearest value
            above it; where the format gives a parent no place of its own (a dotted key of TOML),
            the nearest one that there is.

        >>> from kernel_schema.files.json import read_json
        >>> parsed = read_json('{"a": [10, 20]}')
        >>> parsed.locate(("a",)).key
        Span(line=1, column=2, end_line=1, end_column=5)
        >>> parsed.locate(("a", 1)).value
        Span(line=1, column=12, end_line=1, end_column=14)
        """
        return self._positions.locate((*self._steps, *steps))

    def sub(self, steps: Iterable[Step]) -> Parsed | None:
        r"""The view of one value inside this one.

        Args:
            steps: The route to it.

        Returns:
            A `Parsed` with that value, whose `locate` takes routes that begin there, or None if
            there is no such value.

        >>> from kernel_schema.files.toml import read_toml
        >>> parsed = read_toml("[tool.kernel-schema]\ninherit_mapping = true")
        >>> table = parsed.sub(("tool", "kernel-schema"))
        >>> table.value
        {'inherit_mapping': True}
        >>> table.locate(("inherit_mapping",)).key
        Span(line=2, column=1, end_line=2, end_column=16)
        >>> parsed.sub(("tool", "other")) is None
        True
        """
        steps = tuple(steps)
        value = self.value
        for step in steps:
            if isinstance(value, dict) and isinstance(step, str):
                if step not in value:
                    return None
                value = value[step]
            elif isinstance(value, list) and isinstance(step, int):
                if not 0 <= step < len(value):
                    return None
                value = value[step]
            else:
                return None
        return Parsed(value, self._positions, (*self._steps, *steps))


class Findings:
    """The problems of one text, as they are found."""

    __slots__ = ("_found", "_lines", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: LineIndex | None = None
        self._found: list[tuple[int, int, str, str, str | None]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def lines(self) -> LineIndex:
        """The lines of the text."""
        if self._lines is None:
            self._lines = LineIndex(self._text)
        return self._lines

    def add(
        self, code: str, start: int, end: int, message: str, help_text: str | None = None
    ) -> None:
        """Note a problem of the text between two offsets.

        Raises:
            ReadError: if there are too many to go on.
        """
        if len(self._found) == MAX_PROBLEMS:
            self._found.append((start, start, "too-many-problems", TOO_MANY_PROBLEMS, None))
            raise self.error()
        self._found.append((start, end, code, message, help_text))

    def drop_from(self, offset: int) -> None:
        """Forget the problems that begin at an offset or behind it."""
        self._found = [found for found in self._found if found[0] < offset]

    def error(self) -> ReadError:
        """The error that carries all problems so far, in the order of the text."""
        return ReadError(
            ReadProblem(code, message, self.lines.span(start, end), help_text)
            for start, end, code, message, help_text in dict.fromkeys(
                sorted(self._found, key=_place)
            )
        )

    def raise_if_any(self) -> None:
        """End the reading if there is a problem.

        Raises:
            ReadError: with all of them.
        """
        if self._found:
            raise self.error()


def _place(found: tuple[int, int, str, str, str | None]) -> tuple[int, int]:
    return found[0], found[1]


def prepare(text: str) -> str:
    """The text without its byte order mark, once it is known to hold no forbidden character.

    Raises:
        ReadError: for control characters, U+FFFE, U+FFFF, half surrogate pairs and a second byte
            order mark at the start.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if not _is_clean(text):
        found = Findings(text)
        report_matches(found, _FORBIDDEN, text, "it has no place in a config file: remove it")
        for match in _SURROGATE.finditer(text):
            message = f"half a surrogate pair (U+{ord(match[0]):04X}) is no character"
            found.add("lone-surrogate", *match.span(), message, "remove it")
        if text.startswith(_BYTE_ORDER_MARK):
            message = "a second byte order mark (U+FEFF)"
            found.add("forbidden-character", 0, 1, message, "remove it")
        raise found.error()
    return text


def _is_clean(text: str) -> bool:
    # Fast, since every good text comes through here: a search by pattern costs half of json.loads.
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return False
    if text.isascii():
        return not raw.translate(None, _ASCII_ALLOWED)
    if raw.translate(_CONTROL_TO_NUL).find(b"\0") >= 0 or text.startswith(_BYTE_ORDER_MARK):
        return False
    suspect = any(part in raw for part in _SUSPECT_BYTES)
    return not (suspect and _FORBIDDEN.search(text))


_CONTROL_TO_NUL = bytes(
    0 if byte == 127 or (byte < 32 and byte not in b"\t\n\r") else 1 for byte in range(256)
)


def report_matches(found: Findings, pattern: re.Pattern[str], text: str, help_text: str) -> None:
    """Note each character that a pattern finds as one that must not stand there."""
    for match in pattern.finditer(text):
        message = f"the character U+{ord(match[0]):04X} is not allowed here"
        found.add("forbidden-character", *match.span(), message, help_text)


def read_int(digits: str, base: int = 10) -> int | None:
    """The integer that a literal without prefix stands for; None if it is beyond all limits.

    >>> read_int("-12"), read_int("ff", 16), read_int("9" * 5000)
    (-12, 255, None)
    """
    if len(digits) > MAX_DIGITS + digits.startswith(("-", "+")):
        return None
    try:
        number = int(digits, base)
    except ValueError:  # somebody lowered Python's own limit
        return None
    return number if in_range(number) else None


def in_range(number: int) -> bool:
    """Whether an integer is small enough to be written out.

    >>> in_range(10**100), in_range(1 << 20_000)
    (True, False)
    """
    return -_INT_LIMIT < number < _INT_LIMIT


def digits_are_capped() -> bool:
    """Whether `int()` itself refuses literals that are too long for `read_int`."""
    limit = getattr(sys, "get_int_max_str_digits", lambda: 0)()
    return 0 < limit <= MAX_DIGITS
