"""What a path probably meant that is not there."""

from __future__ import annotations

import os
import re
from itertools import islice

from kernel_schema.paths import is_directory, name_of, real_path
from kernel_schema.wording import Suggester, normalise_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    from kernel_schema.paths import AnyPath

# How many names of a directory are compared with one that is not there.
_MOST_NAMES: Final = 1000
_ENDING: Final = re.compile(r"\.\w+\Z")


def near_path(path: str, directory: AnyPath | None, fits: Callable[[str], bool]) -> str | None:
    """What a path from a folder, or the working directory, probably meant that is not there.

    One part of it may be misspelt, lack its ending or be too much. Nothing is looked at outside of
    the folder and the working directory, whatever the path or a link says: names of other files
    are nobody's business.

    Args:
        path: The path, absolute or from the folder.
        directory: The folder; the working directory if None.
        fits: Whether a path is one that can be meant.

    Returns:
        The path from the folder, beginning with a dot.

    >>> near_path("./no/such/thing.yaml", None, os.path.isfile) is None
    True
    """
    folder = os.path.abspath(directory or os.curdir)
    roots = [real_path(folder) + os.sep, real_path(os.curdir) + os.sep]
    for meant in _near(os.path.normpath(os.path.join(folder, path)), folder, roots):
        if _is_below(meant, roots) and fits(meant):
            shown = os.path.relpath(meant, folder).replace(os.sep, "/")
            return shown if shown.startswith(".") else f"./{shown}"
    return None


def _near(path: str, folder: str, roots: list[str]) -> Iterator[str]:
    above, missing = os.path.split(path)
    rest = ""
    while missing and not is_directory(above):
        rest = os.path.join(missing, rest)
        above, missing = os.path.split(above)
    if _is_below(above, roots):
        for name in _near_names(above, missing):
            yield os.path.normpath(os.path.join(above, name, rest))
        yield os.path.normpath(os.path.join(above, rest))
        yield os.path.dirname(above)
    yield os.path.join(folder, name_of(path))


def _is_below(path: str, roots: list[str]) -> bool:
    return (real_path(path) + os.sep).startswith(tuple(roots))


def _near_names(directory: str, name: str) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NAMES)]
    except OSError:
        return
    stems = {normalise_word(_ENDING.sub("", each)): each for each in names}
    suggester = Suggester(names, stems)
    for word in (name, _ENDING.sub("", name)):
        if near := suggester.closest(word):
            yield near
