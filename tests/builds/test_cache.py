"""Where the cache of the Hub is looked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kernel_schema.builds.cache import cache_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder that is worked in")
def test_in_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("KERNELS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path.resolve()
    monkeypatch.setenv("KERNELS_CACHE", "cache")
    assert cache_folder() is None


def test_an_empty_name_states_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELS_CACHE", str(tmp_path))
    assert cache_folder("") == tmp_path.resolve()
