"""The examples of the codes of `check --hub`: each gives its code, and none put right."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.builds.variants import parse_target
from kernel_schema.cli.main import main
from kernel_schema.codes import catalogue
from kernel_schema.hub import check_hub

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

CODES = {name: code for name, code in catalogue().items() if code.stage == "hub"}
SAID_OF_MANY = ("moving-kernel", "newer-kernel-version")
FILE = "lockfile: kernels.yaml.lock\nkernel_mapping:\n  Norm: org/norm@v2:Norm\n"


@pytest.fixture(autouse=True)
def workplace(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config and its lock, on a machine whose torch is for the CPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check_hub, "this_machine", lambda: parse_target("torch2.13-cpu"))
    (tmp_path / "kernels.yaml").write_text(FILE, encoding="utf-8")
    lock = ks.lock({"Norm": "org/norm@v2:Norm"})
    (tmp_path / "kernels.yaml.lock").write_text(lock.dumps(), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", [name for name, code in CODES.items() if code.format == "yaml"])
def test_examples(name: str, workplace: Path) -> None:
    for text, is_told in ((CODES[name].wrong, True), (CODES[name].right, False)):
        (workplace / "kernels.yaml").write_text(f"{text}\n", encoding="utf-8")
        problems = ks.check_hub("kernels.yaml")
        for problem in problems:
            assert problem.severity == catalogue()[problem.code].severity
        said = {problem.code for problem in problems}
        assert said - {*SAID_OF_MANY, "lock-not-used"} - {name} == set()
        assert (name in said) == is_told


def test_commands(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    code = CODES["kernel-moved"]
    hub.move("org/norm", "v2", "v1")
    assert main(shlex.split(code.wrong)[1:]) == 0
    assert "warning[kernel-moved]" in capsys.readouterr().out
    for command in code.right.split("&&"):
        assert main(shlex.split(command)[1:]) == 0
    assert "kernel-moved" not in capsys.readouterr().out


def test_a_package_is_missing_only_here(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    config: Any = {"Norm": "org/needy@v1:Norm"}
    told = [each.code for each in ks.check_hub(config, ignore=SAID_OF_MANY)]
    assert told == ["missing-python-package"]
    assert ks.check_hub(config, targets=["torch2.13-cpu"], ignore=SAID_OF_MANY) == ()
    monkeypatch.setattr(check_hub, "this_machine", lambda: None)
    assert ks.check_hub(config, ignore=SAID_OF_MANY) == ()
