"""Python in a process of its own: for what can only be set before Python starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import kernel_schema

_ROOT = Path(kernel_schema.__file__).parents[1]
# What the machine may have set, and what would change what is tested.
_UNSET = ("USE_HUB_KERNELS", "DISABLE_KERNEL_MAPPING", "LOCAL_KERNELS")


def run_python(
    *arguments: str, first_on_path: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python with this package.

    Args:
        arguments: What follows the interpreter.
        first_on_path: A folder whose modules and distributions go before all others.
        variables: Environment variables to set.
    """
    path = [*([] if first_on_path is None else [str(first_on_path)]), str(_ROOT)]
    # What this process runs against, tests/versions above all, that one does too.
    path += filter(None, [os.environ.get("PYTHONPATH")])
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    environment |= variables | {"PYTHONPATH": os.pathsep.join(path)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run_code(
    code: str, *, first_on_path: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run code, and fail if it does."""
    done = run_python("-c", dedent(code), first_on_path=first_on_path, **variables)
    assert done.returncode == 0, done.stderr
    return done
