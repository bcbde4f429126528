"""A route as people write it: `trainer.kernels`, `stages[0].kernels`, `x["a.b"].kernels`."""

from __future__ import annotations

import re

from kernel_schema.wording import quote

Step = str | int

_NAME = r"""[^\s.\[\]"']+"""
_STEP = re.compile(
    rf"(?:\A|(?<=.)\.)(?![0-9]+(?:[.\[]|\Z))(?P<name>{_NAME})"
    r'|\[(?P<position>[0-9]{1,9})\]|\["(?P<key>(?:[^"\\]|\\.)*)"\]',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U00[0-9a-fA-F]{6}|.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class RouteError(ValueError):
    """A text that is no route, and why; `offset` tells up to where it reads as one."""

    offset = 0


def steps_of(text: str) -> list[tuple[Step, int, int]]:
    """The steps of a route, each with the offsets between which it is written.

    Raises:
        RouteError: If the text is none; it says where it goes wrong.

    >>> steps_of('a["b.c"][0]')
    [('a', 0, 1), ('b.c', 1, 8), (0, 8, 11)]
    """
    steps: list[tuple[Step, int, int]] = []
    end = 0
    while end < len(text) or not steps:
        match = _STEP.match(text, end)
        if match is None:
            forms = """`trainer.kernels`, `stages[0].kernels`, `x["a.b"].kernels`"""
            error = RouteError(f"{quote(text)} is no route: {_stray(text, end)}; one is {forms}")
            error.offset = end
            raise error
        if match["position"]:
            step: Step = int(match["position"])
        else:
            step = match["name"] or _ESCAPE.sub(_unescaped, match["key"])
        start = match.start("name") if match["name"] else match.start()
        end = match.end()
        steps.append((step, start, end))
    return steps


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1]
    return chr(int(letter[1:], 16)) if len(letter) > 1 else _ESCAPES.get(letter, letter)


def _stray(text: str, end: int) -> str:
    """What is wrong with a text that reads as a route up to `end`."""
    if not text:
        return "it is empty"
    dot, word = text.startswith(".", end), text[end:].removeprefix(".")
    if dot and end == 0:
        return "it begins with a dot"
    if not word or (dot and word[0] in ".["):
        return f"a key is missing behind {quote(text[: end + 1])}"
    if word[0] == "[":
        return "in brackets stands a position from 0 on, or a key in double quotes"
    name = re.match(_NAME, word)
    if name is None:
        return f"a key with {quote(word[0])} in it stands in brackets and double quotes"
    if end > 0 and not dot:
        return f"a dot is missing before {quote(word)}"
    position = quote(name[0], "")
    return f'a position is written `[{position}]`, a key of digits `["{position}"]`'
