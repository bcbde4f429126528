"""Read JSON: fast where all is well, and with a scanner of our own where it is not."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, cast

from kernel_schema.files._json_scan import Scanner
from kernel_schema.files.positions import Positions
from kernel_schema.files.source import (
    MAX_DEPTH,
    Findings,
    Parsed,
    Value,
    digits_are_capped,
    prepare,
    read_int,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LONE_SURROGATE = re.compile(
    r"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|[c-fC-F]..(?<!\\u[dD][89abAB]..\\u[dD]...))"
)
_NOT_OUTLINE = bytes(byte for byte in range(256) if byte not in b'":[]{}')
_BRACES_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")


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
    kernel_schema.files.source.ReadError: 1:10: the key `"a"` is here twice: first in line 1
    """
    # Other control characters json.loads does not take either.
    if not text.isascii() or "\x7f" in text:
        text = prepare(text)
    try:
        value = _load(text)
    except (_SuspectError, RecursionError, ValueError) as error:
        text = prepare(text)
        found = Findings(text)
        Scanner(text, found).scan()
        if not found:
            # Python reads it otherwise than we do: it must not pass for good.
            place = error.pos if isinstance(error, json.JSONDecodeError) else 0
            found.add("syntax-error", place, min(place + 1, len(text)), "this is not valid JSON")
        raise found.error() from None
    return Parsed(value, Positions(text, lambda: Scanner(text, Findings(text)).scan()))


class _SuspectError(Exception):
    """Something that json.loads takes and we do not."""


def _load(text: str) -> Value:
    """The value, if nothing at all is wrong with it.

    The scanner is some fifty times slower than json.loads, so what json.loads does not see is
    looked for by means that cost less than the loading.
    """
    members = 0

    def count(table: dict[str, Any]) -> dict[str, Any]:
        nonlocal members
        members += len(table)
        return table

    loads = cast("Callable[..., Value]", json.loads)
    options: dict[str, Any] = {"parse_constant": _refuse, "parse_float": _finite}
    if not digits_are_capped():
        options["parse_int"] = _checked_int
    value = loads(text, object_hook=count, **options)
    outline = _outline(text)
    # Where there are more colons than members, a key was lost to another of the same name.
    if members != outline.count(b":") or _is_deep(outline.replace(b":", b"")):
        raise _SuspectError
    if "\\" in text and "\\u" in text and ("\\\\" in text or _LONE_SURROGATE.search(text)):
        # What looks like an escape may not be one; what is half a pair cannot be encoded.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(_: str) -> None:
    raise _SuspectError


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _SuspectError
    return number


def _checked_int(literal: str) -> int:
    number = read_int(literal)
    if number is None:
        raise _SuspectError
    return number


def _outline(text: str) -> bytes:
    """The brackets and colons of a JSON text outside of its strings, braces made brackets."""
    raw = text.encode()
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outline = raw.translate(_BRACES_TO_BRACKETS, _NOT_OUTLINE)
    # Two quotes in a row enclose nothing that counts, or stand between two strings with nothing
    # between that counts: without them what is inside of a string stays inside. Most go, and
    # splitting is what takes the time.
    return b"".join(outline.replace(b'""', b"").split(b'"')[::2])


def _is_deep(brackets: bytes) -> bool:
    # Each round takes the innermost pairs away, everywhere.
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
