"""`kernel-schema diff`: what differs and where, what changes for a model, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from tests.cli.models import call, workplace, write

kernels = pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = """\
kernel_mapping:
  Norm: org/repo:Norm
  Choosy:
    cuda: [{min_capability: 90, kernel: "org/hopper:Choosy"}]
    cpu: org/repo@v2:Choosy
  double: original
"""
NEW = """\
inherit_mapping: false
kernel_mapping:
  Choosy:
    cpu: org/repo@v3:Choosy
    cuda:
      - {min_capability: 90, kernel: "org/hopper:Choosy", version: 1}
      - {max_capability: 80, training: "org/ampere:Choosy"}
  Norm: {kernel: "org/repo:Norm", trust_remote_code: true}
"""


@pytest.fixture(autouse=True)
def _in_a_workplace(tmp_path: Path) -> Iterator[None]:
    write(tmp_path, "old.yaml", OLD)
    write(tmp_path, "new.yaml", NEW)
    with workplace(tmp_path, None), kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


TEXT = """\
Norm, every device, every mode: org/repo@v1:Norm -> org/repo@v1:Norm (trust_remote_code: true) \
(old.yaml:2, new.yaml:8)
Choosy, cpu, every mode: org/repo@v2:Choosy -> org/repo@v3:Choosy (old.yaml:5, new.yaml:4)
double, every device: removed original (old.yaml:6)
Choosy, cuda, capability 0 to 80, training: added org/ampere@v1:Choosy (new.yaml:7)
inherit_mapping: true -> false
"""
FOR_MODEL = """\

For the model on cpu, in inference: what changes
  Choosy (3): org/repo@v2:Choosy -> org/repo@v3:Choosy
"""


def test_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("diff", "old.yaml", "new.yaml") == 1
    assert capsys.readouterr().out == TEXT


def test_what_changes_for_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("diff", "old.yaml", "new.yaml", "--model", "toy_model:build") == 1
    assert capsys.readouterr().out == TEXT + FOR_MODEL


def test_what_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    target = ("--device", "cuda", "--capability", "90", "--mode", "training")
    assert call("diff", "old.yaml", "new.yaml", "--model", "toy_model:build", *target) == 1
    out = capsys.readouterr().out
    assert out.endswith("For the model on cuda, capability 90, in training: nothing changes\n")


def test_what_is_inherited_counts_for_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    theirs = kernels.LayerRepository("theirs/k", layer_name="L", version=1)
    with kernels.use_kernel_mapping({"Unmapped": {"cpu": theirs}}):
        assert call("diff", "old.yaml", "new.yaml", "--model", "toy_model:build") == 1
    out = capsys.readouterr().out
    assert "  Unmapped (1): theirs/k@v1:L -> its own forward\n" in out


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    call("diff", "old.yaml", "new.yaml", "--output-format", "json")
    told = json.loads(capsys.readouterr().out)
    assert told["inherit_mapping"] == {"old": True, "new": False}
    assert told["model"] is None
    assert [each["kind"] for each in told["changes"]] == ["changed", "changed", "removed", "added"]
    assert told["changes"][1] == {
        "kind": "changed",
        "layer_name": "Choosy",
        "device": "cpu",
        "capability": None,
        "mode": None,
        "old": {
            "kernel": "org/repo@v2:Choosy",
            "trust_remote_code": False,
            "line": 5,
            "file": None,
        },
        "new": {
            "kernel": "org/repo@v3:Choosy",
            "trust_remote_code": False,
            "line": 4,
            "file": None,
        },
    }
    assert told["changes"][2]["old"]["kernel"] is None
    assert told["changes"][3]["capability"] == {"min": 0, "max": 80}
    model = ("--model", "toy_model:build")
    assert call("diff", "old.yaml", "new.yaml", "--output-format", "json", *model) == 1
    (change,) = json.loads(capsys.readouterr().out)["model"]["changes"]
    assert (change["layer_name"], change["total"]) == ("Choosy", 3)
    assert call("diff", "old.yaml", "old.yaml", "--output-format", "json") == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


SUGAR = [
    ("kernel_mapping: {Norm: org/repo:Norm}", "kernel_mapping: {Norm: org/repo@v1:Norm}"),
    (
        "kernel_mapping: {A: org/repo:A, B: org/repo:B}",
        "$schema: ./s.json\nkernel_mapping: {B: {kernel: org/repo:B, version: 1}, A: org/repo:A}",
    ),
    (
        "kernel_mapping: {A: {cuda: org/repo:A, cpu: original}}",
        "inherit_mapping: true\nkernel_mapping: {A: {cpu: original, cuda: [{kernel: org/repo:A}]}}",
    ),
    ("kernel_mapping: {A: ./a:L}", "kernel_mapping: {A: {fallback: ./a:L}}"),
]


@pytest.mark.parametrize(("old", "new"), SUGAR)
def test_sugar_is_no_difference(
    tmp_path: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "old.yaml", old)
    write(tmp_path, "new.yaml", new)
    assert call("diff", "old.yaml", "new.yaml") == 0
    assert capsys.readouterr().out == "Both mean the same.\n"
    digests = {ks.read(tmp_path / name).config.digest() for name in ("old.yaml", "new.yaml")}
    assert len(digests) == 1


def test_formats_are_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = ks.read(tmp_path / "old.yaml")
    for format_ in ("json", "toml"):
        ks.dump(document.config, tmp_path / f"other.{format_}")
        assert call("diff", "old.yaml", f"other.{format_}") == 0
    assert capsys.readouterr().out == "Both mean the same.\n" * 2


def test_two_checkouts_are_no_difference(tmp_path: Path) -> None:
    """Paths are compared as written."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "kernels.yaml", "kernel_mapping: {Norm: './norm:Norm'}")
    assert call("diff", "a/kernels.yaml", "b/kernels.yaml", "--model", "toy_model:build") == 0


def test_only_inherit_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "one.yaml", "kernel_mapping: {}")
    write(tmp_path, "other.yaml", "kernel_mapping: {}\ninherit_mapping: false")
    assert call("diff", "one.yaml", "other.yaml") == 1
    assert capsys.readouterr().out == "inherit_mapping: true -> false\n"


def test_it_fits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert call("diff", "old.yaml", "new.yaml", "--model", "toy_model:build") == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["old.yaml", "missing.yaml"], 2, "error[file-not-found]"),
        (["missing.yaml", "new.yaml"], 2, "error[file-not-found]"),
        (["old.yaml", "broken.yaml"], 2, "broken.yaml:1:25: error[unknown-device]"),
        (["broken.yaml", "missing.yaml"], 2, "missing.yaml: error[file-not-found]"),
        (["old.yaml"], 2, "required: NEW"),
        (["-", "-"], 2, "standard input can be one of the two"),
        (["old.yaml", "new.yaml", "--device", "cpu"], 2, "go with --model"),
        (["old.yaml", "new.yaml", "--model", "toy_model:no"], 2, "--model toy_model:no"),
        (
            ["old.yaml", "new.yaml", "--model", "toy_model:build", "--device", "cuda"],
            2,
            "old.yaml:4:12: error[capability-needed]",
        ),
        (["old.yaml", "new.yaml", "--model", "toy_model:parameterless"], 2, "--device"),
    ],
)
def test_wrong_input(
    tmp_path: Path,
    arguments: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, "broken.yaml", "kernel_mapping: {Norm: {cdua: 'org/repo:L'}}\n")
    assert call("diff", *arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
