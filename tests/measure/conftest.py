from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.measure.planted import repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel repository of `planted`."""
    return repository(tmp_path_factory.mktemp("measure"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Tests share the cores: threads that wait for each other measure that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
