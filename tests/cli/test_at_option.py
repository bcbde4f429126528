"""`--at`: every command that reads a config takes one from inside of a bigger file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.cli import hook
from kernel_schema.cli.main import main
from tests.cli.models import workplace, write

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINING = """\
base: &base {1: one, lr: 1, lr: 2}
trainer:
  <<: *base
  optimizer: !!python/name:os.system {}
  kernels:
    kernel_mapping:
      Norm: org/repo:Norm
stages:
  - kernels:
      kernel_mapping:
        Norm: {hip: org/repo:Norm}
"""
JSON = '{"lr": NaN, "lr": 1, "trainer": {"kernels": {"kernel_mapping": {"Norm": "org/repo:Norm"}}}}'
TOML = 'lr = 1e999\n[trainer.kernels.kernel_mapping]\nNorm = "org/repo:Norm"\n'
HIP = "training.yaml:11:16: error[unknown-device]: `hip` is not a device"


@pytest.fixture(autouse=True)
def _in_a_workplace(tmp_path: Path) -> Iterator[None]:
    for name, text in (
        ("training.yaml", TRAINING),
        ("training.json", JSON),
        ("training.toml", TOML),
        ("pyproject.toml", f"{TOML}[tool.kernel-schema]\nkernel_mapping.Other = 5\n"),
        ("kernels.yaml", "a: {kernel_mapping: {}}\n"),
    ):
        write(tmp_path, name, text)
    with workplace(tmp_path):
        yield


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


class TestCheck:
    @pytest.mark.parametrize("name", ["training.yaml", "training.json", "training.toml"])
    def test_in_every_format(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "check", name, "--at", "trainer.kernels") == (
            0,
            "Checked 1 file: no problems.\n",
            "",
        )
        code, out, _ = run(capsys, "check", name)
        assert code == 1
        assert "help: pass `--at trainer.kernels`" in out
        code, out, _ = run(capsys, "check", name, "--at", "trainr.kernels")
        assert code == 1
        assert "error[nothing-there]: there is no `trainr`" in out
        assert "help: did you mean `trainer`?" in out

    def test_places_are_those_of_the_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, "check", "training.yaml", "--at", "stages[0].kernels")
        assert code == 1
        assert out.startswith(HIP)
        assert "\n11 |         Norm: {hip: org/repo:Norm}\n" in out

    def test_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ("check", "training.yaml", "--at", "stages[0].kernels", "--output-format")
        (found,) = json.loads(run(capsys, *arguments, "json")[1])["diagnostics"]
        route = ["stages", 0, "kernels", "kernel_mapping", "Norm", "hip"]
        assert (found["route"], found["line"], found["column"]) == (route, 11, 16)
        (result,) = json.loads(run(capsys, *arguments, "sarif")[1])["runs"][0]["results"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) == (11, 16)
        assert "line=11,endLine=11,col=16" in run(capsys, *arguments, "github")[1]
        assert run(capsys, *arguments, "concise")[1].startswith(HIP)

    def test_standard_input(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = io.TextIOWrapper(io.BytesIO(TRAINING.encode()))
        monkeypatch.setattr(sys, "stdin", given)
        arguments = ("check", "-", "--format", "yaml", "--at", "stages[0].kernels")
        code, out, _ = run(capsys, *arguments)
        assert code == 1
        assert out.startswith(HIP.replace("training.yaml", "-"))

    def test_of_a_pyproject_the_given_place_counts(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(capsys, "check", "pyproject.toml")[0] == 1
        assert run(capsys, "check", "pyproject.toml", "--at", "trainer.kernels")[0] == 0

    def test_a_directory(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, "check", ".", "--at", "a")
        assert code == 1
        assert "Checked 2 files: found 1 error." in out
        assert "pyproject.toml:1:1: error[nothing-there]: there is no `a`" in out

    @pytest.mark.parametrize("command", ["check", "convert", "diff", "explain", "schema"])
    def test_a_malformed_route_is_a_wrong_call(
        self, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--at", "trainer..kernels", "training.yaml"])
        assert stopped.value.code == 2
        said = capsys.readouterr().err
        assert "argument --at: `trainer..kernels` is no route: a key is missing behind" in said

    def test_the_hook(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for place, code in (("trainer.kernels", 0), ("stages[0].kernels", 1)):
            words = ["kernel-schema-hook", "--at", place, "training.yaml"]
            monkeypatch.setattr(sys, "argv", words)
            assert hook.run() == code
        assert capsys.readouterr().out.startswith(HIP)

    def test_what_a_link_leads_to_is_not_quoted(
        self, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        secret = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
        secret.write_text("password: {hunter2: 1}\n")
        Path("link.kernels.yaml").symlink_to(secret)
        code, out, _ = run(capsys, "check", "link.kernels.yaml", "--at", "passwort.x")
        assert code == 1
        assert "nothing-there" in out
        assert "hunter2" not in out
        assert "password" not in out


def test_convert(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convert", "training.yaml", "--at", "trainer.kernels", "--to", "toml")
    assert run(capsys, *arguments) == (0, '[kernel_mapping]\nNorm = "org/repo:Norm"\n', "")
    code, out, err = run(capsys, *arguments[:3], "trainer", *arguments[4:])
    assert (code, out) == (1, "")
    assert "pass `--at trainer.kernels`" in err


def test_diff_looks_at_one_place_in_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path, "new.yaml", TRAINING.replace("org/repo:Norm\nstages", "org/repo@v2:Norm\nstages")
    )
    code, out, _ = run(capsys, "diff", "training.yaml", "new.yaml", "--at", "trainer.kernels")
    assert code == 1
    assert " ".join(out.split()) == (
        "Norm, every device, every mode: org/repo@v1:Norm -> org/repo@v2:Norm "
        "(training.yaml:7, new.yaml:7)"
    )
    arguments = ("diff", "training.yaml", "training.toml", "--at", "trainer.kernels")
    assert run(capsys, *arguments) == (0, "Both mean the same.\n", "")


class TestModels:
    """With a model: what is said of a part is at its place in the file."""

    @pytest.fixture(autouse=True)
    def _nothing_inherited(self) -> Iterator[None]:
        kernels = pytest.importorskip("kernels", reason="the commands look into a model")
        with kernels.use_kernel_mapping({}, inherit_mapping=False):
            yield

    @staticmethod
    def wrong() -> str:
        return TRAINING.replace("Norm: org", "Nrm: org")

    def test_check(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(tmp_path, "wrong.yaml", self.wrong())
        model = ("--model", "toy_model:build", "--at", "trainer.kernels")
        code, out, _ = run(capsys, "check", "wrong.yaml", *model)
        assert code == 1
        assert out.startswith("wrong.yaml:7:7: error[unregistered-layer]")
        assert "help: did you mean `Norm`?" in out

    def test_explain(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(tmp_path, "wrong.yaml", self.wrong())
        model = ("--model", "toy_model:build", "--at", "trainer.kernels", "--device", "cuda")
        code, out, _ = run(capsys, "explain", "training.yaml", *model)
        assert code == 0
        assert "line 7" in out
        code, out, _ = run(capsys, "explain", "wrong.yaml", *model, "--output-format", "json")
        assert code == 1
        said = json.loads(out)
        assert [(each["line"], each["route"]) for each in said["diagnostics"]] == [
            (7, ["trainer", "kernels", "kernel_mapping", "Nrm"])
        ]
        assert said["plans"][0]["unregistered"] == [{"layer_name": "Nrm", "line": 7, "file": None}]

    def test_kernelize(self, tmp_path: Path) -> None:
        from kernel_schema.integrations.models import build_model

        text = TRAINING.replace("org/repo:Norm\nstages", "./nowhere:Norm\nstages")
        write(tmp_path, "local.yaml", text)
        model = build_model("toy_model:build")
        with pytest.raises(ks.KernelSchemaError) as caught:
            ks.kernelize(model, ks.read("local.yaml", at="trainer.kernels"), device="cpu")
        (found,) = caught.value.diagnostics
        assert found.span == ks.Span(7, 13, 7, 27)
        assert str(found.route) == "trainer.kernels.kernel_mapping.Norm"
