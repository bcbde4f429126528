"""Callers who check their code: right constructions pass pyright strict, wrong ones are flagged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import kernel_schema
from kernel_schema import KernelConfig
from tests.schema import typing_good

HERE = Path(__file__).parent
WRONG = "# wrong"


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """What pyright says of each line of each file, in one run."""
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    folder = tmp_path_factory.mktemp("typing")
    for source in HERE.glob("typing_*.py"):
        shutil.copy(source, folder)
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.10",
        "extraPaths": [str(Path(kernel_schema.__file__).parent.parent)],
        # kernels has no stubs: pyright reads its code.
        "reportMissingTypeStubs": False,
        # An expression that is wrong need not be used.
        "reportUnusedExpression": False,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, "--project", str(folder)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )
    # Before its report pyright may say what it installs.
    report: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["summary"]["filesAnalyzed"] == 3
    found: dict[str, dict[int, str]] = {}
    for entry in report["generalDiagnostics"]:
        lines = found.setdefault(Path(entry["file"]).name, {})
        lines[entry["range"]["start"]["line"] + 1] = entry["message"]
    return found


def wrong_lines(name: str) -> list[int]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if WRONG in line]


def test_right_constructions_run() -> None:
    configs = typing_good.constructions()
    assert len(configs) >= 20
    assert all(isinstance(config, KernelConfig) for config in configs)
    typing_good.attributes()
    typing_good.functions()


@pytest.mark.slow
def test_right_constructions_pass(flagged: dict[str, dict[int, str]]) -> None:
    assert flagged.get("typing_good.py", {}) == {}


@pytest.mark.slow
def test_wrong_constructions_are_flagged(flagged: dict[str, dict[int, str]]) -> None:
    wrong = wrong_lines("typing_bad.py")
    assert len(wrong) >= 4
    assert sorted(flagged["typing_bad.py"]) == wrong


@pytest.mark.slow
def test_the_model_aware_pass(flagged: dict[str, dict[int, str]]) -> None:
    for package in ("torch", "kernels"):
        if find_spec(package) is None:
            pytest.skip(f"without {package} its types are unknown")
    assert sorted(flagged["typing_model.py"]) == wrong_lines("typing_model.py")
