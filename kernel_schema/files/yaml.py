"""Read YAML: the plain part of YAML 1.2, from the event stream of PyYAML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

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
    Parsed,
    ReadError,
    Value,
    Way,
    below,
    prepare,
)
from kernel_schema.files.text.anchors import Anchors, Aside, Place, Places, note_merge
from kernel_schema.files.text.nodes import Node
from kernel_schema.files.text.scalars import MAYBE_NOT_TEXT, resolve
from kernel_schema.schema.vocabulary import FREE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# PyYAML says nothing of the types of its events.
_Event: TypeAlias = Any
# The parser in C where there is one.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# YAML 1.2 takes these for text. The parsers take the first two for line breaks, so that a comment
# could hide a key, and the one in C ignores the third at the start of a line.
_MISREAD = re.compile("[\u2028\u2029\ufeff]")
_PROPERTY = re.compile(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*([&!](?:<[^>\r\n]*>|[^\s,\[\]{}]*))")
_GAP = re.compile(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*")
_BLOCK_TEXT = re.compile(r"(?:[ \t\r\n]*[^ \t\r\n]+)*[ \t]*")
_GLUED_COMMENT = re.compile(r"[|>][-+0-9]*#")
_COMMENT = re.compile(r"#[^\r\n]*")


def read_yaml(text: str, way: Way = ()) -> Parsed:
    """Read one document of YAML; raises ReadError for what is not YAML, and for what is too much.

    Plain scalars mean what the core schema of YAML 1.2 says: `yes`, `1_000` and `2020-01-01` are
    text, `010` is 10. Refused are further documents and, in the part that `way` leads to, `<<`,
    types stated with `!`, and keys that are not text or are there twice; on the way an alias, and
    a key of it that is there twice. In the part an alias is the value of its anchor, wherever that
    stands; beside it aliases stand for nothing.
    """
    text = prepare(text)
    findings = Findings(text)
    if not text.isascii():
        findings.add_characters(_MISREAD, "remove it, or write it as an escape in double quotes")
        findings.raise_if_any()
    builder = _Builder(text, findings, way)
    try:
        value = builder.document(_plain(text, findings) if way == () and "%" in text else text)
    except ReadError:
        raise
    # The parser in Python knows no bounds of escapes.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        _explain().explain_yaml(findings, error, builder.last, builder.opened[-1])
        raise findings.error() from None
    places = Place(value, builder.places) if builder.spans else Node(0, 0)
    if places.start == places.end and not findings:
        findings.add("empty-document", 0, 0, "the file is empty: it holds no value")
    findings.raise_if_any()
    return Parsed(value, text, lambda: places, shared=bool(builder.anchors.targets))


def _plain(text: str, findings: Findings) -> str:
    from kernel_schema.files.text.directives import without_directives

    return without_directives(text, findings)


def _explain() -> ModuleType:
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain import yaml as explaining

    return explaining


def _foreign() -> ModuleType:
    from kernel_schema.files.explain import foreign

    return foreign


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
        self.anchors = Anchors()
        self._text = text
        # What is noted in a value outside of the config counts if an alias brings it in.
        self._findings = self._whole = findings
        self._way = way
        self._in_key = self._in_config = False
        self._events: Iterator[_Event] = iter(())

    @property
    def last(self) -> tuple[int, int]:
        """Where the last value stands that has a text, as far as it was read."""
        return (self.spans[-2] if self.spans else 0), self.end

    @property
    def places(self) -> Places:
        """Where everything is that was read."""
        return Places(self.spans, self.ends, self.anchors)

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

    def _value(self, event: _Event, behind: int = -1) -> Value:
        """The value that begins with an event; `behind` its properties, if they were read."""
        if isinstance(event, ScalarEvent):
            return self._scalar(event, behind)
        if isinstance(event, AliasEvent):
            return self._alias(event)
        start = event.start_mark.index
        if event.tag is not None or event.anchor is not None:
            if behind < 0:
                return self._with_properties(event)
            start = behind
        spot = len(self.spans)
        self.spans += (start, start)
        self.opened.append(start if event.flow_style else -1)
        if len(self.opened) > MAX_DEPTH + 1:
            self._whole.too_deep(start, start + 1)
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
        way, events, scalar = self._way, self._events, self._scalar
        is_config = way == () and not self._in_config
        self._in_config |= is_config
        for event in events:
            if isinstance(event, ScalarEvent):
                key = scalar(event)
            elif isinstance(event, MappingEndEvent):
                self._closed = event.end_mark.index
                break
            else:
                key = self._no_key(event)
            if way:
                self._way = below(way, key) if isinstance(key, str) else None
            if isinstance(key, str) and key not in firsts:
                firsts[key] = self.spans[-2]
            else:
                if self._way is not None:
                    _explain().wrong_key(self._findings, key, *self.spans[-2:], firsts)
                key = f"{NAMELESS}{len(self.spans)}"
            if is_config and key.startswith(FREE_PREFIX):
                self._way = None
            start = next(events)
            # Most values are scalars: to ask here saves a call for each.
            value = scalar(start) if isinstance(start, ScalarEvent) else self._value(start)
            if value is None and self.opened[-1] >= 0 and self._way == ():
                self._check_glued_key()
            mapping[key] = value
            self._way = way
        self._in_config &= not is_config
        if "<<" in mapping and way == () and self._text.startswith("<<", firsts["<<"]):
            note_merge(self._findings, mapping, firsts["<<"])
        return mapping

    def _scalar(self, event: _Event, behind: int = -1) -> Value:
        value: Any = event.value
        style = event.style
        start, end = event.start_mark.index, event.end_mark.index
        if event.tag is not None or event.anchor is not None:
            if behind < 0:
                return self._with_properties(event)
            start = self.end = behind
            end = max(end, start)
        if style:
            if style == '"':
                value.encode()  # the parser in Python lets half surrogate pairs pass
            elif style != "'":
                end = self._end_of_block(start, end)
        elif not value or value[0] in MAYBE_NOT_TEXT:
            if not value:
                start = end = self._place_of_nothing(start)
            try:
                value = resolve(value)
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

    def _alias(self, event: _Event) -> Value:
        spot, at = len(self.spans), (event.start_mark.index, event.end_mark.index)
        self.spans += at
        self.end = at[1]
        if self._way is None:
            return None
        if self._way:  # it would lead to the part
            _explain().alias_on_the_way(self._findings, *at)
            return None
        depth = len(self.opened) - 1
        return self.anchors.value(event.anchor, spot, depth, self._findings, at)

    def _with_properties(self, event: _Event) -> Value:
        """A value with `&name` or `!name` before it; what is named is kept for its aliases."""
        way, findings, name = self._way, self._findings, event.anchor
        if name is None:
            return self._value(event, self._properties(event))
        if way is None:
            self._way, self._findings = (), Aside(self._whole)
        spot = len(self.spans)
        self.anchors.begin(name)
        value = self._value(event, self._properties(event))
        if self._in_key:
            self.anchors.forget(name)
        else:
            self.anchors.keep(name, value, spot, self._findings)
        self._way, self._findings = way, findings
        return value

    def _properties(self, event: _Event) -> int:
        """Where a value begins behind its `&name` and `!name`; if it is empty, where these end."""
        position = event.start_mark.index
        for _ in range((event.anchor is not None) + (event.tag is not None)):
            match = _PROPERTY.match(self._text, position)
            if match is None:
                break
            if match[1][0] == "&":
                self.anchors.signs[len(self.spans)] = match.span(1)
            elif self._way == ():
                _explain().refuse(self._findings, "!", *match.span(1))
            position = match.end()
        if isinstance(event, ScalarEvent) and not event.value and not event.style:
            return position  # nothing stands behind them
        gap = _GAP.match(self._text, position)
        return gap.end() if gap else position

    def _no_key(self, event: _Event) -> str:
        """What an alias stands for as a key; report a list or a mapping: no text can hold it."""
        if self._way:  # a step is text
            self._way = None
        if isinstance(event, AliasEvent):
            spot = len(self.spans)
            key = self._alias(event)
            if isinstance(key, str):
                return key
            if spot in self.anchors.targets:
                message = "a key has to be text, and this alias stands for something else"
                self._findings.add("complex-key", self.spans[-2], self.spans[-1], message)
            return f"{NAMELESS}{len(self.spans)}"
        if self._way == ():
            start = event.start_mark.index
            if _foreign().template(self._whole, start):
                raise self._whole.error()
            message = "a key has to be text, not a list or a table"
            self._findings.add("complex-key", start, start + 1, message)
        spans, ends, self.spans, self.ends = self.spans, self.ends, [], {}
        in_key, self._in_key = self._in_key, True
        self._value(event)
        self._in_key = in_key
        # What is in it has no place of its own.
        spans += self.spans[:2]
        self.spans, self.ends = spans, ends
        return f"{NAMELESS}{len(self.spans)}"

    def _check_glued_key(self) -> None:
        """`{cuda:o/r:L}` is one key: the colon wants a blank behind it."""
        key_start, key_end, start, end = self.spans[-4:]
        written = self._text[key_start:key_end]
        if ":" in written and start == end == key_end and written[0] not in _NOT_PLAIN:
            _explain().glued_key(self._findings, written, key_start)


# What a key in quotes, a list, a table, or one with an alias, an anchor or a tag starts with.
_NOT_PLAIN = "\"'[{*&!"
