"""Words on a command line that a stranger wrote: no file is an option, and no number a trap."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_schema.cli.hook import split
from kernel_schema.cli.output.layout import paragraph, table
from kernel_schema.cli.table.parser import parse
from tests.cli.models import call

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "kernel_mapping: {A: org/repo:A}\n"
HOSTILE = "--model=evil:build.kernels.yaml"
WORDS = st.text(alphabet="-=:.aomdelqui ", min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def beside_evil_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file that looks like an option, and the code that this would run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("open('it-ran', 'w').close()\n")
    (tmp_path / HOSTILE).write_text(CONFIG)
    (tmp_path / "a.kernels.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--"],
        ["check", "--quiet", "--", "a.kernels.yaml"],
        ["convert", "--to", "json", "--"],
        ["attach", "--schema", "https://example.invalid/s.json", "--"],
        ["diff", "a.kernels.yaml", "--"],
        ["diff", "--", "a.kernels.yaml"],
    ],
)
def test_behind_two_dashes_all_is_files(beside_evil_code: Path, arguments: list[str]) -> None:
    assert call(*arguments, HOSTILE) == 0
    assert not (beside_evil_code / "it-ran").exists()


def test_a_file_is_not_taken_for_an_option(
    beside_evil_code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = sorted(path.name for path in beside_evil_code.glob("*.kernels.yaml"))
    assert HOSTILE in words
    assert call("check", *words) == 2
    assert "write `./--model=evil:build.kernels.yaml` for the file" in capsys.readouterr().err
    assert not (beside_evil_code / "it-ran").exists()
    assert call("check", f"./{HOSTILE}") == 0


def test_a_file_is_no_value_of_an_option(beside_evil_code: Path) -> None:
    (beside_evil_code / "evil:build").write_text(CONFIG)
    assert call("check", "--model", "--", "evil:build") == 2
    assert not (beside_evil_code / "it-ran").exists()


def test_nor_is_a_link_that_leads_nowhere(beside_evil_code: Path) -> None:
    (beside_evil_code / "--quiet").symlink_to("nowhere")
    assert call("check", "a.kernels.yaml", "--quiet") == 2
    assert call("check", "--quiet", "--", "a.kernels.yaml") == 0


@settings(deadline=None)
@given(words=st.lists(WORDS, min_size=1, max_size=4))
def test_whatever_stands_there(words: list[str]) -> None:
    options = parse(["check", "--quiet", "--", *words])
    assert options.files == words
    assert (options.quiet, options.model, options.trust_remote_code) == (True, None, False)


def test_wrong_words_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["check", "--\x1b[31m\n::error::"], ["\x1b[31m\n::error::"], ["--", "check"]):
        assert call(*arguments) == 2
        error = capsys.readouterr().err
        assert "\x1b" not in error
        assert "\n::error" not in error
        assert "\\x00" not in error


def test_the_flag_for_code_goes_with_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "a.kernels.yaml", "--trust-remote-code") == 2
    assert "--trust-remote-code goes with --model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([HOSTILE, "a.kernels.yaml"], 0),
        (["a.kernels.yaml", HOSTILE], 0),
        (["--ignore", "unregistered-layer", HOSTILE], 2),
        (["--ignore=unregistered-layer", HOSTILE, "--ignore=x"], 1),
        (["--quiet", "a.kernels.yaml", "--quiet"], 1),
        (["--quiet"], 1),
        ([], 0),
    ],
)
def test_the_hook_takes_what_is_there_for_files(words: list[str], options: int) -> None:
    assert split(words) == (words[:options], words[options:])


@settings(deadline=None)
@given(words=st.lists(WORDS, max_size=4))
def test_the_hook_never_takes_a_file_for_an_option(words: list[str]) -> None:
    options, files = split([*words, HOSTILE, "a.kernels.yaml"])
    assert HOSTILE not in options
    assert list(files[-2:]) == [HOSTILE, "a.kernels.yaml"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([HOSTILE], 0, ""),
        (["--ignore", "unregistered-layer", HOSTILE], 0, ""),
        (["--ignore", "unregistered-layer", "--", HOSTILE], 0, ""),
        (["--model=evil:build", HOSTILE], 2, "takes no --model"),
        (["--model", "evil:build", HOSTILE], 2, "takes no --model"),
        (["--ignore", HOSTILE], 2, "expected one argument"),
        (["--bogus", HOSTILE], 2, "unrecognized arguments: --bogus"),
    ],
)
def test_the_hook(beside_evil_code: Path, words: list[str], code: int, said: str) -> None:
    script = "import sys; from kernel_schema.cli.hook import run; sys.exit(run())"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (beside_evil_code / "it-ran").exists()


HUGE = "9" * 5000


@pytest.mark.parametrize("number", ["1", str(2**63 - 1), str(2**63), "9" * 40, "0"])
def test_any_number_of_bytes_may_be_allowed(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("check", "a.kernels.yaml", "--max-bytes", number) == (int(number) < 2)
    assert ("file-too-large" in capsys.readouterr().out) is (int(number) < 2)


@pytest.mark.parametrize("number", ["-1", "1e9", "²", HUGE, ""])
def test_what_is_no_number_of_bytes(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "a.kernels.yaml", f"--max-bytes={number}") == 2
    assert "invalid number of bytes" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("value", ["²", "٣", "0", "-5", "1", "9" * 20, HUGE, "", "1e3"])
def test_any_size_of_a_terminal(
    beside_evil_code: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    (beside_evil_code / "bad.yaml").write_text("kernel_mapping: {A: {hip: org/repo:A}}\n")
    assert call("check", "bad.yaml") == 1
    assert call("check", "--help") == 0
    assert call("check", "--bogus") == 2
    assert table(["name"], [["value"]]).split("\n")[-1] == "value"
    assert paragraph("a text") == "a text"


def test_the_module_does_not_run_what_lies_beside(beside_evil_code: Path) -> None:
    for name in ("pydantic", "yaml", "rich"):
        (beside_evil_code / f"{name}.py").write_text("import evil\n")
    done = subprocess.run(
        [sys.executable, "-m", "kernel_schema", "check", "a.kernels.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (beside_evil_code / "it-ran").exists()
