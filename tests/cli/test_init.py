"""`kernel-schema init`: a starter that is valid, fits its model, and says what it is about."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.commands.init import starter
from kernel_schema.integrations.models import build_model
from kernel_schema.lowering.inherited import rules_of
from kernel_schema.schema.ranges import Capabilities
from tests.cli.models import call, workplace, write
from tests.lowering.subprocesses import run_python

kernels = pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAMILIES = ("Llama", "Mixtral", "Qwen3Moe", "DeepseekV3", "Mamba", "T5")


@pytest.fixture(autouse=True)
def _in_a_workplace(tmp_path: Path) -> Iterator[None]:
    with workplace(tmp_path), kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """A model of transformers at full size, on the meta device."""
    transformers = pytest.importorskip("transformers", reason="transformers is an extra")
    import torch

    name = request.param
    architecture = "ForConditionalGeneration" if name == "T5" else "ForCausalLM"
    with torch.device("meta"):
        config = getattr(transformers, f"{name}Config")()
        return name, getattr(transformers, f"{name}{architecture}")(config).eval()


@pytest.mark.parametrize("devices", [(), ("cuda",), ("cuda", "mps"), ("cpu",)])
def test_every_family_gets_a_config_that_fits(
    family: tuple[str, Any], devices: tuple[str, ...]
) -> None:
    from kernel_schema.integrations.transformers import default_rules
    from kernel_schema.schema.rules import by_layer

    name, model = family
    layers = ks.inspect_model(model)
    text = starter(layers, by_layer(default_rules()), f"m:{name}", devices)
    document = ks.loads_document(text, format="yaml")
    # Not every layer has a kernel for cuda in the table.
    codes = {found.code for found in ks.check(document, model, device="cuda")}
    assert codes <= {"device-not-covered"}
    assert text.count("\n  # ") >= len(layers)
    for layer_name in layers:
        assert layer_name in text
    for rule in ks.expand(document.config):
        assert not devices or rule.device in devices
    if devices == ("cpu",) and name != "T5":
        assert "kernel_mapping: {\n" in text
    if name == "T5":
        assert text == (
            "# Kernels for the layers that m:T5 registers.\n"
            "# It registers none: none of its classes carries a name.\n"
            "kernel_mapping: {}\n"
        )


def test_filled_in_it_says_what_the_table_says(family: tuple[str, Any]) -> None:
    """With the starter, what runs is what transformers' default table would run."""
    from kernel_schema.integrations.transformers import default_rules
    from kernel_schema.schema.rules import by_layer

    _, model = family
    rules = default_rules()
    layers = ks.inspect_model(model)
    config = ks.loads(starter(layers, by_layer(rules), "m", ()), format="yaml")
    for device in ("cuda", "rocm", "xpu", "mps", "npu", "cpu"):
        for mode in ("inference", "training", "inference_torch_compile"):
            target: dict[str, Any] = {"device": device, "mode": mode, "capability": 90}
            theirs = ks.explain(ks.KernelConfig({}), model, inherited=rules, **target)
            ours = ks.explain(config, model, inherited=(), **target)
            assert [layer.kernels for layer in ours.layers] == [
                layer.kernels for layer in theirs.layers
            ]


ENTRY = re.compile(r"^(\s*)# (?=.*(?:org/repo|trust_remote_code\W\W? *(?:true|\[)))")


def entries_of(text: str) -> list[int]:
    """The lines of a starter that are entries in a comment."""
    return [index for index, line in enumerate(text.splitlines()) if ENTRY.match(line)]


def uncommented(text: str, *indexes: int) -> str:
    """The starter with some of its proposals filled in, all of them if none is named."""
    lines = text.splitlines()
    for index in indexes or entries_of(text):
        lines[index] = ENTRY.sub(r"\1", lines[index])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("format_", ["yaml", "toml"])
@pytest.mark.parametrize("devices", [(), ("cuda",), ("cuda", "xpu"), ("cpu",)])
def test_uncommenting_a_line_is_enough(
    family: tuple[str, Any], devices: tuple[str, ...], format_: Any
) -> None:
    from kernel_schema.integrations.transformers import default_rules
    from kernel_schema.schema.rules import by_layer

    _, model = family
    layers = ks.inspect_model(model)
    text = starter(layers, by_layer(default_rules()), "m", devices, format_)
    before = ks.expand(ks.loads(text, format=format_))
    entries = entries_of(text)
    for index in entries:
        after = ks.expand(ks.loads(uncommented(text, index), format=format_))
        assert len(after) > len(before)
        assert set(map(str, before)) <= set(map(str, after))
    assert len(ks.expand(ks.loads(uncommented(text), format=format_))) >= len(before) + len(entries)


@pytest.mark.parametrize("devices", [(), ("cuda", "xpu")])
def test_what_is_commented_out_is_valid_too(devices: tuple[str, ...]) -> None:
    model = build_model("toy_model:build")
    text = starter(ks.inspect_model(model), {}, "toy_model:build", devices)
    assert ks.loads(text, format="yaml") == ks.KernelConfig({})
    config = ks.loads(uncommented(text), format="yaml")
    assert list(config.kernel_mapping) == ["double", "Norm", "Choosy", "Unmapped"]
    assert {rule.device for rule in ks.expand(config)} == (set(devices) or {None})


def test_the_whole_text(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers", reason="transformers is an extra")
    assert call("init", "--model", "toy_model:build", "--device", "cuda") == 0
    assert capsys.readouterr().out == (
        "# Kernels for the layers that toy_model:build registers.\n"
        "# Where transformers' default table has no kernel, the entry is commented out.\n"
        "kernel_mapping: {\n"
        "  # 2 functions\n"
        '  # double: {cuda: "org/repo:Layer"},\n'
        "  # 2 modules: Norm\n"
        '  # Norm: {cuda: "org/repo:Layer"},\n'
        "  # 3 modules: Choosy\n"
        '  # Choosy: {cuda: "org/repo:Layer"},\n'
        "  # 1 module: Unmapped\n"
        '  # Unmapped: {cuda: "org/repo:Layer"},\n'
        "  }\n"
    )
    assert call("init", "--model", "toy_model:build", "--device", "cuda", "--to", "toml") == 0
    text = capsys.readouterr().out
    assert '[kernel_mapping]\n# 2 functions\n# double = { cuda = "org/repo:Layer" }\n' in text


def test_ranges_modes_and_trust() -> None:
    """Everything that a default table may say is said in the shortest form."""

    def rules(device: str, bounds: Capabilities, value: Any) -> list[ks.Rule]:
        return list(rules_of("Norm", device, bounds, value))

    def repository(name: str, **options: Any) -> Any:
        return kernels.LayerRepository(f"org/{name}", layer_name="L", **({"version": 2} | options))

    table = [
        *rules("xpu", Capabilities(), repository("plain")),
        *rules("cuda", Capabilities(), {kernels.Mode.TRAINING: repository("any")}),
        *rules("cuda", Capabilities(90), repository("h", version=None, revision="abc")),
        *rules("cuda", Capabilities(75, 80), repository("t", trust_remote_code=True)),
        *rules("rocm", Capabilities(115, 115), repository("l", trust_remote_code=["a/b"])),
        *rules("mps", Capabilities(), {}),
    ]
    layers = ks.inspect_model(build_model("toy_model:Norm"))
    text = starter(layers, {"Norm": table}, "toy_model:Norm")
    # What trusts a publisher is commented out: the whole device, beside those that trust nobody.
    assert ks.loads(text, format="yaml") == ks.KernelConfig({"Norm": {"xpu": "org/plain@v2:L"}})
    lines = text.splitlines()
    warning = next(line for line in lines if "trust_remote_code" in line)
    assert "runs code of a publisher that the Hub does not mark as trusted" in warning
    risky = lines.index(warning) + 1
    assert all(line.startswith("    # ") for line in lines[risky:])
    filled_in = [*lines[:risky], *(f"    {line.removeprefix('    # ')}" for line in lines[risky:])]
    assert ks.loads("\n".join(filled_in), format="yaml") == ks.KernelConfig(
        {
            "Norm": {
                "xpu": "org/plain@v2:L",
                "cuda": [
                    {"training": "org/any@v2:L"},
                    {"min_capability": 90, "kernel": "org/h@abc:L"},
                    {
                        "min_capability": 75,
                        "max_capability": 80,
                        "kernel": "org/t@v2:L",
                        "trust_remote_code": True,
                    },
                ],
                "rocm": [
                    {
                        "min_capability": 115,
                        "max_capability": 115,
                        "kernel": "org/l@v2:L",
                        "trust_remote_code": ["a/b"],
                    }
                ],
            }
        }
    )


class TestFiles:
    def test_it_is_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("init", "--model", "toy_model:build", "-o", "kernels.yaml") == 0
        written = (tmp_path / "kernels.yaml").read_bytes()
        assert capsys.readouterr().out == ""
        assert call("init", "--model", "toy_model:build") == 0
        assert capsys.readouterr().out.encode() == written
        assert call("check", "kernels.yaml", "--model", "toy_model:build") == 0

    def test_nothing_is_overwritten(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "kernels.yaml").write_text("mine", encoding="utf-8")
        arguments = ("init", "--model", "toy_model:build", "-o", "kernels.yaml")
        assert call(*arguments) == 2
        assert "kernels.yaml exists: pass --force" in capsys.readouterr().err
        assert (tmp_path / "kernels.yaml").read_text(encoding="utf-8") == "mine"
        assert call(*arguments, "--force") == 0
        assert "kernel_mapping" in (tmp_path / "kernels.yaml").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("nowhere/kernels.yaml", "cannot be written: No such file or directory"),
            ("kernels.json", "a starter is YAML"),
            ("kernels", "a starter is YAML"),
            ("pyproject.toml", "pyproject.toml holds more than a config"),
            ("half\ud800.yaml", "cannot be written: there are characters that are not Unicode"),
            ("nul\0.yaml", "cannot be written: no path holds a null character"),
        ],
    )
    def test_it_cannot_be_written(
        self, output: str, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call("init", "--model", "toy_model:build", "-o", output) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.out == ""

    def test_an_ending_that_says_otherwise(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("init", "--model", "toy_model:build", "-o", "k.yaml", "--to", "toml") == 2
        assert "k.yaml would be read as yaml, not as toml" in capsys.readouterr().err

    def test_no_model(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("init", "--model", "toy_model:nothing", "-o", "kernels.yaml") == 2
        assert "--model toy_model:nothing" in capsys.readouterr().err
        assert not (tmp_path / "kernels.yaml").exists()


@pytest.mark.slow
def test_transformers_switched_off(tmp_path: Path) -> None:
    """The file says why there is nothing in it."""
    pytest.importorskip("transformers", reason="transformers is an extra")
    write(
        tmp_path,
        "llama.py",
        """\
        import torch
        import transformers


        def build():
            with torch.device("meta"):
                return transformers.LlamaModel(transformers.LlamaConfig(num_hidden_layers=1))
        """,
    )
    arguments = ("-m", "kernel_schema", "init", "--model", "llama:build")
    done = run_python(*arguments, USE_HUB_KERNELS="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "# Kernels for the layers that llama:build registers.\n"
        "# It registers none: USE_HUB_KERNELS is off: transformers registers no layer of any "
        "model.\nkernel_mapping: {}\n"
    )
    assert ks.loads(done.stdout, format="yaml") == ks.KernelConfig({})


def test_without_transformers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # As Python itself marks what cannot be imported.
        patch.setitem(sys.modules, "transformers", None)
        patch.setitem(sys.modules, "transformers.integrations", None)
        assert call("init", "--model", "toy_model:build") == 0
    out = capsys.readouterr().out
    assert "# There are no default kernels to start from: this needs transformers" in out
    assert ks.loads(out, format="yaml") == ks.KernelConfig({})
