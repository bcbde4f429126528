"""From what should stand in a config to edits of its text, which lose nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Edit, Fix
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kernel_schema.diagnostics import Diagnostic, Repair
    from kernel_schema.files.document import Format
    from kernel_schema.files.parsed import Parsed
    from kernel_schema.files.text.nodes import Node
    from kernel_schema.routes import Step

_Change = tuple[int, int, str]
"""From one offset up to another, and what stands there instead."""

# Beyond so many that do not go together, each is no longer tried by itself.
_MOST_ALONE: Final = 50
_BYTE_ORDER_MARK: Final = "\ufeff"


def with_fixes(
    diagnostics: Iterable[Diagnostic],
    text: str,
    format: Format,
    parsed: Parsed,
    parse: Callable[[str], Parsed],
) -> tuple[Diagnostic, ...]:
    """The diagnostics of a text, with the edits for what can be repaired.

    Edits are kept only where the text then says what it should, and all else that it said before:
    `parse` reads it once more.
    """
    listed = list(diagnostics)
    if all(each.repair is None for each in listed):
        return tuple(listed)
    writer = _Writer(text.removeprefix(_BYTE_ORDER_MARK), format)
    repairs = {
        index: (each.route.steps[: len(each.route.steps) - each.repair.up], each.repair)
        for index, each in enumerate(listed)
        if each.repair is not None and each.fix is None
    }
    changes = {
        index: changed
        for index, (steps, repair) in repairs.items()
        if (changed := writer.changes(parsed, steps, repair))
    }

    def holds(indexes: Sequence[int]) -> bool:
        wanted = _mended(parsed, [repairs[index] for index in indexes])
        made = _apply(writer.text, [change for index in indexes for change in changes[index]])
        try:
            return _same(parse(made).value, wanted)
        except ReadError:
            return False

    together = _compatible(changes)
    right = set(together) if together and holds(together) else set[int]()
    alone = [index for index in changes if index not in right][:_MOST_ALONE]
    right.update(index for index in alone if holds([index]))
    lines = LineIndex(writer.text)
    for index in right:
        edits = [Edit(lines.span(start, end), new) for start, end, new in sorted(changes[index])]
        _, repair = repairs[index]
        listed[index] = replace(listed[index], fix=Fix(tuple(edits), repair.safe))
    return tuple(listed)


def edited(text: str, fixes: Iterable[Fix]) -> tuple[str, list[Fix]]:
    """A text with fixes made, and those: one that touches another waits for the next time."""
    mark = _BYTE_ORDER_MARK * text.startswith(_BYTE_ORDER_MARK)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    lines = LineIndex(text)

    def offset(line: int, column: int) -> int:
        return lines.offset(line, column)

    changes: dict[int, list[_Change]] = {}
    listed = list(dict.fromkeys(fixes))
    for index, fix in enumerate(listed):
        changes[index] = [
            (
                offset(edit.span.line, edit.span.column),
                offset(edit.span.end_line, edit.span.end_column),
                edit.text,
            )
            for edit in fix.edits
        ]
    made = _compatible(changes)
    new = _apply(text, [change for index in made for change in changes[index]])
    return mark + new, [listed[index] for index in made]


def _compatible(changes: Mapping[int, Sequence[_Change]]) -> list[int]:
    """Those that touch none of the others, the first in the text before the rest."""
    taken: list[_Change] = []
    made: list[int] = []
    ordered = sorted((index for index in changes if changes[index]), key=lambda i: changes[i][0][0])
    end = -1
    for index in ordered:
        own = sorted(changes[index])
        if own[0][0] >= end or not any(_touch(one, other) for one in own for other in taken):
            taken += own
            made.append(index)
            end = max(end, own[-1][1] + 1)
    return made


def _touch(one: _Change, other: _Change) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _apply(text: str, changes: Iterable[_Change]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(changes):
        parts += (text[at:start], new)
        at = end
    return "".join((*parts, text[at:]))


def _mended(parsed: Parsed, repairs: Iterable[tuple[Sequence[Step], Repair]]) -> Any:
    """What a value is once it is repaired in places, and where aliases stand for what is there."""
    replaced: dict[int, Repair] = {}
    keyed: dict[tuple[int, Step], Repair] = {}
    for steps, repair in repairs:
        if repair.action == "replace":
            replaced[parsed.node(steps).identity] = repair
        else:
            keyed[parsed.node(steps[:-1]).identity, steps[-1]] = repair

    def mended(value: Any, node: Node | None) -> Any:
        if node is None:
            return value
        if node.identity in replaced:
            return replaced[node.identity].value
        if is_list(value):
            return [mended(item, node.under(index)) for index, item in enumerate(value)]
        if not is_table(value):
            return value
        kept: dict[Any, Any] = {}
        for key, item in value.items():
            repair = keyed.get((node.identity, key))
            if repair is None or repair.action == "rename":
                kept[repair.value if repair else key] = mended(item, node.under(key))
        return kept

    return mended(parsed.value, parsed.node())


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same in kind too: 1 is neither 1.0 nor true."""
    if type(one) is not type(other):
        return False
    if is_table(one):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if is_list(one):
        return len(one) == len(other) and all(map(_same, one, other))
    return repr(one) == repr(other)  # NaN is one too


class _Writer:
    """Makes the changes of one text."""

    def __init__(self, text: str, format: Format) -> None:
        self.text = text
        self.format: Format = format

    def changes(self, parsed: Parsed, steps: Sequence[Step], repair: Repair) -> list[_Change]:
        """The changes that repair a place; none where they would lose a comment."""
        part = parsed.sub(steps)
        if part is None:
            return []
        node = parsed.node(steps)
        if repair.action == "rename":
            name = str(repair.value)
            return [(node.key_start, node.key_end, self._key(name, node))]
        if repair.action == "remove":
            made = [self._removal(node)]
        else:
            made = self._replacement(node, part.value, repair.value)
        if any(self._has_comment(start, end) for start, end, _ in made):
            return []
        return made

    def _replacement(self, node: Node, old: Any, new: Any) -> list[_Change]:
        if _same(old, new):
            return []
        if moved := self._moved(node, old, new):
            return moved
        if is_table(old) and is_table(new) and old:
            gone = [key for key in old if key not in new]
            added = [key for key in new if key not in old]
            if len(added) <= len(gone):
                renamed = dict(zip(gone, added, strict=False))
                made: list[_Change] = []
                for key in old:
                    below = node.under(key)
                    if below is None:
                        return []
                    if key in gone and key not in renamed:
                        made.append(self._removal(below))
                        continue
                    if key in renamed:
                        written = self._key(renamed[key], below)
                        made.append((below.key_start, below.key_end, written))
                    made += self._replacement(below, old[key], new[renamed.get(key, key)])
                return self._joined(made)
        return [self._whole(node, new)]

    def _moved(self, node: Node, old: Any, new: Any) -> list[_Change]:
        """The changes of what says where rows belong, if that is all that differs."""
        if self.format == "toml" and node.start < node.key_start:
            return self._headers(node, old, new)
        is_yaml = self.format == "yaml" and is_table(old) and is_table(new)
        return self._deeper(node, old, new) if is_yaml else []

    def _headers(self, node: Node, old: Any, new: Any) -> list[_Change]:
        """The changes of headers of TOML that make a list of a table, or a table of a list."""
        nodes = [*node.children.values()] if is_list(old) else [node]
        found = [_HEADER.match(self.text, each.start) for each in nodes]
        headers = [header for header in found if header is not None]
        name, as_list = "", [old] if is_table(old) else old
        if is_table(new) and len(new) == 1 and _same([*new.values()], [as_list]):
            ((name, new),) = new.items()
        is_changed = bool(name) or is_list(old) != is_list(new)
        if len(headers) < len(found) or not headers or not is_changed:
            return []
        opening, closing = ("[[", "]]") if is_list(new) else ("[", "]")
        written = f".{name}" if name else ""
        made = [
            (header.start(), header.end("row"), f"{opening}{header['name']}{written}{closing}")
            for header in headers
        ]
        if is_list(old) and not is_list(new):
            # What stands below the others goes below the first.
            made[1:] = [(*header.span(), "") for header in headers[1:]]
        return made

    def _deeper(self, node: Node, old: Any, new: Any) -> list[_Change]:
        """The rows behind a key of YAML that holds nothing, two spaces deeper: they go below it."""
        gone = [key for key in old if key not in new]
        empty = [key for key in new if old.get(key, "") is None and is_table(new[key])]
        rows = [node.under(key) for key in gone]
        if not rows or not empty or [*new[empty[0]]] != gone:
            return []
        starts = [self.text.rfind("\n", 0, row.key_start) + 1 for row in rows if row is not None]
        last = rows[-1]
        if last is None or self.text[starts[0] : last.key_start].count("\n") < len(rows) - 1:
            return []
        lines = re.compile(r"^(?=[^\r\n]*\S)", re.MULTILINE)
        found = lines.finditer(self.text, starts[0], max(last.end, last.key_end))
        return [(line.start(), line.start(), "  ") for line in found]

    def _joined(self, made: Iterable[_Change]) -> list[_Change]:
        """The changes, where the last of several that go takes the comma before all of them."""
        joined: list[_Change] = []
        for start, end, new in made:
            first = start
            while not new and joined and not joined[-1][2] and joined[-1][1] > first:
                before = self.text[: joined.pop()[0]].rstrip()
                first = len(before) - before.endswith(",")
            joined.append((first, end, new))
        return joined

    def _whole(self, node: Node, new: Any) -> _Change:
        start, end = node.start, node.end
        written = self._inline(new, self.text[start:end])
        if node.key_start >= 0 and self.format == "yaml":
            # A list or table of lines of its own: what replaces it follows its key.
            colon = self.text.find(":", node.key_end, start) + 1
            if colon and (start == end or "\n" in self.text[colon:start]):
                # Behind its `&name`, which aliases may need.
                return node.sign[1] if node.sign else colon, end, f" {written}"
        return start, end, written

    def _removal(self, node: Node) -> _Change:
        text = self.text
        start, end = node.written
        start = node.key_start if node.key_start >= 0 else start
        line = text.rfind("\n", 0, start) + 1
        if self.format != "json" and _LINE_BEFORE.fullmatch(text, line, start):
            if rest := _REST_OF_LINE.match(text, end):
                return line, rest.end(), ""
            if rest := _BLANKS_OF_COMMENT.match(text, end):
                first = start - len(text[line:start].lstrip())
                return first, rest.end(), ""
        comma = _COMMA_BEHIND.match(text, end)
        if comma:
            return start, comma.end(), ""
        before = text[:start].rstrip()
        return (len(before) - 1 if before.endswith(",") else start), end, ""

    def _has_comment(self, start: int, end: int) -> bool:
        return self.format != "json" and _COMMENT.search(self.text, start, end) is not None

    def _key(self, name: str, node: Node) -> str:
        written = self.text[node.key_start : node.key_end]
        if self.format == "json" or not _BARE_KEY.fullmatch(name) or written[:1] in {'"', "'"}:
            return json.dumps(name, ensure_ascii=False)
        return name

    def _inline(self, value: Any, old: str = "") -> str:
        """A value as the format has it in one line; a string in the quotes of the old one."""
        if is_table(value):
            blank, equals = (" ", " = ") if self.format == "toml" else ("", ": ")
            items = [
                f"{json.dumps(key) if self.format == 'json' else key}{equals}{self._inside(item)}"
                for key, item in value.items()
            ]
            return f"{{{blank}{', '.join(items)}{blank}}}"
        if is_list(value):
            return f"[{', '.join(map(self._inside, value))}]"
        if not isinstance(value, str):
            return json.dumps(value)
        quoted = json.dumps(value, ensure_ascii=False)
        if printable(value) != value:
            return printable(quoted)
        if old[:1] == "'" and "'" not in value:
            return f"'{value}'"
        plain = self.format == "yaml" and old[:1] != '"' and _PLAIN.fullmatch(value)
        return value if plain else quoted

    def _inside(self, value: Any) -> str:
        return self._inline(value, '"')


# Keys before the dots of TOML are on the line of the last one.
_LINE_BEFORE = re.compile(r"[ \t]*(?:[A-Za-z0-9_\"'-]+[ \t]*\.[ \t]*)*")
_HEADER = re.compile(r"(?P<row>\[\[?[ \t]*(?P<name>[^\]\r\n]*?)[ \t]*\]\]?)[ \t]*(?:\r?\n)?")
_REST_OF_LINE = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_BLANKS_OF_COMMENT = re.compile(r"[ \t]+(?=#)")
_COMMA_BEHIND = re.compile(r"\s*,\s*")
_COMMENT = re.compile(r"(?:^|(?<=\s))#|\n[ \t]*#")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# What no reader of YAML takes for anything but text, between brackets too.
_PLAIN = re.compile(
    r"(?!(?i:null|true|false|yes|no|on|off|y|n)\Z)[A-Za-z_./~](?:[A-Za-z0-9_./@+~-]|:(?=\S))*"
)
