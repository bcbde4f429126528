"""`kernel-schema diff` of two places in which one model runs: a trainer and its rollouts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kernel_schema.lowering.upstream import active_mapping
from tests.cli.models import call, workplace, write

kernels = pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
kernel_mapping:
  Norm: {training: "org/repo@v1:Norm", inference: "org/repo@v2:Norm"}
  Choosy:
    cpu: org/repo@v2:Choosy
    cuda: org/repo@v2:Choosy
  double: original
"""
MODES = ("--old-mode", "training", "--new-mode", "inference")
DIFFERENT = """\
OLD: the model on cpu, in training
NEW: the model on cpu, in inference
  Norm (2): org/repo@v1:Norm -> org/repo@v2:Norm
"""
SAME = """\
OLD: the model on cpu, in training
NEW: the model on cuda, capability 90, in training
Both run the same kernels.
"""


def lock(commit: str) -> str:
    return json.dumps({
        "lock_format": 1,
        "kernels": [
            {"repo_id": "org/repo", "version": 1, "commit": commit * 40, "trusted_publisher": True,
             "layers": ["Norm"], "variants": {"torch-cpu": f"sha256:{'0' * 64}"}},
        ],
    })  # fmt: skip


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path) -> Iterator[None]:
    write(tmp_path, "kernels.yaml", CONFIG)
    for name, commit in (("old", "a"), ("new", "b")):
        write(tmp_path, f"{name}.yaml.lock", lock(commit))
        stated = 'kernel_mapping: {Norm: "org/repo@v1:Norm"}\n'
        write(tmp_path, f"{name}.yaml", f"lockfile: {name}.yaml.lock\n{stated}")
    write(tmp_path, "unlocked.yaml", stated)
    with workplace(tmp_path, None), kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


def diff(old: str, new: str, *options: str) -> int:
    return call("diff", old, new, "--model", "toy_model:build", *options)


def test_the_modes_of_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("kernels.yaml", "kernels.yaml", *MODES) == 1
    printed = capsys.readouterr()
    assert printed.out == DIFFERENT
    # Of what is the same, the commit is not.
    assert "no lock says which commit of a kernel runs for `Choosy`" in printed.err


def test_the_devices_of_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    devices = ("--new-device", "cuda", "--new-capability", "90", "--mode", "training")
    assert diff("kernels.yaml", "kernels.yaml", *devices) == 0
    assert capsys.readouterr().out == SAME


def test_another_commit_is_another_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("old.yaml", "new.yaml", *MODES) == 1
    printed = capsys.readouterr()
    moved = "  Norm (2): org/repo@v1:Norm (commit aaaaaaaaaaaa) -> "
    assert f"{moved}org/repo@v1:Norm (commit bbbbbbbbbbbb)\n" in printed.out
    assert printed.err == ""
    assert diff("old.yaml", "old.yaml", *MODES) == 0
    assert capsys.readouterr().err == ""


def test_a_commit_that_one_of_them_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("old.yaml", "unlocked.yaml", *MODES) == 0
    assert "no lock says which commit" in capsys.readouterr().err


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("old.yaml", "new.yaml", *MODES, "--output-format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["sides"]["old"] == {"device": "cpu", "capability": None, "mode": "training"}
    assert told["sides"]["layers"] == [
        {
            "layer_name": "Norm",
            "total": 2,
            "old": [{"kernel": "org/repo@v1:Norm", "commit": "a" * 40, "count": 2}],
            "new": [{"kernel": "org/repo@v1:Norm", "commit": "b" * 40, "count": 2}],
        }
    ]
    assert (told["undecided"], told["unlocked"]) == ([], [])
    assert diff("kernels.yaml", "kernels.yaml", *MODES, "--output-format", "json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["unlocked"] == ["Choosy"]
    assert printed.err == ""


def test_what_code_decides_cannot_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    with kernels.use_kernel_mapping({}):
        active_mapping()["Unmapped"] = lambda *_: None
        assert diff("old.yaml", "old.yaml", *MODES) == 2
        assert diff("old.yaml", "new.yaml", *MODES) == 1
    printed = capsys.readouterr()
    assert "code that is run decides for `Unmapped`: it cannot be told" in printed.err
    assert "the same" not in printed.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--old-mode", "evaluation"], "invalid choice"),
        (["--model", "toy_model:no", *MODES], "--model toy_model:no"),
    ],
)
def test_wrong_calls(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert diff("kernels.yaml", "kernels.yaml", *options) == 2
    assert message in capsys.readouterr().err


def test_sides_are_those_of_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("diff", "old.yaml", "new.yaml", *MODES) == 2
    assert "go with --model" in capsys.readouterr().err
