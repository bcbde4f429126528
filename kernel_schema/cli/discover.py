"""Which files a command line means: files as they are, directories searched."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.load import PYPROJECT, STANDARD_INPUT
from kernel_schema.paths import exists, is_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENDINGS: Final = ("yaml", "yml", "json", "toml")
PATTERNS: Final = tuple(
    f"{stem}.{ending}" for stem in ("kernels", "*.kernels") for ending in _ENDINGS
)
"""The names under which a directory is searched, besides `pyproject.toml` with our table."""

_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages"})


class Discovered(NamedTuple):
    """What a command line means.

    Args:
        files: The files, each once, in the order given and by name below a directory.
        refused: Why directories could not be searched.
    """

    files: list[str]
    refused: list[Diagnostic]


def discover(paths: Iterable[str]) -> Discovered:
    """The files that are meant.

    Args:
        paths: Files, directories and `-`. Hidden directories and virtual environments below them
            are not searched.
    """
    files: dict[str, None] = {}
    refused: list[Diagnostic] = []
    for path in paths:
        if path != STANDARD_INPUT and is_directory(path):
            files.update(dict.fromkeys(_below(path, refused)))
        else:
            files[path] = None
    return Discovered(list(files), refused)


def _below(directory: str, refused: list[Diagnostic]) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        file = os.fsdecode(error.filename or directory)
        reason = error.strerror or str(error)
        refused.append(Diagnostic("unreadable-file", f"it cannot be searched: {reason}", file=file))

    for parent, folders, names in os.walk(directory, onerror=refuse):
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
    return not exists(Path(parent, folder, "pyvenv.cfg"))


def _mentions_us(file: str) -> bool:
    """Whether a `pyproject.toml` has our table, or at least tries to."""
    try:
        return b"tool.kernel-schema" in Path(file).read_bytes()
    except OSError:
        return False
