"""A plugin of pytest for runs against older kernels: tests of what those do not have are skipped.

Loaded by `test_versions.py` with `-p tests.versions.older`; the quick run knows nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import pytest
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = Version(kernels.__version__)

# The first version that has it, what it is, and the tests that need it: beginnings of their ids
# below tests/lowering. One that fits no test is an error, so that the list stays true.
NEEDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "0.16",
        "functions as layers, which the models of these tests hold",
        (
            "test_apply.py",
            "test_atomicity.py",
            "test_audit.py",
            "test_checks.py",
            "test_explain.py::TestWholePlan::test_a_function_is_told_by_the_classes",
            "test_explain.py::TestWholePlan::test_every_name_once",
            "test_registry.py",
            "test_restore.py",
            # These look at whole processes, in which this plugin is not at work.
            "test_environment.py",
        ),
    ),
    (
        "0.17",
        "`kernel_condition`",
        (
            "test_apply.py::TestKept::test_condition_is_false_for_",
            "test_apply.py::TestKept::test_forward_of_somebody_else",
            "test_atomicity.py::test_condition_that_raises",
            "test_atomicity.py::test_interrupted[",
            "test_plan_fidelity.py::test_what_runs_is_what_was_planned",
            "test_restore.py::TestRestore::test_any_callable_may_be_a_forward",
        ),
    ),
    (
        "0.17",
        "a log, where older versions warn of layers without an entry",
        (
            "test_atomicity.py::test_without_us_a_failure_leaves_kernels_behind",
            "test_targets.py::test_kernels_logs_nothing_about_layers_without_entry",
        ),
    ),
    (
        "0.17",
        "a FileNotFoundError for a repository without a build for this machine",
        ("test_atomicity.py::test_repository_without_a_build_for_this_machine",),
    ),
    (
        "0.17.2",
        "a transformers that goes with it",
        (
            "test_checks.py::TestUnregisteredLayer::test_model_that_registers_nothing",
            "test_environment.py::test_nothing_in_the_way_here",
            "test_explain.py::TestWholePlan::test_no_layer_of_that_name",
            "test_plan_real_models.py",
            "test_real_models.py",
            "test_registry.py::TestTransformers",
            "test_seed_contract.py::test_the_rows_on_a_llama",
        ),
    ),
)


def pytest_configure(config: pytest.Config) -> None:
    """Let older versions warn where later ones log."""
    config.addinivalue_line("filterwarnings", r"ignore:\s*No kernel mapping found:UserWarning")
    config.addinivalue_line("filterwarnings", "ignore:LocalFuncRepository:DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this version cannot do."""
    for first, what, beginnings in NEEDS:
        for beginning in beginnings:
            concerned = [
                item for item in items if item.nodeid.startswith(f"tests/lowering/{beginning}")
            ]
            if not concerned:
                message = f"no test of tests/lowering begins with {beginning}"
                raise pytest.UsageError(message)
            if Version(first) > INSTALLED:
                for item in concerned:
                    item.add_marker(pytest.mark.skip(reason=f"needs {what} (kernels {first})"))


def _without_functions(*_functions: object) -> Callable[[Any], Any]:
    """Stands in for `kernels.use_kernelized_func` below 0.16: the module holds no function."""
    return lambda cls: cls


if not hasattr(kernels, "use_kernelized_func"):
    kernels.use_kernelized_func = _without_functions
