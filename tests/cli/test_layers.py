"""`kernel-schema layers`: names, counts, classes and signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("kernels", reason="the command looks into a model")

from tests.cli.models import call, workplace, write
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _in_a_workplace(tmp_path: Path) -> Iterator[None]:
    with workplace(tmp_path):
        yield


TEXT = """\
double: 2 functions
  function(x)
  in 0.double, 1.double
Norm: 2 modules
  Norm.forward(x, *, scale=1.0)
  in 0.norm, 1.norm
Choosy: 3 modules
  Choosy.forward(x, *, scale=1.0)
  in 2, 3, 4
Unmapped: 1 module
  Unmapped.forward(x, *, scale=1.0)
  in 5
"""


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", "toy_model:build") == 0
    assert capsys.readouterr().out == TEXT


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", "toy_model:build", "--output-format", "json") == 0
    shape = json.loads(capsys.readouterr().out)
    assert list(shape) == ["version", "layers", "ignored", "diagnostics"]
    assert (shape["version"], shape["ignored"], shape["diagnostics"]) == (1, [], [])
    assert [layer["layer_name"] for layer in shape["layers"]] == [
        "double",
        "Norm",
        "Choosy",
        "Unmapped",
    ]
    assert shape["layers"][1] == {
        "layer_name": "Norm",
        "modules": 2,
        "functions": 0,
        "names": ["0.norm", "1.norm"],
        "own_forward": None,
        "classes": [{"name": "Norm", "module": "toy_model", "forward": "(x, *, scale=1.0)"}],
    }


def test_the_model_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", "toy_model:Norm") == 0
    assert capsys.readouterr().out.endswith("  in the model itself\n")


def test_nothing_is_registered(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", "toy_model:bare") == 0
    assert capsys.readouterr().out == "The model registers no layer.\n"


def test_a_name_where_kernels_does_not_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", "toy_model:by_instance") == 0
    out = capsys.readouterr().out
    assert "Norm: ignored, since it is set on the model itself and not on its class" in out
    assert call("layers", "--model", "toy_model:by_instance", "--output-format", "json") == 0
    shape = json.loads(capsys.readouterr().out)
    assert shape["ignored"] == [{"layer_name": "Norm", "name": "", "modules": 1}]


@pytest.mark.parametrize("columns", ["60", "200"])
def test_it_fits(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="a real model has long names")
    monkeypatch.setenv("COLUMNS", columns)
    with open("mamba.py", "w", encoding="utf-8") as file:  # noqa: PTH123 (in the workplace)
        file.write(MAMBA)
    assert call("layers", "--model", "mamba:build") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= int(columns)
    assert "mamba_inner_fn: 32 functions" in out
    assert ", ...\n" in out


MAMBA = """\
import torch
import transformers


def build():
    with torch.device("meta"):
        return transformers.MambaForCausalLM(transformers.MambaConfig())
"""


@pytest.mark.slow
def test_transformers_switched_off(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is an extra")
    write(tmp_path, "mamba.py", MAMBA)
    arguments = ("-m", "kernel_schema", "layers", "--model", "mamba:build")
    done = run_python(*arguments, USE_HUB_KERNELS="0", COLUMNS="200")
    assert done.returncode == 0
    assert done.stdout == (
        "USE_HUB_KERNELS is off: transformers registers no layer of any model\n"
        "  help: unset USE_HUB_KERNELS, or set it to 1, before Python starts\n"
    )


@pytest.mark.parametrize("spec", ["toy_model:nothing", "nowhere:x", "./nowhere", "", "a:b:c"])
def test_no_model(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("layers", "--model", spec) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"kernel-schema: error: --model {spec}: ")
    assert len(captured.err.splitlines()) == 1
