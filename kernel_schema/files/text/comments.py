"""The comments of a text: what no reader of values sees."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.files.parsed import items
from kernel_schema.files.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.diagnostics import Span
    from kernel_schema.files.document import Format
    from kernel_schema.files.parsed import Parsed, Value
    from kernel_schema.files.text.nodes import Node

# In YAML a comment wants a blank before it.
_STARTS: Final[dict[Format, re.Pattern[str]]] = {
    "yaml": re.compile(r"(?:^|(?<=[ \t\r\n]))#[^\r\n]*"),
    "toml": re.compile(r"#[^\r\n]*"),
}


class Comment(NamedTuple):
    """A comment: its text from the `#` on, its place, and whether nothing else is in its line."""

    text: str
    span: Span
    alone: bool


def comments(parsed: Parsed, text: str, format: Format) -> list[Comment]:
    r"""The comments of a text, without a byte order mark, that was read as a whole.

    >>> from kernel_schema.files.yaml import read_yaml
    >>> text = "# one\na: 'no # comment' # two\n"
    >>> [each.text for each in comments(read_yaml(text), text, "yaml")]
    ['# one', '# two']
    """
    if format not in _STARTS or "#" not in text:
        return []
    whole = parsed.whole
    strings = sorted(set(_strings(whole.node(), whole.value)))
    starts = [start for start, _ in strings]
    lines = LineIndex(text)
    listed: list[Comment] = []
    at = 0
    while match := _STARTS[format].search(text, at):
        start, at = match.span()
        before = bisect_right(starts, start) - 1
        if before >= 0 and start < strings[before][1]:
            at = strings[before][1]
            continue
        span = lines.span(start, at)
        alone = not text[start - span.column + 1 : start].strip()
        listed.append(Comment(match[0], span, alone))
    return listed


def _strings(node: Node, value: Value) -> Iterator[tuple[int, int]]:
    """Where keys and single values stand: a `#` in one of them begins no comment."""
    if node.key_start >= 0:
        yield node.key_start, node.key_end
    if not isinstance(value, (dict, list)):
        yield node.start, node.end
        return
    for step, item in items(value).items():
        below = node.under(step)
        if below is not None:
            yield from _strings(below, item)
