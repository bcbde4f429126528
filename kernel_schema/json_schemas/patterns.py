r"""The rules for strings as patterns that mean the same to every engine of regular expressions.

Python, JavaScript (with and without the `u` flag) and Rust agree on `^...$`, on classes of single
characters and ranges with `-` last, and on groups without names. They disagree on `\w`, `\d`, `.`
and look-around: none of them is used.
"""

from __future__ import annotations

from typing import Final

from kernel_schema.schema.lines import CONTROL_CLASS
from kernel_schema.schema.references import (
    LAYER_PATTERN,
    LOCAL_START_PATTERN,
    REPO_ID_PATTERN,
    REVISION_PATTERN,
)
from kernel_schema.schema.vocabulary import ORIGINAL

_TAIL: Final = "[A-Za-z0-9_./-]*"

# What follows `@`: any revision but a `v` with a number of more than nine digits.
_PIN: Final = (
    rf"(?:[A-Za-uw-z0-9_./-]{_TAIL}"
    rf"|v(?:[1-9][0-9]{{0,8}}|(?:[1-9][0-9]*)?[A-Za-z_./-]{_TAIL}|0{_TAIL})?)"
)
_LOCAL: Final = rf"{LOCAL_START_PATTERN}[^\x00-\x1f\x7f]*"

REPO_ID: Final = REPO_ID_PATTERN
REVISION: Final = REVISION_PATTERN
KERNEL: Final = rf"(?:{REPO_ID_PATTERN}(?:@{_PIN})?|{_LOCAL}):{LAYER_PATTERN}"
ENTRY: Final = f"(?:{ORIGINAL}|{KERNEL})"

# What `str.strip` takes away beside them, and what cannot be printed in the lower part of Unicode.
_BLANK: Final = CONTROL_CLASS + r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
)
LAYER_NAME: Final = rf"[^{_BLANK}](?:[^{CONTROL_CLASS}]*[^{_BLANK}])?"
SCHEMA_URI: Final = f"[^{CONTROL_CLASS}]*"
LOCKFILE: Final = rf" *[^{_UNPRINTABLE} ][^{_UNPRINTABLE}]*"


def _not_local(rest: str) -> str:
    """Every string that is not written as a path on disk and is made of `rest` alone."""
    end = f"[^{rest}]*"
    return (
        rf"(?:[^{rest}/\\.~A-Za-z]{end}"
        rf"|\\(?:[^{rest}\\]{end})?"
        rf"|[A-Za-z](?:[^{rest}:]{end}|:(?:[^{rest}/\\]{end})?)?"
        rf"|\.(?:[^{rest}./\\]{end}|\.(?:[^{rest}/\\]{end})?)?)?"
    )


# Wrong references pass these two: each mistake is reported once, by the pattern of `kernel`.
NOT_LOCAL: Final = _not_local(r"\x00")
NOT_LOCAL_NOT_PINNED: Final = _not_local("@")


def anchored(pattern: str) -> str:
    """The pattern of a whole string.

    >>> anchored("a|b")
    '^(?:a|b)$'
    """
    return f"^(?:{pattern})$"
