"""What tomllib complains about, in plain words and with an exact place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.files.toml import COMMENT, LONG, SHORT, ReachedError, Scanner, name_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.files.parsed import Findings

_PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
# A quote by itself is that of a string that is broken off.
_PIECE = re.compile(rf"{LONG}|\"\"\"|'''|{SHORT}|{COMMENT}|[\"'\[\]{{}}]", re.DOTALL)
_WORD = re.compile(r"[^\s,\[\]{}#=]+")
_LINE = re.compile(r"[^\r\n#]*[^\r\n# \t]")
_ESCAPE = re.compile(r"\\(?:([uU])([0-9a-fA-F]{0,8})|[^\r\n])")
_QUOTE_KEY: Final = "put a key in quotes if it has other characters than A-Z a-z 0-9 _ -"
_LIKE_NUMBER = re.compile(r"[-+]?\.?[0-9]")
_NO_VALUES: Final = frozenset({"null", "Null", "NULL", "None", "nil", "~"})
_MEANT: Final = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
_SURROGATES: Final = range(0xD800, 0xE000)


class _Complaint(NamedTuple):
    """Where tomllib stopped, at which character, and the bracket or quote open there, or -1."""

    found: Findings
    offset: int
    char: str
    opening: int
    quote: int

    @property
    def ends(self) -> bool:
        """Whether the line ends there, or the text."""
        return self.char in {"", "\r", "\n", "#"}

    def note(self, start: int, end: int, message: str, help_text: str | None = None) -> None:
        """Note what is wrong."""
        self.found.add_syntax(start, end, message, help_text)

    def note_char(self, message: str, help_text: str | None = None) -> None:
        """Note what is wrong with the character."""
        self.note(self.offset, self.offset + len(self.char), message, help_text)


def explain(found: Findings, complaint: str) -> None:
    """Note what an error of tomllib means.

    Args:
        found: Takes it, and holds the text.
        complaint: What tomllib says.
    """
    text = found.text
    match = _PLACE.fullmatch(complaint)
    words, line, column = match.groups() if match else (complaint, None, None)
    at = found.lines.offset(int(line), int(column)) if line and column else len(text)
    for pattern, explanation in _EXPLANATIONS.items():
        if re.match(pattern, words):
            explanation(_Complaint(found, at, text[at : at + 1], *_context(text, at)))
            return
    found.add_syntax(at, min(at + 1, len(text)), "this is not valid TOML")


def _context(text: str, at: int) -> tuple[int, int]:
    """Where the innermost bracket stands that is open at an offset, and an open quote; or -1."""
    opened: list[int] = []
    for match in _PIECE.finditer(text):
        start, piece = match.start(), match[0]
        if start >= at:
            break
        if piece in {'"', "'", '"""', "'" * 3}:
            return -1, start
        if piece in {"[", "{"}:
            opened.append(start)
        elif piece in {"]", "}"} and opened:
            opened.pop()
    return (opened[-1] if opened else -1), -1


def _twice(at: _Complaint) -> None:
    """A key that is there already, or that cannot be added where it is meant to go."""
    scanner = Scanner(at.found.text, stop=at.offset)
    try:
        scanner.scan()
    except ReachedError as reached:
        table, last, first = reached.table, reached.key[0], 0
        for part in reached.key:
            child = table.under(name_of(part))
            if child is None:
                break
            table, last, first = scanner.newest(child), part, child.key_start
        if last is reached.key[-1]:
            at.found.add_twice(*last.span(), first)
            return
        line = at.found.lines.point(first)[0]
        message = f"{quote(last[0])} is complete in line {line}: nothing can be added to it here"
        at.found.add("duplicate-key", *last.span(), message, "write it all in one place")


def _statement(at: _Complaint) -> None:
    message = f"a key or a `[table]` is expected here, not {quote(at.char)}"
    at.note_char(message, _QUOTE_KEY if not at.char.isascii() or at.char in "/@:*~" else None)


def _behind(at: _Complaint) -> None:
    """Something behind a value or header, on its line."""
    text, offset = at.found.text, at.offset
    if text[offset - 1] not in " \t\"'])}":
        _value(at)
        return
    match = _LINE.match(text, offset)
    line_start = text.rfind("\n", 0, offset) + 1
    what = "header" if text[line_start:offset].lstrip(" \t").startswith("[") else "value"
    message = f"this comes after the end of the {what}"
    at.note(offset, match.end() if match else offset, message, "give it a line of its own")


def _value(at: _Complaint) -> None:
    """Something that is no value."""
    text, start = at.found.text, at.offset
    # tomllib may have taken a part of it for a value.
    while start and text[start - 1] not in " \t\r\n,[]{}#=\"'":
        start -= 1
    match = _WORD.match(text, start)
    if match is None:
        if not at.char and at.opening >= 0:
            _unclosed(at)
        elif at.ends:
            end = len(text[: at.offset].rstrip())
            at.note(end, end, "a value is missing after the `=`")
        else:
            at.note_char(f"a value is missing before {quote(at.char)}")
        return
    word = match[0]
    if word in _NO_VALUES:
        message, help_text = f"TOML has no {quote(word)}", "leave the key out"
    elif word in _MEANT:
        message, help_text = f"{quote(word)} is not a value of TOML", f"write `{_MEANT[word]}`"
    elif _LIKE_NUMBER.match(word):
        message = f"{quote(word)} is not a number or date of TOML"
        help_text = "put text in quotes"
    else:
        written = f'"{word}"'
        message, help_text = "text needs quotes", f"write {quote(written)}"
    at.note(*match.span(), message, help_text)


def _equals_sign(at: _Complaint) -> None:
    if at.ends:
        text = at.found.text
        end = len(text[: at.offset].rstrip(" \t"))
        start = max(text.rfind(sign, 0, end) for sign in "\n,{ \t") + 1
        at.note(start, end, "a `=` and a value are missing after this key")
        return
    help_text = "TOML writes `key = value`" if at.char == ":" else _QUOTE_KEY
    at.note_char(f"a `=` is expected after the key, not {quote(at.char)}", help_text)


def _key_start(at: _Complaint) -> None:
    text, opening = at.found.text, at.opening
    if opening >= 0 and text[opening] == "{":
        comma = text.rfind(",", opening, at.offset)
        if not at.char:
            _unclosed(at)
            return
        if at.char == "}" and comma >= 0 and not text[comma + 1 : at.offset].strip():
            message = "TOML has no `,` before the closing `}`"
            at.note(comma, comma + 1, message, "remove the comma")
            return
        if at.ends:
            _one_line(at)
            return
    if not at.char or at.char in "\r\n":
        at.note(at.offset, at.offset, "a key is missing here")
        return
    help_text = None if at.char in ".,=[]{}" else _QUOTE_KEY
    at.note_char(f"a key is expected here, not {quote(at.char)}", help_text)


def _one_line(at: _Complaint) -> None:
    message = "a table in braces has to be closed on the same line"
    at.note(at.opening, at.opening + 1, message, "or give it a header: `[name]`")


def _header(at: _Complaint) -> None:
    if at.ends:
        at.note(at.offset, at.offset, "the closing `]` of this header is missing")
    elif at.char == "]":
        at.note_char("a header that begins with `[[` ends with `]]`")
    else:
        message = f"the closing `]` of this header is expected here, not {quote(at.char)}"
        at.note_char(message, _QUOTE_KEY)


def _unclosed(at: _Complaint) -> None:
    """A `[` or `{` without its end, or two items without a comma between them."""
    text, opening = at.found.text, at.opening
    sign = text[opening]
    if not text[at.offset :].strip():
        at.note(opening, opening + 1, f"this `{sign}` is never closed")
    elif sign == "{" and at.ends:
        _one_line(at)
    else:
        line, column = at.found.lines.point(opening)
        closing = "]" if sign == "[" else "}"
        message = f"a `,` or `{closing}` is missing before this, for the `{sign}`"
        at.note_char(f"{message} at line {line}, column {column}")


def _quote(at: _Complaint) -> None:
    if at.quote < 0:
        at.note_char("this character is not allowed here")
        return
    sign = at.found.text[at.quote]
    width = 3 if at.found.text.startswith(sign * 3, at.quote) else 1
    ending = "is never closed" if width == 3 else "is not closed on its line"
    at.note(at.quote, at.quote + width, f"this {quote(sign * width)} {ending}")


def _escape(at: _Complaint) -> None:
    text = at.found.text
    start = text.rfind("\\", 0, at.offset)
    match = _ESCAPE.match(text, start)
    if match is None:  # the line ends here, and the text with it
        _quote(at)
        return
    end, shown = match.end(), quote(match[0])
    help_text = "write a backslash twice, or use single quotes"
    message = f"there is no escape {shown}"
    if match[1]:
        count = {"u": 4, "U": 8}[match[1]]
        digits = match[2][:count]
        end = match.start(2) + len(digits)
        shown = quote(text[start:end])
        if len(digits) < count:
            message = f"`\\{match[1]}` needs {count} digits of 0-9 and a-f after it"
        elif int(digits, 16) in _SURROGATES:
            message = f"{shown} is half a surrogate pair, and no character"
            at.found.add("lone-surrogate", start, end, message, "write the character itself")
            return
        else:
            message, help_text = f"there is no character {shown}", None
    at.note(start, end, message, help_text)


def _date(at: _Complaint) -> None:
    match = _LINE.match(at.found.text, at.offset)
    at.note(at.offset, match.end() if match else at.offset, "there is no such date or time")


_EXPLANATIONS: Final[dict[str, Callable[[_Complaint], None]]] = {
    "Cannot (?:declare|overwrite|mutate|redefine)|Duplicate": _twice,
    "Invalid statement": _statement,
    "Expected newline or end of document": _behind,
    "Invalid value": _value,
    "Expected '='": _equals_sign,
    "Invalid initial character for a key": _key_start,
    r"Expected ['\"]\]": _header,
    "Unclosed": _unclosed,
    "Unterminated|Illegal character|Found invalid character|Expected [\"']": _quote,
    "Unescaped|Invalid hex|Escaped character": _escape,
    "Invalid date": _date,
}
