"""The hook, run by pre-commit itself on a git repository of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pre_commit", reason="pre-commit runs the hook")

import yaml

ROOT = Path(__file__).parent.parent.parent
HOOKS_FILE = ".pre-commit-hooks.yaml"
SHIPPED = ["kernel_schema", "schemas", "pyproject.toml", "README.md", "LICENSE", HOOKS_FILE]
(HOOK,) = yaml.safe_load((ROOT / HOOKS_FILE).read_text(encoding="utf-8"))


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("kernels.yaml", True),
        ("deep/down/llama.kernels.toml", True),
        ("kernels.yml", True),
        ("my-kernels.yaml", False),
        ("pyproject.toml", False),
        ("kernels.py", False),
    ],
)
def test_which_files_it_takes(name: str, *, taken: bool) -> None:
    assert (re.search(HOOK["files"], name) is not None) is taken


def test_pre_commit_runs_it(tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    left_out = shutil.ignore_patterns("__pycache__")
    for name in SHIPPED:
        source, target = ROOT / name, hooks / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=left_out)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    git(tmp_path, "init", "-q", str(hooks))
    git(hooks, "add", "-A")
    git(hooks, "commit", "-qm", "hooks")

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    git(scratch, "init", "-q")
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, check=True, capture_output=True, text=True
    ).stdout.strip()
    settings: dict[str, Any] = {
        "repos": [{"repo": str(hooks), "rev": revision, "hooks": [{"id": HOOK["id"]}]}]
    }
    (scratch / ".pre-commit-config.yaml").write_text(yaml.safe_dump(settings))
    config = scratch / "llama.kernels.yaml"
    config.write_text("kernel_mapping: {A: org/repo:A}\n")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run() -> subprocess.CompletedProcess[str]:
        git(scratch, "add", "-A")
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files"],
            cwd=scratch,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    good = run()
    assert good.returncode == 0, good.stdout + good.stderr
    config.write_text("kernel_mapping: {A: {hip: org/repo:A}}\n")
    bad = run()
    assert bad.returncode == 1
    assert "llama.kernels.yaml:1:22: error[unknown-device]" in bad.stdout
    assert not [path for path in (tmp_path / "home").rglob("torch") if path.is_dir()]
