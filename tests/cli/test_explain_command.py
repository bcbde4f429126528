"""`kernel-schema explain`: text that fits, JSON of a fixed shape, exit codes, bad input."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("kernels", reason="the command explains a config for a model")

import kernels
from rich.cells import cell_len

from tests.cli.models import call, workplace, write
from tests.kernel_repos import KernelLayer, write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

CONFIG = """\
kernel_mapping:
  Norm:
    cuda:
      - {min_capability: 90, kernel: "org/hopper:Norm"}
      - {min_capability: 75, max_capability: 80, kernel: "org/ampere:Norm"}
    cpu:
      training: org/repo@v2:TrainNorm
      fallback: ./norm:AnyNorm
  Choosy: org/repo@main:Choosy
  double: original
  Nowhere: org/repo:Nowhere
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command beside a model and a config: exit code, output and errors."""
    write(tmp_path, "kernels.yaml", CONFIG)
    layer = KernelLayer("AnyNorm", "x", arguments="x, *, scale")
    write_kernel_repository(tmp_path / "norm", [layer])

    def explain(*arguments: str, model: str = "toy_model:build") -> tuple[int, str, str]:
        code = call("explain", *arguments, "--model", model)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    with workplace(tmp_path), kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield explain


TEXT = """\
kernels.yaml:11:3: error[unregistered-layer]: the model registers no layer
  `Nowhere`
  help: It registers `double`, `Norm`, `Choosy` and `Unmapped`

cpu, inference: 3 of 8 modules and functions run a kernel

layer      replaced   runs                                   stated
────────────────────────────────────────────────────────────────────
Nowhere           -   nothing: the model has no such layer   line 11
Choosy       1 of 3   org/repo@main:Choosy                   line 9
Norm         2 of 2   org/repo@v2:TrainNorm                  line 7
double       0 of 2   its own forward                        line 10
Unmapped     0 of 1   its own forward                        nowhere

Choosy: 3 modules of Choosy
  - 2 of 3 kept: its kernel_condition is false

Norm: 2 modules of Norm
  - looked for inference, then inference_torch_compile, then training
  - not ./norm:AnyNorm for fallback (line 8): training comes before fallback for
    inference
  - other devices: cuda (line 4), cuda (line 5)

double: 2 functions in Block
  - its own forward kept: `original`, says kernel_mapping.double

Unmapped: 1 module of Unmapped
  - its own forward kept: nothing in the config or inherited names it
"""


class TestText:
    def test_the_whole(self, run: Run) -> None:
        assert run("kernels.yaml") == (1, TEXT, "")

    def test_what_was_meant_and_will_not_run_comes_first(self, run: Run) -> None:
        _, out, _ = run("kernels.yaml", "--device", "cuda", "--capability", "85")
        rows = out[out.index("layer ") :].splitlines()[2:7]
        assert [row.split()[0] for row in rows] == [
            "Norm",
            "Nowhere",
            "Choosy",
            "double",
            "Unmapped",
        ]
        assert "  - gap: no range holds capability 81 to 89\n" in out
        assert "not org/hopper@v1:Norm (line 4): capability 90 and above does not hold 85" in out
        assert out.count("cuda, capability 85, inference: 1 of 8") == 1

    @pytest.mark.parametrize("columns", [40, 200])
    @pytest.mark.parametrize(
        "options",
        [
            [],
            ["--all-modes"],
            ["--device", "cuda", "--capability", "85"],
            ["--layer", "Norm"],
            ["--layer", "Choosy"],
        ],
    )
    def test_it_fits(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, columns: int, options: list[str]
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        theirs = kernels.LayerRepository("theirs/" + "long" * 20, layer_name="L" * 60, version=1)
        with kernels.use_kernel_mapping({"Unmapped": {"cpu": theirs, "cuda": theirs}}):
            _, out, _ = run("kernels.yaml", *options)
        assert max(map(cell_len, out.splitlines())) <= columns
        assert all(line == line.rstrip() for line in out.splitlines())
        assert "\x1b" not in out

    def test_other_programs_get_whole_lines(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COLUMNS")
        _, out, _ = run("kernels.yaml")
        assert "training comes before fallback for inference\n" in out

    def test_a_terminal_is_asked_for_its_width(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COLUMNS")
        monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 20)))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
        _, out, _ = run("kernels.yaml")
        seen = re.sub("\x1b\\[[0-9;]*m", "", out)
        assert seen != out
        assert 40 < max(map(cell_len, seen.splitlines())) <= 60

    def test_all_modes(self, run: Run) -> None:
        _, out, _ = run("kernels.yaml", "--all-modes")
        headlines = [line for line in out.splitlines() if "run a kernel" in line]
        assert [line.partition(":")[0] for line in headlines] == [
            "cpu, inference",
            "cpu, training",
            "cpu, inference_torch_compile",
            "cpu, training_torch_compile",
        ]
        assert out.count("unregistered-layer") == 1

    def test_what_is_inherited(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "one.yaml", "kernel_mapping: {Norm: {cpu: {inference: 'org/repo:L'}}}")
        theirs = kernels.LayerRepository("theirs/k", layer_name="L", version=1)
        modes = {kernels.Mode.TRAINING: theirs, kernels.Mode.INFERENCE: theirs}
        mapping = {"Norm": {"cpu": modes, "xpu": theirs}, "Choosy": {"cpu": theirs}}
        with kernels.use_kernel_mapping(mapping):
            _, out, _ = run("kernels.yaml")
            _, other, _ = run("one.yaml")
        assert out.endswith(
            "  - replaced: Norm, cpu, training and inference: theirs/k@v1:L\n"
            "  - replaced: Choosy, cpu, fallback: theirs/k@v1:L\n"
            "  - inherited: Norm, xpu, fallback: theirs/k@v1:L\n"
        )
        assert other.endswith(
            "  - shadowed: Norm, cpu, training: theirs/k@v1:L\n"
            "  - replaced: Norm, cpu, inference: theirs/k@v1:L\n"
            "  - inherited: Norm, xpu, fallback: theirs/k@v1:L\n"
            "  - inherited: Choosy, cpu, fallback: theirs/k@v1:L\n"
        )
        assert "not theirs/k@v1:L for training (inherited): shadowed: the config" in other

    def test_a_model_that_registers_nothing(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "empty.yaml", "kernel_mapping: {}\n")
        code, out, _ = run("empty.yaml", model="toy_model:bare")
        assert (code, out) == (0, "cpu, training: the model registers no layer\n")


MATRIX = """\
Norm

                                    inference_      training_
device       inference   training   torch_compile   torch_compile
─────────────────────────────────────────────────────────────────
cpu          A           A          B               B
cuda 0-74    .           .          .               .
cuda 75-80   C           C          C               C
cuda 81-89   .           .          .               .
cuda 90+     D           D          D               D

    runs                      stated
────────────────────────────────────
A   org/repo@v2:TrainNorm     line 7
B   ./norm:AnyNorm            line 8
C   org/ampere@v1:Norm        line 5
D   org/hopper@v1:Norm        line 4
.   the model's own forward
"""


class TestMatrix:
    def test_the_whole(self, run: Run) -> None:
        assert run("kernels.yaml", "--layer", "Norm") == (0, MATRIX, "")

    def test_a_layer_that_nothing_names(self, run: Run) -> None:
        code, out, _ = run("kernels.yaml", "--layer", "Unmapped")
        assert code == 0
        assert out == "Unmapped: nothing names it; it keeps its own forward everywhere.\n"

    def test_json(self, run: Run) -> None:
        code, out, _ = run("kernels.yaml", "--layer", "Norm", "--output-format", "json")
        shape = json.loads(out)
        assert code == 0
        assert {key: shape[key] for key in ("version", "file", "layer_name")} == {
            "version": 1,
            "file": "kernels.yaml",
            "layer_name": "Norm",
        }
        train, fallback = (
            {"kernel": "org/repo@v2:TrainNorm", "line": 7, "file": None},
            {"kernel": "./norm:AnyNorm", "line": 8, "file": None},
        )
        assert shape["rows"][0] == {
            "device": "cpu",
            "capability": None,
            "modes": {
                "inference": train,
                "training": train,
                "inference_torch_compile": fallback,
                "training_torch_compile": fallback,
            },
        }
        assert [row["capability"] for row in shape["rows"]] == [
            None,
            {"min": 0, "max": 74},
            {"min": 75, "max": 80},
            {"min": 81, "max": 89},
            {"min": 90, "max": None},
        ]
        assert set(shape["rows"][1]["modes"].values()) == {None}

    def test_a_layer_that_is_not_there(self, run: Run) -> None:
        code, out, err = run("kernels.yaml", "--layer", "norm")
        assert (code, out) == (2, "")
        assert err == (
            "kernel-schema: error: the model registers no layer `norm`: did you mean `Norm`? it "
            "has `double`, `Norm`, `Choosy` and `Unmapped`\n"
        )


class TestJson:
    def test_the_whole_shape(self, run: Run) -> None:
        code, out, err = run("kernels.yaml", "--output-format", "json")
        shape = json.loads(out)
        assert (code, err) == (1, "")
        assert list(shape) == ["version", "file", "diagnostics", "plans"]
        assert (shape["version"], shape["file"]) == (1, "kernels.yaml")
        assert shape["diagnostics"][0].pop("url").endswith("codes.md#unregistered-layer")
        assert shape["diagnostics"] == [
            {
                "file": "kernels.yaml",
                "line": 11,
                "column": 3,
                "end_line": 11,
                "end_column": 10,
                "severity": "error",
                "code": "unregistered-layer",
                "message": "the model registers no layer `Nowhere`",
                "help": "It registers `double`, `Norm`, `Choosy` and `Unmapped`",
                "route": ["kernel_mapping", "Nowhere"],
                "fix": None,
            }
        ]
        (plan,) = shape["plans"]
        layers = {layer["layer_name"]: layer for layer in plan.pop("layers")}
        assert plan == {
            "device": "cpu",
            "capability": None,
            "mode": "inference",
            "replaced": 3,
            "total": 8,
            "unregistered": [{"layer_name": "Nowhere", "line": 11, "file": None}],
            "unmapped": ["Unmapped"],
        }
        assert list(layers) == ["double", "Norm", "Choosy", "Unmapped"]
        assert layers["Choosy"] == {
            "layer_name": "Choosy",
            "modules": 3,
            "functions": 0,
            "classes": ["Choosy"],
            "kernels": [{"kernel": "org/repo@main:Choosy", "count": 1}],
            "kept": [{"reason": "its kernel_condition is false", "count": 2}],
            "own_forward": None,
            "steps": [
                "inference",
                "inference_torch_compile",
                "training",
                "training_torch_compile",
                "fallback",
            ],
            "gaps": [],
            "candidates": [
                {
                    "kernel": "org/repo@main:Choosy",
                    "device": None,
                    "capability": None,
                    "mode": None,
                    "line": 9,
                    "file": None,
                    "status": "chosen",
                    "reason": "it runs",
                    "standing": None,
                }
            ],
        }
        assert layers["Norm"]["candidates"][0] == {
            "kernel": "org/hopper@v1:Norm",
            "device": "cuda",
            "capability": {"min": 90, "max": None},
            "mode": None,
            "line": 4,
            "file": None,
            "status": "other-device",
            "reason": "it is for cuda",
            "standing": None,
        }
        assert layers["Norm"]["candidates"][3]["kernel"] == "./norm:AnyNorm"
        assert (layers["double"]["functions"], layers["double"]["classes"]) == (2, ["Block"])
        assert layers["double"]["candidates"][0]["kernel"] is None

    def test_gaps_and_modes(self, run: Run) -> None:
        target = ("--device", "cuda", "--capability", "90")
        _, out, _ = run("kernels.yaml", *target, "--all-modes", "--output-format", "json")
        plans = json.loads(out)["plans"]
        assert [plan["mode"] for plan in plans] == [
            "inference",
            "training",
            "inference_torch_compile",
            "training_torch_compile",
        ]
        assert {plan["capability"] for plan in plans} == {90}
        norm = next(one for one in plans[0]["layers"] if one["layer_name"] == "Norm")
        assert norm["gaps"] == [{"min": 81, "max": 89}]

    def test_defaults_of_transformers(self, run: Run, tmp_path: Path) -> None:
        pytest.importorskip("transformers", reason="transformers is an extra")
        write(tmp_path, "empty.yaml", "kernel_mapping: {}\n")
        arguments = ("--defaults", "transformers", "--output-format", "json")
        code, out, _ = run("empty.yaml", *arguments, model="kernel_schema.demo.model:build_model")
        (layer,) = json.loads(out)["plans"][0]["layers"]
        assert code == 0
        assert {one["standing"] for one in layer["candidates"]} == {"inherited"}
        assert {one["line"] for one in layer["candidates"]} == {None}
        assert "kernels-community/liger-kernels@v3:LigerRMSNorm" in {
            one["kernel"] for one in layer["candidates"]
        }


class TestExitCodes:
    def test_all_is_well(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "good.yaml", "kernel_mapping: {Norm: 'org/repo:L'}\n")
        code, _, err = run("good.yaml")
        assert (code, err) == (0, "")

    def test_warnings_are_no_errors(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "warned.yaml", "kernel_mapping: {Norm: {xpu: 'org/repo:L'}}\n")
        code, out, _ = run("warned.yaml")
        assert code == 0
        assert "warning[device-not-covered]" in out


WRONG: list[tuple[list[str], str, int, str]] = [
    (["missing.yaml"], "toy_model:build", 2, "missing.yaml: error[file-not-found]"),
    (["."], "toy_model:build", 2, "error[is-a-directory]"),
    (["broken.yaml"], "toy_model:build", 1, "error[unknown-device]"),
    (["syntax.yaml"], "toy_model:build", 1, "error[syntax-error]"),
    (["kernels.yaml"], "toy_model:nothing", 2, "toy_model.py does not have it: AttributeError"),
    (["kernels.yaml"], "no_such_module:build", 2, "--model no_such_module:build"),
    (["kernels.yaml"], "toy_model:torch", 2, "--model toy_model:torch"),
    (["kernels.yaml"], "./nowhere", 2, "--model ./nowhere"),
    (["kernels.yaml"], "", 2, "--model"),
    (["kernels.yaml"], "toy_model:parameterless", 2, "help: pass `device=` (`--device`"),
    (["kernels.yaml"], "toy_model:Broken", 2, "the kernel_condition of `Broken` fails"),
    (["kernels.yaml", "--device", "cuda"], "toy_model:build", 2, "kernels.yaml:4:9: error[cap"),
    (["kernels.yaml", "--device", "gpu"], "toy_model:build", 2, "invalid choice: 'gpu'"),
    (["kernels.yaml", "--mode", "eval"], "toy_model:build", 2, "invalid choice: 'eval'"),
    (["kernels.yaml", "--mode", "fallback"], "toy_model:build", 2, "invalid choice"),
    (
        ["kernels.yaml", "--capability", "9.0"],
        "toy_model:build",
        2,
        "'9.0' is no capability: it is written 90",
    ),
    (["kernels.yaml", "--capability", "8.6"], "toy_model:build", 2, "it is written 86"),
    (["kernels.yaml", "--capability", "high"], "toy_model:build", 2, "'high' is no capability"),
    (
        ["kernels.yaml", "--capability", "-1"],
        "toy_model:build",
        2,
        "'-1' is no capability",
    ),
    (
        ["kernels.yaml", "--layer", "Norm", "--mode", "training"],
        "toy_model:build",
        2,
        "--layer shows every device and mode",
    ),
    (
        ["kernels.yaml", "--all-modes", "--mode", "training"],
        "toy_model:build",
        2,
        "--all-modes shows every mode",
    ),
    (["kernels.yaml", "--format", "xml"], "toy_model:build", 2, "invalid choice"),
    (["kernels.yaml", "--max-bytes", "9"], "toy_model:build", 1, "error[file-too-large]"),
    ([], "toy_model:build", 2, "required"),
]


@pytest.mark.parametrize(("arguments", "model", "code", "message"), WRONG)
def test_wrong_input(  # noqa: PLR0917 (one for each column)
    run: Run, tmp_path: Path, arguments: list[str], model: str, code: int, message: str
) -> None:
    write(tmp_path, "broken.yaml", "kernel_mapping: {Norm: {cdua: 'org/repo:L'}}\n")
    write(tmp_path, "syntax.yaml", "kernel_mapping: {Norm: [\n")
    found, out, err = run(*arguments, model=model)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


def test_any_layer_name_is_printed(run: Run, tmp_path: Path) -> None:
    """Control characters of a config do not reach the terminal."""
    config: dict[str, Any] = {"kernel_mapping": {"a\x1b[31mb\tc": "org/repo:L"}}
    (tmp_path / "odd.json").write_text(json.dumps(config), encoding="utf-8")
    code, out, _ = run("odd.json")
    assert code == 1
    assert "\x1b" not in out
