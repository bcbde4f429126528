"""What a plain scalar means: the core schema of YAML 1.2."""

from __future__ import annotations

import math
import re

from kernel_schema.files.source import read_int

_CONSTANTS: dict[str, bool | float | None] = {
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

MAYBE_NOT_TEXT = _NUMBER_STARTS | {word[0] for word in _CONSTANTS if word}
"""What the scalars begin with that may stand for something else than text."""

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class OutOfRangeError(ValueError):
    """A number that is too large for Python's int or float."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar.

    Raises:
        OutOfRangeError: for an integer with too many digits, and a float beyond Python's.

    >>> [resolve(word) for word in ("true", "yes", "010", "0x1F", "1_000", "1.10", "~", "a b")]
    [True, 'yes', 10, 31, '1_000', 1.1, None, 'a b']
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        return _checked_int(text, 10)
    if _OCTAL.fullmatch(text):
        return _checked_int(text[2:], 8)
    if _HEX.fullmatch(text):
        return _checked_int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise OutOfRangeError
        return number
    return text


def _checked_int(digits: str, base: int) -> int:
    number = read_int(digits, base)
    if number is None:
        raise OutOfRangeError
    return number
