"""No file that a command writes is shaped by whoever chose a name in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator
from pydantic import ValidationError

import kernel_schema as ks
from kernel_schema.files.read import read_text
from kernel_schema.schema.values import is_layer_name
from tests.attacks.hostile import hostile, said, unsafe

if TYPE_CHECKING:
    from collections.abc import Iterable

attack = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALIDATORS = [Draft7Validator(ks.json_schema(profile=profile)) for profile in ("editor", "plain")]
CONFIGS = {
    "k.yaml": "kernel_mapping: {A: org/repo:L}\n",
    "k.toml": '[kernel_mapping]\nA = "org/repo:L"\n',
    "k.json": '{"kernel_mapping": {"A": "org/repo:L"}}\n',
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@attack
@given(st.sampled_from(list(CONFIGS)), hostile() | hostile().map("https://host/".__add__))
@example("k.yaml", "https://host/k.json\nkernel_mapping: {B: evil/repo:L}")
@example("k.yaml", "./k.json\nx: 1")
@example("k.yaml", "https://host/a b##[error]c")
@example("k.yaml", "https://[::1]/k.json")
@example("k.toml", "https://host/k.json\u2028[kernel_mapping.B]")
def test_attach(file: str, schema: str) -> None:
    before = CONFIGS[file]
    Path(file).write_text(before)
    done = said("attach", file, "--schema", schema)
    after = Path(file).read_bytes().decode()
    if done.code == 2:
        assert after == before
        return
    assert done.code == 0
    assert unsafe(after) == []
    assert ks.load(file).kernel_mapping == ks.KernelConfig({"A": "org/repo:L"}).kernel_mapping
    if file == "k.json":
        assert list(json.loads(after)) == ["$schema", "kernel_mapping"]
    else:
        header, _, rest = after.partition("\n")
        assert rest == before
        # Nothing behind the reference, which is one word.
        assert len(header.split()) == (3 if file == "k.yaml" else 2)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("https://host/k.json\nx: 1", "contains control characters or line separators"),
        ("k\t.json", "contains control characters or line separators"),
        ("https://host/\udce9", "contains characters that are not Unicode text"),
        ("./" + "k" * 1000, "is longer than 1000 characters"),
    ],
)
def test_what_attach_refuses(schema: str, words: str) -> None:
    Path("k.yaml").write_text(CONFIGS["k.yaml"])
    done = said("attach", "k.yaml", "--schema", schema)
    assert (done.code, done.out) == (2, "")
    assert f"{words}: no config can refer to such a schema" in done.err
    assert Path("k.yaml").read_text() == CONFIGS["k.yaml"]


@pytest.mark.parametrize("schema", ["", "gone.json", "file:///gone.json", "file://localhost/gone"])
def test_a_schema_that_is_not_there_is_refused(schema: str) -> None:
    Path("k.yaml").write_text("kernel_mapping: {}\n")
    done = said("attach", "k.yaml", "--schema", schema)
    assert (done.code, Path("k.yaml").read_text()) == (2, "kernel_mapping: {}\n")
    assert "there is no schema" in done.err


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ("https://host/a b/ö.json?x=[1]", "https://host/a%20b/%C3%B6.json?x=%5B1%5D"),
        ("https://[::1]:80/k.json#/a%20b", "https://[::1]:80/k.json#/a%20b"),
        ("our schemas/##[error].json", "./our%20schemas/%23%23%5Berror%5D.json"),
    ],
)
def test_what_attach_writes(schema: str, written: str) -> None:
    Path("k.yaml").write_text(CONFIGS["k.yaml"])
    if "://" not in schema:
        Path(schema).parent.mkdir()
        Path(schema).write_text("{}")
    assert said("attach", "k.yaml", "--schema", schema).code == 0
    assert read_text("k.yaml")[0].startswith(f"# yaml-language-server: $schema={written}\n")


class TestModels:
    @pytest.fixture(autouse=True)
    def _module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")
        self.module: Any = ModuleType("hostile_model")
        monkeypatch.setitem(sys.modules, "hostile_model", self.module)

    def build(self, layers: Iterable[str], cls: str) -> Any:
        from torch import nn

        name = cls.encode(errors="replace").decode().replace("\x00", "") or "C"
        known = [type(name, (nn.Module,), {"kernel_layer_name": layer}) for layer in layers]
        self.module.model = nn.Sequential(*(cls() for cls in known))
        return self.module.model

    @attack
    @given(st.lists(hostile(), min_size=1, max_size=3, unique=True), hostile())
    @example(["A", "B\nkernel_mapping: {C: evil/repo:L}"], "x\ny: 1")
    @example(["::error::x", "##[error]", "a" * 1001, "a" * 100], "C")
    def test_init(self, layers: list[str], cls: str) -> None:
        from kernel_schema.cli.commands.init import starter
        from kernel_schema.schema.ranges import EVERY_CAPABILITY
        from kernel_schema.schema.rules import HubKernel
        from kernel_schema.schema.vocabulary import DeviceType, ModeName

        model = self.build(layers, cls)
        done = said("init", "--model", "hostile_model:model")
        good = [layer for layer in layers if is_layer_name(layer)]
        assert done.code == 0
        assert ks.loads(done.out, format="yaml") == ks.KernelConfig({})
        # Each layer has two lines, and one that is left out has one here and one on the terminal.
        assert done.out.count("\n") == 4 + len(layers) + len(good)
        assert done.out.count("Left out, since no config can name it") == len(layers) - len(good)
        assert done.err.count("it is left out") == len(layers) - len(good)
        kernel = HubKernel("org/repo", "L", version=1)
        rules = {
            layer: [
                ks.Rule(
                    layer, DeviceType.CUDA, EVERY_CAPABILITY, ModeName.FALLBACK, kernel, ks.Route()
                )
            ]
            for layer in layers
        }
        text = starter(ks.inspect_model(model), rules, cls)
        assert unsafe(text) == []
        assert ks.loads(text, format="yaml") == ks.KernelConfig(
            {layer: {"cuda": "org/repo@v1:L"} for layer in good}
        )

    @settings(attack, max_examples=8)
    @given(st.lists(hostile(), min_size=1, max_size=3, unique=True), hostile())
    def test_schema(self, layers: list[str], cls: str) -> None:
        schema = ks.json_schema(self.build(layers, cls))
        offered = schema["properties"]["kernel_mapping"]["properties"]
        assert list(offered) == [layer for layer in layers if is_layer_name(layer)]
        for node in offered.values():
            assert unsafe(node["description"]) == []


@pytest.mark.parametrize(
    "layer",
    ["Qwen3_5GatedDeltaNet", "EsmFold2TriangleMultiplication"],
)
def test_init_trusts_nobody(layer: str) -> None:
    """What transformers' own table trusts is there, as a comment."""
    pytest.importorskip("transformers", reason="it is its table")
    from torch import nn

    from kernel_schema.cli.commands.init import starter
    from kernel_schema.integrations.transformers import default_rules
    from kernel_schema.schema.rules import by_layer

    rules = by_layer(default_rules()).get(layer, [])
    if not any(getattr(rule.kernel, "trust_remote_code", False) for rule in rules):
        pytest.skip("this transformers trusts nobody for it")
    model = type("C", (nn.Module,), {"kernel_layer_name": layer})()
    text = starter(ks.inspect_model(model), {layer: rules}, "m")
    trusting = [line for line in text.splitlines() if "trust_remote_code" in line]
    assert len(trusting) >= 2
    assert all(line.lstrip().startswith("#") for line in trusting)
    assert "runs code of a publisher that the Hub does not mark as trusted" in trusting[0]
    for rule in ks.expand(ks.loads(text, format="yaml")):
        assert not getattr(rule.kernel, "trust_remote_code", False)


@pytest.mark.parametrize(
    "text",
    [
        *(f"a{char}b" for char in "\n\r\t\0\x1b\x7f\x85\x9f\u2028\u2029\ud800"),
        "a" * 1001,
    ],
)
def test_names_that_are_refused(text: str) -> None:
    for key, data in (
        ("invalid-layer-name", {"kernel_mapping": {text: "org/repo:L"}}),
        ("invalid-schema-uri", {"$schema": text, "kernel_mapping": {}}),
    ):
        with pytest.raises(ValidationError, match="characters") as raised:
            ks.KernelConfig.model_validate(data)
        (found,) = ks.ConfigError.from_validation_error(raised.value).diagnostics
        assert found.code == key
        assert unsafe(str(found)) == []
    if "\ud800" in text:  # which JSON does not have
        return
    for validator in VALIDATORS:
        assert not validator.is_valid({"kernel_mapping": {text: "org/repo:L"}})
        assert not validator.is_valid({"$schema": text, "kernel_mapping": {}})


def test_names_of_a_thousand_characters() -> None:
    for name in ("a" * 1000, "\U0001f600" * 1000, "a\u200bb\ufe0f"):
        data = {"$schema": name, "kernel_mapping": {name: "org/repo:L"}}
        ks.KernelConfig.model_validate(data)
        assert all(validator.is_valid(data) for validator in VALIDATORS)
