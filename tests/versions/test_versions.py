"""The tests of the lowering against older versions of kernels; needs a package index.

Each version is laid over the environment that runs this: a folder with nothing but that kernels
and what it alone needs stands first on the path. Everything else, torch above all, stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Before 0.17 its Rust half was a distribution of its own, that serves all of them.
KERNELS_DATA = "kernels-data==0.16.2"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.14.1", "0.15.2", "0.16.2"])
def test_the_lowering_against(version: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    install = ["pip", "install", "--quiet", "--no-deps", "--target", str(overlay)]
    _run([*install, f"kernels=={version}", KERNELS_DATA], {})
    under_it = {"PYTHONPATH": str(overlay)}
    seen = _run(["-c", "import kernels; print(kernels.__version__)"], under_it)
    assert seen.split() == [version]
    output = _run(
        ["pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.versions.older", "tests/lowering"],
        under_it,
    )
    assert " passed" in output


def _run(arguments: list[str], variables: dict[str, str]) -> str:
    """Run Python, or one of its modules, in the checkout; what it printed."""
    if not arguments[0].startswith("-"):
        arguments = ["-m", *arguments]
    # Options of this very run, for coverage and the like, are not meant for the one inside.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout
