"""The line of a text in which a problem stands, and the very place in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.wording import printable_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_schema.diagnostics import Diagnostic, Span

# Of a line longer than this, only the surroundings of the place are shown.
_LONGEST: Final = 160
_BEFORE: Final = 60
_TAB: Final = "    "


def pointed_at(diagnostic: Diagnostic, text: str) -> str:
    """The text of a diagnostic, with carets under its place in a text.

    >>> from kernel_schema.diagnostics import Diagnostic, Span
    >>> print(pointed_at(Diagnostic("unknown-key", "no", span=Span(1, 3, 1, 5)), "a b2=c"))
    error[unknown-key]: no
      a b2=c
        ^^
    """
    head, *rest = str(diagnostic).split("\n")
    if diagnostic.span is not None:
        line, indent, width = excerpt(lines_of(text), diagnostic.span)
        rest = [f"  {line}", f"  {' ' * indent}{'^' * width}", *rest]
    return "\n".join((head, *rest))


def excerpt(lines: Sequence[str], span: Span) -> tuple[str, int, int]:
    """The first line of a span as it is shown, the cells before the span, and those of it.

    >>> from kernel_schema.diagnostics import Span
    >>> excerpt(["a: 1", "kernel: x"], Span(2, 9, 2, 10))
    ('kernel: x', 8, 1)
    """
    from rich.cells import cell_len

    line = lines[span.line - 1] if span.line <= len(lines) else ""
    start = min(span.column - 1, len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    end = max(min(end, len(line)), start)
    lead = ""
    if len(line) > _LONGEST:
        first = max(start - _BEFORE, 0)
        lead = "..." if first else ""
        tail = "..." if first + _LONGEST < len(line) else ""
        line = line[first : first + _LONGEST] + tail
        start, end = start - first, min(end - first, _LONGEST)
    shown = [
        _TAB if char == "\t" else part
        for char, part in zip(line, printable_characters(line), strict=True)
    ]
    indent, width = (cell_len("".join(part)) for part in (shown[:start], shown[start:end]))
    return lead + "".join(shown).rstrip(), len(lead) + indent, max(width, 1)


def lines_of(text: str) -> list[str]:
    """Lines as editors count them: `str.splitlines` would split at more."""
    # No editor counts a byte order mark.
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
