"""What goes to standard output and standard error, whatever these are.

Everything that a command prints goes through here: nothing in it starts a line, moves the cursor or
gives a command to CI but what we mean to.
"""

from __future__ import annotations

import os
import re
import sys

from kernel_schema.wording import printable_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")


def write_lines(text: str, stream: TextIO | None = None, *, painted: bool = False) -> None:
    """Write lines for people, to standard output if no stream is given.

    What comes from outside must have been made `printable` if it may hold line feeds: they are
    taken for ours. So are colours, in a text that is painted.
    """
    pieces = _COLOUR.split(text) if painted else [text]
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


def counted(number: int, word: str) -> str:
    """A number and what it counts.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
