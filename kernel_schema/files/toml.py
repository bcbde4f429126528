"""Read TOML: tomllib for the values, and a scanner of our own for the positions."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from kernel_schema.files._toml_errors import explain, place_of
from kernel_schema.files._toml_library import TOMLDecodeError, loads
from kernel_schema.files._toml_scan import TEXT, Scanner
from kernel_schema.files.positions import LineIndex, Positions
from kernel_schema.files.source import (
    MAX_DEPTH,
    Findings,
    Parsed,
    Value,
    in_range,
    prepare,
    report_matches,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.diagnostics import Step

_LONE_RETURN = re.compile(r"\r(?!\n)")
_EMPTY = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*\Z")
_BRACKETS = re.compile(rf"({TEXT}|#[^\n]*)|[\[\]{{}}]", re.DOTALL)
_KEY_SIGNS = re.compile(rf"({TEXT}|#[^\n]*)|[\[\]{{}}.\n=,]", re.DOTALL)
# Two keys of this many parts, one of them in a header, are still within MAX_DEPTH.
_FEW_DOTS = MAX_DEPTH // 2 - 1
# A text up to this length is parsed again without its duplicate keys, for what they hide.
_PARSED_TWICE = 200_000


def read_toml(text: str, *, allow_empty: bool = False) -> Parsed:
    r"""Read a TOML text.

    Args:
        text: One TOML document.
        allow_empty: True to take a text that says nothing, as an empty table: a `pyproject.toml`
            may be empty, a config should not be.

    Returns:
        Its value and positions; `sub` of it gives the view of one table. Dates and times stay
        objects of `datetime`.

    Raises:
        ReadError: for anything that is not TOML, keys that are there twice among it; and for too
            many levels and numbers that are too large.

    >>> parsed = read_toml('RMSNorm.cuda = "org/repo:Layer"')
    >>> parsed.value
    {'RMSNorm': {'cuda': 'org/repo:Layer'}}
    >>> parsed.locate(("RMSNorm", "cuda")).key
    Span(line=1, column=9, end_line=1, end_column=13)
    >>> read_toml("a = 1\na = 2")
    Traceback (most recent call last):
        ...
    kernel_schema.files.source.ReadError: 2:1: the key `a` is here twice: first in line 1
    """
    text = prepare(text)
    found = Findings(text)
    if max(line.count(".") for line in text.split("\n")) > _FEW_DOTS:
        _refuse_long_keys(text, found)
    try:
        value = cast("dict[str, Value]", loads(text, parse_float=_finite))
    except (_SuspectError, ValueError, RecursionError) as error:
        _diagnose(text, found, error)
        raise found.error() from None
    if not value and not allow_empty and _EMPTY.match(text):
        found.add("empty-document", 0, 0, "the file is empty: it holds no value")
        raise found.error()
    parsed = Parsed(value, Positions(text, lambda: Scanner(text, Findings(text)).scan()))
    _check_values(parsed, text, found)
    return parsed


class _SuspectError(Exception):
    """Something that tomllib takes and we do not."""


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number) and "inf" not in literal:
        raise _SuspectError
    return number


def _refuse_nesting(text: str, found: Findings) -> None:
    """Refuse brackets that stand too deep: for tomllib, for the scanner or for us.

    Raises:
        ReadError: if there are any.
    """
    depth = 0
    for match in _BRACKETS.finditer(text):
        sign = match[0]
        if match[1] is not None:
            if sign in {'""', "''"} and text.startswith(sign[0], match.end()):
                break  # a string in three quotes without an end: tomllib will say so
        elif sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                _too_deep(found, match.start(), match.end())
        else:
            depth = max(depth - 1, 0)


def _refuse_long_keys(text: str, found: Findings) -> None:
    """Refuse dotted keys of so many parts that tomllib would take very long.

    Raises:
        ReadError: if there are any.
    """
    header = dots = depth = 0
    in_header = in_value = False
    for match in _KEY_SIGNS.finditer(text):
        sign = match[0]
        if match[1] is not None:
            continue
        if sign == ".":
            dots += 1
            if dots + 1 + (0 if in_header or depth else header) > MAX_DEPTH:
                _too_deep(found, match.start(), match.end())
        elif sign in "[]{}" and (depth or in_value):
            depth = max(depth + (1 if sign in "[{" else -1), 0)
            dots = 0
        elif sign == "[":
            in_header, dots = True, 0
        elif sign == "]" and in_header:
            in_header, header = False, dots + 1
        elif sign in "=,":
            in_value, dots = True, 0
        elif sign == "\n" and not depth:
            in_header = in_value = False
            dots = 0


def _too_deep(found: Findings, start: int, end: int) -> None:
    message = f"more than {MAX_DEPTH} lists and tables inside one another"
    found.add("too-deep", start, end, message)
    raise found.error()


def _check_values(parsed: Parsed, text: str, found: Findings) -> None:
    """Refuse what is told by the values alone: levels made by headers, and large numbers.

    Raises:
        ReadError: if there are any.
    """
    level: list[Value] = [parsed.value]
    too_large = False
    for _ in range(MAX_DEPTH):
        below: list[Value] = []
        for items in level:
            for item in _items(items):
                if isinstance(item, (dict, list)):
                    below.append(item)
                elif isinstance(item, int) and not in_range(item):
                    too_large = True
        level = below
    if too_large and not level:
        Scanner(text, found).scan()
        found.raise_if_any()
    if level:
        _refuse_nesting(text, found)
        place = parsed.locate(_deep_route(parsed.value))
        span = place.key or place.value
        start = found.lines.offset(span.line, span.column)
        _too_deep(found, start, found.lines.offset(span.end_line, span.end_column))


def _items(value: Value) -> Iterable[Value]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _deep_route(value: Value) -> tuple[Step, ...]:
    """The route to the first table or list that is too deep."""
    waiting: list[tuple[Value, tuple[Step, ...]]] = [(value, ())]
    while waiting:
        items, route = waiting.pop()
        if len(route) == MAX_DEPTH:
            return route
        steps = items.items() if isinstance(items, dict) else enumerate(_items(items))
        below = [(item, (*route, step)) for step, item in steps if isinstance(item, (dict, list))]
        waiting.extend(reversed(below))
    return ()


def _diagnose(text: str, found: Findings, error: Exception) -> None:
    """Find what is wrong with a text that tomllib does not take."""
    report_matches(found, _LONE_RETURN, text, "end lines with a line feed")
    if found:
        return
    _refuse_nesting(text, found)
    scanner = Scanner(text, found)
    scanner.scan()
    parsed, edits = text, scanner.edits
    if edits:
        if len(text) > _PARSED_TWICE:
            return
        parsed = _edited(text, edits)
        try:
            loads(parsed)
        except ValueError as second:
            error = second
        else:
            return
    words, offset = "", 0
    if isinstance(error, TOMLDecodeError):
        words, offset = place_of(error, found.lines if parsed is text else LineIndex(parsed))
        offset = _original(offset, edits) if parsed is not text else offset
    explanation = explain(text, found.lines, words, offset, scanner)
    if explanation is not None:
        found.drop_from(offset)
        found.add(*explanation)
    elif not found:
        end = offset if scanner.stopped < 0 else scanner.stopped
        found.add("syntax-error", end, end, "this line is not complete")


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, instead in sorted(edits):
        pieces += (text[position:start], instead)
        position = end
    return "".join((*pieces, text[position:]))


def _original(offset: int, edits: list[tuple[int, int, str]]) -> int:
    """Where something stands in the text before it was edited."""
    shift = 0
    for start, end, instead in sorted(edits):
        if start + shift + len(instead) > offset:
            break
        shift += len(instead) - (end - start)
    return max(offset - shift, 0)
