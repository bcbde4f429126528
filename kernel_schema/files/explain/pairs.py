"""Text of YAML that was to be something else: keys with values, or a value with a comment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.diagnostics import Edit, Fix, Repair, Span
from kernel_schema.files.explain.foreign import other_format_help, read_as
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.vocabulary import CONFIG_KEYS, ORIGINAL, RANGE_KEYS, SPEC_KEYS
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.parsed import Parsed

_SIGN: Final = "(?P<sign>:\u00a0*|[ \t\u00a0]*(?::?=>?|->|\uff1a)[ \t\u00a0]*|[ \t]+)"
_PAIR: Final = re.compile(
    rf"[ \t]*(?!file:|hf:|https?:)(?P<key>[^\W\d][\w.-]*){_SIGN}(?!//)"
    r"(?P<value>[^\s:=]\S*(?:[ \t]+\S+)*)[ \t]*"
)
_BLOCK: Final = re.compile(r"(?P<sign>[|>][-+0-9]*)[ \t]*(?:#[^\r\n]*)?\r?\n")
_KEYED: Final = re.compile(r"[ \t]*(?:[\w.-]+:(?:[ \t].*)?|- .*)?")
_COMMENT: Final = re.compile(
    r"(?P<value>\S+?)(?P<sign>[ \t]*#|[ \t]+(?://|;|--|/\*|<!--))(?P<rest>.*)"
)
_OPTIONS: Final = frozenset((*SPEC_KEYS, *RANGE_KEYS, *CONFIG_KEYS))


class _Pair(NamedTuple):
    """A key and a value in one text, and where in it what stands between them begins and ends."""

    key: str
    value: str
    start: int
    end: int

    @property
    def shown(self) -> str:
        return f"{self.key}: {self.value}"


def as_pairs(diagnostic: Diagnostic, parsed: Parsed, part: Parsed) -> Diagnostic:
    """What to say of a text without quotes, if it was to be a table, or has a comment in it."""
    written = part.written
    place = parsed.locate(diagnostic.route.steps)
    if block := _BLOCK.match(written):
        return _block(diagnostic, place.value, written, block)
    pairs = _pairs(written)
    if not pairs:
        return _rest(diagnostic, place.value, written)
    first = pairs[0]
    is_glued = all(written[pair.start : pair.end].strip(" \t") == ":" for pair in pairs)
    if place.key is not None and place.key.line == place.value.line:
        # A second key on the line of another would be none.
        help_text = f"write {quote(f'{{{first.shown}}}')}"
        mended = {pair.key: pair.value.strip("\"'") for pair in pairs}
        repair = Repair("replace", mended, safe=is_glued)
        return replace(diagnostic, help=help_text, repair=repair)
    safe = all(written[pair.start : pair.end].strip() for pair in pairs)
    lines = LineIndex(written)
    edits = [Edit(_span(place.value, lines, pair.start, pair.end), ": ") for pair in pairs]
    each = " of each line" * (len(pairs) > 1)
    help_text = f"put a colon and a space behind the key{each}: {quote(first.shown)}"
    if is_glued:
        help_text = f"put a blank after the first colon{each}: {quote(first.shown)}"
    return replace(diagnostic, help=help_text, repair=None, fix=Fix(tuple(edits), safe))


def _pairs(written: str) -> list[_Pair]:
    """The keys and values of all lines of a text; none if a line is anything else."""
    pairs: list[_Pair] = []
    for line in re.finditer(r"[^\r\n]+", written):
        if line[0].isspace():
            continue
        match = _PAIR.fullmatch(line[0])
        if match is None or not _is_value(match["key"], match["value"]):
            return []
        start, end = (line.start() + offset for offset in match.span("sign"))
        pairs.append(_Pair(match["key"], match["value"], start, end))
    return pairs


def _is_value(key: str, text: str) -> bool:
    bare = text.strip("\"'")
    if bare == ORIGINAL or "://" in bare or read_kernel_ref(bare) is not None:
        return True
    return key in _OPTIONS and (re.fullmatch(r"[^\s,{}\[\]]+|\{.*\}|\[.*\]", text) is not None)


def _span(value: Span, lines: LineIndex, start: int, end: int) -> Span:
    """The place of a stretch of what is written at a place, of which the lines are given."""

    def point(offset: int) -> tuple[int, int]:
        line, column = lines.point(offset)
        return value.line + line - 1, column + (value.column - 1 if line == 1 else 0)

    return Span(*point(start), *point(end))


def _block(diagnostic: Diagnostic, value: Span, written: str, block: re.Match[str]) -> Diagnostic:
    """For keys and values behind `|`, which makes a text of them."""
    lines = written[block.end() :].splitlines()
    if not lines or not all(map(_KEYED.fullmatch, lines)) or not any(map(str.strip, lines)):
        return diagnostic
    sign = block["sign"]
    help_text = f"remove the {quote(sign)}: behind it stands a text, and no table"
    first = _span(value, LineIndex(written), 0, len(sign))
    edit = Edit(replace(first, column=first.column - 1), "")  # with the space before it
    return replace(diagnostic, help=help_text, repair=None, fix=Fix((edit,), safe=True))


def _rest(diagnostic: Diagnostic, value: Span, written: str) -> Diagnostic:
    """For a comment without the sign of one, and a file in another format."""
    if not diagnostic.route.steps and (other := read_as(written, "yaml")):
        return replace(diagnostic, help=other_format_help(other))
    match = _COMMENT.fullmatch(written)
    if match is None or not _is_value("", match["value"]):
        return diagnostic
    shown = f"{match['value']} #{match['rest']}"
    edit = Edit(_span(value, LineIndex(written), *match.span("sign")), " #")
    help_text = f"a comment starts with a space and `#`: {quote(shown)}"
    return replace(diagnostic, help=help_text, repair=None, fix=Fix((edit,), safe=True))


def with_spaces(diagnostic: Diagnostic, parsed: Parsed) -> Diagnostic:
    """For a key that begins with a blank that is no space, and all that are indented so."""
    if not "".join(map(str, diagnostic.route.steps[-1:]))[:1].isspace():
        return diagnostic
    whole = parsed.whole
    lines = LineIndex(whole.written)
    value = whole.locate().value
    edits = [
        Edit(_span(value, lines, *blanks.span("it")), " " * len(blanks["it"]))
        for blanks in _BLANKS.finditer(whole.written)
    ]
    return replace(diagnostic, repair=None, fix=Fix(tuple(edits), safe=True))


def above_blanks(diagnostic: Diagnostic, part: Parsed) -> Diagnostic:
    """For a key that holds nothing above a line that is indented by what are no spaces."""
    whole = part.whole
    if not _NEXT.match(whole.written, part.node().end - whole.node().start):
        return diagnostic
    help_text = "only spaces indent, and what the next line begins with is none"
    return replace(diagnostic, help=help_text, repair=None)


_BLANKS: Final = re.compile(r"^ *(?P<it>[^\S\r\n\t ][^\S\r\n\t]*)", re.MULTILINE)
_NEXT: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?\r?\n *[^\S\r\n\t ]")
