"""Plain scalars of YAML: what text without quotes means, by the core schema of YAML 1.2."""

from __future__ import annotations

import math
import re
from typing import Final

from kernel_schema.files.parsed import read_int

_CONSTANTS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{
        sign + word: -math.inf if sign == "-" else math.inf
        for sign in ("", "-", "+")
        for word in (".inf", ".Inf", ".INF")
    },
}
_NUMBER_STARTS = frozenset("0123456789-+.")
MAYBE_NOT_TEXT: Final = _NUMBER_STARTS | {word[0] for word in _CONSTANTS if word}
"""What a plain scalar that is no text begins with; an empty one is none."""
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = {"0o": 8, "0x": 16}


def resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means; raises OverflowError for a number that is too large."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        base = _BASES.get(text[:2], 10)
        number = read_int(text if base == 10 else text[2:], base)
    elif _FLOAT.fullmatch(text):
        number = float(text)
    else:
        return text
    if number is None or number in {math.inf, -math.inf}:
        raise OverflowError
    return number


def is_text(text: str) -> bool:
    """Whether a plain scalar is read as the text that it is."""
    try:
        return isinstance(resolve(text), str)
    except OverflowError:
        return False
