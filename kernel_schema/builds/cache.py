"""Where kernels keeps what it has downloaded."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.paths import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def cached_repository(repo_id: str) -> Path | None:
    """The folder of a repository in the cache of the Hub; None if it is not there."""
    folder = next(_cached([repo_id]), None)
    return None if folder is None else Path(folder)


def is_any_cached(repo_ids: Iterable[str]) -> bool:
    """Whether the cache of the Hub holds one of several repositories."""
    return any(_cached(repo_ids))


def _cached(repo_ids: Iterable[str]) -> Iterator[str]:
    """The folders of those repositories that are there.

    Source of the variables: kernels 0.17.2 (`_versions`), huggingface_hub 2 (`constants`).
    """
    stated = os.environ.get("KERNELS_CACHE") or os.environ.get("HF_HUB_CACHE")
    if not stated:
        home = os.environ.get("HF_HOME")
        above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        stated = f"{home or f'{above}/huggingface'}/hub"
    cache = _at_home(os.path.expandvars(stated), *map(os.environ.get, _HOMES))
    if cache is not None and is_directory(cache):
        folders = (f"{cache}{os.sep}{_PREFIX}{each.replace('/', '--')}" for each in repo_ids)
        yield from filter(is_directory, folders)


_PREFIX: Final = "kernels--"
_HOMES: Final = ("HOME", "USERPROFILE")


@lru_cache(maxsize=1)
def _at_home(path: str, *homes: str | None) -> str | None:
    """A path with `~` replaced; the same for every config."""
    del homes  # the result depends on them
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # there is no such home
        return None
