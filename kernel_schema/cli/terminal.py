"""What goes to standard output and standard error, whatever these are."""

from __future__ import annotations

import os
import sys

_TAB = "    "


def printable(text: str) -> str:
    """What a terminal can be given: tabs as blanks, control characters replaced.

    >>> printable("a" + chr(27) + "[31m")
    'a\ufffd[31m'
    """
    if text.isprintable():
        return text
    return "".join(
        _TAB if char == "\t" else char if char.isprintable() or _joins(char) else "\ufffd"
        for char in text
    )


def _joins(char: str) -> bool:
    """Whether an unprintable character is harmless and part of how its neighbours look."""
    return char == "\u200d"


def printable_lines(text: str) -> str:
    """`printable` for a text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def tell(text: str) -> None:
    """Say something on standard error, in lines."""
    print(printable_lines(text), file=sys.stderr)


def replace_closed() -> None:
    """Give streams that the caller has closed (`2>&-`) something to write to.

    Python has None in their place, for which `print` takes standard output.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (for the whole process)


def write(text: str) -> None:
    """Write the text of a file to standard output: in UTF-8, whatever the terminal takes."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:
        print(text, end="")
        return
    sys.stdout.flush()
    raw.write(text.encode("utf-8"))
    raw.flush()
