"""What the files of a build held when this process loaded it: kernels never loads them again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kernel_schema.builds.repository import Build
from kernel_schema.paths import is_file

_SOURCES: Final[dict[Path, dict[str, str | None]]] = {}


def note_loaded(file: str) -> None:
    """Keep what the files of a build hold now, unless that was done before.

    Args:
        file: A file of the build, that of the code that runs.
    """
    folder = next((up for up in Path(file).parents if is_file(up / "metadata.json")), None)
    if folder is not None and folder.resolve() not in _SOURCES:
        _SOURCES[folder.resolve()] = Build(folder).sources()


def changed_since_load(build: Build) -> str | None:
    """The first Python file that is not as it was when the build was loaded; None if all are."""
    then = _SOURCES.get(build.folder.resolve())
    if then is None:
        return None
    now = build.sources()
    paths = sorted(then.keys() | now.keys())
    return next((path for path in paths if then.get(path) != now.get(path)), None)
