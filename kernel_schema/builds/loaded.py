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
    build = build_around(file)
    if build is not None and build.folder not in _SOURCES:
        _SOURCES[build.folder] = build.sources()


def build_around(file: str) -> Build | None:
    """The build that a file belongs to; None if it is of no kernel."""
    # Not of the file itself: in the cache of the Hub each is a link to somewhere else.
    above = Path(file).parent.resolve()
    folders = (above, *above.parents)
    folder = next((folder for folder in folders if is_file(folder / "metadata.json")), None)
    return None if folder is None else Build(folder)


def changed_since_load(build: Build) -> str | None:
    """The first Python file that is not as it was when the build was loaded; None if all are."""
    then = _SOURCES.get(build.folder.resolve())
    if then is None:
        return None
    now = build.sources()
    paths = sorted(then.keys() | now.keys())
    return next((path for path in paths if then.get(path) != now.get(path)), None)
