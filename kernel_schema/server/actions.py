"""From our fixes to code actions: what is certain is preferred, guesses are offered too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lsprotocol import types

from kernel_schema.diagnostics import Diagnostic, Fix
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.server.positions import BYTE_ORDER_MARK, EditedText
from kernel_schema.server.shown import as_range, range_of, shown
from kernel_schema.server.texts import OpenText
from kernel_schema.wording import printable, quote

FIX_ALL: Final = "source.fixAll.kernel-schema"


def quick_fixes(
    text: OpenText, diagnostics: Iterable[Diagnostic], asked: types.Range
) -> Iterator[types.CodeAction]:
    """What mends the diagnostics in a range, one action for each."""
    for each in diagnostics:
        if each.fix is None or not _meet(range_of(text, each), asked):
            continue
        yield types.CodeAction(
            title=_title(text.edited, each.fix),
            kind=types.CodeActionKind.QuickFix,
            diagnostics=list(shown(text, [each])),
            is_preferred=each.fix.safe,
            edit=_edit(text, each.fix),
        )


def fix_all(text: OpenText, mended: str) -> types.CodeAction | None:
    """All that is certain at once; None if nothing is to be mended."""
    old = text.edited.text
    if old.startswith(BYTE_ORDER_MARK) and not mended.startswith(BYTE_ORDER_MARK):
        mended = BYTE_ORDER_MARK + mended
    if mended == old:
        return None
    start = _common(old, mended)
    same = _common(old[start:][::-1], mended[start:][::-1])
    stop, new = len(old) - same, mended[start : len(mended) - same]
    place = as_range(text.edited.point(start), text.edited.point(stop))
    edit = types.WorkspaceEdit(changes={text.uri: [types.TextEdit(place, new)]})
    return types.CodeAction("Mend all that is certain", kind=FIX_ALL, edit=edit)


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((count for count, (a, b) in pairs if a != b), min(len(one), len(other)))


def wants(only: Sequence[str], kind: str) -> bool:
    """Whether actions of a kind are asked for: `source` stands for `source.fixAll` too."""
    return any(f"{kind}.".startswith(f"{each}.") for each in only)


def _edit(text: OpenText, fix: Fix) -> types.WorkspaceEdit:
    edits = [
        types.TextEdit(as_range(*text.edited.points(edit.span)), edit.text) for edit in fix.edits
    ]
    return types.WorkspaceEdit(changes={text.uri: edits})


def _title(edited: EditedText, fix: Fix) -> str:
    """What a fix does: the first edit in words, and how many more there are."""
    first = fix.edits[0]
    lines = LineIndex(edited.text.removeprefix(BYTE_ORDER_MARK))
    start = lines.offset(first.span.line, first.span.column)
    stop = lines.offset(first.span.end_line, first.span.end_column)
    old = edited.text.removeprefix(BYTE_ORDER_MARK)[start:stop].strip()
    new = first.text.strip()
    if not new:
        title = f"Remove {quote(old)}" if old else "Remove white space"
    elif not old:
        title = f"Insert {quote(new)}"
    else:
        title = f"Replace {quote(old)} by {quote(new)}"
    more = len(fix.edits) - 1
    return printable(title + (f", and {more} more" if more else ""))


def _meet(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
