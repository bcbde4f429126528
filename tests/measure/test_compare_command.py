"""`kernel-schema compare`: tables and JSON, exit codes, and what it says where nothing can run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from kernel_schema.cli.main import main
from tests.kernel_repos import write_kernel_repository
from tests.measure.planted import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
import torch
from tests.measure.planted import inputs, model

def broken():
    raise RuntimeError("no such data")

number = 3

def meta():
    return model().to("meta")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("compare")
    write_kernel_repository(place / "kernels", SOURCE)
    for layer in ("Copy", "Right", "Twice", "Slow", "Raises", "Missing"):
        text = f"kernel_mapping:\n  RMSNorm: ./kernels:{layer}\n"
        (place / f"{layer.lower()}.yaml").write_text(text, encoding="utf-8")
    (place / "compared_models.py").write_text(MODELS, encoding="utf-8")
    return place


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")

    def call(file: str, *options: str, inputs: str = "inputs", model: str = "model") -> Any:
        spec = ("--inputs", f"compared_models:{inputs}") if inputs else ()
        code = main(
            ["compare", file, "--model", f"compared_models:{model}", *spec, "--seconds=0", *options]
        )
        return code, *capsys.readouterr()

    return call


def test_a_table_that_fits(run: Any) -> None:
    code, out, err = run("copy.yaml")
    assert code == 0
    assert "kernel-slower" in err or not err
    assert all(len(line) <= 80 for line in out.splitlines())
    head = out.splitlines()[0]
    assert head.startswith("cpu, inference, on float32[2, 8, 16] (")
    assert re.search(r"^RMSNorm +float32\[2, 8, 16\] .* of 3\.1e-05 +none$", joined(out))
    assert "whole model: " in out


def joined(out: str) -> str:
    """The two lines of the first row as one."""
    lines = out.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("RMSNorm"))
    return lines[index].removesuffix("none").rstrip() + lines[index + 1] + "  none"


def test_json_has_all_numbers(run: Any) -> None:
    code, out, _ = run("twice.yaml", "--output-format", "json", "--backward", "--every")
    assert code == 1
    found = json.loads(out)
    assert found["version"] == 1
    assert found["file"] == "twice.yaml"
    assert found["replaced"] == {"RMSNorm": {"replaced": 2, "total": 2, "called": 2}}
    first, second = found["layers"]
    assert first["shape"] == [2, 8, 16]
    assert second["shape"] == [2, 4, 16]
    assert [each["what"] for each in first["differences"]] == [
        "output",
        "gradient of input 0",
        "gradient of weight",
    ]
    assert {each["beyond"] for each in first["differences"]} == {True}
    assert first["times"]["kernel"]["median"] > 0
    assert first["backward_times"]["ratio"] > 0
    assert 0 < first["share"] < 1000
    assert first["kernel_memory"] is None
    assert found["model"]["times"]["original"]["runs"] >= 3
    codes = [(each["code"], each["line"]) for each in found["diagnostics"]]
    assert codes.count(("kernel-beyond-tolerance", 2)) == 2


@pytest.mark.parametrize(
    ("file", "code", "text"),
    [
        ("slow.yaml", 0, "warning[kernel-slower]: the kernel of `RMSNorm` takes "),
        ("raises.yaml", 1, "it raises NotImplementedError: sizes of a power of 2 only"),
        ("missing.yaml", 1, "error[unknown-kernel-layer]"),
        ("nothing.yaml", 2, "nothing.yaml"),
    ],
)
def test_findings_point_into_the_file(run: Any, file: str, code: int, text: str) -> None:
    found, out, err = run(file)
    assert found == code
    assert text in err
    assert "Traceback" not in out + err
    if code < 2:
        assert f"{file}:2:" in err


def test_quiet_says_what_is_wrong_only(run: Any) -> None:
    assert run("right.yaml", "-q", "--tolerance", "1")[1] == ""
    code, out, err = run("twice.yaml", "-q")
    assert (code, out) == (1, "")
    assert err.count("error[kernel-beyond-tolerance]") == 2
    assert run("twice.yaml", "-q", "--tolerance", "1.5")[0] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"inputs": ""}, "pass --inputs module:attribute"),
        ({"inputs": "broken"}, "calling `broken` without arguments failed: RuntimeError: no such"),
        ({"inputs": "number"}, "`number` is neither a tensor, a tuple of arguments"),
        ({"inputs": "missing"}, "does not have it"),
        ({"model": "meta"}, "the model is on the meta device"),
    ],
)
def test_what_cannot_be_had(run: Any, options: Any, text: str) -> None:
    code, out, err = run("copy.yaml", **options)
    assert (code, out) == (2, "")
    assert text in err


@pytest.mark.parametrize("number", ["-1", "nan", "much"])
def test_a_tolerance_is_a_number_from_0_on(
    run: Any, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("copy.yaml", f"--tolerance={number}")
    assert caught.value.code == 2
    assert "invalid number from 0 on value" in capsys.readouterr().err


def test_a_plot(run: Any, folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="it draws plots")
    for name in ("plot.svg", "plot.png"):
        assert run("twice.yaml", "-q", "--plot", name)[0] == 1
        assert (folder / name).stat().st_size > 5000
    drawn = (folder / "plot.svg").read_text(encoding="utf-8")
    assert "RMSNorm" in drawn
    code, _, err = run("copy.yaml", "--plot", "plot.pdf")
    assert code == 2
    assert "a drawing ends with .png or .svg" in err
    code, _, err = run("copy.yaml", "-q", "--plot", "missing/plot.png")
    assert code == 2
    assert "it cannot be written" in err


def test_without_matplotlib(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    code, out, err = run("copy.yaml", "--plot", "plot.png")
    assert (code, out) == (2, "")
    assert "pip install 'kernel-schema[plot]'" in err


@pytest.mark.slow
def test_a_transformers_model_gets_token_ids(run: Any, folder: Path) -> None:
    pytest.importorskip("transformers")
    (folder / "llama").mkdir(exist_ok=True)
    stated = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": 50,
        "dtype": "bfloat16",
    }
    (folder / "llama" / "config.json").write_text(json.dumps(stated), encoding="utf-8")
    source = "from torch import nn\nimport torch\n\n\nclass Norm(nn.Module):\n"
    source += "    def forward(self, hidden_states):\n        x = hidden_states.float()\n"
    source += (
        "        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)\n"
    )
    source += "        return self.weight * x.to(hidden_states.dtype)\n"
    write_kernel_repository(folder / "llama_kernels", source)
    text = "kernel_mapping:\n  RMSNorm: ./llama_kernels:Norm\n"
    (folder / "llama.yaml").write_text(text, encoding="utf-8")
    code = main(["compare", "llama.yaml", "--model", "llama", "--mode", "training", "--seconds=0"])
    assert code == 0
