"""A loopback Hub that this very process asks, with a cache of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kernel_schema.lowering import pinned

from .catalog import lock_catalog
from .server import Hub, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATALOG = lock_catalog()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the Hub that is empty."""
    folder = tmp_path / "hub-cache"
    monkeypatch.setenv("KERNELS_CACHE", str(folder))
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    return folder


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub that huggingface_hub asks in this process."""
    constants = pytest.importorskip("huggingface_hub.constants")
    with serve(CATALOG) as hub:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}{template}")
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        yield hub


@pytest.fixture
def fresh(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """kernels as if it had loaded nothing in this process, and nothing left of the test in it."""
    kernels = pytest.importorskip("kernels")
    monkeypatch.setattr(kernels.layer.layer, "_CACHED_LAYER", {})
    monkeypatch.setattr(kernels.importer, "_loaded_kernels", {})
    monkeypatch.setattr(pinned, "_LOADED", {})
    yield
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(f"{cache}/"):
            del sys.modules[name]
