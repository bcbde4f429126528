"""Which files a command line means: files as they are, directories searched."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.files.load import PYPROJECT, STANDARD_INPUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENDINGS: Final = ("yaml", "yml", "json", "toml")
PATTERNS: Final = tuple(
    f"{stem}.{ending}" for stem in ("kernels", "*.kernels") for ending in _ENDINGS
)
"""The names under which a directory is searched, besides `pyproject.toml` with our table."""

_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages"})


def discover(paths: Iterable[str]) -> list[str]:
    """The files that are meant, each once, in the order given and by name below a directory.

    Args:
        paths: Files, directories and `-`. Hidden directories and virtual environments are not
            searched.
    """
    files: dict[str, None] = {}
    for path in paths:
        if path != STANDARD_INPUT and os.path.isdir(path):  # noqa: PTH112 (takes any name)
            files.update(dict.fromkeys(_below(path)))
        else:
            files[path] = None
    return list(files)


def _below(directory: str) -> Iterator[str]:
    for parent, folders, names in os.walk(directory):
        folders[:] = sorted(folder for folder in folders if _is_searched(parent, folder))
        for name in sorted(names):
            file = os.path.normpath(os.path.join(parent, name))  # noqa: PTH118 (paths as given)
            if any(fnmatch(name, pattern) for pattern in PATTERNS) or (
                name == PYPROJECT and _mentions_us(file)
            ):
                yield file


def _is_searched(parent: str, folder: str) -> bool:
    if folder.startswith(".") or folder in _SKIPPED:
        return False
    return not Path(parent, folder, "pyvenv.cfg").exists()


def _mentions_us(file: str) -> bool:
    """Whether a `pyproject.toml` has our table, or at least tries to."""
    try:
        return b"tool.kernel-schema" in Path(file).read_bytes()
    except OSError:
        return False
