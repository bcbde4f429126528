"""`kernel-schema convert --from-transformers`: the user's own module is run, and told about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from tests.cli.models import call, workplace, write

pytest.importorskip("kernels")
pytest.importorskip("transformers")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = """
    import kernels
    import transformers
    from transformers.integrations.hub_kernels import get_kernel_mapping_transformers as table

    print("noise")

    norm = kernels.LayerRepository("org/repo", layer_name="Norm", version=3)
    config = transformers.KernelConfig({"RMSNorm": "", "SiLU": ("o/r:L", {"version": 2})})
    mapping = {"RMSNorm": {"cuda": {kernels.Mode.TRAINING: norm}}}
    Default = transformers.KernelConfig
    bad = transformers.KernelConfig(
        {("A", "B"): "o/r:L", "C": {"cuda": {kernels.Mode.TORCH_COMPILE: norm}}}
    )
    wrong = transformers.KernelConfig({"A": "o/r"})
    number = 5

    class Holder:
        config = config

    def build():
        return config

    def number_of():
        return number

    def fails():
        raise RuntimeError("no config today")
    """


@pytest.fixture(autouse=True)
def _here(tmp_path: Path) -> Iterator[None]:
    write(tmp_path, "own_kernels.py", MODULE)
    write(tmp_path, "breaks.py", "import sys\nsys.exit('not today')\n")
    write(tmp_path, "k.yaml", "kernel_mapping: {}\n")
    with workplace(tmp_path, columns=None):
        yield


CONFIG = "kernel_mapping:\n  RMSNorm: original\n  SiLU:\n    kernel: o/r:L\n    version: 2\n"


class TestWritten:
    @pytest.mark.parametrize("name", ["config", "build", "Holder.config"])
    def test_a_config_as_yaml(self, name: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        assert call("convert", "--from-transformers", f"own_kernels:{name}") == 0
        assert capsysbinary.readouterr().out.decode() == CONFIG

    def test_in_another_format(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        for format in ("yaml", "json", "toml"):
            assert call("convert", "--from-transformers", "own_kernels:build", "--to", format) == 0
            text = capsysbinary.readouterr().out.decode()
            assert ks.loads(text, format=format) == ks.loads(CONFIG, format="yaml")

    def test_a_mapping_of_kernels(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        assert call("convert", "--from-transformers", "own_kernels:mapping") == 0
        written = "kernel_mapping:\n  RMSNorm:\n    cuda:\n      training: org/repo@v3:Norm\n"
        assert capsysbinary.readouterr().out.decode() == written

    def test_the_default_table(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        assert call("convert", "--from-transformers", "own_kernels:table") == 0
        config = ks.loads(capsysbinary.readouterr().out.decode(), format="yaml")
        assert "MegaBlocksMoeMLP" in config.kernel_mapping

    def test_a_class(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        assert call("convert", "--from-transformers", "own_kernels:Default") == 0
        assert capsysbinary.readouterr().out == b"kernel_mapping: {}\n"


def test_what_no_config_can_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("convert", "--from-transformers", "own_kernels:bad") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "kernel_mapping[\"('A', 'B')\"]: error[fusion-not-supported]: " in err
    assert "kernel_mapping.C.cuda: error[never-selected-mode]: " in err
    assert call("convert", "--from-transformers", "own_kernels:wrong") == 1
    assert "kernel_mapping.A: error[invalid-kernel-reference]: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("own_kernels:number", "`number` is neither a KernelConfig of transformers"),
        ("own_kernels:number_of", "`number_of` gave `int`, not a KernelConfig"),
        ("own_kernels:fails", "without arguments failed: RuntimeError: no config today"),
        ("own_kernels:missing", "own_kernels.py does not have it"),
        ("no_such_module:config", "it cannot be imported"),
        ("breaks:config", "it cannot be imported"),
        ("own_kernels", "`own_kernels` is not `module:attribute`"),
        ("own_kernels.py:config:x", "is not `module:attribute`"),
        ("", "is not `module:attribute`"),
    ],
)
def test_what_cannot_be_had(spec: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("convert", "--from-transformers", spec) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"kernel-schema: error: --from-transformers {spec}: " in err
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "takes a FILE or --from-transformers"),
        (["k.yaml", "--from-transformers", "own_kernels:config"], "one of the two"),
        (["k.yaml"], "--to is needed"),
        (["--from-transformers", "own_kernels:config", "--format", "yaml"], "go with a FILE"),
        (["--from-transformers", "own_kernels:config", "--at", "a.b"], "go with a FILE"),
    ],
)
def test_wrong_calls(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("convert", *arguments) == 2
    assert words in capsys.readouterr().err
