"""What a parser of PyYAML complains about, in plain words and with an exact place.

The two parsers word the same complaint differently and sometimes point elsewhere, so the words only
choose an explanation here; what is said, and where, comes from the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from kernel_schema.files._yaml_refusals import (
    Explanation,
    alias,
    anchor,
    another_document,
    block_header,
    directive,
    first_bad_escape,
    tag,
)
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    import yaml

    from kernel_schema.files.positions import LineIndex


@dataclass(frozen=True, slots=True)
class _Complaint:
    """A parser's error: its words, and the offsets that it names."""

    text: str
    lines: LineIndex
    context: str
    problem: str
    at: int
    since: int
    opening: int

    @property
    def char(self) -> str:
        """The character that the parser stopped at, or nothing at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def line_start(self) -> int:
        """Where the line begins that the parser stopped in."""
        return self.at - self.lines.point(self.at)[1] + 1

    @property
    def line_before(self) -> str:
        """The line up to where the parser stopped."""
        return self.text[self.line_start : self.at]

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, blanks at its end left out."""
        match = _REST.match(self.text, offset)
        return match.end() if match else offset

    def where(self, offset: int) -> str:
        """An offset in words, as seen from where the parser stopped."""
        line, column = self.lines.point(offset)
        if line == self.lines.point(self.at)[0]:
            return f"column {column}"
        return f"line {line}, column {column}"


_REST = re.compile(r"[^\r\n]*[^\r\n \t]")
_WORD = re.compile(r"[^\s,\[\]{}]+")
_BLANKS = re.compile(r"[ \t]*")
_TABS = re.compile(r"\t+")
_NO_BLANK = re.compile(r"[ \t]*(?:- +)*([^\s:#\[\]{},\"']+):([^\s:]\S*)")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.@/-]+\Z")
_LAYER = re.compile(r":[ \t]+([A-Za-z_]\w*)")
_DIRECTIVE = re.compile(r"%[^\r\n]*")
_MAX_KEY = 1024
_ONE_LINE_KEY = "a key has to be on one line, with at most 1024 characters, and `: ` after it"


def explain(text: str, lines: LineIndex, error: yaml.YAMLError, opening: int) -> Explanation:
    """Say what a parser's error means.

    Args:
        text: What was parsed.
        lines: Its lines.
        error: What the parser raised.
        opening: The offset of the innermost bracket or brace that was open, or -1.
    """
    raw = cast("Any", error)  # PyYAML says nothing of the types of these
    problem_mark = getattr(raw, "problem_mark", None)
    context_mark = getattr(raw, "context_mark", None)
    since = context_mark.index if context_mark is not None else -1
    at = problem_mark.index if problem_mark is not None else max(since, 0)
    complaint = _Complaint(
        text,
        lines,
        str(getattr(raw, "context", None) or ""),
        str(getattr(raw, "problem", None) or ""),
        min(at, len(text)),
        min(since, len(text)),
        opening,
    )
    words = f"{complaint.context}: {complaint.problem}"
    tabs = _tabs(complaint)
    if tabs is not None:
        return tabs
    for pattern, explanation in _EXPLANATIONS:
        if pattern.search(words):
            return explanation(complaint)
    return _syntax(complaint, *_word_at(complaint), "this is not valid YAML")


def _syntax(
    _: _Complaint, start: int, end: int, message: str, help_text: str | None = None
) -> Explanation:
    return Explanation("syntax-error", start, end, message, help_text)


def _word_at(complaint: _Complaint) -> tuple[int, int]:
    match = _WORD.match(complaint.text, complaint.at)
    if match:
        return match.span()
    return complaint.at, min(complaint.at + 1, len(complaint.text))


def _tabs(complaint: _Complaint) -> Explanation | None:
    """Tabs are told by the text: a tab before a key upsets the parsers in many ways."""
    if complaint.char == "\t" and "quoted" not in complaint.context:
        start = complaint.at
    elif "mapping values" in complaint.problem or "simple key" in complaint.context:
        line_start = complaint.line_start
        if complaint.since >= 0 and "simple key" in complaint.context:
            line_start = complaint.since - complaint.lines.point(complaint.since)[1] + 1
        blanks = _BLANKS.match(complaint.text, line_start)
        tab = blanks[0].find("\t") if blanks else -1
        if tab < 0:
            return None
        start = line_start + tab
    else:
        return None
    tabs = _TABS.match(complaint.text, start)
    end = tabs.end() if tabs else start + 1
    message = "YAML does not allow a tab here: it takes only spaces as indentation"
    return Explanation("yaml-tab", start, end, message, "replace the tab with spaces")


def _cannot_start(complaint: _Complaint) -> Explanation:
    char = complaint.char
    shown = "a backtick" if char == "`" else quote(char)
    message = f"nothing can start with {shown} here"
    help_text = "quote text that starts with it"
    return _syntax(complaint, complaint.at, complaint.at + 1, message, help_text)


def _second_colon(complaint: _Complaint) -> Explanation:
    """`a: b: c`, or a key inside a text that began in an earlier line."""
    start, end = complaint.at, complaint.at + 1
    # No repository id is as long as this, but a line may be.
    repository = _REPOSITORY.search(complaint.line_before[-300:])
    layer = _LAYER.match(complaint.text, complaint.at)
    if repository and layer:
        message = "this line has a second `: `"
        whole = f"{repository[0]}:{layer[1]}"
        help_text = f"a kernel is written without a space after the colon: {quote(whole)}"
        return _syntax(complaint, start, end, message, help_text)
    quoted = complaint.line_before.rstrip(" \t")[-1:]
    if quoted in {'"', "'"} and complaint.line_before.count(quoted) % 2:
        return _syntax(complaint, start, end, _ONE_LINE_KEY)
    if re.search(r":[ \t]", complaint.line_before):
        message = "this line has a second `: `"
        help_text = "quote the value, or give the inner key a line of its own"
        return _syntax(complaint, start, end, message, help_text)
    line_start = complaint.line_start
    before = complaint.text[:line_start].rstrip(" \t\r\n")
    glued = _NO_BLANK.match(before, max(before.rfind("\n"), before.rfind("\r")) + 1)
    message = "this key stands where the text of the line above goes on"
    help_text = "indent it as the keys that it belongs to"
    if glued:
        help_text = f"put a space after the colon above: {_with_blank(glued)}"
    blanks = _BLANKS.match(complaint.text, line_start)
    return _syntax(complaint, blanks.end() if blanks else start, end, message, help_text)


def _with_blank(glued: re.Match[str]) -> str:
    return quote(f"{glued[1]}: {glued[2]}")


def _no_colon(complaint: _Complaint) -> Explanation:
    """A line among keys that has no `: `."""
    start, end = complaint.since, complaint.line_end(complaint.since)
    if start < 0:
        start, end = _word_at(complaint)
    if end - start > _MAX_KEY or complaint.text[start : start + 1] in {'"', "'", "[", "{"}:
        message = _ONE_LINE_KEY
        return _syntax(complaint, start, end, message)
    glued = _NO_BLANK.match(complaint.text, start)
    if glued:
        message = "a space is missing after the colon"
        return _syntax(complaint, start, end, message, f"write {_with_blank(glued)}")
    message = "a `: ` is missing: this is neither a key with a value nor an item of a list"
    return _syntax(complaint, start, end, message)


def _list_item(complaint: _Complaint) -> Explanation:
    message = "an item of a list cannot start here"
    help_text = "give each `- ` a line of its own, or write the list as `[a, b]`"
    return _syntax(complaint, complaint.at, complaint.at + 1, message, help_text)


def _question_mark(complaint: _Complaint) -> Explanation:
    message = "`? ` cannot start here"
    help_text = "quote text that starts with it"
    return _syntax(complaint, complaint.at, complaint.at + 1, message, help_text)


def _unclosed(complaint: _Complaint) -> Explanation:
    """A `[` or `{` without its end, or two items without a comma between them."""
    opening = complaint.text[complaint.since : complaint.since + 1]
    closing = "]" if opening == "[" else "}"
    if not complaint.text[complaint.at :].strip() or complaint.text.startswith(
        ("---", "..."), complaint.at
    ):
        message = f"this {quote(opening)} is never closed"
        return _syntax(complaint, complaint.since, complaint.since + 1, message)
    place = complaint.where(complaint.since)
    message = (
        f"a `,` or {quote(closing)} is missing before this, for the {quote(opening)} at {place}"
    )
    return _syntax(complaint, *_word_at(complaint), message)


def _among_keys(complaint: _Complaint) -> Explanation:
    """Something behind a value, or a line that fits no level of keys."""
    start, end = _word_at(complaint)
    if complaint.line_before.strip():
        return _behind_value(complaint)
    if re.match(r"-(?:\s|\Z)", complaint.text[complaint.at :]):
        message = "an item of a list stands among the keys of a mapping"
        help_text = "indent it below the key that it belongs to"
        return _syntax(complaint, start, end, message, help_text)
    if complaint.char == ":":
        return _syntax(complaint, start, start + 1, "a key is missing before the colon")
    if complaint.char in {"]", "}"}:
        return _stray(complaint)
    message = "the indentation of this line fits no line above it"
    return _syntax(complaint, start, end, message, "indent it exactly as the keys beside it")


def _among_items(complaint: _Complaint) -> Explanation:
    if complaint.line_before.strip():
        return _behind_value(complaint)
    if complaint.char in {"]", "}"}:
        return _stray(complaint)
    message = "this line stands among the items of a list, but has no `- `"
    return _syntax(complaint, *_word_at(complaint), message)


def _behind_value(complaint: _Complaint) -> Explanation:
    if complaint.char in {"]", "}"}:
        return _stray(complaint)
    if complaint.char == "&":
        return _anchor(complaint)
    if complaint.char == "!":
        return _tag(complaint)
    message = "this comes after a value that has already ended"
    end = max(complaint.line_end(complaint.at), complaint.at)
    help_text = "remove it, or put the whole value into one pair of quotes"
    return _syntax(complaint, complaint.at, end, message, help_text)


def _stray(complaint: _Complaint) -> Explanation:
    opening = "[" if complaint.char == "]" else "{"
    message = f"this {quote(complaint.char)} closes nothing: there is no `{opening}` for it"
    return _syntax(complaint, complaint.at, complaint.at + 1, message)


def _no_value(complaint: _Complaint) -> Explanation:
    if complaint.char in {"]", "}"} and "flow" not in complaint.context:
        return _stray(complaint)
    if not complaint.char:
        if complaint.opening < 0:
            return _syntax(complaint, complaint.at, complaint.at, "a value is missing at the end")
        message = f"this {quote(complaint.text[complaint.opening])} is never closed"
        return _syntax(complaint, complaint.opening, complaint.opening + 1, message)
    marker = complaint.text[complaint.at : complaint.at + 3]
    sign = marker if marker in {"---", "..."} else complaint.char
    message = f"a value is missing before {quote(sign)}"
    return _syntax(complaint, complaint.at, complaint.at + len(sign), message)


def _after_document(complaint: _Complaint) -> Explanation:
    """Something behind the end of the outermost value."""
    before = complaint.text[: complaint.at]
    if re.search(r"(?:\A|[\r\n])\.\.\.[ \t]*(?:#[^\r\n]*)?[\r\n]\s*\Z", before):
        return another_document(complaint.at, complaint.line_end(complaint.at))
    if not complaint.line_before.strip():
        if complaint.char in {"]", "}"}:
            return _stray(complaint)
        message = "this line stands outside of the mapping or list that the file holds"
        help_text = "indent it as the lines that it belongs to"
        return _syntax(complaint, *_word_at(complaint), message, help_text)
    return _behind_value(complaint)


def _open_quote(complaint: _Complaint) -> Explanation:
    mark = complaint.text[complaint.since : complaint.since + 1]
    message = f"this {quote(mark)} is never closed"
    return _syntax(complaint, complaint.since, complaint.since + 1, message)


def _escape(complaint: _Complaint) -> Explanation:
    """The first wrong escape of a text in double quotes."""
    found = first_bad_escape(complaint.text, complaint.since)
    if found is None:
        return _syntax(complaint, *_word_at(complaint), "this escape is not valid")
    return found


def _glued_colon(complaint: _Complaint) -> Explanation:
    message = "a space is missing after this colon"
    return _syntax(complaint, complaint.at, complaint.at + 1, message)


def _block_text(complaint: _Complaint) -> Explanation:
    return block_header(complaint.text, complaint.since, complaint.line_end(complaint.since))


def _property_span(complaint: _Complaint) -> tuple[int, int]:
    start = complaint.since if complaint.since >= 0 else complaint.at
    if complaint.text[start : start + 1] not in {"&", "*", "!"}:
        start = complaint.at
    match = _WORD.match(complaint.text, start)
    return start, match.end() if match else min(start + 1, len(complaint.text))


def _alias(complaint: _Complaint) -> Explanation:
    return alias(*_property_span(complaint))


def _anchor(complaint: _Complaint) -> Explanation:
    return anchor(*_property_span(complaint))


def _tag(complaint: _Complaint) -> Explanation:
    return tag(*_property_span(complaint))


def _directive(complaint: _Complaint) -> Explanation:
    start = complaint.since if complaint.since >= 0 else complaint.line_start
    match = _DIRECTIVE.match(complaint.text, start)
    return directive(start, match.end() if match else start + 1)


_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[_Complaint], Explanation]], ...] = tuple(
    (re.compile(pattern), explanation)
    for pattern, explanation in (
        ("<document start>", _after_document),
        ("directive|incompatible YAML", _directive),
        ("an alias", _alias),
        ("an anchor", _anchor),
        ("a tag|tag handle", _tag),
        ("cannot start any token", _cannot_start),
        ("mapping values", _second_colon),
        ("sequence entries", _list_item),
        ("mapping keys", _question_mark),
        ("simple key", _no_colon),
        ("flow (?:sequence|mapping)", _unclosed),
        ("block mapping", _among_keys),
        ("block (?:collection|sequence)", _among_items),
        ("node content|a (?:block|flow) node", _no_value),
        ("quoted scalar.*(?:end of stream|document)", _open_quote),
        ("quoted", _escape),
        ("unexpected ':'", _glued_colon),
        ("block scalar", _block_text),
    )
)
