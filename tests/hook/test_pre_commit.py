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

import kernel_schema as ks
from tests.test_readme import blocks

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


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the hook, and beside it what pre-commit keeps between runs."""
    hooks = tmp_path_factory.mktemp("hook") / "hooks"
    left_out = shutil.ignore_patterns("__pycache__")
    for name in SHIPPED:
        source, target = ROOT / name, hooks / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=left_out)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    git(hooks.parent, "init", "-q", str(hooks))
    git(hooks, "add", "-A")
    git(hooks, "commit", "-qm", "hooks")
    return hooks


def shown_config() -> dict[str, Any]:
    """What the README says to paste."""
    (block,) = (one for one in blocks("README.md") if one.value == ".pre-commit-config.yaml")
    return yaml.safe_load(block.text)


def run(hooks: Path, folder: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the hook on all files of a folder, as the README shows it or with other settings."""
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, check=True, capture_output=True, text=True
    ).stdout.strip()
    config = shown_config()
    (repository,) = config["repos"]
    repository |= {"repo": str(hooks), "rev": revision}
    if settings:
        repository["hooks"] = [{"id": HOOK["id"], **settings}]
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--all-files"],
        cwd=folder,
        env={**os.environ, "PRE_COMMIT_HOME": str(hooks.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_shown_config_is_one_as_it_stands(tmp_path: Path) -> None:
    (block,) = (one for one in blocks("README.md") if one.value == ".pre-commit-config.yaml")
    path = tmp_path / ".pre-commit-config.yaml"
    path.write_text(block.text, encoding="utf-8")
    validate = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    done = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (repository,) = shown_config()["repos"]
    assert repository["rev"] == f"v{ks.__version__}"
    assert [hook["id"] for hook in repository["hooks"]] == [HOOK["id"]]


@pytest.mark.slow
def test_pre_commit_runs_it(hooks: Path, tmp_path: Path) -> None:
    config = tmp_path / "llama.kernels.yaml"
    config.write_text("kernel_mapping: {A: org/repo:A}\n")
    good = run(hooks, tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    config.write_text("kernel_mapping: {A: {hip: org/repo:A}}\n")
    bad = run(hooks, tmp_path)
    assert bad.returncode == 1
    assert "llama.kernels.yaml:1:22: error[unknown-device]" in bad.stdout
    assert not [path for path in (hooks.parent / "home").rglob("torch") if path.is_dir()]


WRONG = "kernel_mapping: {A: {hip: org/repo:A}}\n"
WARNED = """\
kernel_mapping:
  A:
    cuda:
      - {max_capability: 85, kernel: "org/a:A"}
      - {min_capability: 80, kernel: "org/b:A"}
"""
HOSTILE = "--model=evil:build.kernels.yaml"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "names", "said"),
    [
        ({}, [], ["unknown-device"]),  # as the README shows it
        ({"args": []}, [], ["unknown-device", "crossing-capability"]),
        ({"args": ["--ignore", "crossing-capability"]}, [], ["unknown-device"]),
        ({"args": ["--ignore=crossing-capability", "--"]}, [], ["unknown-device"]),
        ({"args": ["--ignore", "x"]}, ["--ignore"], ["--ignore: error[", "crossing-capability"]),
        ({"args": ["--model", "evil:build"]}, [], ["takes no --model"]),
        (
            {"args": [], "files": ""},
            ["--"],
            ["--quiet: error[unknown-format]", "crossing-capability"],
        ),
    ],
)
def test_no_name_of_a_file_is_an_option(
    hooks: Path, tmp_path: Path, settings: dict[str, Any], names: list[str], said: list[str]
) -> None:
    """A stranger adds files that look like options, and the code that one of them would run."""
    (tmp_path / "evil.py").write_text("open('it-ran', 'w').close()\n")
    for name in (HOSTILE, "--ignore=unknown-device", "--quiet", *names):
        (tmp_path / name).write_text(WRONG)
    (tmp_path / "warned.kernels.yaml").write_text(WARNED)
    done = run(hooks, tmp_path, **settings)
    assert done.returncode == 1
    for words in said:
        assert words in done.stdout
    assert ("crossing-capability" in done.stdout) is ("crossing-capability" in said)
    assert not (tmp_path / "it-ran").exists()
