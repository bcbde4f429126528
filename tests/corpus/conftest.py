"""What of the corpus is no test: the model, which needs torch, and the script that updates it.

And the settings around it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from kernel_schema.findings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

collect_ignore = ["invalid", "update.py"]


@pytest.fixture(scope="module", autouse=True)
def _settings_are_read_once() -> Iterator[None]:
    """Those above the corpus, in our own `pyproject.toml`, which a thousand checks come upon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "read_settings", cache(settings.read_settings))
        yield
