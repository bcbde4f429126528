"""What a parser of PyYAML complains about, in plain words and with an exact place.

The two parsers word the same complaint differently, so the words only choose an explanation here;
what is said, and where, comes from the text.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.codes import Code
    from kernel_schema.files.parsed import Findings

_REST = re.compile(r"[^\r\n]*[^\r\n \t]")
_WORD = re.compile(r"[^\s,\[\]{}]+")
_BRACKETS = re.compile(r"[\[\]{}]")
_TABS = re.compile(r" *(\t+)")
_NO_BLANK = re.compile(r"[ \t]*(?:- +)*([^\s:#\[\]{},\"']+):([^\s:]\S*)")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.@/-]+\Z")
_LAYER = re.compile(r":[ \t]+([A-Za-z_]\w*)")
_ENDED = re.compile(r"(?:\A|[\r\n])\.\.\.[ \t]*(?:#[^\r\n]*)?[\r\n]\s*\Z")
_ESCAPE = re.compile(
    r"\\(?:[0abt\tnvfre \"/\\N_LP\r\n]|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_BAD_ESCAPE = re.compile(r"\\(?:[xuU][0-9a-fA-F]{0,8}|.?)", re.DOTALL)
_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_SURROGATES = range(0xD800, 0xE000)
_ONE_LINE_KEY = "a key has to be on one line, with at most 1024 characters, and `: ` after it"


_REFUSALS: Final[dict[str, tuple[Code, str, str]]] = {
    "&": (
        "yaml-anchor",
        "anchors (`&`) are not supported",
        "remove it and write the value out where it is needed, or quote text that starts with `&`",
    ),
    "*": (
        "yaml-alias",
        "aliases (`*`) are not supported",
        "write the value out, or quote text that starts with `*`",
    ),
    "<<": (
        "yaml-alias",
        "aliases (`*`) are not supported, so nothing can be merged with `<<`",
        "write the keys out",
    ),
    "!": (
        "yaml-tag",
        "types stated with `!` are not supported",
        "remove it, or quote text that starts with `!`",
    ),
    "%": (
        "yaml-directive",
        "lines that start with `%` are not supported, apart from `%YAML 1.2`",
        "remove the line",
    ),
    "---": (
        "yaml-multiple-documents",
        "a second document begins here; a config is one document",
        "remove the `---` or `...`, or keep the documents in files of their own",
    ),
}


def refuse(found: Findings, sign: str, start: int, end: int) -> None:
    """Note what YAML allows and a config does without, by the sign that it starts with."""
    code, message, help_text = _REFUSALS[sign]
    found.add(code, start, end, message, help_text)


def block_header(found: Findings, start: int, end: int) -> None:
    """Note a `|` or `>` with something else behind it than what may stand there."""
    sign = quote(found.text[start])
    message = f"only `+`, `-` or one of 1 to 9 may follow {sign} on its line"
    found.add_syntax(start, end, message, f"quote text that starts with {sign}")


class _Complaint:
    """Where a parser stopped, and what is there; takes what `explain` takes."""

    def __init__(self, found: Findings, error: Exception, end: int, opening: int) -> None:
        problem: Any = getattr(error, "problem_mark", None)
        context: Any = getattr(error, "context_mark", None)
        self.found = found
        self.text = found.text
        self.opening = opening
        self.since = -1 if context is None else min(context.index, len(self.text))
        self.at = max(self.since, 0) if problem is None else min(problem.index, len(self.text))
        self.context = str(getattr(error, "context", None) or "")
        self.words = f"{self.context}: {getattr(error, 'problem', None) or ''}"
        self.char = self.text[self.at : self.at + 1]
        self.line_start = self.start_of_line(self.at)
        self.before = self.text[self.line_start : self.at]
        if problem is None and context is None:  # the parser in Python failed at an escape
            self.since, self.words = end, "quoted"

    def start_of_line(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return offset - self.found.lines.point(offset)[1] + 1

    def rest(self, offset: int) -> int:
        """Where the line of an offset ends, blanks at its end left out."""
        match = _REST.match(self.text, offset)
        return match.end() if match else offset

    @property
    def word(self) -> tuple[int, int]:
        """What stands where the parser stopped, up to a blank or bracket."""
        match = _WORD.match(self.text, self.at)
        return match.span() if match else (self.at, min(self.at + 1, len(self.text)))

    def note(
        self, place: tuple[int, int] | int, message: str, help_text: str | None = None
    ) -> None:
        """Note what is wrong between two offsets, or with one character."""
        start, end = (place, place + 1) if isinstance(place, int) else place
        self.found.add_syntax(start, end, message, help_text)


def explain(found: Findings, error: Exception, end: int, opening: int) -> None:
    """Note what a parser's error means.

    Args:
        found: Takes it, and holds the text.
        error: What the parser raised.
        end: Where the last value ended before.
        opening: The offset of the innermost bracket or brace that was open, or -1.
    """
    complaint = _Complaint(found, error, end, opening)
    if _is_tab(complaint):
        return
    for words, (message, help_text) in _OF_CHARACTERS.items():
        if words in complaint.words:
            shown = "a backtick" if complaint.char == "`" else quote(complaint.char)
            complaint.note(complaint.at, message.format(shown), help_text)
            return
    for pattern, explanation in _EXPLANATIONS.items():
        if re.search(pattern, complaint.words):
            explanation(complaint)
            return
    complaint.note(complaint.word, "this is not valid YAML")


def _is_tab(it: _Complaint) -> bool:
    """Tabs are told by the text: a tab before a key upsets the parsers in many ways."""
    match = None
    if it.char == "\t" and "quoted" not in it.context:
        match = _TABS.match(it.text, it.at)
    elif "simple key" in it.context or "mapping values" in it.words:
        is_key = "simple key" in it.context and it.since >= 0
        match = _TABS.match(it.text, it.start_of_line(it.since) if is_key else it.line_start)
    if match is None:
        return False
    start, end = match.span(1)
    message = "YAML does not allow a tab here: it takes only spaces as indentation"
    it.found.add("yaml-tab", start, end, message, "replace the tab with spaces")
    return True


def _second_colon(it: _Complaint) -> None:
    """`a: b: c`, or a key inside a text that began in an earlier line."""
    # No repository id is as long as this, but a line may be.
    repository = _REPOSITORY.search(it.before[-300:])
    layer = _LAYER.match(it.text, it.at)
    mark = it.before.rstrip(" \t")[-1:]
    if repository and layer:
        whole = quote(f"{repository[0]}:{layer[1]}")
        help_text = f"a kernel is written without a space after the colon: {whole}"
        it.note(it.at, "this line has a second `: `", help_text)
    elif mark in {'"', "'"} and it.before.count(mark) % 2:
        it.note(it.at, _ONE_LINE_KEY)
    elif re.search(r":[ \t]", it.before):
        help_text = "quote the value, or give the inner key a line of its own"
        it.note(it.at, "this line has a second `: `", help_text)
    else:
        above = it.text[: it.line_start].rstrip(" \t\r\n")
        glued = _NO_BLANK.match(above, max(above.rfind("\n"), above.rfind("\r")) + 1)
        help_text = "indent it as the keys that it belongs to"
        if glued:
            written = quote(f"{glued[1]}: {glued[2]}")
            help_text = f"put a space after the colon above: {written}"
        start = it.at - len(it.before.lstrip(" \t"))
        message = "this key stands where the text of the line above goes on"
        it.note((start, it.at + 1), message, help_text)


def _no_colon(it: _Complaint) -> None:
    """A line among keys that has no `: `."""
    start, end = (it.since, it.rest(it.since)) if it.since >= 0 else it.word
    glued = _NO_BLANK.match(it.text, start)
    if end - start > 1024 or it.text.startswith(('"', "'", "[", "{"), start):
        it.note((start, end), _ONE_LINE_KEY)
    elif glued:
        help_text = f"write {quote(f'{glued[1]}: {glued[2]}')}"
        it.note((start, end), "a space is missing after the colon", help_text)
    else:
        message = "a `: ` is missing: this is neither a key with a value nor an item of a list"
        it.note((start, end), message)


def _unclosed(it: _Complaint) -> None:
    """A `[` or `{` without its end, or two items without a comma between them."""
    opening = it.text[it.since]
    if not it.text[it.at :].strip() or it.text.startswith(("---", "..."), it.at):
        it.note(it.since, f"this `{opening}` is never closed")
        return
    closing = "]" if opening == "[" else "}"
    line, column = it.found.lines.point(it.since)
    where = f"line {line}, column {column}"
    if line == it.found.lines.point(it.at)[0]:
        where = f"column {column}"
    it.note(it.word, f"a `,` or `{closing}` is missing before this, for the `{opening}` at {where}")


def _among_keys(it: _Complaint) -> None:
    """Something behind a value, or a line that fits no level of keys."""
    if it.before.strip() or it.char in {"]", "}"}:
        _behind_value(it)
    elif re.match(r"-(?:\s|\Z)", it.text[it.at : it.at + 2]):
        message = "an item of a list stands among the keys of a table"
        it.note(it.word, message, "indent it below the key that it belongs to")
    elif it.char == ":":
        it.note(it.at, "a key is missing before the colon")
    else:
        message = "the indentation of this line fits no line above it"
        it.note(it.word, message, "indent it exactly as the keys beside it")


def _among_items(it: _Complaint) -> None:
    if it.before.strip() or it.char in {"]", "}"}:
        _behind_value(it)
    else:
        it.note(it.word, "this line stands among the items of a list, but has no `- `")


def _behind_value(it: _Complaint) -> None:
    if it.char in {"]", "}"}:
        _stray(it)
    elif it.char in {"&", "!"}:
        _property(it)
    else:
        message = "this comes after a value that has already ended"
        help_text = "remove it, or put the whole value into one pair of quotes"
        it.note((it.at, it.rest(it.at)), message, help_text)


def _stray(it: _Complaint) -> None:
    opening = {"]": "[", "}": "{"}[it.char]
    it.note(it.at, f"this `{it.char}` closes nothing: there is no `{opening}` for it")


def _no_value(it: _Complaint) -> None:
    marker = it.text[it.at : it.at + 3]
    sign = marker if marker in {"---", "..."} else it.char
    if it.char in {"]", "}"} and "flow" not in it.context:
        _stray(it)
    elif it.char:
        it.note((it.at, it.at + len(sign)), f"a value is missing before {quote(sign)}")
    elif it.opening >= 0:
        it.note(it.opening, f"this `{it.text[it.opening]}` is never closed")
    else:
        it.note((it.at, it.at), "a value is missing at the end")


def _after_document(it: _Complaint) -> None:
    """Something behind the end of the outermost value."""
    if _ENDED.search(it.text[: it.at]):
        refuse(it.found, "---", it.at, it.rest(it.at))
    elif it.before.strip() or it.char in {"]", "}"}:
        _behind_value(it)
    else:
        message = "this line stands outside of the table or list that the file holds"
        it.note(it.word, message, "indent it as the lines that it belongs to")


def _open_quote(it: _Complaint) -> None:
    it.note(it.since, f"this {quote(it.text[it.since])} is never closed")


def _escape(it: _Complaint) -> None:
    """The first wrong escape of a text in double quotes."""
    text, start = it.text, it.text.find("\\", it.since)
    while start >= 0 and (match := _ESCAPE.match(text, start)):
        number = int(match[match.lastindex], 16) if match.lastindex else 0
        if number in _SURROGATES:
            message = f"`{match[0]}` is half a surrogate pair, and no character"
            help_text = "write the character itself"
            it.found.add("lone-surrogate", *match.span(), message, help_text)
            return
        if number > sys.maxunicode:
            it.note(match.span(), f"there is no character `{match[0]}`")
            return
        start = text.find("\\", match.end())
    wrong = _BAD_ESCAPE.match(text, max(start, 0))
    if wrong is None:
        it.note(it.word, "this escape is not valid")
        return
    message = f"there is no escape {quote(wrong[0])}"
    if wrong[0][1:2] in _DIGITS:
        message = f"`{wrong[0][:2]}` needs {_DIGITS[wrong[0][1]]} digits of 0-9 and a-f after it"
    it.note(wrong.span(), message, "write a backslash twice, or put the text in single quotes")


def _block_text(it: _Complaint) -> None:
    block_header(it.found, it.since, it.rest(it.since))


def _property(it: _Complaint) -> None:
    """`&name`, `*name` or `!name` that is not even a proper one, or where none can stand."""
    for start in (it.since, it.at, it.line_start):
        sign = it.text[start : start + 1]
        if start >= 0 and sign in _REFUSALS:
            match = _WORD.match(it.text, start)
            end = it.rest(start) if sign == "%" or match is None else match.end()
            refuse(it.found, sign, start, end)
            return
    it.note(it.word, "this is not valid YAML")


# What can be said of the character that the parser stopped at, whatever is around it.
_OF_CHARACTERS: Final[dict[str, tuple[str, str | None]]] = {
    "cannot start any token": ("nothing can start with {} here", "quote text that starts with it"),
    "sequence entries": (
        "an item of a list cannot start here",
        "give each `- ` a line of its own, or write the list as `[a, b]`",
    ),
    "mapping keys": ("`? ` cannot start here", "quote text that starts with it"),
    "unexpected ':'": ("a space is missing after this colon", None),
}
_EXPLANATIONS: Final[dict[str, Callable[[_Complaint], None]]] = {
    # libyaml since 0.2.6, before it tells of any bracket.
    "nesting depth": lambda it: it.found.refuse_depth(_BRACKETS),
    "<document start>": _after_document,
    "directive|incompatible YAML|an alias|an anchor|a tag|tag handle": _property,
    "mapping values": _second_colon,
    "simple key": _no_colon,
    "flow (?:sequence|mapping)": _unclosed,
    "block mapping": _among_keys,
    "block (?:collection|sequence)": _among_items,
    "node content|a (?:block|flow) node": _no_value,
    "quoted scalar.*(?:end of stream|document)": _open_quote,
    "quoted": _escape,
    "block scalar": _block_text,
}
