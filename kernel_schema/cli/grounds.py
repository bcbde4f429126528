"""Which repository a path lies in."""

from __future__ import annotations

import os

from kernel_schema.paths import exists


def from_root(file: str) -> str:
    """A path as it is called in its repository, from the root; absolute outside of any.

    That is the repository that we work in, where the file lies in it.
    """
    path = os.path.abspath(file)
    for folder in (os.getcwd(), os.path.dirname(path)):
        root = repository_around(folder)
        if root is not None and lies_in(path, root):
            return os.path.relpath(path, root).replace(os.sep, "/")
    return path


def repository_around(folder: str) -> str | None:
    """The root of the repository that a folder lies in, by absolute paths; None if in none."""
    while (parent := os.path.dirname(folder)) != folder:
        if exists(os.path.join(folder, ".git")):
            return folder
        folder = parent
    return None


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies below it; both are absolute."""
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(os.path.join(folder, ""))
