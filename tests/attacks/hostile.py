"""Strings made to get out of their place in a text, and how to see that none did."""

from __future__ import annotations

import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from tests.cli.models import call

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_PIECES = [
    *("\n::error file=x::y", "\r\n::warning::y", "\r::debug::y", "::error::y", ":", "::", " "),
    *("\n##[error]y", "##[group]y", "##", "##vso[task.setvariable variable=x]y", "[", "#"),
    *("\x1b[31m", "\x1b]0;y\x07", "\x9b31m", "\x00", "\x08", "\x0b", "\x0c", "\x7f", "\t"),
    *("\x85", "\u2028::error::y", "\u2029", "\u202e", "\u2066", "\u200e", "\u061c"),
    *("\u200b", "\u200d", "\u2060", "\u2063", "\ufeff", "\xad", "\u034f", "\u115f", "\u3164"),
    *("\uffa0", "\u180e", "\ufe0f", "\U000e0041", "\U000e0100", "\U0001d173"),
    *("\udce9", "\ud800", "`", "``", '"', "'", "\\", "%0A", "[red]", "{", "}", "a", "layer", "é"),
]

# DerivedCoreProperties.txt of Unicode 16, Default_Ignorable_Code_Point.
_IGNORABLE = [
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
]


def hostile() -> SearchStrategy[str]:
    """Texts of every kind."""
    return st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join)


def hostile_words() -> SearchStrategy[str]:
    """Texts without control characters, line separators and halves of surrogate pairs."""
    return hostile().map(_without("Cc", "Cs", "Zl", "Zp")).filter(bool)


def hostile_file_names() -> SearchStrategy[str]:
    """What a file can be called."""
    return (
        hostile()
        .map(lambda text: text.replace("/", "").replace("\x00", "").replace("\ud800", ""))
        .filter(lambda text: text.strip(".") != "" and not text.startswith("-"))
    )


def _without(*categories: str) -> Any:
    return lambda text: "".join(c for c in text if unicodedata.category(c) not in categories)


def unsafe(text: str) -> list[str]:
    """The lines of an output that do more than to be read."""
    return [line for line in text.split("\n") if _is_unsafe(line)]


def _is_unsafe(line: str) -> bool:
    return (
        line.strip().startswith("::")
        or "##[" in line
        or "##vso[" in line
        or any(is_unseen(char) for char in line)
    )


def is_unseen(char: str) -> bool:
    """Whether a character is a control character, turns the direction, or is invisible."""
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return True
    return any(first <= ord(char) <= last for first, last in _IGNORABLE)


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def said(*arguments: str) -> Said:
    """Run a command; nothing that it says on either stream is unsafe."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = call(*arguments)
    done = Said(code, out.getvalue(), err.getvalue())
    assert unsafe(done.err) == []
    if "github" not in arguments:
        assert unsafe(done.out) == []
    return done
