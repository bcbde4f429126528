"""What goes to standard output and standard error, whatever these are.

Everything that a command prints goes through here: nothing in it starts a line, moves the cursor or
gives a command to CI but what we mean to.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress

from kernel_schema.wording import printable_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Final, TextIO

    from rich.progress import TaskID

    from kernel_schema.locks.progress import Progress, Work

# A style, or the beginning or the end of a link (OSC 8).
_PAINT = re.compile(r"(\x1b\[[0-9;]*m|\x1b\]8;[\w=.-]*;[!-~]*\x1b\\)", re.ASCII)


def write_lines(text: str, stream: TextIO | None = None, *, painted: bool = False) -> None:
    """Write lines for people, to standard output if no stream is given.

    What comes from outside must have been made `printable` if it may hold line feeds: they are
    taken for ours. So are styles and links, in a text that is painted.
    """
    pieces = _PAINT.split(text) if painted else [text]
    pieces[::2] = map(printable_lines, pieces[::2])
    print("".join(pieces), file=stream)


def tell(text: str) -> None:
    """Say something on standard error, in lines."""
    write_lines(text, sys.stderr)


def write_json(value: object, stream: TextIO | None = None) -> None:
    """Write JSON for programs: what must not be printed is escaped, and so still there as data."""
    from json import dumps

    write_lines(dumps(value, indent=2), stream)


def replace_closed() -> None:
    """Give streams that the caller has closed (`2>&-`) something to write to.

    Python has None in their place, for which `print` takes standard output.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for the whole process)


def write(text: str) -> None:
    """Write the text of a file to standard output: in UTF-8, whatever the terminal takes."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:
        print(text, end="")
        return
    sys.stdout.flush()
    raw.write(text.encode("utf-8"))
    raw.flush()


@contextmanager
def show_progress(*, quiet: bool) -> Generator[Progress]:
    """Bars on standard error while a block runs; none without a terminal, or if `quiet`.

    They are gone at its end, however it ends, and the terminal is as it was.
    """
    # Imported here: most calls do nothing that takes a while.
    from kernel_schema.locks.progress import SILENT

    if quiet or not sys.stderr.isatty():
        yield SILENT
        return
    bars = _Bars()
    try:
        yield bars
    except BaseException:
        # An interrupt may come just as they appear or move, for which rich is not made.
        with suppress(Exception):
            bars.shown.stop()
        bars.shown.console.show_cursor()
        raise
    bars.shown.stop()


class _Bars:
    """What is told of work, as bars of rich; they appear once there is something to show."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self.shown = Progress(
            *columns,
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._tasks: dict[Work, TaskID] = {}
        self._totals: dict[Work, int] = {}

    def begin(self, work: Work, total: int) -> None:
        """So much more is to be done."""
        self._totals[work] = self._totals.get(work, 0) + total
        if work in self._tasks:
            self.shown.update(self._tasks[work], total=self._totals[work])
        elif work != "verifying" or self._totals[work] > _LARGE:
            self._tasks[work] = self.shown.add_task(_WORDS[work], total=self._totals[work])
            self.shown.start()

    def advance(self, work: Work, amount: int) -> None:
        """So much more of it is done."""
        if work in self._tasks:
            self.shown.advance(self._tasks[work], amount)


_LARGE: Final = 100_000_000
"""Bytes that take about as long to verify as one waits without asking why."""
_WORDS: Final[dict[Work, str]] = {
    "asking": "asking the Hub for kernels",
    "fetching": "fetching",
    "verifying": "holding against the lock",
    "measuring": "measuring",
}


def counted(number: int, word: str) -> str:
    """A number and what it counts.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
