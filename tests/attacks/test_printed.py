"""Whatever comes from outside: no output starts a line, a command or an effect that is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.files.parsed import ReadError
from kernel_schema.integrations.survey import without_credentials
from kernel_schema.wording import printable, quote
from tests.attacks.hostile import (
    hostile,
    hostile_file_names,
    hostile_words,
    is_unseen,
    said,
    unsafe,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("text", "concise", "json", "github", "sarif")
attack = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Narrow: wrapped words and folded cells come to start lines.
    monkeypatch.setenv("COLUMNS", "40")


def test_every_character_that_cannot_be_seen() -> None:
    """The planes of Unicode that have one, against the table of Unicode itself."""
    planes = (*range(0x20000), *range(0xE0000, 0xE1000))
    unseen = [char for char in map(chr, planes) if is_unseen(char)]
    assert len(unseen) > 6000
    for char in unseen:
        assert printable(f"a{char}b").isprintable(), hex(ord(char))
        assert char not in printable(f"a{char}b") + quote(f"a{char}b"), hex(ord(char))
    assert (
        printable("größe 层归一化 \U0001f600 a:b ::x #[y]")
        == "größe 层归一化 \U0001f600 a:b ::x #[y]"
    )


@settings(max_examples=150, deadline=None)
@given(hostile())
def test_texts(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown
    assert unsafe(shown) == []
    assert printable(shown) == shown
    route = ks.Route((text, 0, text))
    span = ks.Span(1, 1, 1, 2)
    for diagnostic in (
        ks.Diagnostic("unknown-key", text, route, help=text),
        ks.Diagnostic("unknown-key", text, route, help=text, file=text),
        ks.Diagnostic("unknown-key", text, route, help=text, file=text, span=span),
    ):
        assert str(diagnostic).count("\n") == 1
        assert "\n" not in diagnostic.headline
        assert unsafe(str(diagnostic)) == []
        assert unsafe(str(ks.ConfigError([diagnostic, diagnostic]))) == []
        # Data stay as they are.
        assert (diagnostic.message, diagnostic.help) == (text, text)
    assert unsafe(str(route)) == []
    assert unsafe(str(ReadError([ks.Diagnostic("syntax-error", text, span=span)]))) == []


def wrong(text: str, place: str) -> dict[str, Any]:
    """A config with a text in a place where it is wrong, or may stand."""
    return {
        "layer": {"kernel_mapping": {text: "org/repo"}},
        "kernel": {"kernel_mapping": {"A": text}},
        "local": {"kernel_mapping": {"A": f"./{text}:L"}},
        "key": {"kernel_mapping": {"A": {"cuda": {text: 1, "kernel": text}}}},
        "top": {text: text, "$schema": text},
        "list": {"kernel_mapping": {"A": {"kernel": "org/r:L", "trust_remote_code": [text, 1]}}},
        "lock": {"kernel_mapping": {"A": {"kernel": "org/r:L", "lockfile": text}}},
    }[place]


PLACES = ("layer", "kernel", "local", "key", "top", "list", "lock")


@attack
@given(st.data(), hostile_file_names(), st.sampled_from(PLACES), st.sampled_from(FORMATS))
def test_check(data: st.DataObject, name: str, place: str, output_format: str) -> None:
    text = data.draw(hostile())
    file = Path(f"{name}.json")
    try:
        file.write_text(json.dumps(wrong(text, place)))
    except OSError:  # a name of a drawn length
        return
    done = said("check", str(file), "--output-format", output_format)
    assert done.code in (0, 1)
    if output_format in {"json", "sarif"}:
        shape = json.loads(done.out)
        if output_format == "json":
            # A name that is no UTF-8 is no text for other readers of JSON.
            shown = str(file).encode(errors="backslashreplace").decode()
            assert all(found["file"] == shown for found in shape["diagnostics"])
    if output_format == "github":
        for line in done.out.splitlines():
            assert line.startswith(("::error title=kernel-schema[", "::warning title="))
            assert unsafe(line[1:]) == []
    # The text as it is: what a file holds stands in the excerpt.
    file.with_suffix(".yaml").write_bytes(f'{{A: "org/repo" {text}'.encode(errors="replace"))
    said("check", str(file.with_suffix(".yaml")), "--output-format", output_format)
    for each in Path().iterdir():
        each.unlink()


@pytest.mark.slow
@attack
@given(hostile())
def test_arguments(text: str) -> None:
    Path("k.yaml").write_text("kernel_mapping: {A: org/repo:L}\n")
    for arguments in (
        ("check", text),
        ("check", "k.yaml", "--ignore", text),
        ("check", "k.yaml", "--model", text),
        ("check", "--explain", text),
        ("check", "k.yaml", f"--{text}"),
        ("check", "k.yaml", "--output-format", text),
        ("check", "k.yaml", "--max-bytes", text),
        (text,),
        ("convert", text, "--to", "json"),
        ("diff", "k.yaml", text),
        ("attach", text),
        ("attach", "k.yaml", "--schema", text),
        ("layers", "--model", f"no.such:{text}"),
        ("schema", "--output", f"nowhere/{text}", "--check"),
        ("init", "--model", text, "-o", f"{text}.yaml"),
    ):
        # What transformers asks the Hub about is no concern here.
        if "--model" not in arguments or ":" in text:
            err = said(*arguments).err
            # Each line is one of ours: a complaint, the usage, a diagnostic or its help.
            for line in err.splitlines():
                ours = line.startswith(("kernel-schema", "usage: ", " ")) or line.endswith(
                    "written"
                )
                # A file that is called `:` has its second colon escaped.
                assert ours or " error[" in line


@attack
@given(hostile_words(), hostile_words())
def test_good_configs(name: str, path: str) -> None:
    mapping = {name.strip() or "a": f"./{path}:L", "B": "org/repo:L"}
    Path("old.json").write_text(json.dumps({"kernel_mapping": mapping}))
    Path("new.yaml").write_text("kernel_mapping: {}\n")
    config = ks.load("old.json")
    for known in ("yaml", "json", "toml"):
        done = said("convert", "old.json", "--to", known)
        assert ks.loads(done.out, format=known) == ks.KernelConfig.model_validate(
            {"kernel_mapping": mapping}
        )
    assert said("diff", "old.json", "new.yaml").code == 1
    for change in ks.diff(config, ks.KernelConfig({})):
        assert unsafe(str(change)) == []


def text_of(ask: Callable[..., Any], model: Any, config: ks.KernelConfig) -> str:
    """What a function says, or raises, and what an audit says after it."""
    answers = {ks.explain: (config, model)}.get(ask, (model, config))
    try:
        plan = ask(*answers, device="cpu")
        layers = "\n".join(map(str, plan.layers))
        return f"{plan}\n{layers}\n{ks.audit(model, plan if ask is ks.explain else None)}"
    except ks.KernelSchemaError as error:
        return str(error)


class _Default:
    """The default of an argument, with a text of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class TestModels:
    """What a model registers can have any name; what its code raises can say anything."""

    @pytest.fixture(autouse=True)
    def _module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")
        self.module: Any = ModuleType("hostile_model")
        monkeypatch.setitem(sys.modules, "hostile_model", self.module)

    def build(self, layer: str, cls: str, condition: str | None = None) -> Any:
        from torch import nn

        name = cls.encode(errors="replace").decode().replace("\x00", "") or "C"
        content: dict[str, Any] = {"kernel_layer_name": layer}
        default = _Default(cls)
        content["forward"] = lambda self, x, scale=default: x
        if condition is not None:

            def kernel_condition(_: Any) -> bool:
                raise RuntimeError(condition)

            content["kernel_condition"] = staticmethod(kernel_condition)
        known = type(name, (nn.Module,), content)
        by_instance: Any = nn.Linear(1, 1)
        by_instance.kernel_layer_name = layer
        model = nn.Sequential(known(), by_instance)
        self.module.model = model
        return model

    @settings(attack, max_examples=5)
    @given(hostile(), hostile())
    def test_layers_and_schema(self, layer: str, cls: str) -> None:
        self.build(layer, cls)
        said("layers", "--model", "hostile_model:model")
        done = said("layers", "--model", "hostile_model:model", "--output-format", "json")
        assert json.loads(done.out)["layers"][0]["layer_name"] == layer
        json.loads(said("schema", "--model", "hostile_model:model").out)
        Path("k.yaml").write_text("kernel_mapping: {A: org/repo:L}\n")
        assert said("check", "k.yaml", "--model", "hostile_model:model").code == 1

    @attack
    @given(hostile(), hostile(), st.none() | hostile(), hostile_words())
    def test_explain(self, layer: str, cls: str, condition: str | None, path: str) -> None:
        model = self.build(layer, cls, condition)
        named = {layer: f"./{path}:L"} if condition is None and layer == layer.strip() else {}
        Path("k.json").write_text(json.dumps({"kernel_mapping": {"B": "org/r:L", **named}}))
        arguments = ("explain", "k.json", "--model", "hostile_model:model")
        said(*arguments, "--device", "cpu", "--all-modes")
        said(*arguments, "--device", "cpu", "--output-format", "json")
        said(*arguments, "--layer", layer)
        said(*arguments, "--layer", layer, "--output-format", "json")
        said(*arguments, "--layer", f"{layer}x")
        said("diff", "k.json", "k.json", "--model", "hostile_model:model", "--device", "cpu")
        config = ks.KernelConfig({"B": f"./{path}:L"})
        for ask in (ks.explain, ks.kernelize, partial(ks.kernelize, strict=False)):
            assert unsafe(text_of(ask, model, config)) == []

    @pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028"])
    def test_no_name_starts_a_line(self, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "400")
        layer, file = f"A{end}FAKE line", f"k{end}FAKE line.json"
        self.build(layer, layer)
        Path(file).write_text('{"kernel_mapping": {"B": "org/r:L"}}')
        Path(f"old{file}").write_text('{"kernel_mapping": {}}')
        model = ("--model", "hostile_model:model")
        for arguments in (
            ("check", file, *model),
            ("check", file, *model, "--output-format", "concise"),
            ("layers", *model),
            ("explain", file, *model, "--device", "cpu"),
            ("explain", file, *model, "--layer", layer),
            ("explain", file, *model, "--layer", f"{layer}x"),
            ("diff", f"old{file}", file, *model, "--device", "cpu"),
            ("init", *model),
            ("attach", file),
            ("schema", "--output", f"old{file}", "--check"),
        ):
            done = said(*arguments)
            lines = f"{done.out}\n{done.err}".splitlines()
            assert [line for line in lines if line.strip().startswith("FAKE")] == []

    def test_a_model_that_cannot_be_had(self) -> None:
        def build() -> None:
            message = "a\n::error::b\x1b[31m##[error]"
            raise RuntimeError(message)

        self.module.build = build
        done = said("layers", "--model", "hostile_model:build")
        assert (done.code, done.out) == (2, "")
        assert "\\u001b[31m#\\u0023[error]" in done.err


@settings(attack, max_examples=2)
@given(hostile())
def test_env(text: str) -> None:
    pytest.importorskip("kernels", reason="what is told is what is installed")
    value = os.fsdecode(text.encode(errors="replace").replace(b"\0", b""))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_ENDPOINT", "LOCAL_KERNELS", "KERNELS_CACHE", "HF_HUB_OFFLINE"):
            patch.setenv(name, value)
        said("env")
        facts = json.loads(said("env", "--output-format", "json").out)["facts"]
    assert {fact["name"]: fact["value"] for fact in facts}["KERNELS_CACHE"] == value


def test_env_hides_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kernels", reason="what is told is what is installed")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:Sesame@hub.example.org/x?token=Sesame&rev=1")
    monkeypatch.setenv("HF_TOKEN", "Sesame-2")
    monkeypatch.setenv("LOCAL_KERNELS", "org/repo=/somewhere/Sesame-2")
    for output_format in ("text", "json"):
        done = said("env", "--output-format", output_format)
        assert "Sesame" not in done.out + done.err
        assert "https://***@hub.example.org" in done.out.replace("\n ", "")
        assert "HF_TOKEN" not in done.out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:pw@proxy:3128", "http://***@proxy:3128"),
        ("u:pw@proxy:3128", "***@proxy:3128"),
        ("https://token@host/simple", "https://***@host/simple"),
        ("https://u:p/w?d@host/simple", "https://***@host/simple"),
        ("https://u:p@w@host", "https://***@host"),
        ("socks5h://u:p@a,http://u:p@b", "socks5h://***@a,http://***@b"),
        ("https://h/x?access_token=abc&n=1#api-key=abc", "https://h/x?access_token=***&n=1#api-key=***"),
        ("OSError: no hf_abcDEF12345 there", "OSError: no *** there"),
        # Nothing to hide.
        ("https://host:8080/a@v1?rev=2", "https://host:8080/a@v1?rev=2"),
        ("org/repo=/a@1:org/b=/c@2", "org/repo=/a@1:org/b=/c@2"),
        ("git@example.org:org/repo", "git@example.org:org/repo"),
    ],
)  # fmt: skip
def test_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such name")
def test_a_file_name_that_is_no_text() -> None:
    """In a process of its own, with the streams that Python makes."""
    name = b"\xe9\n::error::.yaml"
    try:
        Path(os.fsdecode(name)).write_text("kernel_mapping: {A: b}\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    for output_format in ("text", "json", "sarif"):
        command = [sys.executable, "-m", "kernel_schema", "check", name]
        done = subprocess.run(
            [*command, "--output-format", output_format], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (1, b"")
        out = done.stdout.decode()
        assert "%E9%0A" in out if output_format == "sarif" else "\\udce9\\n" in out
        assert unsafe(out.removeprefix(":")) == []
