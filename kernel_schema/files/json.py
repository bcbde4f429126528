"""Read JSON: json.loads for the value, and a scanner of what it has accepted for the places."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, cast

from kernel_schema.files.parsed import (
    MAX_DEPTH,
    Findings,
    Parsed,
    ReadError,
    Value,
    is_deep,
    prepare,
    read_int,
)
from kernel_schema.files.positions import Node, Positions
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

STRING: Final = r'"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"'
"""The pattern of a string of JSON."""

NOT_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""What json.loads takes for numbers, and JSON does not have."""

# A string and the colon that makes it a key, an opening bracket, a closing one, another value.
_TOKEN = re.compile(rf'({STRING})(\s*:)?|([\[{{])|([\]}}])|([^\s,:\[\]{{}}"]+)')
_TEXT, _KEY, _OPENING, _CLOSING, _WORD = 1, 2, 3, 4, 5
_FEW_DIGITS = 100
_PIECES = re.compile(rf"{STRING}|[\[\]{{}}]")
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.")


def read_json(text: str) -> Parsed:
    """Read a JSON text.

    Args:
        text: One JSON value.

    Returns:
        The value and its positions.

    Raises:
        ReadError: for anything that is not JSON: comments, commas at the end and `NaN` among it;
            and for keys that are not unique, too many levels, half surrogate pairs and numbers
            that are too large.

    >>> parsed = read_json('{"RMSNorm": "org/repo:Layer"}')
    >>> parsed.value
    {'RMSNorm': 'org/repo:Layer'}
    >>> parsed.locate(("RMSNorm",)).value
    Span(line=1, column=13, end_line=1, end_column=29)
    >>> read_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    kernel_schema.files.parsed.ReadError: 1:10: the key `"a"` is here twice: first in line 1
    """
    # Other control characters json.loads does not take either.
    if not text.isascii() or "\x7f" in text:
        text = prepare(text)
    try:
        value, is_suspect = _load(text)
    except (ValueError, RecursionError) as error:
        raise _refusal(text, error) from None
    if is_suspect:
        found = Findings(text)
        _scan(text, found)
        raise found.error()
    return Parsed(value, Positions(text, lambda: _scan(text, Findings(text))))


def _load(text: str) -> tuple[Value, bool]:
    """The value, and whether there is something in it that json.loads takes and we do not."""
    suspects: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            suspects.append("a key")
        return table

    def number(literal: str) -> float:
        read = float(literal)
        if math.isinf(read):
            suspects.append(literal)
        return read

    def integer(literal: str) -> int | None:
        read = int(literal) if len(literal) < _FEW_DIGITS else read_int(literal)
        if read is None:
            suspects.append(literal)
        return read

    loads = cast("Callable[..., Value]", json.loads)
    value = loads(
        text,
        object_pairs_hook=unique,
        parse_float=number,
        parse_int=integer,
        parse_constant=suspects.append,
    )
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            suspects.append("half a pair")
    return value, bool(suspects) or is_deep(value)


def _refusal(text: str, error: ValueError | RecursionError) -> ReadError:
    """What is wrong with a text that json.loads does not take."""
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain_json import explain

    found = Findings(prepare(text))
    if isinstance(error, json.JSONDecodeError):
        explain(found, error.msg, error.pos)
    else:
        found.refuse_depth(_PIECES)
    return found.error()


def _scan(text: str, found: Findings) -> Node:
    """The places in a text that json.loads has accepted; what we do not accept is noted."""
    root = node = Node(0, 0)
    outer: list[Node] = []
    key: tuple[str, int, int] | None = None
    for match in _TOKEN.finditer(text):
        kind = match.lastindex or 0
        if kind == _CLOSING:
            node.end = match.end()
            node = outer.pop()
            continue
        start, end = match.span(1 if kind == _KEY else kind)
        if kind in {_TEXT, _KEY} and "\\u" in match[1]:
            _check_escapes(found, match[1], start)
        if kind == _KEY:
            key = (str(json.loads(match[1])), start, end)
            continue
        value = Node(start, end)
        if key is None:
            node.children[len(node.children)] = value
        else:
            name, value.key_start, value.key_end = key
            first = node.children.setdefault(name, value)
            if first is not value:
                found.add_twice(value.key_start, value.key_end, first.key_start)
            key = None
        if kind == _OPENING:
            outer.append(node)
            node = value
            if len(outer) > MAX_DEPTH:
                found.too_deep(start, end)
        elif kind == _WORD:
            _check_word(found, match[_WORD], start, end)
    return root.children[0]


def _check_word(found: Findings, word: str, start: int, end: int) -> None:
    if word in NOT_NUMBERS:
        found.add("not-a-number", start, end, f"JSON has no {quote(word)}")
    elif word[0] in "-0123456789":
        is_int = word.removeprefix("-").isdigit()
        if read_int(word) is None if is_int else math.isinf(float(word)):
            found.add("number-out-of-range", start, end, "this number is too large")


def _check_escapes(found: Findings, written: str, start: int) -> None:
    for match in _ESCAPE.finditer(written):
        if match[1]:
            message = f"`{match[1]}` is half a surrogate pair, and no character"
            place = start + match.start(), start + match.end()
            found.add("lone-surrogate", *place, message, "write the character itself")
