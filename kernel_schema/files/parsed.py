"""What the three readers share: a text that was read, and the error for one that cannot be.

A reader turns a text into a `Parsed`: the plain value and, for every route into it, the place of
the key and of the value. What it cannot read, it refuses with a `ReadError` that carries every
problem found, in the order of the text.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

from kernel_schema.diagnostics import Diagnostic, in_file_order
from kernel_schema.files.positions import LineIndex
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime, time

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Step
    from kernel_schema.files.positions import Located, Positions

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
_CONTAINERS = frozenset((dict, list))
_BYTE_ORDER_MARK = "\ufeff"


class ReadError(ValueError):
    """A text that cannot be read.

    Args:
        problems: Everything that was found, in the order of the text; their file is not known here.

    >>> from kernel_schema.diagnostics import Span
    >>> problem = Diagnostic("syntax-error", "a ',' is missing", span=Span(3, 7, 3, 8))
    >>> print(ReadError([problem]))
    3:7: a ',' is missing
    """

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems: tuple[Diagnostic, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(
            printable(f"{problem.span.line}:{problem.span.column}: {problem.message}")
            for problem in self.problems
            if problem.span is not None
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
        """The places of the key and the value at a route, or at the nearest one above it.

        Args:
            steps: Keys and list positions (from 0), outermost first.

        >>> from kernel_schema.files.json import read_json
        >>> parsed = read_json('{"a": [10, 20]}')
        >>> parsed.locate(("a",)).key
        Span(line=1, column=2, end_line=1, end_column=5)
        >>> parsed.locate(("a", 1)).value
        Span(line=1, column=12, end_line=1, end_column=14)
        """
        return self._positions.locate((*self._steps, *steps))

    def sub(self, steps: Iterable[Step]) -> Parsed | None:
        r"""The value at a route as if it were all: routes begin there; None if there is none.

        >>> from kernel_schema.files.toml import read_toml
        >>> table = read_toml("[tool.kernel-schema]\ninherit_mapping = true").sub(["tool"])
        >>> table.value
        {'kernel-schema': {'inherit_mapping': True}}
        >>> table.locate(("kernel-schema", "inherit_mapping")).key
        Span(line=2, column=1, end_line=2, end_column=16)
        """
        steps = tuple(steps)
        value = cast("Any", self.value)
        for step in steps:
            if not _holds(value, step):
                return None
            value = value[step]
        return Parsed(value, self._positions, (*self._steps, *steps))


class Findings:
    """The problems of one text, as they are found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: list[Diagnostic] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @cached_property
    def lines(self) -> LineIndex:
        """The lines of the text."""
        return LineIndex(self.text)

    def add(
        self, code: Code, start: int, end: int, message: str, help_text: str | None = None
    ) -> None:
        """Note a problem of the text between two offsets.

        Raises:
            ReadError: if there are too many to go on.
        """
        if len(self._found) == MAX_PROBLEMS:
            span = self.lines.span(start, start)
            self._found.append(Diagnostic("too-many-problems", TOO_MANY_PROBLEMS, span=span))
            raise self.error()
        span = self.lines.span(start, end)
        self._found.append(Diagnostic(code, message, help=help_text, span=span))

    def add_syntax(self, start: int, end: int, message: str, help_text: str | None = None) -> None:
        """Note that the text is not of its format."""
        self.add("syntax-error", start, end, message, help_text)

    def add_twice(self, start: int, end: int, first: int) -> None:
        """Note a key that is there twice, the first of them at an offset."""
        written, line = self.text[start:end], self.lines.point(first)[0]
        message = f"the key {quote(written)} is here twice: first in line {line}"
        self.add("duplicate-key", start, end, message, "remove one of the two")

    def add_characters(self, pattern: re.Pattern[str], help_text: str) -> None:
        """Note each character that a pattern finds as one that must not stand there."""
        for match in pattern.finditer(self.text):
            message = f"the character U+{ord(match[0]):04X} is not allowed here"
            self.add("forbidden-character", *match.span(), message, help_text)

    def too_deep(self, start: int, end: int) -> NoReturn:
        """Give up on a text with too many levels.

        Raises:
            ReadError: always.
        """
        message = f"more than {MAX_DEPTH} lists and tables inside one another"
        self.add("too-deep", start, end, message)
        raise self.error()

    def refuse_depth(self, pieces: re.Pattern[str]) -> NoReturn:
        """Give up on a text that has used up Python's stack: say which bracket stands too deep.

        Args:
            pieces: Finds strings and comments whole, and each bracket and brace elsewhere.

        Raises:
            ReadError: always.
        """
        depth = 0
        for match in pieces.finditer(self.text):
            if match[0] in {"[", "{"}:
                depth += 1
                if depth > MAX_DEPTH:
                    self.too_deep(*match.span())
            elif match[0] in {"]", "}"}:
                depth -= 1
        # The stack was nearly used up by others.
        self.too_deep(0, min(1, len(self.text)))

    def error(self) -> ReadError:
        """The error that carries all problems so far, in the order of the text."""
        return ReadError(dict.fromkeys(in_file_order(self._found)))

    def raise_if_any(self) -> None:
        """End the reading if there is a problem.

        Raises:
            ReadError: with all of them.
        """
        if self._found:
            raise self.error()


def prepare(text: str) -> str:
    """The text without its byte order mark, once it is known to hold no forbidden character.

    Raises:
        ReadError: for control characters, U+FFFE, U+FFFF, half surrogate pairs and a second byte
            order mark at the start.
    """
    # Nearly every text is ASCII, where this is faster than a pattern.
    if text.isascii() and not text.encode().translate(None, _ASCII_ALLOWED):
        return text
    text = text.removeprefix(_BYTE_ORDER_MARK)
    found = Findings(text)
    found.add_characters(_FORBIDDEN, "it has no place in a config file: remove it")
    for match in _SURROGATE.finditer(text):
        message = f"half a surrogate pair (U+{ord(match[0]):04X}) is no character"
        found.add("lone-surrogate", *match.span(), message, "remove it")
    if text.startswith(_BYTE_ORDER_MARK):
        message = "a second byte order mark (U+FEFF)"
        found.add("forbidden-character", 0, 1, message, "remove it")
    found.raise_if_any()
    return text


def _holds(value: object, step: Step) -> bool:
    """Whether something stands at a key or position; every item of a long list may be asked for."""
    if isinstance(value, list):
        return isinstance(step, int) and 0 <= step < len(cast("list[object]", value))
    return isinstance(value, dict) and step in cast("dict[object, object]", value)


def items(value: Value) -> dict[Step, Value]:
    """What is in a list or table, by position or key; nothing is in another value.

    >>> items(["a"]), items({"b": 1}), items("c")
    ({0: 'a'}, {'b': 1}, {})
    """
    if isinstance(value, dict):
        return cast("dict[Step, Value]", value)
    return {**dict(enumerate(value))} if isinstance(value, list) else {}


def is_deep(value: Value) -> bool:
    """Whether more lists and tables stand inside one another than may."""
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        # All of a large value comes through here: a look at the class is the fastest.
        level = [
            item
            for outer in level
            for item in (outer.values() if outer.__class__ is dict else outer)
            if item.__class__ in _CONTAINERS
        ]
        if not level:
            return False
    return True


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
