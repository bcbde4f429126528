"""Read TOML: tomllib for the value, and a scanner of what it has accepted for the places."""

from __future__ import annotations

import math
import re
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from kernel_schema.files.parsed import (
    MAX_DEPTH,
    Findings,
    Parsed,
    ReadError,
    Value,
    Way,
    count_strings,
    in_range,
    items,
    prepare,
)

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads

from kernel_schema.files.text.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_schema.routes import Step

LONG: Final = (
    r"'''[^']*(?:'(?!'')[^']*)*''''{0,2}"
    r'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*""""{0,2}'
)
SHORT: Final = r"""'[^'\n]*'|"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*\""""
"""The patterns of strings in three quotes and in one; for use with `re.DOTALL`."""

COMMENT: Final = r"#[^\n]*"
_ANY_STRING = f"{LONG}|{SHORT}"
_STRING = re.compile(_ANY_STRING, re.DOTALL)
_PART = re.compile(rf"[A-Za-z0-9_-]+|{SHORT}")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_BLANKS = re.compile(r"[ \t]*")
_GAP = re.compile(rf"(?:[ \t\r\n]|{COMMENT})*")
_COMMA = re.compile(rf"{_GAP.pattern},?{_GAP.pattern}")
_BARE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[^\s,\]}#]*|[^\s,\[\]{}#\"'=]+")
_PIECES = re.compile(rf"{_ANY_STRING}|{COMMENT}|[\[\]{{}}]", re.DOTALL)
_WORDS = re.compile(rf"{_ANY_STRING}|{COMMENT}|([^\s,\[\]{{}}#\"'=]+)", re.DOTALL)
_LONG_KEYS = re.compile(
    rf"{LONG}|{COMMENT}|((?:(?:{_PART.pattern}){_DOT.pattern}){{{MAX_DEPTH}}})"
    rf"|{SHORT}|[A-Za-z0-9_-]+",
    re.DOTALL,
)
_LONE_RETURN = re.compile(r"\r(?!\n)")


def read_toml(text: str, way: Way = (), *, allow_empty: bool = False) -> Parsed:
    """Read a TOML text; raises ReadError for what is not TOML, and for what is too much.

    Numbers without bounds are refused in the part that `way` leads to. Dates and times stay objects
    of `datetime`. `allow_empty` takes a text that says nothing, as a `pyproject.toml` may; a config
    should not.
    """
    text = prepare(text)
    findings = Findings(text)
    if "\r" in text:
        findings.add_characters(_LONE_RETURN, "end lines with a line feed")
        findings.raise_if_any()
    _refuse_long_keys(findings)
    try:
        value: dict[str, Value] = loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal(findings, error) from None
    if not value and not allow_empty and _GAP.fullmatch(text):
        findings.add("empty-document", 0, 0, "the file is empty: it holds no value")
        raise findings.error()
    parsed = Parsed(value, text, lambda: Scanner(text).scan())
    try:
        count_strings([value])
    except RecursionError:
        findings.too_deep(*_deep_place(parsed.node(), text))
    part = None if way is None else parsed.sub(way)
    for route in () if part is None else _large_numbers(part.value):
        node = parsed.node((*(way or ()), *route))
        if not text.endswith("inf", node.start, node.end):
            from kernel_schema.files.explain.engine import too_large

            too_large(findings, node.start, node.end)
    findings.raise_if_any()
    return parsed


def _refuse_long_keys(findings: Findings) -> None:
    """Refuse dotted keys of so many parts that tomllib would take very long."""
    if max(line.count(".") for line in findings.text.split("\n")) < MAX_DEPTH:
        return
    for match in _LONG_KEYS.finditer(findings.text):
        if match[1]:
            dot = match.start() + match[0].rindex(".")
            findings.too_deep(dot, dot + 1)


def _refusal(findings: Findings, error: ValueError | RecursionError) -> ReadError:
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain.toml import explain_toml

    if isinstance(error, TOMLDecodeError):
        explain_toml(findings, str(error))
    elif isinstance(error, ValueError):  # from int(), which has a limit
        _add_large_numbers(findings)
    else:
        findings.refuse_depth(_PIECES)
    return findings.error()


def _large_numbers(value: Value, route: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Where numbers stand in a value that may be too large: one may be written as `inf`."""
    if isinstance(value, float):
        is_large = math.isinf(value)
    else:
        is_large = isinstance(value, int) and not in_range(value)
    if is_large:
        yield route
    for step, item in items(value).items():
        yield from _large_numbers(item, (*route, step))


def _add_large_numbers(findings: Findings) -> None:
    for match in _WORDS.finditer(findings.text):
        word = match[1] or ""
        if word[:1] in {*"+-0123456789"} and not word.endswith("inf"):
            try:
                is_large = any(_large_numbers(loads(f"a = {word}")))
            except TOMLDecodeError:
                continue
            except ValueError:
                is_large = True
            if is_large:
                from kernel_schema.files.explain.engine import too_large

                too_large(findings, *match.span())


def _deep_place(root: Node, text: str) -> tuple[int, int]:
    """Where the first table or list stands that is too deep."""
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in outer.children.values()]
    node = next((node for node in level if node.children or text[node.start] in "[{"), root)
    return (node.start, node.end) if node.key_start < 0 else (node.key_start, node.key_end)


class ReachedError(Exception):
    """The scanner has come to where it should stop: at a key under a table, both given."""

    def __init__(self, table: Node, key: Sequence[re.Match[str]]) -> None:
        super().__init__(table, key)
        self.table = table
        self.key = key


class Scanner:
    """Reads the places of one TOML text, as far as tomllib has accepted it.

    It raises `ReachedError` at `stop`: behind a key in a header, or behind a value.
    """

    def __init__(self, text: str, stop: int | None = None) -> None:
        self._text = text
        self._stop = len(text) + 1 if stop is None else stop
        self._at = 0
        self._root = Node(0, 0)

    def scan(self) -> Node:
        """The root of the places."""
        text, root = self._text, self._root
        self._take(_GAP)
        root.start = root.end = self._at
        table = array = root
        while self._at < len(text):
            if text[self._at] == "[":
                table, array = self._header()
            else:
                self._pair(table)
            root.end = table.end = array.end = self._at
            self._take(_GAP)
        return root

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match

    def _key(self) -> list[re.Match[str]]:
        self._take(_BLANKS)
        parts: list[re.Match[str]] = []
        while match := self._take(_PART):
            parts.append(match)
            if not self._take(_DOT):
                break
        self._take(_BLANKS)
        return parts

    def _check_stop(self, table: Node, key: Sequence[re.Match[str]]) -> None:
        if self._at >= self._stop:
            raise ReachedError(table, key)

    def _header(self) -> tuple[Node, Node]:
        """The table that a header begins, and the list that it is in, if it is in one."""
        start = self._at
        width = 2 if self._text.startswith("[[", start) else 1
        self._at += width
        key = self._key()
        self._check_stop(self._root, key)
        self._at += width
        outer = self._root
        for part in key[:-1]:
            outer = self.newest(_under(outer, part, Node(start, self._at)))
        table = array = _under(outer, key[-1], Node(start, self._at))
        if width == 2:
            table = array.children[len(array.children)] = Node(start, self._at)
        else:  # it may have been named on the way of another header
            table.start = start
            table.key_start, table.key_end = key[-1].span()
        return table, array

    def newest(self, node: Node) -> Node:
        """The table that a header means when it names a place on its way."""
        if self._text.startswith("[[", node.start):
            return node.children.get(len(node.children) - 1, node)
        return node

    def _pair(self, table: Node) -> None:
        key = self._key()
        self._at += 1
        self._take(_BLANKS)
        value = self._value()
        self._check_stop(table, key)
        for part, following in pairwise(key):
            table = _under(table, part, Node(following.start(), value.end))
        _under(table, key[-1], value)

    def _value(self) -> Node:
        text, start = self._text, self._at
        node = Node(start, start)
        opening = text[start]
        if opening in "[{":
            self._at += 1
            self._take(_GAP)
            while text[self._at] not in "]}":
                if opening == "[":
                    node.children[len(node.children)] = self._value()
                else:
                    self._pair(node)
                self._take(_COMMA)
            self._at += 1
        else:
            self._take(_STRING if opening in "\"'" else _BARE)
        node.end = self._at
        return node


def name_of(part: re.Match[str]) -> str:
    """The name that a part of a key stands for."""
    written = part[0]
    if "\\" in written and written[0] == '"':
        return str(loads(f"name = {written}")["name"])
    return written[1:-1] if written[0] in "\"'" else written


def _under(table: Node, part: re.Match[str], new: Node) -> Node:
    """The place under a part of a key: the one that is there, or else the new one."""
    node = table.children.setdefault(name_of(part), new)
    if node is new:
        node.key_start, node.key_end = part.span()
    return node
