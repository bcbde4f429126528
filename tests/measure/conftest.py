from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.measure.planted import one_thread, repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel repository of `planted`."""
    return repository(tmp_path_factory.mktemp("measure"))


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with one_thread():
        yield
