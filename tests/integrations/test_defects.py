"""The table of what goes wrong with `transformers.KernelConfig` says what both sides do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integrations.defects import rows, shown

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_page_says_what_both_sides_do(tmp_path: Path) -> None:
    assert shown() == rows(tmp_path)
