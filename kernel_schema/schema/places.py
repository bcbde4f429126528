"""From the places in pydantic's errors, which hold names of union branches, to the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_schema.schema.problems import Loc


def same(loc: Loc) -> Loc:
    """For a plain table.

    >>> same(("kernel",))
    ('kernel',)
    """
    return loc


def without_branch(loc: Loc) -> Loc:
    """From (key, branch, ...) or (key, '[key]') to (key, ...).

    >>> without_branch(("cuda", "kernel", "version"))
    ('cuda', 'version')
    """
    return (loc[0], *loc[2:])


def without_entry(loc: Loc) -> Loc:
    """From ('entry', branch, ...), a field that the user never wrote, to (...).

    >>> without_entry(("entry", "kernel", "version")), without_entry(("min_capability",))
    (('version',), ('min_capability',))
    """
    return loc[2:] if loc[0] == "entry" else loc


def into_tuple(loc: Loc) -> Loc:
    """From a key of a kernel with options to its place in transformers' tuple.

    >>> into_tuple(("kernel",)), into_tuple(("version",))
    ((0,), (1, 'version'))
    """
    return (0, *loc[1:]) if loc[0] == "kernel" else (1, *loc)
