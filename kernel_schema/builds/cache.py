"""Where kernels keeps what it has downloaded."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.paths import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def cache_folder(stated: str | os.PathLike[str] | None = None) -> Path | None:
    """The cache of the Hub, whether it is there or not; None where there is no such home.

    The same folder as huggingface_hub makes of it, links resolved: two paths to one file would be
    two kernels. Source of the variables: kernels 0.17.2 (`_versions`), huggingface_hub 2
    (`constants`).

    Args:
        stated: A folder to take in place of that of the environment.
    """
    if stated is None:
        stated = next(filter(None, map(os.environ.get, _VARIABLES)), None)
        stated = stated if stated is None else os.path.expandvars(stated)
    if stated is None:
        home = os.environ.get("HF_HOME")
        above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        stated = os.path.expandvars(f"{home or f'{above}/huggingface'}/hub")
    return _resolved(os.fspath(stated), os.getcwd(), *map(os.environ.get, _HOMES))  # noqa: PTH109 (a key of the cache)


_VARIABLES: Final = ("KERNELS_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
_HOMES: Final = ("HOME", "USERPROFILE")


@lru_cache(maxsize=1)
def _resolved(path: str, *around: str | None) -> Path | None:
    """A path with `~` and links replaced; the same for every config."""
    del around  # the result depends on them
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError):  # no such home, or no path at all
        return None


def repository_folder(cache: Path, repo_id: str) -> Path:
    """The folder of a repository in a cache.

    >>> repository_folder(Path("hub"), "org/repo").name
    'kernels--org--repo'
    """
    return cache / f"{_PREFIX}{repo_id.replace('/', '--')}"


_PREFIX: Final = "kernels--"


def cached_repository(repo_id: str) -> Path | None:
    """The folder of a repository in the cache of the Hub; None if it is not there."""
    folder = next(_cached([repo_id]), None)
    return None if folder is None else Path(folder)


def is_any_cached(repo_ids: Iterable[str]) -> bool:
    """Whether the cache of the Hub holds one of several repositories."""
    return any(_cached(repo_ids))


def _cached(repo_ids: Iterable[str]) -> Iterator[str]:
    """The folders of those repositories that are there."""
    cache = cache_folder()
    if cache is not None and is_directory(cache):
        folders = (f"{cache}{os.sep}{_PREFIX}{each.replace('/', '--')}" for each in repo_ids)
        yield from filter(is_directory, folders)
