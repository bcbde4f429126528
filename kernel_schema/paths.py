"""Questions about paths that never raise: what the system refuses to look at is not there.

`pathlib` asks the same, but raises for names that are too long, and up to Python 3.11 where it may
not look.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    AnyPath: TypeAlias = str | os.PathLike[str]


def exists(path: AnyPath) -> bool:
    """Whether there is something.

    >>> exists("."), exists("a" * 9999)
    (True, False)
    """
    return os.path.exists(path)  # noqa: PTH110 (see above; so do the others)


def is_directory(path: AnyPath) -> bool:
    """Whether there is a directory, or a link to one.

    >>> is_directory("."), is_directory("a" * 9999)
    (True, False)
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: AnyPath) -> bool:
    """Whether there is a file, or a link to one.

    >>> is_file("."), is_file("a" * 9999)
    (False, False)
    """
    return os.path.isfile(path)  # noqa: PTH113
