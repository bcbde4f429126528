"""What the three readers share: a text that was read with its places, and what cannot be read.

A reader turns a text into a `Parsed`: the plain value and, for every route into it, the place of
the key and of the value. What it cannot read, it refuses with a `ReadError` that carries every
problem found, in the order of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

from kernel_schema.diagnostics import Diagnostic, Edit, Fix, in_file_order
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import printable, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime, time

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Route, Span
    from kernel_schema.files.text.nodes import Node
    from kernel_schema.routes import Step

Value: TypeAlias = (
    "bool | int | float | str | date | datetime | time | list[Value] | dict[str, Value] | None"
)

Way: TypeAlias = "tuple[Step, ...] | None"
"""The steps from a place in a text to the part that is a config; none inside of it.

None for what stands beside the way. There a text must be right by its format, and small enough,
and what only a config does without does not count.
"""

NAMELESS: Final = "\0"
"""Begins what stands for a key that is no text, or is there twice, beside the way."""

MAX_DEPTH: Final = 32
"""How many lists and tables may stand inside one another, the outermost one included."""

MAX_DIGITS: Final = 4300
"""How many digits an integer may have: what Python itself converts without being told to."""

_INT_LIMIT: Final = 10**MAX_DIGITS
_ASCII_ALLOWED: Final = bytes((9, 10, 13, *range(32, 127)))
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARK: Final = "\ufeff"


class ReadError(ValueError):
    """A text that cannot be read: all that was found, in its order; the file is not known here."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems: tuple[Diagnostic, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(
            printable(f"{problem.span.line}:{problem.span.column}: {problem.message}")
            for problem in self.problems
            if problem.span is not None
        )


@dataclass(frozen=True, slots=True)
class Located:
    """Where a value stands, and its key; an item of a list and the whole text have none."""

    key: Span | None
    value: Span


class Parsed:
    """A text that was read: its plain value, and the places, found when the first is asked for.

    `shared` says that a value may stand in several places of it: that of an anchor of YAML.
    """

    def __init__(
        self, value: Value, text: str, scan: Callable[[], Node], *, shared: bool = False
    ) -> None:
        self.value = value
        self.shared = shared
        self._whole: Parsed | None = None
        self._text = text
        self._scan = scan

    @property
    def whole(self) -> Parsed:
        """What it is a part of, if it is one."""
        return self._whole or self  # kept, itself would be garbage that only a collector finds

    @cached_property
    def _root(self) -> Node:
        return self._scan()

    @cached_property
    def _lines(self) -> LineIndex:
        return LineIndex(self._text)

    def node(self, steps: Iterable[Step] = ()) -> Node:
        """The place of the value at a route, or of the nearest one above it that there is."""
        node = self._root
        for step in steps:
            child = node.under(step)
            if child is None:
                break
            node = child
        return node

    def locate(self, steps: Iterable[Step] = ()) -> Located:
        """The same in lines and columns.

        >>> from kernel_schema.files.json import read_json
        >>> parsed = read_json('{"a": [10, 20]}')
        >>> parsed.locate(("a",)).key
        Span(line=1, column=2, end_line=1, end_column=5)
        >>> parsed.locate(("a", 1)).value
        Span(line=1, column=12, end_line=1, end_column=14)
        """
        node = self.node(steps)
        key = None if node.key_start < 0 else self._lines.span(node.key_start, node.key_end)
        return Located(key, self._lines.span(node.start, node.end))

    @property
    def written(self) -> str:
        """How the value is written, with its quotes."""
        return self._text[self._root.start : self._root.end]

    def span_of(self, route: Route) -> Span:
        """Where a route leads: to the key if it says so, leads nowhere, or to several lines.

        Through an alias it leads to its anchor.
        """
        located = self.locate(route.steps)
        many_lines = located.value.line != located.value.end_line
        to_key = many_lines or self.sub(route.steps) is None
        sign = self.node(route.steps).sign
        if sign is not None and to_key and not route.at_key:
            return self._lines.span(*sign)
        return (
            located.key if located.key is not None and (to_key or route.at_key) else located.value
        )

    def sub(self, steps: Iterable[Step]) -> Parsed | None:
        """The value at a route as if it were all: routes begin there; None if there is none."""
        steps = tuple(steps)
        value = cast("Any", self.value)
        for step in steps:
            if not holds(value, step):
                return None
            value = value[step]
        part = Parsed(value, self._text, lambda: self.node(steps), shared=self.shared)
        part._whole = self.whole
        return part

    def refuse_keys(self, limit: int) -> None:
        """Refuse longer keys: every problem and every rule below one would repeat it."""
        if len(self._text) <= limit:
            return
        findings = Findings(self._text)
        for route in _long_keys(self.value, limit):
            key, node = str(route[-1]), self.node(route)
            message = f"the key {quote(key)} has {len(key)} characters: {limit} are the most"
            findings.add("key-too-long", node.key_start, node.key_end, message, "shorten it")
        findings.raise_if_any()


class Findings:
    """The problems of one text, as they are found; `counts` says whether all of them do."""

    counts = True

    def __init__(self, text: str) -> None:
        self.text = text
        self._problems: list[Diagnostic] = []

    def __bool__(self) -> bool:
        return bool(self._problems)

    @cached_property
    def lines(self) -> LineIndex:
        """The lines of the text."""
        return LineIndex(self.text)

    def add(
        self,
        code: Code,
        start: int,
        end: int,
        message: str,
        help_text: str | None = None,
        *,
        fix: tuple[int, int, str] | None = None,
        safe: bool = True,
    ) -> None:
        """Note a problem between two offsets; raises ReadError if there are too many to go on.

        `fix` is a text and the offsets between which it should stand, `safe` as in `Fix`.
        """
        if len(self._problems) == MAX_PROBLEMS:
            if not self.counts:
                return
            code, end, message = "too-many-problems", start, TOO_MANY_PROBLEMS
            help_text = fix = None
        mend = fix and Fix((Edit(self.lines.span(*fix[:2]), fix[2]),), safe)
        span = self.lines.span(start, end)
        self._problems.append(Diagnostic(code, message, help=help_text, span=span, fix=mend))
        if len(self._problems) > MAX_PROBLEMS:
            raise self.error()

    def adopt(self, aside: Findings) -> None:
        """Take over the problems of what turns out to count."""
        self._problems += aside._problems[: MAX_PROBLEMS - len(self._problems)]
        aside._problems = []

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
        """Give up on a text with too many levels."""
        message = f"more than {MAX_DEPTH} lists and tables inside one another"
        self.add("too-deep", start, end, message)
        raise self.error()

    def refuse_depth(self, pieces: re.Pattern[str]) -> NoReturn:
        """Give up at the bracket that is too deep; `pieces` finds strings and comments whole."""
        depth = 0
        for match in pieces.finditer(self.text):
            depth += (match[0] in {"[", "{"}) - (match[0] in {"]", "}"})
            if depth > MAX_DEPTH:
                self.too_deep(*match.span())
        # The stack was nearly used up by others.
        self.too_deep(0, min(1, len(self.text)))

    def error(self) -> ReadError:
        """The error that carries all problems so far, in the order of the text."""
        return ReadError(dict.fromkeys(in_file_order(self._problems)))

    def raise_if_any(self) -> None:
        """End the reading if there is a problem."""
        if self._problems:
            raise self.error()


def prepare(text: str) -> str:
    """The text without its byte order mark; ReadError for characters that no text may hold."""
    # Nearly every text is ASCII, where this is faster than a pattern.
    if text.isascii() and not text.encode().translate(None, _ASCII_ALLOWED):
        return text
    text = text.removeprefix(_BYTE_ORDER_MARK)
    findings = Findings(text)
    findings.add_characters(_FORBIDDEN, "it has no place in a config file: remove it")
    for match in _SURROGATE.finditer(text):
        message = f"half a surrogate pair (U+{ord(match[0]):04X}) is no character"
        findings.add("lone-surrogate", *match.span(), message, "remove it")
    if text.startswith(_BYTE_ORDER_MARK):
        findings.add("forbidden-character", 0, 1, "a second byte order mark (U+FEFF)", "remove it")
    findings.raise_if_any()
    return text


def below(way: Way, step: Step) -> Way:
    """The way from what stands under a key or position.

    >>> below(("trainer", "kernels"), "trainer"), below(("trainer",), "data"), below((), "RMSNorm")
    (('kernels',), None, ())
    """
    if not way:
        return way
    return way[1:] if way[0] == step else None


def _long_keys(
    value: Value, limit: int, route: tuple[Step, ...] = ()
) -> Iterator[tuple[Step, ...]]:
    for step, item in items(value).items():
        if isinstance(step, str) and len(step) > limit:
            yield (*route, step)
        elif isinstance(item, (dict, list)):
            yield from _long_keys(item, limit, (*route, step))


def holds(value: object, step: Step) -> bool:
    """Whether something stands at a key or position; every item of a long list may be asked for."""
    if isinstance(value, list):
        return isinstance(step, int) and 0 <= step < len(cast("list[object]", value))
    return isinstance(value, dict) and step in cast("dict[object, object]", value)


def items(value: Value) -> dict[Step, Value]:
    """What is in a list or table, by position or key; nothing is in another value."""
    if isinstance(value, dict):
        return cast("dict[Step, Value]", value)
    return {**dict(enumerate(value))} if isinstance(value, list) else {}


def count_strings(value: Value, depth: int = 0) -> int:
    """How many strings a list or table holds, keys included; RecursionError if it is too deep."""
    if depth > MAX_DEPTH:
        raise RecursionError
    inner: Any = value.values() if isinstance(value, dict) else value
    count = 0 if isinstance(value, list) else len(inner)
    # All of a large value comes through here: a look at the class is the fastest.
    for item in inner:
        kind = item.__class__
        if kind is str:
            count += 1
        elif kind is dict or kind is list:
            count += count_strings(item, depth + 1)
    return count


def read_int(digits: str, base: int = 10) -> int | None:
    """The integer that a literal without prefix stands for; None if it is beyond all limits."""
    if len(digits) > MAX_DIGITS + digits.startswith(("-", "+")):
        return None
    try:
        number = int(digits, base)
    except ValueError:  # somebody lowered Python's own limit
        return None
    return number if in_range(number) else None


def in_range(number: int) -> bool:
    """Whether an integer is small enough to be written out."""
    return -_INT_LIMIT < number < _INT_LIMIT
