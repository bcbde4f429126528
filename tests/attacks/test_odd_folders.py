"""Folders and files whose names are bytes that are no UTF-8, or no words: no command stumbles."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.integrations.models import build_model
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

# What no JSON may hold and no file can state; and what only the latter is true of.
NOT_UTF8, LINE_FEED = os.fsdecode(b"f\xffd"), "f\nd"
CONFIG = (
    "kernel_mapping:\n"
    "  SiLU: org/repo:SiLU\n"
    "  Norm: ./norm:Norm\n"
    "  Attn: {kernel: 'org/repo:Attn', lockfile: kernels.lock}\n"
    # Other tests may have registered something.
    "inherit_mapping: false\n"
)
WRONG = "kernel_mapping:\n  SiLU: org/repo\n"


@pytest.fixture(params=[NOT_UTF8, LINE_FEED], ids=["not UTF-8", "line feed"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder with such a name that is worked in, with a config, a wrong one and a model."""
    folder = tmp_path / request.param
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("the file system takes no such name")
    (folder / "kernels.yaml").write_text(CONFIG)
    (folder / "kernels.lock").write_text("[]")
    write_kernel_repository(folder / "norm", [KernelLayer("Norm", "x + 1")])
    (folder / f"{request.param}.kernels.yaml").write_text(WRONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        yield folder


@pytest.mark.parametrize("output_format", ["text", "concise", "json", "github", "sarif"])
def test_check(output_format: str, odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = f"{odd.name}.kernels.yaml"
    for paths in ((".",), (str(odd),), (str(odd / "kernels.yaml"), wrong)):
        assert main(["check", "--output-format", output_format, *paths]) == 1
        out = capsys.readouterr().out
        assert "names no layer" in out
        out.encode()
        if output_format in {"json", "sarif"}:
            json.dumps(json.loads(out), ensure_ascii=False).encode()
    assert main(["check", str(odd / "kernels.yaml")]) == 0
    assert main(["check", str(odd / "none" / wrong)]) == 2


def test_json_shows_what_messages_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / os.fsdecode(b"a\xfe.yaml")
    file.write_text(WRONG)
    assert main(["check", "--output-format", "json", str(file)]) == 1
    shown = json.loads(capsys.readouterr().out)["diagnostics"][0]["file"]
    assert shown == f"{tmp_path}/a\\udcfe.yaml"
    assert main(["check", "--output-format", "sarif", str(file)]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"file://{tmp_path}/a%FE.yaml"


@pytest.mark.slow
def test_real_streams(odd: Path) -> None:
    wrong = f"{odd.name}.kernels.yaml"
    calls = [
        (1, "check", str(odd)),
        (2, "check", str(odd / "none.yaml")),
        (0, "convert", str(odd / "kernels.yaml"), "--to", "json"),
        (1, "convert", wrong, "--to", "json"),
        (0, "diff", str(odd / "kernels.yaml"), "kernels.yaml"),
        (0, "attach", str(odd / wrong)),
        (0, "schema", "-o", f"{odd.name}.json"),
        (0, "schema", "--check", "-o", f"{odd.name}.json"),
        (2, "schema", "-o", str(odd / "none" / "schema.json")),
    ]
    code = f"""
from kernel_schema.cli.main import main
for expected, *arguments in {calls!a}:
    assert main(arguments) == expected, arguments
"""
    # Their own locale, and one that has no letters beyond ASCII.
    locales: list[dict[str, Any]] = [{}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}]
    for variables in locales:
        done = run_python("-c", code, **variables)
        assert done.returncode == 0, done.stderr
        Path(f"{odd.name}.json").unlink()


def test_attach_refers_to_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kernels.yaml"
    file.write_text(CONFIG)
    schema = os.fsdecode(b"sch\xffma.json")
    for reference in (str(tmp_path / schema), f"https://example.org/{schema}"):
        assert main(["attach", str(file), "--schema", reference]) == 2
        assert "contains characters that are not Unicode text" in capsys.readouterr().err
    assert file.read_text() == CONFIG


def test_local_kernels(odd: Path, tmp_path: Path) -> None:
    """A config that can be read can be used, and is the same again; it cannot go elsewhere."""
    config = ks.load(odd / "kernels.yaml")
    reference = config.kernel_mapping["Norm"]
    assert isinstance(reference, ks.LocalRef)
    assert reference.path == str(odd / "norm")
    assert not ks.check(config)
    assert config.digest() == ks.load("kernels.yaml").digest()
    for ending in ("yaml", "json", "toml"):
        file = odd / f"again.{ending}"
        ks.dump(config, file)
        assert ks.load(file) == config
        elsewhere = tmp_path / f"elsewhere.{ending}"
        with pytest.raises(ks.FileAccessError, match="no file can state this config: "):
            ks.dump(config, elsewhere)
        with pytest.raises(ks.FileAccessError, match="no file can state this config: "):
            ks.dumps(config, format=ending)
        assert not elsewhere.exists()


class TestModels:
    MODEL = """
import torch

class Norm(torch.nn.Module):
    kernel_layer_name = "Norm"
    def forward(self, x):
        return x

def build():
    return torch.nn.Sequential(Norm(), torch.nn.Linear(1, 1)).eval()
"""

    @pytest.fixture(autouse=True)
    def _model(self, odd: Path) -> Iterator[None]:
        pytest.importorskip("kernels", reason="models need torch and kernels")
        Path("odd_model.py").write_text(self.MODEL)
        sys.modules.pop("odd_model", None)
        yield
        sys.modules.pop("odd_model", None)

    def test_commands(self, odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
        model = ("--model", "odd_model:build")
        file = str(odd / "kernels.yaml")
        for options in ((), ("--output-format", "json"), ("--layer", "Norm")):
            assert main(["explain", file, *model, *options]) == (0 if "--layer" in options else 1)
        for options in ((), ("--output-format", "json")):
            assert main(["layers", *model, *options]) == 0
        assert main(["check", file, *model]) == 1
        assert main(["diff", file, "kernels.yaml", *model]) == 0
        assert main(["attach", file, *model]) == 0
        assert main(["init", *model, "-o", str(odd / f"{odd.name}.yaml")]) == 0
        assert main(["check", str(odd / f"{odd.name}.yaml"), *model]) == 0
        captured = capsys.readouterr()
        captured.out.encode()
        captured.err.encode()

    def test_kernelize(self, odd: Path) -> None:
        import torch

        Path("one.yaml").write_text("kernel_mapping: {Norm: './norm:Norm'}\n")
        model: Any = build_model("odd_model:build")
        config = ks.load(odd / "one.yaml")
        if odd.name == NOT_UTF8:
            # kernels itself reads nothing there; it is told, and the model is as it was.
            with pytest.raises(ks.KernelNotAppliedError, match="UnicodeEncodeError"):
                ks.kernelize(model, config, device="cpu")
        else:
            ks.kernelize(model, config, device="cpu")
        assert model[0](torch.zeros(1)).item() == (0 if odd.name == NOT_UTF8 else 1)

    def test_init_of_a_directory(self, odd: Path) -> None:
        """The name of the folder stands in the file: nothing but that line speaks of it."""
        pytest.importorskip("transformers")
        Path("m").mkdir()
        Path("m/config.json").write_text(
            '{"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 8, "vocab_size": 8, '
            '"intermediate_size": 8, "num_attention_heads": 2}'
        )
        starter = Path("starter.yaml")
        starter.write_text("precious")
        arguments = ["init", "--model", str(odd / "m"), "-o", "starter.yaml"]
        assert main(arguments) == 2
        assert starter.read_text() == "precious"
        assert main([*arguments, "--force"]) == 0
        first, second, *_ = starter.read_text(encoding="utf-8").split("\n")
        assert first.startswith("# Kernels for the layers that ")
        assert first.endswith("/m registers.")
        assert second.startswith("# ")
        assert "RMSNorm" in ks.load(starter).kernel_mapping
