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
    """The cache of the Hub, whether it is there or not; None where no such path can be told.

    The same folder as huggingface_hub makes of it, links resolved: two paths to one file would be
    two kernels. Source of the variables: kernels 0.17.2 (`_versions`), huggingface_hub 2
    (`constants`).

    Args:
        stated: A folder to take in place of that of the environment; an empty one states none.
    """
    if not stated:
        above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = os.environ.get("HF_HOME") or f"{above}/huggingface"
        variables = filter(None, map(os.environ.get, _VARIABLES))
        stated = os.path.expandvars(next(variables, f"{home}/hub"))
    try:
        # Of strings: this is asked for each of many configs.
        path: str = os.path.expanduser(stated)  # noqa: PTH111
        if path.startswith("~"):  # no such home
            return None
        # What a relative one is depends on the folder we are in: it is not kept.
        return _resolved(path) if path.startswith(os.sep) else Path(path).resolve()
    except (OSError, RuntimeError, ValueError):  # no folder to start at, a circle, or no path
        return None


_VARIABLES: Final = ("KERNELS_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")


@lru_cache(maxsize=1)
def _resolved(path: str) -> Path:
    """A path with links replaced: the same for every config."""
    return Path(path).resolve()


def repository_folder(cache: Path, repo_id: str) -> Path:
    """The folder of a repository in a cache.

    >>> repository_folder(Path("hub"), "org/repo").name
    'kernels--org--repo'
    """
    return cache / _folder_name(repo_id)


def _folder_name(repo_id: str) -> str:
    return f"kernels--{repo_id.replace('/', '--')}"


def cached_repository(repo_id: str) -> Path | None:
    """The folder of a repository in the cache of the Hub; None if it is not there."""
    folder = next(_cached([repo_id]), None)
    return None if folder is None else Path(folder)


def cached_repo_ids() -> list[str]:
    """The repositories that are in the cache of the Hub."""
    try:
        cache = cache_folder()
        names = [] if cache is None else [path.name for path in cache.iterdir()]
    except OSError:
        return []
    parts = (name.split("--", 2) for name in names)
    return sorted("/".join(each[1:]) for each in parts if len(each) == 3 and each[0] == "kernels")


def is_any_cached(repo_ids: Iterable[str]) -> bool:
    """Whether the cache of the Hub holds one of several repositories."""
    return any(_cached(repo_ids))


def _cached(repo_ids: Iterable[str]) -> Iterator[str]:
    """The folders of those repositories that are there."""
    cache = cache_folder()
    if cache is not None and is_directory(cache):
        folders = (f"{cache}{os.sep}{_folder_name(each)}" for each in repo_ids)
        yield from filter(is_directory, folders)
