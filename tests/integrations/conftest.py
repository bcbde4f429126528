"""Releases of transformers that are not installed: needs a package index, so `slow` tests only."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# The newest, which asks for a kernels that no index has.
VERSION = "5.24.0"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a newer transformers."""
    folder = tmp_path_factory.mktemp("wheel")
    download = ["pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", *download, f"transformers=={VERSION}"], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a folder that can go first on the path, with kernels relabelled as it wants."""
    folder = tmp_path_factory.mktemp("unpacked")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    label = folder / "kernels-0.18.2.dist-info"
    label.mkdir()
    (label / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 0.18.2\n")
    return folder
