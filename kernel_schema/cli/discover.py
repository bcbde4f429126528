"""Which files a command line means: files as they are, directories searched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.inner import PYPROJECT
from kernel_schema.files.read import STANDARD_INPUT
from kernel_schema.findings.wanted import is_config_name, states_config
from kernel_schema.paths import exists, is_directory, is_file, read_at_most

_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages"})


def discover(
    paths: Iterable[str],
    max_bytes: int,
    excludes: Callable[[str], bool] = lambda _: False,
    *,
    stdin_name: str | None = None,
) -> tuple[list[str], list[Diagnostic]]:
    """The files that are meant, each once, and why directories could not be searched.

    What `excludes` says yes to is left out, also where it is named; standard input by its name.
    Hidden directories and virtual environments are not searched; a `pyproject.toml` that is too
    large counts as one of ours.
    """
    files: dict[str, str] = {}
    refused: list[Diagnostic] = []
    for path in paths:
        searched = path != STANDARD_INPUT and is_directory(path)
        for file in _below(path, refused, max_bytes, excludes) if searched else (path,):
            name = stdin_name if file == STANDARD_INPUT else file
            if name and excludes(name):
                continue
            # One file under two spellings is one file.
            files.setdefault(os.path.abspath(file) if file else file, file)
    return list(files.values()), refused


def _below(
    directory: str, refused: list[Diagnostic], max_bytes: int, excludes: Callable[[str], bool]
) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        file = os.path.normpath(os.fsdecode(error.filename or directory))
        reason = error.strerror or str(error)
        refused.append(Diagnostic("unreadable-file", f"it cannot be searched: {reason}", file=file))

    for parent, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = sorted(
            folder
            for folder in folders
            if _is_searched(parent, folder) and not excludes(os.path.join(parent, folder))
        )
        for name in sorted(names):
            file = os.path.normpath(os.path.join(parent, name))
            wanted = is_config_name(name)
            # A named pipe would keep us waiting; a link that leads nowhere has to be told.
            if (wanted and (is_file(file) or not exists(file))) or (
                name == PYPROJECT and _is_for_us(file, max_bytes)
            ):
                yield file


def _is_searched(parent: str, folder: str) -> bool:
    if folder.startswith(".") or folder in _SKIPPED:
        return False
    return not exists(Path(parent, folder, "pyvenv.cfg"))


def _is_for_us(file: str, max_bytes: int) -> bool:
    """Whether a `pyproject.toml` has our table, or cannot be read and tries to."""
    try:
        raw = read_at_most(file, max_bytes) if is_file(file) else b""
    except OSError:
        return False
    if len(raw) > max_bytes:
        return True
    return states_config(raw)
