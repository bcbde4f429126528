"""What touches kernels and transformers, against other versions of them; needs a package index.

Each version is laid over the environment that runs this: a folder with nothing but that version
and what it alone needs stands first on the path. Everything else, torch above all, stays.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Before 0.17 its Rust half was a distribution of its own, that serves all of them.
KERNELS_DATA = "kernels-data==0.16.2"


# What the transformers below ask for, and no index had when this was written.
KERNELS, WANTED = "0.17.2", "0.18.2"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.14.1", "0.15.2", "0.16.2"])
def test_the_lowering_against(version: str, tmp_path: Path) -> None:
    overlay = _overlay(tmp_path, f"kernels=={version}", KERNELS_DATA)
    _check_versions(overlay, kernels=version)
    _check_tests(overlay, "-p", "tests.versions.older", "tests/lowering")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["5.23.0", "5.24.0"])
def test_transformers_with_kernels_0_17_2_relabelled_0_18_2(version: str, tmp_path: Path) -> None:
    """Nothing is shown for kernels 0.18: what runs is 0.17.2 under another version."""
    overlay = _overlay(tmp_path, f"transformers=={version}")
    _relabel(overlay)
    _check_versions(overlay, kernels=WANTED, transformers=version)
    _check_tests(overlay, "-p", "tests.versions.newer", "tests/lowering", "tests/integrations")


def _overlay(directory: Path, *requirements: str) -> Path:
    """A folder with these distributions, and nothing that they need."""
    overlay = directory / "overlay"
    _run(["pip", "install", "--quiet", "--no-deps", "--target", str(overlay), *requirements], {})
    return overlay


def _relabel(overlay: Path) -> None:
    """Let the installed kernels have the version that is wanted: it is read of the metadata."""
    installed = metadata.distribution("kernels")
    assert installed.version == KERNELS
    own = Path(str(installed.locate_file(f"kernels-{KERNELS}.dist-info")))
    claimed = shutil.copytree(own, overlay / f"kernels-{WANTED}.dist-info") / "METADATA"
    text = claimed.read_text(encoding="utf-8")
    line = f"\nVersion: {KERNELS}\n"
    assert text.count(line) == 1
    claimed.write_text(text.replace(line, f"\nVersion: {WANTED}\n"), encoding="utf-8")


def _check_versions(overlay: Path, **wanted: str) -> None:
    """What is imported is what is meant, and transformers takes the kernels that it finds."""
    names = ", ".join(wanted)
    code = f"import {names}\nfor module in ({names},): print(module.__version__)"
    if "transformers" in wanted:
        code += (
            "\nfrom transformers.utils import is_kernels_available; assert is_kernels_available()"
        )
    seen = _run(["-c", code], {"PYTHONPATH": str(overlay)})
    assert seen.split() == list(wanted.values())


def _check_tests(overlay: Path, *arguments: str) -> None:
    command = ["pytest", "-q", "-p", "no:cacheprovider", *arguments]
    assert " passed" in _run(command, {"PYTHONPATH": str(overlay)})


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
