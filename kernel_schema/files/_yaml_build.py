"""Values and positions from the events of a YAML parser."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kernel_schema.files._yaml_places import Spot
from kernel_schema.files._yaml_refusals import (
    alias,
    anchor,
    another_document,
    block_header,
    first_bad_escape,
    tag,
)
from kernel_schema.files._yaml_scalars import MAYBE_NOT_TEXT, OutOfRangeError, resolve
from kernel_schema.files.source import MAX_DEPTH, Findings, Value
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.files._yaml_engines import Event

_PROPERTY = re.compile(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*([&!](?:<[^>\r\n]*>|[^\s,\[\]{}]*))")
_BLOCK_TEXT = re.compile(r"(?:[ \t\r\n]*[^ \t\r\n]+)*[ \t]*")
_GLUED_COMMENT = re.compile(r"[|>][-+0-9]*#(?:[^\r\n]*[^\r\n \t])?")
_COMMENT = re.compile(r"#[^\r\n]*")
_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}

# Stand in for keys, told by identity: in a list, and where what was written cannot be a key.
_ITEM = "(item)"
_UNUSABLE = "(unusable)"


class _Frame:
    """A list or mapping that is being read; a list with one item stands for the document."""

    __slots__ = ("first", "flow", "items", "key", "mapping", "spot", "start", "starts")

    def __init__(self, start: int, spot: int, key: str | None, flow: bool) -> None:  # noqa: FBT001 (called often)
        self.start = start
        # Where its span stands among the spans of the builder.
        self.spot = spot
        # The key that waits for its value: None while a key is to come, `_ITEM` in a list.
        self.key = key
        self.flow = flow
        self.items: list[Value] = []
        self.mapping: dict[str, Value] = {}
        # Where the keys of the mapping start, in its order; by name when one is there twice.
        self.starts: list[int] = []
        self.first: dict[str, int] | None = None

    def place_of(self, key: str) -> int:
        """Where a key of the mapping starts."""
        first = self.first = {} if self.first is None else self.first
        count = len(first)
        first.update(zip(islice(self.mapping, count, None), self.starts[count:], strict=False))
        return first[key]


class Builder:
    """Makes a value of events.

    Args:
        text: What was parsed.
        found: What takes the problems.

    Attributes:
        value: The value of the document, once `run` is through.
    """

    def __init__(self, text: str, found: Findings) -> None:
        self.value: Value = None
        self._text = text
        self._found = found
        self._frame = _Frame(0, 0, _ITEM, flow=False)
        self._frames: list[_Frame] = []
        self._documents = 0
        # Start and end of each key and value, in the order of the text; a Node for each would take
        # more time than all the rest.
        self._spans: list[int] = []
        # By the place of the span of a list or mapping: where those of what is in it end.
        self._ends: dict[int, int] = {}
        # Where the last thing ended that has a text: the end of a block is not told by its event.
        self._end = 0

    def run(self, events: Iterable[Event]) -> None:  # noqa: C901, PLR0912 (all time is spent here)
        """Take all events.

        Raises:
            ReadError: for what makes going on useless.
        """
        handlers: dict[type, Callable[[Event], None]] = {
            DocumentStartEvent: self._document,
            AliasEvent: self._alias,
            MappingStartEvent: self._open_mapping,
            SequenceStartEvent: self._open_list,
            MappingEndEvent: self._close_mapping,
            SequenceEndEvent: self._close_list,
        }
        # Most of a file is scalars, so most of the time goes into these lines: what is rare is left
        # to others, and nothing is looked up twice.
        spans = self._spans
        frame = self._frame
        for event in events:
            if not isinstance(event, ScalarEvent):
                if handler := handlers.get(event.__class__):
                    handler(event)
                    frame = self._frame
                continue
            value: Value = event.value
            style = event.style
            start, end = event.start_mark.index, event.end_mark.index
            if event.tag is not None or event.anchor is not None:
                start = self._end = self._properties(event, start)
                end = max(end, start)
            if style:
                if style != "'" and not (style == '"' and value.isascii()):
                    end = self._special(event, start, end)
            elif not value or value[0] in MAYBE_NOT_TEXT:
                value, start, end = self._resolved(value, start, end)
            self._end = end
            spans.append(start)
            spans.append(end)
            key = frame.key
            if key is _ITEM:
                frame.items.append(value)
            elif key is not None:
                frame.key = None
                if key is not _UNUSABLE:
                    frame.mapping[key] = value
            elif isinstance(value, str) and value not in frame.mapping:
                frame.key = value
                frame.starts.append(start)
            else:
                frame.key = self._checked_key(frame, value, start, end)
        if self._frame.items:
            self.value = self._frame.items[0]

    def is_empty(self) -> bool:
        """Whether the document says nothing, not even `null`."""
        return not self._spans or self._spans[0] == self._spans[1]

    def positions(self) -> Spot:
        """The places of everything in the value."""
        return Spot(self.value, self._spans, self._ends)

    def open_bracket(self) -> int:
        """Where the innermost `[` or `{` stands that is still open; -1 if there is none."""
        return self._frame.start if self._frame.flow else -1

    def _special(self, event: Event, start: int, end: int) -> int:
        """A text in double quotes that is not ASCII, or one with `|` or `>`; where it ends."""
        if event.style != '"':
            glued = _GLUED_COMMENT.match(self._text, start)
            if glued:  # only the parser in C lets it pass
                self._found.add(*block_header(self._text, *glued.span()))
            # The event's end is where the next thing begins.
            match = _BLOCK_TEXT.match(self._text, start, end)
            return match.end() if match else end
        try:
            event.value.encode()
        except UnicodeEncodeError:  # only the parser in Python lets these pass
            bad = first_bad_escape(self._text, start)
            if bad is not None:
                self._found.add(*bad)
            raise self._found.error() from None
        return end

    def _resolved(self, text: str, start: int, end: int) -> tuple[Value, int, int]:
        """A plain scalar that may not be text, or is not there at all, with its place."""
        if not text:
            start = end = self._place_of_nothing(start)
            if self._frame.flow and self._frame.key not in {None, _ITEM}:
                self._check_glued_key(start)
        try:
            return resolve(text), start, end
        except OutOfRangeError:
            self._found.add("number-out-of-range", start, end, "this number is too large")
            return None, start, end

    def _place_of_nothing(self, seen: int) -> int:
        """Where a value would stand that is not there: right behind what announces it."""
        # In `{a, b}` nothing does: the parsers see the value of `a` where the next thing begins.
        gap = _COMMENT.sub(_blank_out, self._text[self._end : seen]).rstrip(" \t\r\n")
        return self._end + len(gap) if gap.endswith((":", "-", "?")) else self._end

    def _checked_key(self, frame: _Frame, value: Value, start: int, end: int) -> str:
        """Report what is wrong with a key, if anything is; what to go on with."""
        if isinstance(value, str) and value not in frame.mapping:
            frame.starts.append(start)
            return value
        shown = quote(self._text[start:end])
        if isinstance(value, str):
            line = self._found.lines.point(frame.place_of(value))[0]
            message = f"the key {shown} is here twice: first in line {line}"
            self._found.add("duplicate-key", start, end, message, "remove one of the two")
            return value
        if start == end:
            self._found.add("non-string-key", start, end, "a key is missing before the colon")
        else:
            message = f"the key {shown} is read as {_NAMES[type(value)]}, not as text"
            quoted = f'"{self._text[start:end]}"'
            help_text = f"put it in quotes: {quote(quoted)}"
            self._found.add("non-string-key", start, end, message, help_text)
        return _UNUSABLE

    def _check_glued_key(self, nothing: int) -> None:
        """`{cuda:o/r:L}` is one key: the colon wants a blank behind it."""
        key_start, key_end = self._spans[-2:]
        written = self._text[key_start:key_end]
        if ":" in written and nothing == key_end and written[0] not in "\"'":
            key, _, value = written.partition(":")
            message = f"{quote(written)} is one key: a space is missing after the colon"
            help_text = f"write {quote(f'{key}: {value}')}"
            colon = key_start + len(key)
            self._found.add("yaml-missing-space", colon, colon + 1, message, help_text)

    def _properties(self, event: Event, position: int) -> int:
        """Report the `&name` and `!name` before a value, and say where they end."""
        count = (event.anchor is not None) + (event.tag is not None)
        for _ in range(count):
            match = _PROPERTY.match(self._text, position)
            if match is None:
                break
            refuse = anchor if match[1][0] == "&" else tag
            self._found.add(*refuse(*match.span(1)))
            position = match.end()
        return position

    def _document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            start = event.start_mark.index
            end = max(event.end_mark.index, start)
            self._found.add(*another_document(start, end))
            raise self._found.error()

    def _alias(self, event: Event) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        frame = self._frame
        self._end = end
        self._found.add(*alias(start, end, merge=frame.key == "<<"))
        self._spans += (start, end)
        self._place(None)

    def _open_mapping(self, event: Event) -> None:
        self._open(event, None)

    def _open_list(self, event: Event) -> None:
        self._open(event, _ITEM)

    def _open(self, event: Event, key: str | None) -> None:
        start = event.start_mark.index
        if event.tag is not None or event.anchor is not None:
            start = self._properties(event, start)
        outer = self._frame
        if outer.key is None:
            message = "a key has to be text, not a list or a mapping"
            self._found.add("complex-key", start, start + 1, message)
        frames, spans = self._frames, self._spans
        frames.append(outer)
        if len(frames) > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} lists and mappings inside one another"
            self._found.add("too-deep", start, start + 1, message)
            raise self._found.error()
        self._frame = _Frame(start, len(spans), key, event.flow_style)
        spans.append(start)
        spans.append(start)

    def _close_mapping(self, event: Event) -> None:
        self._close(event, self._frame.mapping)

    def _close_list(self, event: Event) -> None:
        self._close(event, self._frame.items)

    def _close(self, event: Event, value: Value) -> None:
        frame = self._frame
        start = frame.start
        # A pair in a list, [a: 1], is a mapping without braces.
        if frame.flow and self._text[start] in "{[":
            end = self._end = event.end_mark.index
        else:
            end = self._end = max(self._end, start)
        self._spans[frame.spot + 1] = end
        self._ends[frame.spot] = len(self._spans)
        self._frame = self._frames.pop()
        self._place(value)

    def _place(self, value: Value) -> None:
        """Put a value where it belongs; what was read as a key cannot be one."""
        frame = self._frame
        key = frame.key
        if key is _ITEM:
            frame.items.append(value)
        elif key is None:
            frame.key = _UNUSABLE
        else:
            frame.key = None
            if key is not _UNUSABLE:
                frame.mapping[key] = value


def _blank_out(match: re.Match[str]) -> str:
    return " " * len(match[0])
