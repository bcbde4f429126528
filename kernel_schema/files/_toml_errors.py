"""What tomllib complains about, in plain words and with an exact place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.files._toml_scan import Scanner
    from kernel_schema.files.positions import LineIndex

_PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_WORD = re.compile(r"[^\s,\[\]{}#=]+")
_LINE = re.compile(r"[^\r\n#]*[^\r\n# \t]")
_ESCAPE = re.compile(r"\\(?:[uU][0-9a-fA-F]{0,8}|[^\r\n]?)")
_QUOTE_KEY = "put a key in quotes if it has other characters than A-Z a-z 0-9 _ -"
_LIKE_NUMBER = re.compile(r"[-+]?\.?[0-9]")
_NO_VALUES = {"null", "Null", "NULL", "None", "nil", "~"}
_MEANT = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
_SURROGATES = range(0xD800, 0xE000)


class Explanation(NamedTuple):
    """A problem as `Findings.add` takes it."""

    code: str
    start: int
    end: int
    message: str
    help_text: str | None = None


@dataclass(frozen=True, slots=True)
class _Complaint:
    """Where tomllib stopped, and what the scanner knows of the place."""

    text: str
    lines: LineIndex
    at: int
    scanner: Scanner

    @property
    def char(self) -> str:
        """The character that tomllib stopped at, or nothing at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def bracket(self) -> int:
        """The innermost bracket or brace that is open there, or -1."""
        around = (start for start, end in self.scanner.brackets if start < self.at < end)
        return max(around, default=-1)

    def rest(self) -> int:
        """Where the line ends, blanks and comments left out."""
        match = _LINE.match(self.text, self.at)
        return match.end() if match else self.at


def place_of(error: ValueError, lines: LineIndex) -> tuple[str, int]:
    """An error of tomllib as its words and an offset."""
    match = _PLACE.fullmatch(str(error))
    if match is None:
        return str(error), 0
    if match[2] is None:
        return match[1], lines.length
    return match[1], lines.offset(int(match[2]), int(match[3]))


def explain(
    text: str, lines: LineIndex, words: str, offset: int, scanner: Scanner
) -> Explanation | None:
    """Say what an error of tomllib means; None for keys that are there twice.

    Args:
        text: What was parsed.
        lines: Its lines.
        words: What tomllib says.
        offset: Where it says so.
        scanner: What has been over the same text.
    """
    if _TWICE.match(words):
        return None
    complaint = _Complaint(text, lines, offset, scanner)
    for pattern, explanation in _EXPLANATIONS:
        if pattern.match(words):
            return explanation(complaint)
    return _syntax(offset, offset + 1, "this is not valid TOML")


def _syntax(start: int, end: int, message: str, help_text: str | None = None) -> Explanation:
    return Explanation("syntax-error", start, end, message, help_text)


def _statement(complaint: _Complaint) -> Explanation:
    char = complaint.char
    message = f"a key or a `[table]` is expected here, not {quote(char)}"
    help_text = None
    if not char.isascii() or char in "/@:*~":
        help_text = _QUOTE_KEY
    return _syntax(complaint.at, complaint.at + 1, message, help_text)


def _behind(complaint: _Complaint) -> Explanation:
    """Something behind a value or header, on its line."""
    before = complaint.text[complaint.at - 1 : complaint.at]
    if before and before not in " \t\"'])}":
        return _value(complaint)
    start = complaint.at - complaint.lines.point(complaint.at)[1] + 1
    what = "header" if complaint.text[start : complaint.at].lstrip(" \t")[:1] == "[" else "value"
    message = f"this comes after the end of the {what}"
    return _syntax(complaint.at, complaint.rest(), message, "give it a line of its own")


def _value(complaint: _Complaint) -> Explanation:
    """Something that is no value."""
    text, start = complaint.text, complaint.at
    # tomllib may have taken a part of it for a value.
    while start and text[start - 1] not in " \t\r\n,[]{}#=\"'":
        start -= 1
    match = _WORD.match(text, start)
    if match is None:
        char = complaint.char
        if not char and complaint.bracket >= 0:
            return _unclosed(complaint)
        if not char or char in "\r\n#":
            line_end = len(text[: complaint.at].rstrip())
            return _syntax(line_end, line_end, "a value is missing after the `=`")
        message = f"a value is missing before {quote(char)}"
        return _syntax(complaint.at, complaint.at + 1, message)
    word, end = match[0], match.end()
    if word in _NO_VALUES:
        message = f"TOML has no {quote(word)}"
        return _syntax(start, end, message, "leave the key out")
    if word in _MEANT:
        message = f"{quote(word)} is not a value of TOML"
        return _syntax(start, end, message, f"write `{_MEANT[word]}`")
    if _LIKE_NUMBER.match(word):
        message = f"{quote(word)} is not a number or date of TOML"
        return _syntax(start, end, message, "put text in quotes")
    written = f'"{word}"'
    return _syntax(start, end, "text needs quotes", f"write {quote(written)}")


def _equals_sign(complaint: _Complaint) -> Explanation:
    char = complaint.char
    if not char or char in "\r\n#":
        end = len(complaint.text[: complaint.at].rstrip(" \t"))
        start = max(complaint.text.rfind(sign, 0, end) for sign in "\n,{ \t") + 1
        return _syntax(start, end, "a `=` and a value are missing after this key")
    message = f"a `=` is expected after the key, not {quote(char)}"
    help_text = _QUOTE_KEY
    if char == ":":
        help_text = "TOML writes `key = value`"
    return _syntax(complaint.at, complaint.at + 1, message, help_text)


def _key_start(complaint: _Complaint) -> Explanation:
    char, at = complaint.char, complaint.at
    if complaint.bracket >= 0 and complaint.text[complaint.bracket] == "{":
        if not char:
            return _unclosed(complaint)
        if char == "}":
            comma = complaint.text.rfind(",", complaint.bracket, at)
            if not complaint.text[comma + 1 : at].strip():
                message = "TOML has no `,` before the closing `}`"
                return _syntax(comma, comma + 1, message, "remove the comma")
        if char in {"\r", "\n", "#"}:
            return _one_line(complaint)
    if not char or char in "\r\n":
        return _syntax(at, at, "a key is missing here")
    message = f"a key is expected here, not {quote(char)}"
    help_text = None
    if char not in ".,=[]{}":
        help_text = _QUOTE_KEY
    return _syntax(at, at + 1, message, help_text)


def _one_line(complaint: _Complaint) -> Explanation:
    message = "a table in braces has to be closed on the same line"
    return _syntax(
        complaint.bracket, complaint.bracket + 1, message, "or give it a header: `[name]`"
    )


def _header(complaint: _Complaint) -> Explanation:
    char, at = complaint.char, complaint.at
    if not char or char in "\r\n#":
        return _syntax(at, at, "the closing `]` of this header is missing")
    if char == "]":
        return _syntax(at, at + 1, "a header that begins with `[[` ends with `]]`")
    message = f"the closing `]` of this header is expected here, not {quote(char)}"
    help_text = _QUOTE_KEY
    return _syntax(at, at + 1, message, help_text)


def _unclosed(complaint: _Complaint) -> Explanation:
    """A `[` or `{` without its end, or two items without a comma between them."""
    text, at, opening = complaint.text, complaint.at, complaint.bracket
    if opening < 0:
        return _syntax(at, at, "a closing bracket is missing here")
    closing = "]" if text[opening] == "[" else "}"
    if not text[at:].strip():
        return _syntax(opening, opening + 1, f"this `{text[opening]}` is never closed")
    if closing == "}" and complaint.char in {"\r", "\n", "#"}:
        return _one_line(complaint)
    line, column = complaint.lines.point(opening)
    message = f"a `,` or `{closing}` is missing before this, for the `{text[opening]}`"
    return _syntax(at, at + 1, f"{message} at line {line}, column {column}")


def _quote(complaint: _Complaint) -> Explanation:
    start = complaint.scanner.stopped
    mark = complaint.text[start : start + 1]
    if start < 0 or mark not in {'"', "'"}:
        start, mark = max(complaint.at - 1, 0), "quote"
    if complaint.text.startswith(mark * 3, start):
        message = f"this {quote(mark * 3)} is never closed"
        return _syntax(start, start + 3, message)
    return _syntax(start, start + 1, f"this {quote(mark)} is not closed on its line")


def _escape(complaint: _Complaint) -> Explanation:
    text = complaint.text
    start = max(text.rfind("\\", 0, complaint.at), 0)
    match = _ESCAPE.match(text, start)
    end = match.end() if match else start + 1
    if end == start + 1:
        return _quote(complaint)  # the line ends here, and the text with it
    shown = quote(text[start:end])
    if match and match[0][1:2] in {"u", "U"}:
        count = {"u": 4, "U": 8}[match[0][1]]
        digits = match[0][2 : 2 + count]
        end = start + 2 + len(digits)
        if len(digits) < count:
            message = f"`\\{match[0][1]}` needs {count} digits of 0-9 and a-f after it"
            return _syntax(start, end, message, "write a backslash twice, or use single quotes")
        shown = quote(text[start:end])
        if int(digits, 16) in _SURROGATES:
            message = f"{shown} is half a surrogate pair, and no character"
            help_text = "write the character itself"
            return Explanation("lone-surrogate", start, end, message, help_text)
        return _syntax(start, end, f"there is no character {shown}")
    help_text = "write a backslash twice, or use single quotes"
    return _syntax(start, end, f"there is no escape {shown}", help_text)


def _date(complaint: _Complaint) -> Explanation:
    return _syntax(complaint.at, complaint.rest(), "there is no such date or time")


_TWICE = re.compile("Cannot (?:declare|overwrite|mutate|redefine)|Duplicate")
_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[_Complaint], Explanation]], ...] = tuple(
    (re.compile(pattern), explanation)
    for pattern, explanation in (
        ("Invalid statement", _statement),
        ("Expected newline or end of document", _behind),
        ("Invalid value", _value),
        ("Expected '='", _equals_sign),
        ("Invalid initial character for a key", _key_start),
        (r"Expected ['\"]\]", _header),
        ("Unclosed", _unclosed),
        ("Unterminated|Illegal character|Found invalid character|Expected [\"']", _quote),
        ("Unescaped|Invalid hex|Escaped character", _escape),
        ("Invalid date", _date),
    )
)
