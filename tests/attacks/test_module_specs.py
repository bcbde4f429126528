"""`--model module:attribute` in a folder of a stranger: what is installed comes first."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="models are torch modules")

from kernel_schema.integrations.models import build_model
from kernel_schema.integrations.specs import ModelSpecError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "open('it-ran', 'w').close()\n"
MODEL = "from torch import nn\n\n\ndef build():\n    return nn.ReLU()\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory; `site` beside it is where things are installed."""
    folder, site = tmp_path / "work", tmp_path / "site"
    folder.mkdir()
    site.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    yield folder
    for name in [name for name in sys.modules if name.startswith("ks_")]:
        del sys.modules[name]


def install(here: Path, name: str, text: str) -> None:
    (here.parent / "site" / name).write_text(text)


def test_what_is_installed_comes_first(here: Path) -> None:
    install(here, "ks_installed.py", MODEL)
    (here / "ks_installed.py").write_text(EVIL)
    path = list(sys.path)
    build_model("ks_installed:build")
    assert sys.path == path
    assert not (here / "it-ran").exists()


def test_also_for_a_module_of_ones_own(here: Path) -> None:
    install(here, "ks_installed.py", "")
    (here / "ks_installed.py").write_text(EVIL)
    (here / "ks_mine.py").write_text(f"import ks_installed\n{MODEL}")
    path = list(sys.path)
    build_model("ks_mine:build")
    assert sys.path == path
    assert not (here / "it-ran").exists()


def test_what_one_imports_late_is_found_until_the_model_is_there(here: Path) -> None:
    (here / "ks_package").mkdir()
    (here / "ks_package" / "__init__.py").touch()
    lazy = "def __getattr__(name):\n    import ks_late\n    return ks_late.build\n"
    (here / "ks_package" / "lazy.py").write_text(lazy)
    (here / "ks_late.py").write_text(MODEL.replace("return", "import ks_later\n    return"))
    (here / "ks_later.py").touch()
    path = list(sys.path)
    build_model("ks_package.lazy:build")
    assert sys.path == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "it cannot be imported: ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "it cannot be imported: SystemExit"),
        ("import ks_not_there\n", "No module named 'ks_not_there'"),
        ("", "ks_mine.py does not have it: AttributeError"),
        ("build = 3\n", "neither a torch.nn.Module"),
        ("def build():\n    1 / 0\n", "calling `build` without arguments failed"),
        ("import sys\nsys.path = []\nbuild = 3\n", "neither a torch.nn.Module"),
        ("import os, sys\nsys.path.insert(0, os.getcwd())\nbuild = 3\n", "neither"),
    ],
)
def test_the_import_path_is_put_back_whatever_happens(here: Path, text: str, said: str) -> None:
    (here / "ks_mine.py").write_text(text)
    path = list(sys.path)
    with pytest.raises(ModelSpecError, match=said):
        build_model("ks_mine:build")
    assert str(here) not in sys.path[len(path) :]


def test_what_one_adds_to_the_import_path_oneself_stays(here: Path) -> None:
    (here / "ks_mine.py").write_text(
        f"import os, sys\nsys.path.insert(0, os.getcwd())\nsys.path.append(os.getcwd())\n{MODEL}"
    )
    path = list(sys.path)
    build_model("ks_mine:build")
    assert sys.path == [str(here), *path, str(here)]


def test_a_module_that_an_installed_one_lacks_is_not_looked_for_here(here: Path) -> None:
    install(here, "ks_installed.py", "import ks_gone\n")
    (here / "ks_gone.py").write_text(EVIL)
    with pytest.raises(ModelSpecError, match="No module named 'ks_gone'"):
        build_model("ks_installed:build")
    assert not (here / "it-ran").exists()


def test_a_working_directory_that_is_gone(here: Path) -> None:
    here.rmdir()
    with pytest.raises(ModelSpecError, match="it cannot be imported: FileNotFoundError"):
        build_model("ks_mine:build")


@pytest.mark.slow
def test_the_command_beside_a_torch_of_a_stranger(here: Path) -> None:
    for name in ("torch", "numpy", "kernels", "transformers", "typing_extensions"):
        (here / f"{name}.py").write_text(EVIL)
    (here / "mine.py").write_text(MODEL)
    done = subprocess.run(
        [sys.executable, "-m", "kernel_schema", "layers", "--model", "mine:build"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (here / "it-ran").exists()
