"""`kernel-schema explain --against`: what another transformers would change for a config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.models import call, workplace, write
from tests.integrations.test_against import SOURCE, make_wheel

kernels = pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """
    import torch
    import transformers

    def build():
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
        with torch.device("meta"):
            config = transformers.LlamaConfig(**sizes, num_hidden_layers=2, vocab_size=32)
            return transformers.LlamaForCausalLM(config).eval()
    """
CALL = ("explain", "k.yaml", "--model", "llama:build", "--device", "cuda", "--against")
# transformers' own source, with another version for the kernels of one layer.
MOVED = SOURCE.replace(
    'layer_name="LigerRMSNorm",\n                        version=3',
    'layer_name="LigerRMSNorm",\n                        version=4',
)
HEAD = f"transformers {transformers.__version__} -> transformers 9.0.0: "


@pytest.fixture(autouse=True)
def _here(tmp_path: Path) -> Iterator[None]:
    write(tmp_path, "llama.py", MODEL)
    write(tmp_path, "k.yaml", "kernel_mapping: {}\n")
    with (
        workplace(tmp_path, columns=None),
        kernels.use_kernel_mapping({}, inherit_mapping=False),
    ):
        yield


def against(folder: Path, source: str, *options: str) -> int:
    return call(*CALL, make_wheel(folder, source), *options)


def test_what_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert MOVED != SOURCE
    assert against(tmp_path, MOVED) == 1
    old, new = (f"kernels-community/liger-kernels@v{number}:LigerRMSNorm" for number in (3, 4))
    assert capsys.readouterr().out == (
        f"{HEAD}1 of 28 layers of its default table change\n\n"
        "For the model on cuda, in inference: what changes\n"
        f"  RMSNorm (5): {old} -> {new}\n"
    )


def test_of_an_unpacked_wheel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "unpacked/transformers/integrations/hub_kernels.py"
    module.parent.mkdir(parents=True)
    module.write_text(MOVED, encoding="utf-8")
    (module.parents[1] / "__init__.py").write_text("", encoding="utf-8")
    assert call(*CALL, "unpacked") == 1
    head = f"transformers {transformers.__version__} -> transformers (no version): "
    assert capsys.readouterr().out.startswith(head)


def test_in_every_mode_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert against(tmp_path, MOVED, "--all-modes", "--output-format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["transformers"] == {"old": transformers.__version__, "new": "9.0.0"}
    assert told["table"] == {"layers": 28, "changed": ["RMSNorm"], "unread": []}
    changes: dict[str, list[Any]] = {
        plan["mode"]: [change["layer_name"] for change in plan["changes"]] for plan in told["plans"]
    }
    assert changes == {
        "inference": ["RMSNorm"],
        "training": ["RMSNorm"],
        "inference_torch_compile": [],
        "training_torch_compile": [],
    }


@pytest.mark.parametrize(
    "config",
    [
        "kernel_mapping: {RMSNorm: {cuda: 'org/own:Norm'}}",
        "kernel_mapping: {RMSNorm: original}",
        "{kernel_mapping: {}, inherit_mapping: false}",
    ],
)
def test_what_the_config_decides_does_not_change(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "k.yaml", config)
    assert against(tmp_path, MOVED) == 0
    out = capsys.readouterr().out
    assert out.endswith("For the model on cuda, in inference: nothing changes\n")
    assert ("inherits nothing" in out) == ("inherit_mapping" in config)


def test_the_same_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert against(tmp_path, SOURCE) == 0
    assert capsys.readouterr().out.startswith(f"{HEAD}0 of 28 layers of its default table change\n")


def test_a_layer_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is neither the same nor another: that is said, and no success."""
    source = SOURCE.replace('"RMSNorm": {', '"RMSNorm": {**ELSEWHERE,', 1)
    assert against(tmp_path, source) == 1
    line = source[: source.index("**ELSEWHERE")].count("\n") + 1
    assert capsys.readouterr().out == (
        f"{HEAD}0 of 28 layers of its default table change\n"
        f'`RMSNorm` cannot be read in line {line}: `"RMSNorm": {{**ELSEWHERE,`\n\n'
        "For the model on cuda, in inference: nothing changes\n"
    )


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("transformers==5.24.0", "pip download --no-deps 'transformers==5.24.0'"),
        ("missing.whl", "No such file"),
        ("k.yaml", "it is no wheel"),
        (".", "there is no transformers/integrations/hub_kernels.py in it"),
    ],
)
def test_no_table(place: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*CALL, place) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"kernel-schema: error: --against {place}: ")
    assert words in err


@pytest.mark.parametrize("options", [["--defaults", "transformers"], ["--layer", "RMSNorm"]])
def test_goes_with_none_of_these(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    without_target = [word for word in CALL if word not in {"--device", "cuda"}]
    assert call(*without_target, "x.whl", *options) == 2
    assert "--against compares default tables" in capsys.readouterr().err
