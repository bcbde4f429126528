"""What the tests of `kernel-schema check` share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "kernel_mapping: {SiLU: org/repo:SiLU}\n"
BAD = "kernel_mapping:\n  SiLU: {hip: org/repo:SiLU}\n  RMSNorm: org/repo\n"
COMMAND = [sys.executable, "-m", "kernel_schema"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["check", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err
