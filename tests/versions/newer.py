"""A plugin of pytest for runs against newer transformers: what those have renamed is no failure.

Loaded by `test_versions.py` with `-p tests.versions.newer`; the quick run knows nothing of it.
"""

from __future__ import annotations

import pytest

# The test, and why it cannot pass: one that is not there is an error, so that the list stays true.
MOVED = {
    "tests/integrations/test_examples.py::test_every_kernel_is_one_that_transformers_uses": (
        "the examples name kernels as the default table of transformers 5.22.2 does"
    ),
}


def pytest_configure(config: pytest.Config) -> None:
    """Let transformers warn: PEFT and our tests call what the oldest supported ones have too."""
    renamed = "(is_)?gradient_checkpointing(_enable)?"
    line = rf"ignore:.{renamed}. is deprecated and will be removed in v6:FutureWarning"
    config.addinivalue_line("filterwarnings", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what speaks of the pinned version alone."""
    by_id = {item.nodeid: item for item in items}
    for nodeid, reason in MOVED.items():
        if nodeid not in by_id:
            message = f"there is no test {nodeid}"
            raise pytest.UsageError(message)
        by_id[nodeid].add_marker(pytest.mark.skip(reason=reason))
