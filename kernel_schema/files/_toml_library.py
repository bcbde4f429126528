"""The TOML parser of the standard library, or the one that it was made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads

if TYPE_CHECKING:
    from kernel_schema.files.source import Value

__all__ = ["TOMLDecodeError", "decode_value", "loads"]


def decode_value(written: str) -> Value:
    r"""The value of something that could stand behind a `=`.

    Raises:
        ValueError: if it could not.

    >>> decode_value('"a\\tb"')
    'a\tb'
    """
    return loads(f"value = {written}")["value"]
