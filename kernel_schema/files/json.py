"""Read JSON: json.loads for the value, and a scanner of what it has accepted for the places."""

from __future__ import annotations

import json
import math
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from kernel_schema.files.parsed import (
    MAX_DEPTH,
    MAX_DIGITS,
    Findings,
    Parsed,
    ReadError,
    Value,
    Way,
    below,
    count_strings,
    prepare,
    read_int,
)
from kernel_schema.files.text.nodes import Node
from kernel_schema.schema.vocabulary import is_free
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_schema.routes import Step

STRING: Final = r'"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"'
"""The pattern of a string of JSON."""

# What json.loads takes for numbers, and JSON does not have.
_NOT_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})

# A string and the colon that makes it a key, an opening bracket, a closing one, another value.
_TOKEN = re.compile(rf'({STRING})(\s*:)?|([\[{{])|([\]}}])|([^\s,:\[\]{{}}"]+)')
_KEY, _OPENING, _CLOSING = 2, 3, 4
_PIECES = re.compile(rf"{STRING}|[\[\]{{}}]")
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.")


def read_json(text: str, way: Way = ()) -> Parsed:
    """Read one JSON value; raises ReadError for what is not JSON, and for what is too much.

    Keys that are there twice, half surrogate pairs, `NaN` and numbers without bounds are refused
    in the part that `way` leads to, and keys that are there twice on the way.
    """
    # Other control characters json.loads does not take either.
    if not text.isascii() or "\x7f" in text:
        text = prepare(text)
    suspects: list[str] = []
    try:
        value = _load(text, suspects)
        strings = count_strings([value])
    except (ValueError, RecursionError) as error:
        raise _refusal(text, error) from None
    findings = Findings(text)
    parsed = Parsed(value, text, lambda: _scan(text, findings, way))
    # Where a key is there twice, less strings are in the value than in the text. With escapes
    # their quotes cannot be counted; that costs time, and no more.
    if suspects or "\\" in text or 2 * strings != text.count('"'):
        parsed.node()
        findings.raise_if_any()
    return parsed


def _load(text: str, suspects: list[str]) -> Value:
    """The value; the numbers among the suspects are not what they seem."""

    def number(literal: str) -> float:
        if math.isinf(float(literal)):
            suspects.append(literal)
        return float(literal)

    def integer(literal: str) -> int | None:
        if (value := read_int(literal)) is None:
            suspects.append(literal)
        return value

    loads = partial(json.loads, parse_float=number, parse_constant=suspects.append)
    if 0 < getattr(sys, "get_int_max_str_digits", int)() <= MAX_DIGITS:
        try:
            return loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer that Python does not convert
            pass
    return loads(text, parse_int=integer)


def _refusal(text: str, error: ValueError | RecursionError) -> ReadError:
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain.json import explain_json

    findings = Findings(prepare(text))
    if isinstance(error, json.JSONDecodeError):
        explain_json(findings, error.msg, error.pos)
    else:
        findings.refuse_depth(_PIECES)
    return findings.error()


def _scan(text: str, findings: Findings, way: Way) -> Node:
    """The places in a text that json.loads has accepted; what we do not accept is noted."""
    root = node = Node(0, 0)
    ahead: Way = None if way is None else (0, *way)
    outer: list[tuple[Node, Way]] = []
    key: tuple[str, int, int] | None = None
    for match in _TOKEN.finditer(text):
        kind = match.lastindex or 0
        if kind == _CLOSING:
            node.end = match.end()
            node, ahead = outer.pop()
            continue
        start, end = match.span(1 if kind == _KEY else kind)
        if kind == _KEY:
            if ahead == ():
                _check(findings, match[1], start)
            key = (str(json.loads(match[1])), start, end)
            continue
        value = Node(start, end)
        step: Step = len(node.children)
        if key is not None:
            step, value.key_start, value.key_end = key
        inner = None if _is_free(step, ahead, outer) else below(ahead, step)
        first = node.children.setdefault(step, value)
        if first is not value and inner is not None:
            findings.add_twice(value.key_start, value.key_end, first.key_start)
        key = None
        if kind == _OPENING:
            outer.append((node, ahead))
            node, ahead = value, inner
            if len(outer) > MAX_DEPTH:
                findings.too_deep(start, end)
        elif inner == ():
            _check(findings, match[kind], start)
    return root.children[0]


def _is_free(step: Step, ahead: Way, outer: Sequence[tuple[Node, Way]]) -> bool:
    """Whether a key of the config itself may hold what it likes."""
    return ahead == () and is_free(step) and outer[-1][1] != ()


def _check(findings: Findings, written: str, start: int) -> None:
    """Note what is wrong with a string, a number or a word."""
    end = start + len(written)
    if written in _NOT_NUMBERS:
        findings.add("not-a-number", start, end, f"JSON has no {quote(written)}")
    elif written[0] in "-0123456789":
        is_int = written.removeprefix("-").isdigit()
        if read_int(written) is None if is_int else math.isinf(float(written)):
            from kernel_schema.files.explain.engine import too_large

            too_large(findings, start, end)
    elif "\\u" in written:
        for match in _ESCAPE.finditer(written):
            if match[1]:
                message = f"`{match[1]}` is half a surrogate pair, and no character"
                place = start + match.start(), start + match.end()
                findings.add("lone-surrogate", *place, message, "write the character itself")
