"""`kernel-schema schema`, and the schema of one model."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.json_schemas.shipped import PROFILES
from tests.json_schema.test_export import FILES

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "kernel_schema.demo.model:build_model"


@pytest.mark.parametrize("profile", PROFILES)
def test_it_goes_to_standard_output(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--profile", profile]) == 0
    assert capsys.readouterr().out == FILES[profile].read_text(encoding="utf-8")


def test_check_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a b.json"
    command = ["schema", "--profile", "plain", "--output", str(file)]
    assert main([*command, "--check"]) == 1
    said = capsys.readouterr().out
    assert f"kernel-schema schema --profile plain --output '{file}'" in said
    assert not file.exists()
    assert main(command) == 0
    assert main([*command, "--check"]) == 0
    file.write_text(file.read_text() + "\n")
    assert main([*command, "--check"]) == 1


def test_wrong_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--check"]) == 2
    assert "--output FILE" in capsys.readouterr().err
    assert main(["schema", "--output", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert main(["schema", "--model", "no.such:thing"]) == 2
    assert "no.such:thing" in capsys.readouterr().err


def test_without_a_model_it_is_light() -> None:
    code = """
import sys
from kernel_schema.cli.main import main
main(["schema", "--output", sys.argv[1]])
print([name for name in ("torch", "kernels", "transformers") if name in sys.modules])
"""
    command = [sys.executable, "-c", code, "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def a_model() -> Any:
    nn = pytest.importorskip("torch").nn

    class Norm(nn.Identity):
        kernel_layer_name = "RMSNorm"

    class OtherNorm(nn.Identity):
        kernel_layer_name = "RMSNorm"

    class Odd(nn.Identity):
        kernel_layer_name = 'a "b" ~/c%d'

    return nn.Sequential(Norm(), OtherNorm(), Odd(), nn.Linear(1, 1), Norm())


@pytest.mark.parametrize("profile", PROFILES)
def test_one_model(profile: Any) -> None:
    model = a_model()
    schema = ks.json_schema(model, profile=profile)
    layers = schema["properties"]["kernel_mapping"]
    assert {name: below["description"] for name, below in layers["properties"].items()} == {
        "RMSNorm": "3 modules of class Norm, OtherNorm in this model.",
        'a "b" ~/c%d': "1 module of class Odd in this model.",
    }
    assert layers["additionalProperties"] is False
    is_valid = jsonschema_rs.Draft7Validator(schema).is_valid
    for entry in ("org/repo:L", {"cuda": "org/repo:L"}, "original"):
        assert is_valid({"kernel_mapping": {"RMSNorm": entry}})
        assert not is_valid({"kernel_mapping": {"RMSNorn": entry}})
    for entry in (None, {}, "org/repo", {"cdua": "org/repo:L"}):
        assert not is_valid({"kernel_mapping": {"RMSNorm": entry}})


def test_a_model_without_registered_layers() -> None:
    nn = pytest.importorskip("torch").nn
    is_valid = jsonschema_rs.Draft7Validator(ks.json_schema(nn.Linear(1, 1))).is_valid
    assert is_valid({"kernel_mapping": {}})
    assert not is_valid({"kernel_mapping": {"RMSNorm": "org/repo:L"}})


def test_functions_are_counted() -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    config = transformers.LlamaConfig(
        num_hidden_layers=2, hidden_size=8, intermediate_size=8, num_attention_heads=2, vocab_size=8
    )
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    layers = ks.json_schema(model)["properties"]["kernel_mapping"]["properties"]
    assert layers["RMSNorm"]["description"] == "5 modules of class LlamaRMSNorm in this model."
    assert layers["rotary_pos_emb"]["description"].startswith("a function in 2 modules of class ")


def test_the_command_takes_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["schema", "--model", "tests.corpus.invalid.model.model:build"]) == 0
    layers = json.loads(capsys.readouterr().out)["properties"]["kernel_mapping"]
    assert layers["additionalProperties"] is False
    assert layers["properties"]
