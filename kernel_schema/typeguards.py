"""What kind of value it is, in a way that type checkers follow."""

from __future__ import annotations

import os
from collections import UserString
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def as_text(value: object) -> str | None:
    """A string as a plain one, whatever class it has, `numpy.str_` say; None if it is none.

    Writers and other libraries look at the class: what is kept of a config is plain.
    """
    return str.__str__(value) if isinstance(value, str) else None


def is_table(value: object) -> TypeIs[Mapping[Any, Any]]:
    """A mapping of any kind."""
    return isinstance(value, (dict, Mapping))  # most are dicts, which is told faster


def is_list(value: object) -> TypeIs[Sequence[Any]]:
    """A sequence of any kind, but text and bytes; tuples have a meaning of their own."""
    return isinstance(value, list) or (
        isinstance(value, Sequence) and not isinstance(value, _NO_LISTS)
    )


_NO_LISTS = (str, UserString, bytes, bytearray, memoryview, tuple)


def is_tuple(value: object) -> TypeIs[tuple[Any, ...]]:
    """A tuple, which only Python users can write."""
    return isinstance(value, tuple)


def is_path(value: object) -> TypeIs[os.PathLike[Any]]:
    """A path object."""
    return isinstance(value, os.PathLike)
