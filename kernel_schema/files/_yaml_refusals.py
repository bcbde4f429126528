"""What YAML allows and a config does without, and the words in which that is refused."""

from __future__ import annotations

import re
from typing import NamedTuple

from kernel_schema.wording import quote

_CHUNK = re.compile(r'[^"\\]*')
_ESCAPE = re.compile(
    r"\\(?:[0abt\tnvfre \"/\\N_LP\r\n]|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_ESCAPE_START = re.compile(r"\\(?:[xuU][0-9a-fA-F]{0,8}|.?)", re.DOTALL)
_MAX_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


class Explanation(NamedTuple):
    """A problem as `Findings.add` takes it."""

    code: str
    start: int
    end: int
    message: str
    help_text: str | None = None


def another_document(start: int, end: int) -> Explanation:
    """A second document in the text."""
    message = "a second document begins here; a config is one document"
    help_text = "remove the `---` or `...`, or keep the documents in files of their own"
    return Explanation("yaml-multiple-documents", start, end, message, help_text)


def anchor(start: int, end: int) -> Explanation:
    """`&name`."""
    message = "anchors (`&`) are not supported"
    help_text = (
        "remove it and write the value out where it is needed, or quote text that starts with `&`"
    )
    return Explanation("yaml-anchor", start, end, message, help_text)


def alias(start: int, end: int, *, merge: bool = False) -> Explanation:
    """`*name`."""
    message = "aliases (`*`) are not supported"
    help_text = "write the value out, or quote text that starts with `*`"
    if merge:
        message = "aliases (`*`) are not supported, so nothing can be merged with `<<`"
        help_text = "write the keys out"
    return Explanation("yaml-alias", start, end, message, help_text)


def tag(start: int, end: int) -> Explanation:
    """`!name`."""
    message = "types stated with `!` are not supported"
    help_text = "remove it, or quote text that starts with `!`"
    return Explanation("yaml-tag", start, end, message, help_text)


def directive(start: int, end: int) -> Explanation:
    """`%NAME`."""
    message = "lines that start with `%` are not supported, apart from `%YAML 1.2`"
    return Explanation("yaml-directive", start, end, message, "remove the line")


def block_header(text: str, start: int, end: int) -> Explanation:
    """`|` or `>` with something else behind it than what may stand there."""
    sign = quote(text[start : start + 1])
    message = f"only `+`, `-` or one of 1 to 9 may follow {sign} on its line"
    help_text = f"quote text that starts with {sign}"
    return Explanation("syntax-error", start, end, message, help_text)


def first_bad_escape(text: str, opening: int) -> Explanation | None:
    r"""What is wrong with the escapes of the text in double quotes that starts at an offset.

    >>> first_bad_escape(r'"a\q"', 0).message
    'there is no escape `\\q`'
    """
    position = opening + 1
    while True:
        chunk = _CHUNK.match(text, position)
        position = chunk.end() if chunk else position
        if not text.startswith("\\", position):
            return None
        match = _ESCAPE.match(text, position)
        if match is None:
            wrong = _ESCAPE_START.match(text, position)
            end = wrong.end() if wrong else position + 1
            shown = text[position:end]
            if shown[1:2] in {"x", "u", "U"}:
                count = {"x": 2, "u": 4, "U": 8}[shown[1]]
                message = f"`\\{shown[1]}` needs {count} digits of 0-9 and a-f after it"
            else:
                message = f"there is no escape {quote(shown)}"
            help_text = "write a backslash twice, or put the text in single quotes"
            return Explanation("syntax-error", position, end, message, help_text)
        if match.lastindex:
            number = int(match[match.lastindex], 16)
            if number in _SURROGATES:
                message = f"`{match[0]}` is half a surrogate pair, and no character"
                help_text = "write the character itself"
                return Explanation("lone-surrogate", *match.span(), message, help_text)
            if number > _MAX_CODE_POINT:
                message = f"there is no character `{match[0]}`"
                return Explanation("syntax-error", *match.span(), message)
        position = match.end()
