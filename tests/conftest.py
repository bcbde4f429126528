"""What holds for every test: hypothesis asserts no seconds, tests run beside others."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

FEWER = 4
"""What part of its examples a property draws in the quick half."""

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("all", settings.get_profile("tests"))
settings.load_profile("tests")

# A shell that runs tests in the background has Ctrl-C ignored, and so would what they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Without bytecode each process that a test starts compiles the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# jsonschema builds grammars of IRIs with it as it is imported, for two seconds in each process. No
# schema here has that format.
sys.modules["rfc3987_syntax"] = None  # pyright: ignore[reportArgumentType]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What draws in the quick half draws less, unless `--hypothesis-profile=all` asks for all."""
    if settings.get_current_profile_name() == "all":
        return
    for item in items:
        if item.get_closest_marker("slow") or item.get_closest_marker("thorough"):
            continue
        # Of a method, its function; with several parameters it is met several times.
        test: Any = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        stated = getattr(test, "_hypothesis_internal_use_settings", None)
        if stated is not None and not hasattr(test, "stated_settings"):
            test.stated_settings = stated
            fewer = min(stated.max_examples, max(10, stated.max_examples // FEWER))
            test._hypothesis_internal_use_settings = settings(stated, max_examples=fewer)


def pytest_collection_finish() -> None:
    """What is there before the first test stays: no collection of garbage looks at it again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    """What a test, or transformers in it, registers in kernels is no matter of the next one."""
    yield
    if "kernels" in sys.modules:
        from kernel_schema.lowering.upstream import active_mapping

        active_mapping().clear()
