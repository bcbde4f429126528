"""`kernel-schema check`: files in, findings and exit code out."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kernel_schema.cli.main import main
from kernel_schema.paths import exists
from tests.cli.checking import BAD, COMMAND, GOOD, in_a_folder_of_its_own, run

__all__ = ["in_a_folder_of_its_own"]  # a fixture


def excerpt(out: str) -> list[str]:
    """The lines of source and carets of the first finding."""
    lines = out.splitlines()
    return [line.partition("| ")[2] for line in lines[2:4]]


def test_the_line_and_carets_under_the_very_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kernels.yaml").write_text(BAD)
    code, out, err = run(capsys, "kernels.yaml")
    assert (code, err) == (1, "")
    assert out.startswith("kernels.yaml:2:10: error[unknown-device]: `hip` is not a device")
    assert excerpt(out) == ["  SiLU: {hip: org/repo:SiLU}", "         ^^^"]
    assert "  = help: did you mean `rocm`?" in out
    assert out.endswith("Checked 1 file: found 2 errors. `--fix` mends 1.\n")


@pytest.mark.parametrize(
    ("before", "indent"),
    [
        ("日本", 4),
        ("e\u0301", 1),
        ("a\u200bb", 8),  # what has no shape of its own is shown as an escape
        ("🦙", 2),
        ("ab", 2),
    ],
)
def test_carets_stand_right_behind_any_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, indent: int
) -> None:
    (tmp_path / "k.yaml").write_text(f"kernel_mapping: {{{before}: nope}}\n", encoding="utf-8")
    _, out, _ = run(capsys, "k.yaml")
    _, carets = excerpt(out)
    assert carets == " " * (len("kernel_mapping: {") + indent + 2) + "^^^^"


def test_tabs_are_shown_as_blanks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.toml").write_text('[kernel_mapping]\n\tA =\t"nope"\n')
    _, out, _ = run(capsys, "k.toml")
    assert excerpt(out) == ['    A =    "nope"', "           ^^^^^^"]


def test_of_a_very_long_line_the_place_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filler = ", ".join(f'"L{index}": "org/repo:Layer"' for index in range(10_000))
    (tmp_path / "k.json").write_text(
        f'{{"kernel_mapping": {{{filler}, "A": "nope", "B": "org/repo:B"}}}}'
    )
    _, out, _ = run(capsys, "k.json")
    line, carets = excerpt(out)
    assert len(line) < 200
    start, end = carets.index("^"), len(carets)
    assert line[start:end] == '"nope"'


def test_what_a_file_holds_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text('kernel_mapping: {A: "\\e[31mnope"}\nx\x1b[31m: 1\n')
    for output_format in ("text", "concise", "github"):
        _, out, _ = run(capsys, "k.yaml", "--output-format", output_format)
        assert "\x1b" not in out


@pytest.mark.parametrize(("variable", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_only_on_a_terminal_and_never_with_no_color(
    tmp_path: Path, variable: dict[str, str], *, coloured: bool
) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    environment = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
    master, slave = pty.openpty()
    environment |= {"TERM": "xterm-256color", **variable}
    command = [*COMMAND, "check", "k.yaml"]
    with subprocess.Popen(command, stdout=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:
            pass  # Linux tells the end of a terminal so
        process.wait()
    os.close(master)
    assert (b"\x1b[1;31m" in shown) is coloured
    piped = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert b"\x1b" not in piped.stdout


def test_concise_is_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    _, out, _ = run(capsys, "k.yaml", "--output-format", "concise", "--quiet")
    assert [line.split(": ")[0] for line in out.splitlines()] == ["k.yaml:2:10", "k.yaml:3:12"]


def test_json_has_a_version_and_a_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    _, out, _ = run(capsys, "k.yaml", "--output-format", "json")
    shape = json.loads(out)
    first = shape["diagnostics"][0]
    assert {key: shape[key] for key in ("version", "files", "errors", "warnings")} == {
        "version": 1,
        "files": 1,
        "errors": 2,
        "warnings": 0,
    }
    assert "`hip` is not a device" in first.pop("message")
    assert first.pop("url").endswith("/schemas/codes.md#unknown-device")
    assert first == {
        "file": "k.yaml",
        "line": 2,
        "column": 10,
        "end_line": 2,
        "end_column": 13,
        "severity": "error",
        "code": "unknown-device",
        "help": "did you mean `rocm`?",
        "route": ["kernel_mapping", "SiLU", "hip"],
        "fix": {
            "safe": True,
            "edits": [{"line": 2, "column": 10, "end_line": 2, "end_column": 13, "text": "rocm"}],
        },
    }


def test_github_escapes_what_its_commands_are_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a,b:c%.yaml").write_text("kernel_mapping: {A: '100%:nope'}\n")
    (tmp_path / ".git").mkdir()
    _, out, _ = run(capsys, "a,b:c%.yaml", "--output-format", "github")
    (line,) = out.splitlines()
    properties, _, message = line.removeprefix("::error ").partition("::")
    assert "file=a%2Cb%3Ac%25.yaml,line=1,endLine=1,col=21,endColumn=31" in properties
    assert "title=kernel-schema[invalid-kernel-reference]" in properties
    assert message.startswith("`100%25:nope` ")


def test_sarif_has_what_the_standard_requires(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k y.yaml").write_text(BAD)
    _, out, _ = run(capsys, "k y.yaml", "--output-format", "sarif")
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (runs,) = log["runs"]
    driver = runs["tool"]["driver"]
    assert driver["name"] == "kernel-schema"
    assert runs["columnKind"] == "unicodeCodePoints"
    assert len(runs["results"]) == 2
    for result in runs["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning"}
        assert result["level"] in {"error", "warning"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "k%20y.yaml"
        region = location["physicalLocation"]["region"]
        assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
        assert all(isinstance(number, int) and number >= 1 for number in region.values())


def test_a_clean_sarif_log_has_no_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    code, out, _ = run(capsys, "k.yaml", "--output-format", "sarif")
    assert code == 0
    assert json.loads(out)["runs"][0]["results"] == []


def test_warnings_alone_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranges = (
        "[{min_capability: 70, max_capability: 89, kernel: 'o/r:A'}, "
        "{min_capability: 80, max_capability: 120, kernel: 'o/r:B'}]"
    )
    (tmp_path / "k.yaml").write_text(f"kernel_mapping: {{A: {{cuda: {ranges}}}}}\n")
    code, out, _ = run(capsys, "k.yaml")
    assert code == 0
    assert out.endswith("Checked 1 file: found 1 warning.\n")
    assert run(capsys, "k.yaml", "--ignore", "crossing-capability")[1].endswith("no problems.\n")
    assert "warning" not in run(capsys, "k.yaml", "--select", "missing-lockfile")[1]


@pytest.mark.parametrize("option", ["--ignore", "--select", "--explain"])
def test_a_code_that_is_none_is_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    code, _, err = run(capsys, "k.yaml", option, "unregistred-layer")
    assert code == 2
    assert "did you mean `unregistered-layer`?" in err


def test_explain_shows_a_wrong_and_a_right_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--explain", "unknown-device")
    assert code == 0
    assert out.startswith("error[unknown-device]: ")
    assert "\nWrong:\n" in out
    assert "\nRight:\n" in out


def test_standard_input_needs_a_format(tmp_path: Path) -> None:
    for arguments, expected in ((["--format", "yaml"], 1), ([], 2)):
        done = subprocess.run(
            [*COMMAND, "check", "-", *arguments],
            input=BAD,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected
        assert "Traceback" not in done.stderr


def test_output_in_an_encoding_that_lacks_the_characters(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text("kernel_mapping: {日本: nope}\n", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "check", "k.yaml"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=False,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"invalid-kernel-reference" in done.stdout


def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    layers = "".join(f"  L{index}: nope\n" for index in range(2_000))
    (tmp_path / "k.yaml").write_text(f"kernel_mapping:\n{layers}")
    command = [*COMMAND, "check", "k.yaml", "--output-format", "concise"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        # No success: what was found may not have been seen.
        assert process.wait() == 128 + 13


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=12), max_size=4))
def test_no_argument_makes_a_traceback(arguments: list[str]) -> None:
    # Not the whole disk.
    assume(not any(os.path.isdir(path) for path in arguments))  # noqa: PTH112 (takes any name)
    try:
        code: object = main(["check", *arguments, "no-such-file"])
    except SystemExit as stop:
        code = stop.code
    assert code in {0, 1, 2}


def test_convert_gives_the_same_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text("# a comment\n" + GOOD)
    assert main(["convert", "k.yaml", "--to", "toml"]) == 0
    assert capsys.readouterr().out == '# a comment\n[kernel_mapping]\nSiLU = "org/repo:SiLU"\n'
    (tmp_path / "k.yaml").write_text(BAD)
    assert main(["convert", "k.yaml", "--to", "json"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, "unknown-device" in captured.err) == ("", True)
    assert main(["convert", "nowhere.yaml", "--to", "json"]) == 2


def test_what_is_converted_is_utf8_whatever_the_terminal_takes(tmp_path: Path) -> None:
    text = "kernel_mapping:\n  Né漢: ./kérnels:Norm\n"
    (tmp_path / "k.yaml").write_text(text, encoding="utf-8")
    for encoding in ("ascii", "latin-1", "utf-16"):
        done = subprocess.run(
            [*COMMAND, "convert", "k.yaml", "--to", "yaml"],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        assert done.stdout.decode("utf-8") == text


@pytest.mark.skipif(not exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize("arguments", [["check", "k.yaml"], ["convert", "g.yaml", "--to", "json"]])
def test_output_that_cannot_be_written(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    (tmp_path / "g.yaml").write_text(GOOD)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("kernel-schema: error: the output cannot be written: No space")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="closes streams as a POSIX shell does")
def test_streams_that_are_closed(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    command = f"{sys.executable} -m kernel_schema check k.yaml missing.yaml --output-format json"
    done = subprocess.run(
        ["sh", "-c", f"{command} 2>&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert json.loads(done.stdout)["errors"] == 2
    done = subprocess.run(
        ["sh", "-c", f"{command} >&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m kernel_schema check - --format yaml <&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "-: error[unreadable-file]: standard input is closed\n"


def test_options_add_up_and_stand_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "kernel_mapping:\n  A: ./a:L\n  B: {kernel: 'o/r:L', lockfile: ./b}\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(GOOD)
    codes = ("missing-local-kernel", "missing-lockfile")
    ignored = [word for code in codes for word in ("--ignore", code)]
    code, out, _ = run(capsys, "a.yaml", *ignored, "--output-format", "concise", "b.yaml")
    assert (code, out) == (0, "Checked 2 files: no problems.\n")
    selected = [word for code in codes for word in ("--select", code)]
    assert run(capsys, "a.yaml", *selected)[1].endswith("found 2 errors.\n")


@pytest.mark.parametrize(
    "arguments", [["--select", ","], ["--ignore", ""], ["--max-bytes", "-5"], ["--max-bytes", "x"]]
)
def test_an_option_without_a_meaning_is_a_wrong_call(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    with pytest.raises(SystemExit) as caught:
        main(["check", "k.yaml", *arguments])
    assert caught.value.code == 2
    assert f"argument {arguments[0]}: invalid" in capsys.readouterr().err


def test_codes_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    from kernel_schema.codes import catalogue

    assert main(["codes"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(catalogue())


LIGHT = {"torch", "kernels", "transformers", "huggingface_hub"}
# What only a problem, an export or a model needs.
RARE = {
    "difflib",
    "rich",
    "kernel_schema.model.target",
    "kernel_schema.lowering.inherited",
    "kernel_schema.checks.model",
    "kernel_schema.json_schemas",
}
PARSERS = {"pydantic", "yaml", "typing", "kernel_schema.diagnostics"}


@pytest.mark.parametrize(
    ("arguments", "banned"),
    [
        (["check", "k.yaml"], LIGHT | RARE),
        (["check", "bad.yaml"], LIGHT),
        (["--help"], LIGHT | RARE | PARSERS),
        (["--version"], LIGHT | RARE | PARSERS),
        (["codes"], LIGHT | RARE | PARSERS - {"typing"}),
    ],
)
def test_only_what_is_needed_is_imported(
    tmp_path: Path, arguments: list[str], banned: set[str]
) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    code = (
        "import sys\nfrom kernel_schema.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "kernel_schema.cli.main" in loaded
    assert loaded & banned == set()


def test_the_environment_of_the_caller_stays(tmp_path: Path) -> None:
    """`main` is called in processes of others too; only the command owns its process."""
    (tmp_path / "kernels.yaml").write_text("kernel_mapping: {}\n", encoding="utf-8")
    before = dict(os.environ)
    assert main(["check", str(tmp_path)]) == 0
    assert dict(os.environ) == before
