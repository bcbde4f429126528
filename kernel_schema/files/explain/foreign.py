"""What stands in a text that is of something else: a merge, a template, another format."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.typeguards import is_table
from kernel_schema.wording import is_visible, quote

if TYPE_CHECKING:
    from kernel_schema.files.document import Format
    from kernel_schema.files.parsed import Findings

_CONFLICT = re.compile(r"^<{7}(?: [^\r\n]*)?$", re.MULTILINE)
_FENCE = re.compile(r"[ \t]*(?P<it>(?:`{3}|~{3})[\w+-]*)[ \t]*(?:\r?\n|\Z)")
_TEMPLATE = re.compile(r"\{\{[^{}\r\n]*\}\}|\{%[^\r\n]*?%\}|\{#[^\r\n]*?#\}")
_COMMENT = re.compile(r"(?P<sign>//|(?<!\S);|/\*|<!--|--(?=[ \t]))[^\r\n]*")
_CLOSED = re.compile(r"[ \t]*(?:\*/|-->)[ \t]*\Z")
_BEFORE = re.compile(r"(?:\s|(?:#|//)[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
# No placeholder is longer, but a line may be.
_NEAR: Final = 300
# A config is no larger, and a text is read once more for each format that it may be in.
_MOST: Final = 100_000
_MOST_DOTS: Final = 2_000


def foreign(findings: Findings, at: int, format: Format, first: int = -1) -> bool:
    """Note what is of something else where a parser stopped; whether there is such.

    Comments are looked for from the line of the offset `first` on.
    """
    text = findings.text
    start = _line(text, at)
    if conflict := _CONFLICT.search(text):
        message = "a merge was not brought to its end here"
        help_text = "keep one of the two sides, and no line with `<<<<<<<`, `=======` or `>>>>>>>`"
        findings.add("syntax-error", *conflict.span(), message, help_text)
        return True
    if fence := _FENCE.match(text, start):
        message = f"{quote(fence['it'])} is of Markdown, and not of the config"
        mend = *fence.span(), ""
        findings.add("syntax-error", *fence.span("it"), message, "remove the line", fix=mend)
        return True
    if template(findings, at):
        return True
    if other := read_as(text, format):
        line = text[start : _line_end(text, start)]
        begin = start + len(line) - len(line.lstrip())
        add_other_format(findings, (begin, max(begin, start + len(line.rstrip()))), format, other)
        return True
    return _blank(findings, at) or (format != "json" and _comment(findings, at, first))


def _line(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _line_end(text: str, at: int) -> int:
    found = re.compile(r"[\r\n]|\Z").search(text, at)
    return found.start() if found else len(text)


def template(findings: Findings, at: int) -> bool:
    """Note a placeholder of a template around an offset; whether there is one."""
    text = findings.text
    start, end = max(_line(text, at), at - _NEAR), min(_line_end(text, at), at + _NEAR)
    for match in _TEMPLATE.finditer(text, start, end):
        if match.start() <= at < match.end():
            message = f"{quote(match[0])} is of a template, which nothing fills in here"
            help_text = "check what is made of the template, or write what is meant"
            findings.add("syntax-error", *match.span(), message, help_text)
            return True
    return False


def read_as(text: str, format: Format) -> Format | None:
    """The other format that a text is in, if it is not in its own."""
    if len(text) > _MOST:
        return None
    others: list[Format] = []
    # Of keys with many dots tomllib would take very long.
    if format != "toml" and "=" in text and text.count(".") < _MOST_DOTS:
        others.append("toml")
    if _BEFORE.sub("", text, 1)[:1] in {*'{["'}:
        if format == "toml":
            others.append("json")
    elif format != "yaml" and ":" in text:
        others.append("yaml")
    return next((other for other in others if _holds_tables(text, other)), None)


def _holds_tables(text: str, format: Format) -> bool:
    """Whether a text can be read in a format, as a table with tables in it."""
    # Imported here, and not our readers: they need this module for what they cannot read.
    from kernel_schema.files.toml import loads

    try:
        if format == "yaml":
            return _is_yaml(text)
        value = json.loads(text) if format == "json" else loads(text)
    except (ValueError, RecursionError):
        return False
    return is_table(value) and any(map(is_table, value.values()))


def _is_yaml(text: str) -> bool:
    import yaml

    depth, tables = 0, [0, 0]
    try:
        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        for event in iter(loader(text).get_event, None):
            is_table = isinstance(event, yaml.MappingStartEvent)
            if isinstance(event, yaml.NodeEvent) and depth < len(tables):
                tables[depth] += is_table
            depth += is_table or isinstance(event, yaml.SequenceStartEvent)
            depth -= isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent))
            if depth and not tables[0]:
                return False
    except (yaml.YAMLError, ValueError, OverflowError):
        return False
    return bool(tables[1])


def add_other_format(
    findings: Findings, place: tuple[int, int], format: Format, other: Format
) -> None:
    """Note that a text is in another format than its name says."""
    message = f"this is {other.upper()}, and the file is read as {format.upper()}"
    findings.add("syntax-error", *place, message, other_format_help(other))


def other_format_help(other: Format) -> str:
    """What to do about a file whose name says another format."""
    return f"this looks like {other.upper()}: name the file so, or pass `--format {other}`"


def _blank(findings: Findings, at: int) -> bool:
    """Note a character that looks like a blank, or like nothing."""
    char = findings.text[at : at + 1]
    if not char or char.isascii() or (is_visible(char) and not char.isspace()):
        return False
    is_space = char.isspace()
    message = (
        f"this {'blank' if is_space else 'character, which nobody sees,'} is U+{ord(char):04X}"
    )
    if is_space:
        message += ", and no space"
    help_text = "write a space" if is_space else "remove it"
    mend = at, at + 1, " " * is_space
    findings.add("forbidden-character", at, at + 1, message, help_text, fix=mend)
    return True


def _comment(findings: Findings, at: int, first: int) -> bool:
    """Note what is a comment elsewhere: at an offset, or as a line from another on."""
    text = findings.text
    match = _COMMENT.match(text, at)
    start = _line(text, at if first < 0 else min(first, at))
    while match is None and start <= at:
        match = re.compile(rf"[ \t]*{_COMMENT.pattern}").match(text, start)
        start = _line_end(text, start) + 1
    if match is None or not match[0].strip(" \t;"):
        return False
    begin, end = match.start("sign"), match.end()
    message = f"a comment starts with `#`, and not with {quote(match['sign'])}"
    written = _CLOSED.sub("", text[match.end("sign") : end])
    mend = None
    if match["sign"] not in {"/*", "<!--"} or len(written) < end - match.end("sign"):
        mend = begin, end, f"#{written}"
    findings.add("syntax-error", begin, end, message, f"write {quote(f'#{written}')}", fix=mend)
    return True
