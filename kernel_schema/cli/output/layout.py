"""Text that fits the terminal: wrapped lines and tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from kernel_schema.wording import printable

_NARROWEST: Final = 40
# Rich takes a number; nothing that is printed comes near it.
_UNBOUNDED: Final = 100_000
_DIGITS: Final = 6
_HEIGHT: Final = 25


def terminal_width() -> int | None:
    """How many columns a line may have: `COLUMNS`, or those of the terminal.

    None where the output goes to a file or another program, which wants whole lines.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and columns.strip("0"):
        # More digits than Python reads are a wide terminal too.
        return max(int(columns) if len(columns) < _DIGITS else _UNBOUNDED, _NARROWEST)
    if not sys.stdout.isatty():
        return None
    return max(os.get_terminal_size(sys.stdout.fileno()).columns, _NARROWEST)


def paragraph(text: str, *, indent: str = "", hanging: str = "  ") -> str:
    """Wrap one line, which may begin with blanks: every line of it is indented, later ones more."""
    width = terminal_width()
    shown = printable(text).rstrip()
    lead = indent + shown[: len(shown) - len(shown.lstrip())]
    if width is None:
        return lead + shown.lstrip()
    lines = wrap(
        shown.lstrip(),
        width,
        initial_indent=lead,
        subsequent_indent=lead + hanging,
        break_on_hyphens=False,
    )
    return "\n".join(line.rstrip() for line in lines)


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str | Sequence[str]]],
    *,
    right: Sequence[str] = (),
) -> str:
    """Lay out rows under a header; a cell is a line or a list of lines, folded where too wide."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # rich does so too, and ends the process where nobody reads: with another exit code than ours.
    sys.stdout.flush()
    width = terminal_width() or _UNBOUNDED
    # With a height, since rich trips over a LINES that is no number.
    console = Console(width=width, height=_HEIGHT, highlight=False, emoji=False)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in header:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        cells = ([cell] if isinstance(cell, str) else cell for cell in row)
        drawn.add_row(*(Text("\n".join(map(printable, lines))) for lines in cells))
    with console.capture() as capture:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
