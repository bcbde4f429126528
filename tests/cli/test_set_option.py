"""`--set`, on every command that reads a config, and `resolve`, which writes what counts then."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.cli.table import COMMANDS
from kernel_schema.files.read import format_of
from tests.cli.models import call, workplace, write
from tests.strategies import config_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_schema.files.document import Format

FLEET = """\
    extends: ../base.yaml
    kernel_mapping:
      Norm: org/repo@v1:Norm
      Local: ./mine:L  # kernel-schema: ignore[missing-local-kernel]
"""
BASE = """\
    kernel_mapping:
      Silu: {cpu: original, cuda: [{min_capability: 90, kernel: "org/hopper:Silu"}]}
      Norm: original
    inherit_mapping: false
"""
NORM = "kernel_mapping.Norm.cpu=original"
READERS = (
    *("check", "convert", "resolve", "explain", "diff", "lock", "fetch"),
    *("compare", "tune", "bisect"),
)


@pytest.fixture(autouse=True)
def _in_a_workplace(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "fleet").mkdir()
    write(tmp_path / "fleet", "k.yaml", FLEET)
    write(tmp_path, "base.yaml", BASE)
    write(tmp_path, "broken.yaml", "kernel_mapping: {Norm: org/repo}\n")
    with workplace(tmp_path, columns=None):
        yield


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = call(*arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


class TestEveryCommand:
    def test_that_reads_a_config_takes_it(self) -> None:
        takers = [
            row.name
            for row in COMMANDS
            if any("--set" in argument.names for argument in row.arguments)
        ]
        assert sorted(takers) == sorted(READERS)
        readers = [
            row.name
            for row in COMMANDS
            if any("--max-bytes" in argument.names for argument in row.arguments)
        ]
        assert readers == takers

    @pytest.mark.parametrize(
        ("override", "place"),
        [("RMSNorm=original", "1:1"), ("kernel_mapping.Norm.gpu=original", "1:21")],
    )
    @pytest.mark.parametrize(
        "command",
        [
            ("check", "fleet/k.yaml"),
            ("check", "fleet/k.yaml", "--output-format", "json", "--exit-zero"),
            ("convert", "fleet/k.yaml", "--to", "json"),
            ("resolve", "fleet/k.yaml"),
            ("diff", "fleet/k.yaml", "base.yaml"),
            ("fetch", "fleet/k.yaml"),
        ],
        ids=lambda words: "-".join(words[:1] + words[2:4]),
    )
    def test_a_mistake_is_a_wrong_call(
        self,
        command: tuple[str, ...],
        override: str,
        place: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        code, out, err = run(capsys, *command, "--set", "inherit_mapping=true", "--set", override)
        assert (code, out) == (2, "")
        head, _, excerpt, carets, *_ = err.split("\n")
        assert head.startswith(f"<override 2>:{place}: error[unknown-")
        assert excerpt == f"1 | {override}"
        assert carets.strip(" |^") == ""
        assert carets.index("^") == len("1 | ") + int(place[2:]) - 1
        assert "help: " in err

    def test_explain_says_which_states_what(self, capsys: pytest.CaptureFixture[str]) -> None:
        pytest.importorskip("kernels", reason="a model registers layers with it")
        words = ("explain", "fleet/k.yaml", "--model", "toy_model:build")
        code, out, err = run(capsys, *words, "--set", "kernel_mapping.Norm.cpu=org/repo@v2:Norm")
        assert (code, err) == (1, "")  # other layers of the config are none of the model
        assert "org/repo@v2:Norm" in out
        assert "<override 1>:1" in out
        code, out, err = run(capsys, *words, "--set", "kernel_mapping.Norm.gpu=original")
        assert (code, out) == (2, "")
        assert err.startswith("<override 1>:1:21: error[unknown-device]")
        code, out, _ = run(capsys, *words, "--output-format", "json", "--set", NORM)
        (norm,) = (each for each in json.loads(out)["plans"][0]["layers"] if each["candidates"])
        assert {(each["file"], each["line"]) for each in norm["candidates"]} == {
            ("<override 1>", 1),
            (None, 3),
        }

    def test_diff_takes_it_for_both(self, capsys: pytest.CaptureFixture[str]) -> None:
        same = ("diff", "fleet/k.yaml", "base.yaml", "--set", "kernel_mapping={A: original}")
        code, out, err = run(capsys, *same)
        assert (code, out, err) == (0, "Both mean the same.\n", "")

    def test_check_takes_it_for_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("check", "fleet/k.yaml", "base.yaml", "--output-format", "concise")
        code, out, err = run(capsys, *words, "--set", "kernel_mapping.Silu=./nowhere:L")
        assert (code, err) == (1, "")
        assert out.count("<override 1>:1:21: error[missing-local-kernel]") == 1
        assert "unused-ignore" not in out

    def test_ignore_comments_of_what_is_replaced_are_not_unused(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ("check", "fleet/k.yaml", "--strict", "--set", "kernel_mapping.Local=original")
        code, out, _ = run(capsys, *words)
        assert (code, out) == (0, "Checked 1 file: no problems.\n")

    @pytest.mark.parametrize("format", ["text", "concise", "json", "github", "sarif"])
    def test_findings_of_it_in_every_format(
        self, format: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ("check", "base.yaml", "--output-format", format)
        code, out, err = run(capsys, *words, "--set", "kernel_mapping.Norm=./nowhere:L")
        assert (code, err) == (1, "")
        assert "missing-local-kernel" in out
        assert "override" in out

    def test_a_broken_file_is_told_as_ever(self, capsys: pytest.CaptureFixture[str]) -> None:
        for words in (("check", "broken.yaml"), ("resolve", "broken.yaml")):
            code, out, err = run(capsys, *words, "--set", "kernel_mapping.Norm=original")
            assert code == 1
            assert "broken.yaml:1:24: error[invalid-kernel-reference]" in out + err

    def test_in_a_part(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(tmp_path, "t.yaml", "lr: 1\nkernels: {kernel_mapping: {A: org/a:L}}\n")
        words = ("resolve", "t.yaml", "--at", "kernels", "--set", "kernel_mapping.A=original")
        assert run(capsys, *words) == (0, "kernel_mapping:\n  A: original\n", "")
        words = ("check", "t.yaml", "--at", "kernels", "--set", "kernels.kernel_mapping.A=original")
        code, _, err = run(capsys, *words)
        assert code == 2
        assert "help: a route begins in the config itself: `kernel_mapping.A`" in err

    def test_of_standard_input(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = io.TextIOWrapper(io.BytesIO(b"kernel_mapping: {A: org/a:L}\n"))
        monkeypatch.setattr(sys, "stdin", text)
        words = ("resolve", "-", "--format", "yaml", "--set", "kernel_mapping.A=./mine:L")
        assert run(capsys, *words) == (0, "kernel_mapping:\n  A: ./mine:L\n", "")


class TestWhereItMakesNoSense:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("check", "base.yaml", "--fix"), "--set does not go with --fix or --diff"),
            (("check", "base.yaml", "--diff"), "--set does not go with --fix or --diff"),
            (("convert", "base.yaml", "--write"), "--write keeps what FILE says"),
            (("convert", "--from-transformers", "a:b"), "--format, --at and --set go with a FILE"),
            (("lock", "base.yaml"), "--set does not go with lock"),
            (("lock", "base.yaml", "--check"), "--set does not go with lock"),
        ],
    )
    def test_is_refused_in_words(
        self,
        words: tuple[str, ...],
        said: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        before = (tmp_path / "base.yaml").read_bytes()
        code, out, err = run(capsys, *words, "--set", NORM)
        assert (code, out) == (2, "")
        assert err.startswith(f"kernel-schema: error: {said}")
        assert (tmp_path / "base.yaml").read_bytes() == before
        assert not (tmp_path / "base.yaml.lock").exists()

    def test_two_words_are_told_to_be_one(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("check", "base.yaml", "--set", "kernel_mapping.Norm", "original")
        code, out, err = run(capsys, *words)
        assert (code, out) == (2, "")
        assert "`kernel_mapping.Norm` is no override: it has no `=`" in err
        assert "help: write a route, `=` and a value in one word" in err


class TestResolve:
    def test_where_each_entry_is_stated(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(
            capsys,
            *("resolve", "fleet/k.yaml", "--provenance"),
            *("--set", "kernel_mapping.Silu.cuda[0].min_capability=80"),
        )
        assert (code, err) == (0, "")
        assert out == (
            "kernel_mapping:\n"
            "  Silu:\n"
            "    cpu: original  # base.yaml:2\n"
            "    cuda:\n"
            "      - min_capability: 80  # <override 1>:1\n"
            "        kernel: org/hopper:Silu  # base.yaml:2\n"
            "  Norm: org/repo@v1:Norm  # fleet/k.yaml:3\n"
            "  Local: ./mine:L  # fleet/k.yaml:4\n"
            "inherit_mapping: false  # base.yaml:4\n"
        )

    def test_in_toml_a_line_names_all_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("resolve", "base.yaml", "--to", "toml", "--provenance")
        code, out, _ = run(capsys, *words, "--set", "kernel_mapping.Silu.cpu=org/c:L")
        assert code == 0
        assert out.splitlines()[3].endswith("}  # <override 1>:1, base.yaml:2")
        assert ks.loads(out, format="toml").kernel_mapping["Norm"] == "original"

    def test_json_is_told_in_yaml(self, capsys: pytest.CaptureFixture[str]) -> None:
        ks.dump(ks.load("base.yaml"), "base.json")
        code, out, _ = run(capsys, "resolve", "base.json", "--provenance")
        assert code == 0
        assert "  Norm: original  # base.json:" in out
        assert ks.loads(out, format="yaml") == ks.load("base.json")

    def test_in_github_it_is_no_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("check", "base.yaml", "--output-format", "github")
        code, out, _ = run(capsys, *words, "--set", "kernel_mapping.Norm=./gone:L")
        assert code == 1
        assert out.startswith(
            "::error title=kernel-schema[missing-local-kernel]::<override 1>:1:21: the kernel "
        )

    def test_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("resolve", "fleet/k.yaml", "--output-format", "json", "--set", NORM)
        code, out, err = run(capsys, *words)
        assert (code, err) == (0, "")
        told = json.loads(out)
        assert list(told) == ["version", "file", "config", "entries"]
        assert told["config"]["kernel_mapping"]["Norm"]["cpu"] == "original"
        stated = {
            tuple(each["route"]): (each["value"], each["file"], each["line"])
            for each in told["entries"]
        }
        norm = ("kernel_mapping", "Norm")
        assert stated[(*norm, "cpu")] == ("original", "<override 1>", 1)
        assert stated[(*norm, "xpu")] == ("org/repo@v1:Norm", None, 3)
        assert stated[("inherit_mapping",)] == (False, "base.yaml", 4)

    @pytest.mark.parametrize("output", ["new/r.yaml", "r.json", "fleet/r.toml"])
    def test_means_the_same_where_it_is_written(
        self, output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "new").mkdir()
        overrides = ["kernel_mapping.Norm.cpu=./fleet/own:L", "lockfile=fleet/k.lock"]
        options = [word for each in overrides for word in ("--set", each)]
        code, out, err = run(capsys, "resolve", "fleet/k.yaml", "-o", output, *options)
        assert (code, out, err) == (0, "", "")
        assert ks.load(output) == ks.load("fleet/k.yaml", overrides=overrides)
        assert str(tmp_path) not in (tmp_path / output).read_text() or output.startswith("new")
        code, _, err = run(capsys, "resolve", "fleet/k.yaml", "-o", output)
        assert code == 2
        assert "exists: pass --force" in err
        assert run(capsys, "resolve", "fleet/k.yaml", "-o", output, "--force") == (0, "", "")
        assert ks.load(output) == ks.load("fleet/k.yaml")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("gone.yaml",), "gone.yaml: error[file-not-found]"),
            (("base.yaml", "--provenance", "--to", "json"), "JSON has no comments"),
            (("base.yaml", "--output-format", "json", "--to", "yaml"), "--output-format json"),
            (("base.yaml", "-o", "r.toml", "--to", "yaml"), "r.toml would be read as toml"),
            (("base.yaml", "-o", "pyproject.toml"), "pyproject.toml holds more than a config"),
        ],
    )
    def test_wrong_calls(
        self, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = run(capsys, "resolve", *words)
        assert (code, out) == (2, "")
        assert said in err


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(config_data(), st.sampled_from(["k.yaml", "k.json", "k.toml"]))
def test_resolve_reads_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: dict[str, Any], name: str
) -> None:
    config = ks.KernelConfig.model_validate(data)
    ks.dump(config, tmp_path / name)
    file_format: Format | None = format_of(name)
    assert file_format is not None
    wanted = ks.read(name, overrides=["kernel_mapping.New=original"]).config
    places = [] if file_format == "json" else ["--provenance"]
    words = ("resolve", name, *places, "--set", "kernel_mapping.New=original")
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert ks.loads(out, format=file_format) == wanted
