"""What holds for every test: hypothesis asserts no seconds, tests run beside others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    """What a test, or transformers in it, registers in kernels is no matter of the next one."""
    yield
    if "kernels" in sys.modules:
        from kernel_schema.lowering.upstream import active_mapping

        active_mapping().clear()
