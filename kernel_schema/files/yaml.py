"""Read YAML: the plain part of YAML 1.2, from the event stream of PyYAML."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from kernel_schema.files.parsed import (
    MAX_DEPTH,
    NAMELESS,
    Findings,
    Node,
    Parsed,
    ReadError,
    Value,
    Way,
    below,
    items,
    prepare,
    read_int,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from kernel_schema.diagnostics import Step

# PyYAML says nothing of the types of its events.
_Event: TypeAlias = Any
# The parser in C where there is one.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# YAML 1.2 takes these for text. The parsers take the first two for line breaks, so that a comment
# could hide a key, and the one in C ignores the third at the start of a line.
_MISREAD = re.compile("[\u2028\u2029\ufeff]")
# A break is taken whole: two ways to take `\r\n` would be tried in all combinations.
_BREAK = r"(?:\r\n|\n|\r(?!\n))"
# Behind empty lines and comments.
_DIRECTIVE = re.compile(rf"(?:[ \t]*(?:#[^\r\n]*)?{_BREAK})*(%[^\r\n]*){_BREAK}?")
_VERSION = re.compile(r"%YAML +1\.2 *(?: #.*)?")
_PROPERTY = re.compile(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*([&!](?:<[^>\r\n]*>|[^\s,\[\]{}]*))")
_BLOCK_TEXT = re.compile(r"(?:[ \t\r\n]*[^ \t\r\n]+)*[ \t]*")
_GLUED_COMMENT = re.compile(r"[|>][-+0-9]*#")
_COMMENT = re.compile(r"#[^\r\n]*")

_CONSTANTS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{
        sign + word: -math.inf if sign == "-" else math.inf
        for sign in ("", "-", "+")
        for word in (".inf", ".Inf", ".INF")
    },
}
_NUMBER_STARTS = frozenset("0123456789-+.")
_MAYBE_NOT_TEXT: Final = _NUMBER_STARTS | {word[0] for word in _CONSTANTS if word}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = {"0o": 8, "0x": 16}


def read_yaml(text: str, way: Way = ()) -> Parsed:
    """Read one document of YAML; raises ReadError for what is not YAML, and for what is too much.

    Plain scalars mean what the core schema of YAML 1.2 says: `yes`, `1_000` and `2020-01-01` are
    text, `010` is 10. Refused are further documents and, in the part that `way` leads to, anchors,
    aliases, types stated with `!`, and keys that are not text or are there twice; on the way an
    alias, and a key of it that is there twice. Beside it aliases stand for nothing.
    """
    text = prepare(text)
    findings = Findings(text)
    if not text.isascii():
        findings.add_characters(_MISREAD, "write it as an escape, in double quotes")
        findings.raise_if_any()
    builder = _Builder(text, findings, way)
    try:
        value = builder.document(_without_directives(text, findings) if way == () else text)
    except ReadError:
        raise
    # The parser in Python knows no bounds of escapes.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        _explain().explain_yaml(findings, error, builder.end, builder.opened[-1])
        raise findings.error() from None
    places = _Place(value, builder.spans, builder.ends) if builder.spans else Node(0, 0)
    if places.start == places.end and not findings:
        findings.add("empty-document", 0, 0, "the file is empty: it holds no value")
    findings.raise_if_any()
    return Parsed(value, text, lambda: places)


def _resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means; raises OverflowError for a number that is too large."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        base = _BASES.get(text[:2], 10)
        number = read_int(text if base == 10 else text[2:], base)
    elif _FLOAT.fullmatch(text):
        number = float(text)
    else:
        return text
    if number is None or number in {math.inf, -math.inf}:
        raise OverflowError
    return number


def is_text(text: str) -> bool:
    """Whether a plain scalar is read as the text that it is."""
    try:
        return isinstance(_resolve(text), str)
    except OverflowError:
        return False


def _without_directives(text: str, findings: Findings) -> str:
    """Report what starts with `%` at the head, and put blanks in its place."""
    position = 0
    while "%" in text and (match := _DIRECTIVE.match(text, position)):
        if not _VERSION.fullmatch(match[1]):
            _explain().refuse(findings, "%", *match.span(1))
            text = text[: match.start(1)] + " " * len(match[1]) + text[match.end(1) :]
        position = match.end()
    return text


def _explain() -> ModuleType:
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain import yaml as explaining

    return explaining


class _Builder:
    """Makes a value of events, and keeps the places for later."""

    def __init__(self, text: str, findings: Findings, way: Way) -> None:
        # Start and end of each key and value, in the order of the text: a Node for each would take
        # more time than all the rest. By where a list or table stands among them, where those of
        # what is in it end.
        self.spans: list[int] = []
        self.ends: dict[int, int] = {}
        # Where the last thing ended that has a text: the end of a block is not told by its event.
        self.end = 0
        # Where each bracket stands that is open; -1 for a block.
        self.opened = [-1]
        self._text = text
        self._findings = findings
        self._way = way
        self._events: Iterator[_Event] = iter(())

    def document(self, text: str) -> Value:
        """The value of the only document of a text, which may differ from ours in its blanks."""
        self._events = iter(_LOADER(text).get_event, None)
        documents = 0
        value: Value = None
        for event in self._events:
            if isinstance(event, NodeEvent):
                value = self._value(event)
            elif isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    start = event.start_mark.index
                    _explain().refuse(
                        self._findings, "---", start, max(event.end_mark.index, start)
                    )
                    raise self._findings.error()
        return value

    def _value(self, event: _Event) -> Value:
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, AliasEvent):
            return self._alias(event)
        start = event.start_mark.index
        if event.tag is not None or event.anchor is not None:
            start = self._properties(event, start)
        spot = len(self.spans)
        self.spans += (start, start)
        self.opened.append(start if event.flow_style else -1)
        if len(self.opened) > MAX_DEPTH + 1:
            self._findings.too_deep(start, start + 1)
        value = self._mapping() if isinstance(event, MappingStartEvent) else self._list()
        # A pair in a list, [a: 1], is a mapping without braces.
        end = self.end if self.opened.pop() < 0 or self._text[start] not in "[{" else self._closed
        self.end = self.spans[spot + 1] = max(end, start)
        self.ends[spot] = len(self.spans)
        return value

    def _list(self) -> list[Value]:
        values: list[Value] = []
        way = self._way
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                self._closed = event.end_mark.index
                break
            if way:
                self._way = below(way, len(values))
            values.append(self._value(event))
        self._way = way
        return values

    def _mapping(self) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        firsts: dict[str, int] = {}
        way = self._way
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                self._closed = event.end_mark.index
                break
            key = self._scalar(event) if isinstance(event, ScalarEvent) else self._no_key(event)
            if way:
                self._way = below(way, key) if isinstance(key, str) else None
            if isinstance(key, str) and key not in firsts:
                firsts[key] = self.spans[-2]
            else:
                if self._way is not None:
                    _explain().wrong_key(self._findings, key, *self.spans[-2:], firsts)
                key = f"{NAMELESS}{len(self.spans)}"
            inner = next(self._events)
            if isinstance(inner, AliasEvent):
                mapping[key] = self._alias(inner, merge=key == "<<")
            else:
                mapping[key] = value = self._value(inner)
                if value is None and self.opened[-1] >= 0 and self._way == ():
                    self._check_glued_key()
            self._way = way
        return mapping

    def _scalar(self, event: _Event) -> Value:
        value: Any = event.value
        style = event.style
        start, end = event.start_mark.index, event.end_mark.index
        if event.tag is not None or event.anchor is not None:
            start = self.end = self._properties(event, start)
            end = max(end, start)
        if style:
            if style == '"':
                value.encode()  # the parser in Python lets half surrogate pairs pass
            elif style != "'":
                end = self._end_of_block(start, end)
        elif not value or value[0] in _MAYBE_NOT_TEXT:
            if not value:
                start = end = self._place_of_nothing(start)
            try:
                value = _resolve(value)
            except OverflowError:
                if self._way == ():
                    from kernel_schema.files.explain.engine import too_large

                    too_large(self._findings, start, end)
        self.end = end
        self.spans.append(start)
        self.spans.append(end)
        return value

    def _end_of_block(self, start: int, seen: int) -> int:
        """Where the text behind a `|` or `>` ends: its event ends where the next thing begins."""
        if _GLUED_COMMENT.match(self._text, start):  # the parser in C lets it pass
            _explain().block_header(self._findings, start)
        match = _BLOCK_TEXT.match(self._text, start, seen)
        return match.end() if match else seen

    def _place_of_nothing(self, seen: int) -> int:
        """Where a value would stand that is not there: right behind what announces it."""
        # In `{a, b}` nothing does: the parsers see the value of `a` where the next thing begins.
        gap = _COMMENT.sub(lambda match: " " * len(match[0]), self._text[self.end : seen])
        gap = gap.rstrip(" \t\r\n")
        return self.end + len(gap) if gap.endswith((":", "-", "?")) else self.end

    def _alias(self, event: _Event, *, merge: bool = False) -> None:
        self.spans += (event.start_mark.index, event.end_mark.index)
        self.end = event.end_mark.index
        # On the way it would lead to the part.
        if self._way is not None:
            _explain().refuse(self._findings, "<<" if merge else "*", *self.spans[-2:])

    def _properties(self, event: _Event, position: int) -> int:
        """Report the `&name` and `!name` before a value, and say where they end."""
        for _ in range((event.anchor is not None) + (event.tag is not None)):
            match = _PROPERTY.match(self._text, position)
            if match is None:
                break
            if self._way == ():
                _explain().refuse(self._findings, match[1][0], *match.span(1))
            position = match.end()
        return position

    def _no_key(self, event: _Event) -> str:
        """Report a list, a mapping or an alias where a key should be; what no text can hold."""
        if self._way:  # a step is text
            self._way = None
        if self._way == () and not isinstance(event, AliasEvent):
            start = event.start_mark.index
            message = "a key has to be text, not a list or a table"
            self._findings.add("complex-key", start, start + 1, message)
        spans, ends, self.spans, self.ends = self.spans, self.ends, [], {}
        self._value(event)
        # What is in it has no place of its own.
        spans += self.spans[:2]
        self.spans, self.ends = spans, ends
        return f"{NAMELESS}{len(self.spans)}"

    def _check_glued_key(self) -> None:
        """`{cuda:o/r:L}` is one key: the colon wants a blank behind it."""
        key_start, key_end, start, end = self.spans[-4:]
        written = self._text[key_start:key_end]
        if ":" in written and start == end == key_end and written[0] not in "\"'":
            _explain().glued_key(self._findings, written, key_start)


class _Place(Node):
    """The place of one value. What is in it is looked for when asked for: few places ever are."""

    __slots__ = ("_ends", "_spans", "_spot", "_value")

    def __init__(self, value: Value, spans: list[int], ends: dict[int, int], spot: int = 0) -> None:
        super().__init__(spans[spot], spans[spot + 1])
        self._value, self._spans, self._ends, self._spot = value, spans, ends, spot

    def under(self, step: Step) -> Node | None:
        if not self.children:
            spot, keyed = self._spot + 2, 2 * isinstance(self._value, dict)
            for key, value in items(self._value).items():
                spot += keyed
                node = self.children[key] = _Place(value, self._spans, self._ends, spot)
                if keyed:
                    node.key_start, node.key_end = self._spans[spot - 2 : spot]
                spot = self._ends.get(spot, spot + 2)
        return self.children.get(step)
