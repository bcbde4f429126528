"""Where things stand in a JSON text, and what is wrong with it.

The scanner goes on where it can tell what was meant, so that one run finds every comment, every
comma too many and every key that is there twice.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

from kernel_schema.files.positions import Node
from kernel_schema.files.source import MAX_DEPTH, Findings, read_int
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANKS = re.compile(r"[ \t\r\n]*")
_LINE = re.compile(r"[^\r\n]*")
_PLAIN_STRING = re.compile(r'"[^"\\\x00-\x1f]*"')
_CHUNK = re.compile(r'[^"\\\t\r\n]*')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u([0-9a-fA-F]{4}))')
_BAD_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|[^\r\n]?)")
_LOW_SURROGATE = re.compile(r"\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SINGLE_QUOTED = re.compile(r"'[^'\\\r\n]*(?:\\[^\r\n][^'\\\r\n]*)*'")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LIKE_NUMBER = re.compile(r"[-+]?\.?[0-9]")
_VALUE_WORD = re.compile(r"""(?:[^ \t\r\n,;\[\]{}"'/#]|/(?![/*]))+""")
_KEY_WORD = re.compile(r"""(?:[^ \t\r\n,:\[\]{}"'/#]|/(?![/*]))+""")
_NOT_A_NUMBER = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_ENDS_LINE = frozenset(("", "\r", "\n"))
_STARTS = frozenset("\"'{[-0123456789")
_SKIPPED = frozenset(" \t\r\n/#")
_MEANT = {
    **{word: word.lower() for word in ("True", "TRUE", "False", "FALSE", "Null", "NULL")},
    **dict.fromkeys(("None", "nil", "undefined"), "null"),
}
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_SURROGATES = range(0xD800, 0xE000)

_Step: TypeAlias = "Callable[[], _Step] | None"


class _StopError(Exception):
    """It cannot be told how the text goes on."""


class Scanner:
    """Reads the positions of one JSON text.

    Args:
        text: The text.
        found: What takes the problems.
    """

    def __init__(self, text: str, found: Findings) -> None:
        self._text = text
        self._found = found
        self._position = 0
        self._root = Node(0, 0)
        self._open: list[Node] = []
        # The key that waits for its value.
        self._key: str | None = None
        self._key_span = (-1, -1)

    def scan(self) -> Node:
        """The root of the positions; where the text is no JSON, of as much as can be told.

        Raises:
            ReadError: if there are too many problems.
        """
        self._skip()
        if self._position == len(self._text):
            if not self._found:
                self._found.add("empty-document", 0, 0, "the file is empty: it holds no value")
            return self._root
        step: _Step = self._value
        try:
            while step is not None:
                step = step()
                self._skip()
        except _StopError:
            pass
        return self._root

    # What can stand at a place: each reads it and says what may follow.

    def _value(self) -> _Step:
        text, start = self._text, self._position
        char = text[start : start + 1]
        if char == '"':
            self._place(Node(start, self._string()))
        elif char in {"{", "["}:
            return self._opening(char)
        elif char == "'":
            self._place(Node(start, self._single_quoted()))
        elif match := _VALUE_WORD.match(text, start):
            if char == ":":
                self._stop(start, start + 1, "there is no key before this `:`")
            self._position = match.end()
            self._word(match[0], start)
            self._place(Node(start, match.end()))
        elif char:
            self._report(start, start + 1, f"a value is missing before {quote(char)}")
            if not self._open:
                raise _StopError
            self._place(Node(start, start))
        else:
            self._ended("a value is missing at the end")
        return self._after

    def _first_item(self) -> _Step:
        return self._after if self._text.startswith("]", self._position) else self._value

    def _first_key(self) -> _Step:
        return self._after if self._text.startswith("}", self._position) else self._member

    def _member(self) -> _Step:
        text, start = self._text, self._position
        char = text[start : start + 1]
        if char == '"':
            end = self._string()
            self._key = _decode(text[start:end])
        elif char == "'":
            end = self._single_quoted()
            self._key = text[start + 1 : end - 1]
        elif match := _KEY_WORD.match(text, start):
            self._key, end = match[0], match.end()
            self._position = end
            written = f'"{match[0]}"'
            self._report(start, end, "a key needs double quotes", f"write {quote(written)}")
        elif not char:
            self._ended("a key is missing at the end")
        else:
            self._stop(start, start + 1, f"a key in double quotes is expected, not {quote(char)}")
        self._key_span = (start, end)
        first = self._top().get(self._key)
        if first is not None:
            line = self._found.lines.point(first.key_start)[0]
            message = f"the key {quote(text[start:end])} is here twice: first in line {line}"
            self._found.add("duplicate-key", start, end, message, "remove one of the two")
        self._skip()
        return self._colon()

    def _colon(self) -> _Step:
        start, end = self._key_span
        char = self._text[self._position : self._position + 1]
        if char == ":":
            self._position += 1
        elif char == "=":
            self._report(self._position, self._position + 1, "a `:` is expected here, not `=`")
            self._position += 1
        elif char in {",", "}"}:
            self._report(start, end, "a `:` and a value are missing after this key")
            self._place(Node(end, end))
            return self._after
        elif char:
            self._report(start, end, "a `:` is missing after this key")
        else:
            self._ended("a value is missing at the end")
        return self._value

    def _after(self) -> _Step:
        """What comes after a value, or ends what has none."""
        text, start = self._text, self._position
        char = text[start : start + 1]
        if not self._open:
            if char:
                end = _line_end(text, start)
                self._stop(start, end, "this comes after the end of the JSON value")
            return None
        inner = text[self._open[-1].start]
        closing = "]" if inner == "[" else "}"
        item = self._value if inner == "[" else self._member
        if char == closing:
            self._close()
            return self._after
        if char == ",":
            self._position += 1
            self._skip()
            if text.startswith(closing, self._position):
                message = f"JSON has no `,` before the closing `{closing}`"
                self._report(start, start + 1, message, "remove the comma")
                return self._after
            return item
        if not char:
            self._ended("")
        if char not in _STARTS:
            place = self._found.lines.point(self._open[-1].start)
            where = f"line {place[0]}, column {place[1]}"
            message = f"a `,` or `{closing}` is expected here, for the `{inner}` at {where}"
            self._stop(start, start + 1, message)
        self._report(start, start + 1, "a `,` is missing before this")
        return item

    # Pieces.

    def _opening(self, char: str) -> _Step:
        start = self._position
        if len(self._open) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} lists and objects inside one another"
            self._found.add("too-deep", start, start + 1, message)
            raise _StopError
        node = Node(start, start + 1, {})
        self._place(node)
        self._open.append(node)
        self._position += 1
        return self._first_key if char == "{" else self._first_item

    def _close(self) -> None:
        self._position += 1
        self._open.pop().end = self._position

    def _top(self) -> dict[str | int, Node]:
        children = self._open[-1].children
        return {} if children is None else children

    def _place(self, node: Node) -> None:
        if not self._open:
            self._root = node
        elif self._key is None:
            children = self._top()
            children[len(children)] = node
        else:
            node.key_start, node.key_end = self._key_span
            self._top().setdefault(self._key, node)
            self._key = None

    def _skip(self) -> None:
        """Go on to the next thing; comments are problems on the way."""
        text = self._text
        if text[self._position : self._position + 1] not in _SKIPPED:
            return
        while True:
            match = _BLANKS.match(text, self._position)
            start = self._position = match.end() if match else self._position
            if text.startswith(("//", "#"), start):
                end = _line_end(text, start)
            elif text.startswith("/*", start):
                closing = text.find("*/", start + 2)
                end = len(text) if closing < 0 else closing + 2
            else:
                return
            help_text = "remove it, or write the config in YAML or TOML"
            self._found.add("json-comment", start, end, "JSON has no comments", help_text)
            self._position = end

    def _word(self, word: str, start: int) -> None:
        """Report a word without quotes that is no JSON value."""
        end = start + len(word)
        if word in {"true", "false", "null"}:
            return
        if match := _NUMBER.fullmatch(word):
            too_large = math.isinf(float(word)) if match[1] or match[2] else read_int(word) is None
            if too_large:
                self._found.add("number-out-of-range", start, end, "this number is too large")
        elif _NOT_A_NUMBER.fullmatch(word):
            self._found.add("not-a-number", start, end, f"JSON has no {quote(word)}")
        elif word in _MEANT:
            message = f"JSON has no {quote(word)}"
            self._report(start, end, message, f"write `{_MEANT[word]}`")
        elif _LIKE_NUMBER.match(word):
            message = f"{quote(word)} is not a number of JSON"
            help_text = "write a number in decimal digits, or put text in double quotes"
            self._report(start, end, message, help_text)
        else:
            written = f'"{word}"'
            self._report(start, end, "text needs double quotes", f"write {quote(written)}")

    def _string(self) -> int:
        """Go to the end of a string and report what is wrong inside."""
        text, opening = self._text, self._position
        match = _PLAIN_STRING.match(text, opening)
        if match:
            self._position = match.end()
            return match.end()
        position = opening + 1
        while True:
            chunk = _CHUNK.match(text, position)
            position = chunk.end() if chunk else position
            char = text[position : position + 1]
            if char == '"':
                self._position = position + 1
                return position + 1
            if char == "\\" and text[position + 1 : position + 2] not in _ENDS_LINE:
                position = self._escape(position)
            elif char == "\t":
                self._report(position, position + 1, "a tab inside text is written `\\t`")
                position += 1
            else:
                self._stop(opening, opening + 1, 'this `"` is not closed on its line')

    def _escape(self, start: int) -> int:
        """Report a wrong escape; where it ends."""
        text = self._text
        match = _ESCAPE.match(text, start)
        if match is None:
            wrong = _BAD_ESCAPE.match(text, start)
            end = wrong.end() if wrong else start + 1
            message = f"there is no escape {quote(text[start:end])}"
            if text.startswith("u", start + 1):
                message = "`\\u` needs 4 digits of 0-9 and a-f after it"
            self._report(start, end, message, "write a backslash twice")
            return end
        end = match.end()
        number = int(match[1], 16) if match[1] else 0
        if number in _HIGH_SURROGATES and (low := _LOW_SURROGATE.match(text, end)):
            return low.end()
        if number in _SURROGATES:
            message = f"`{match[0]}` is half a surrogate pair, and no character"
            self._found.add("lone-surrogate", start, end, message, "write the character itself")
        return end

    def _single_quoted(self) -> int:
        start = self._position
        match = _SINGLE_QUOTED.match(self._text, start)
        if match is None:
            self._stop(start, start + 1, "this `'` is not closed on its line")
        end = self._position = match.end()
        message = "text is written in double quotes, not in single ones"
        self._report(start, end, message)
        return end

    def _report(self, start: int, end: int, message: str, help_text: str | None = None) -> None:
        self._found.add("syntax-error", start, end, message, help_text)

    def _stop(self, start: int, end: int, message: str) -> NoReturn:
        self._report(start, end, message)
        raise _StopError

    def _ended(self, message: str) -> NoReturn:
        """The text ends too soon: say which bracket is open, if there is one."""
        if self._open:
            start = self._open[-1].start
            self._stop(start, start + 1, f"this `{self._text[start]}` is never closed")
        end = len(self._text)
        self._stop(end, end, message)


def _line_end(text: str, start: int) -> int:
    match = _LINE.match(text, start)
    return match.end() if match else start


def _decode(written: str) -> str:
    if "\\" not in written:
        return written[1:-1]
    try:
        return cast("str", json.loads(written, strict=False))
    except ValueError:
        return written[1:-1]
