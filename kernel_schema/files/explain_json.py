"""What is wrong with a text that json.loads does not take, in plain words and with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kernel_schema.files.json import NOT_NUMBERS, STRING
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Findings

_COMMENT = re.compile(rf'{STRING}|"|(//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z))', re.DOTALL)
# A quote by itself is that of a string that is broken off.
_PIECE = re.compile(rf'{STRING}|["\[\]{{}},]')
_BAD_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}(?![0-9a-fA-F])|[^u\r\n])")
_SINGLE_QUOTED = re.compile(r"'[^'\\\r\n]*(?:\\[^\r\n][^'\\\r\n]*)*'")
_WORD = re.compile(r"""[^ \t\r\n,;:=\[\]{}"'#]+""")
_VALUE = re.compile(r"""(?:[^ \t\r\n,;\[\]{}"'/#]|/(?![/*]))+""")
_LINE = re.compile(r"[^\r\n]*")
_LAST_COMMA = re.compile(r",\s*([\]}])")
_LIKE_NUMBER = re.compile(r"[-+]?\.?[0-9]")
_NOT_A_NUMBER = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_MEANT: Final = {
    **{word: word.lower() for word in ("True", "TRUE", "False", "FALSE", "Null", "NULL")},
    **dict.fromkeys(("None", "nil", "undefined"), "null"),
}


def explain(found: Findings, words: str, at: int) -> None:
    """Note what is wrong.

    Args:
        found: Takes it, and holds the text.
        words: What json.loads says.
        at: Where it stopped.
    """
    text = found.text
    char = text[at : at + 1]
    if not text.strip(" \t\r\n"):
        found.add("empty-document", 0, 0, "the file is empty: it holds no value")
    elif text.startswith(("//", "/*", "#"), at):
        _comments(found, at)
    elif "escape" in words:
        _escape(found, at if char == "\\" else at - 1)
    elif "Unterminated" in words or "control" in words:
        _string(found, at)
    elif not char:
        _end(found)
    elif "property" in words or (char == "," and "trailing" in words):
        _key(found, at)
    elif "':'" in words:
        _colon(found, at)
    elif "','" in words or "Extra" in words:
        _after_value(found, at)
    else:
        _value(found, at)


def _comments(found: Findings, at: int) -> None:
    """All comments, from the first on."""
    for match in _COMMENT.finditer(found.text, at):
        if match[0] == '"':
            return
        if match[1]:
            help_text = "remove it, or write the config in YAML or TOML"
            found.add("json-comment", *match.span(), "JSON has no comments", help_text)


def _context(found: Findings, at: int) -> tuple[list[int], int, int]:
    """The brackets that are open at an offset, the last comma before it and the last string."""
    opened: list[int] = []
    comma = string = -1
    for match in _PIECE.finditer(found.text, 0, at):
        sign = match[0][0]
        if match[0] == '"':
            return opened, comma, match.start()
        if sign in "[{":
            opened.append(match.start())
        elif sign in "]}":
            opened.pop()
        elif sign == ",":
            comma = match.start()
        else:
            string = match.start()
    return opened, comma, string


def _escape(found: Findings, start: int) -> None:
    match = _BAD_ESCAPE.match(found.text, start)
    if match is None:  # the line ends here, and the text with it
        _string(found, start)
        return
    shown = match[0]
    message = f"there is no escape {quote(shown)}"
    if shown.startswith("\\u"):
        message = "`\\u` needs 4 digits of 0-9 and a-f after it"
    found.add_syntax(start, start + len(shown), message, "write a backslash twice")


def _string(found: Findings, at: int) -> None:
    if found.text.startswith("\t", at):
        found.add_syntax(at, at + 1, "a tab inside text is written `\\t`")
        return
    opening = _context(found, at + 1)[2]
    found.add_syntax(opening, opening + 1, 'this `"` is not closed on its line')


def _end(found: Findings) -> None:
    """The text ends too soon: say which bracket is open, if there is one."""
    opened = _context(found, len(found.text))[0]
    if opened:
        start = opened[-1]
        found.add_syntax(start, start + 1, f"this `{found.text[start]}` is never closed")
    else:
        found.add_syntax(len(found.text), len(found.text), "a value is missing at the end")


def _key(found: Findings, at: int) -> None:
    text = found.text
    if _is_last_comma(found, at) or _is_single_quoted(found, at):
        return
    match = _WORD.match(text, at)
    if match:
        written = f'"{match[0]}"'
        found.add_syntax(*match.span(), "a key needs double quotes", f"write {quote(written)}")
    else:
        message = f"a key in double quotes is expected, not {quote(text[at])}"
        found.add_syntax(at, at + 1, message)


def _colon(found: Findings, at: int) -> None:
    char = found.text[at]
    key = _context(found, at)[2]
    end = len(found.text[:at].rstrip())
    if char == "=":
        found.add_syntax(at, at + 1, "a `:` is expected here, not `=`")
    elif char in ",}":
        found.add_syntax(key, end, "a `:` and a value are missing after this key")
    else:
        found.add_syntax(key, end, "a `:` is missing after this key")


def _after_value(found: Findings, at: int) -> None:
    text, char = found.text, found.text[at]
    opened = _context(found, at)[0]
    if _VALUE.match(char) and _WORD.match(text, at - 1, at):
        # json.loads has taken the beginning of it for a number.
        while at and _WORD.match(text, at - 1, at):
            at -= 1
        _value(found, at)
    elif not opened:
        match = _LINE.match(text, at)
        end = match.end() if match else at
        found.add_syntax(at, end, "this comes after the end of the JSON value")
    elif char in "\"'{[-0123456789":
        found.add_syntax(at, at + 1, "a `,` is missing before this")
    else:
        inner = text[opened[-1]]
        line, column = found.lines.point(opened[-1])
        where = f"for the `{inner}` at line {line}, column {column}"
        closing = "]" if inner == "[" else "}"
        found.add_syntax(at, at + 1, f"a `,` or `{closing}` is expected here, {where}")


def _value(found: Findings, at: int) -> None:
    if _is_last_comma(found, at) or _is_single_quoted(found, at):
        return
    text = found.text
    match = _VALUE.match(text, at)
    word = match[0] if match else text[at]
    end = at + len(word)
    if text[at] == ":":
        found.add_syntax(at, at + 1, "there is no key before this `:`")
    elif not match:
        found.add_syntax(at, end, f"a value is missing before {quote(word)}")
    elif word in NOT_NUMBERS or _NOT_A_NUMBER.fullmatch(word):
        found.add("not-a-number", at, end, f"JSON has no {quote(word)}")
    elif word in _MEANT:
        found.add_syntax(at, end, f"JSON has no {quote(word)}", f"write `{_MEANT[word]}`")
    elif _LIKE_NUMBER.match(word):
        message = f"{quote(word)} is not a number of JSON"
        help_text = "write a number in decimal digits, or put text in double quotes"
        found.add_syntax(at, end, message, help_text)
    else:
        written = f'"{word}"'
        found.add_syntax(at, end, "text needs double quotes", f"write {quote(written)}")


def _is_last_comma(found: Findings, at: int) -> bool:
    """Note a comma with nothing behind it; the parsers stop at the comma or at the bracket."""
    text = found.text
    comma = at if text[at] == "," else _context(found, at)[1]
    match = _LAST_COMMA.match(text, comma) if comma >= 0 else None
    if match and match.end() > at and text[:comma].rstrip()[-1:] not in "[{,:":
        closing = match[1]
        message = f"JSON has no `,` before the closing `{closing}`"
        found.add_syntax(comma, comma + 1, message, "remove the comma")
        return True
    return False


def _is_single_quoted(found: Findings, at: int) -> bool:
    if found.text[at] != "'":
        return False
    match = _SINGLE_QUOTED.match(found.text, at)
    if match:
        message = "text is written in double quotes, not in single ones"
        found.add_syntax(*match.span(), message)
    else:
        found.add_syntax(at, at + 1, "this `'` is not closed on its line")
    return True
