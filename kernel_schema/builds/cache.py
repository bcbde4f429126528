"""Where kernels keeps what it has downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from kernel_schema.paths import is_directory


def cached_repository(repo_id: str) -> Path | None:
    """The folder of a repository in the cache of the Hub; None if it is not there.

    Source of the variables: kernels 0.17.2 (`_versions`), huggingface_hub 2 (`constants`).
    """
    stated = os.environ.get("KERNELS_CACHE") or os.environ.get("HF_HUB_CACHE")
    if not stated:
        home = os.environ.get("HF_HOME")
        above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        stated = f"{home or f'{above}/huggingface'}/hub"
    try:
        cache = Path(os.path.expandvars(stated)).expanduser()
    except RuntimeError:  # there is no such home
        return None
    folder = cache / f"{_PREFIX}{repo_id.replace('/', '--')}"
    return folder if is_directory(folder) else None


_PREFIX: Final = "kernels--"
