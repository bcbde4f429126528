"""`--model SPEC`: what can be built is built without weights, and what cannot says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="models are torch modules")

from kernel_schema.cli.main import main
from kernel_schema.integrations.models import ModelSpecError, build_model

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "kernel_mapping:\n  RMSNrom: org/repo:Norm\n"
MODULE = """
import sys
from torch import nn

print("noise from a user's module")


class Norm(nn.Identity):
    kernel_layer_name = "RMSNorm"


class Holder:
    model = Norm()


instance = Norm()
number = 3


def build():
    return Norm()


def leave():
    sys.exit("enough")


def needs(argument):
    return argument


def other():
    return 3
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "specimen.py").write_text(MODULE)
    (tmp_path / "broken_specimen.py").write_text("1 / 0\n")
    (tmp_path / "k.yaml").write_text(CONFIG)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner.py").write_text(MODULE)


@pytest.mark.parametrize("name", ["instance", "Norm", "build", "Holder.model"])
def test_an_attribute_that_is_or_gives_a_model(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "k.yaml", "--model", f"specimen:{name}", "--output-format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["code"], found["line"], found["column"]) == ("unregistered-layer", 2, 3)
    assert "did you mean `RMSNorm`?" in found["help"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("specimen:nothing", "specimen.py does not have it: AttributeError"),
        ("specimen:number", "neither a torch.nn.Module"),
        ("specimen:other", "gave `int`"),
        ("specimen:needs", "TypeError"),
        ("specimen:leave", "SystemExit: enough"),
        ("no_such_specimen:build", "No module named"),
        ("broken_specimen:build", "ZeroDivisionError"),
        ("a b:c", "is not a model"),
        ("", "is not a model"),
        ("specimen", "name the model in it, as in `specimen:model`"),
        ("specimen.py", "name the model in it, as in `specimen:model`"),
        ("./folder/inner.py", "name the model in it, as in `folder.inner:model`"),
        (".", "no config.json"),
        ("a" * 5000 + ":b", "it cannot be imported"),
        ("./" + "a" * 5000, "there is no such directory"),
        ("a" * 5000, "the Hub gives no config.json for it"),
        ("./nowhere", "there is no such directory"),
        ("~no-such-user/model", "the home directory of another user is not looked up"),
        ("empty", "no config.json"),
    ],
)
def test_what_gives_no_model_is_a_wrong_call(
    spec: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "k.yaml", "--model", spec]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert reason in captured.err
    assert "Traceback" not in captured.err


def test_a_directory_that_transformers_understands(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="it reads the directory")
    config = transformers.LlamaConfig(num_hidden_layers=2, architectures=["LlamaForCausalLM"])
    config.save_pretrained(tmp_path / "llama")
    model = build_model("llama")
    assert type(model).__name__ == "LlamaForCausalLM"
    assert not model.training
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


@pytest.mark.slow
def test_a_model_that_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers", reason="it asks the Hub")
    with pytest.raises(ModelSpecError, match=r"the Hub gives no config\.json for it"):
        build_model("no-such-org/no-such-model")
