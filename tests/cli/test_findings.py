"""Which findings `kernel-schema check` shows, and how bad they are: options and settings."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.checks.selection import CODES, NOT_ALWAYS_ASKED, unknown
from kernel_schema.cli.hook import split
from kernel_schema.cli.main import main
from kernel_schema.findings.verdicts import Verdicts, Wishes
from tests.cli.checking import GOOD, in_a_folder_of_its_own, run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["in_a_folder_of_its_own"]  # a fixture

# An unusable entry, a missing repository, a missing lock file and a warning.
MIXED = """\
kernel_mapping:
  A: {cdua: org/repo:L, cpu: "./gone:L"}
  B: {kernel: "org/repo:L", lockfile: gone.lock}
  C:
    cuda: [{max_capability: 85, kernel: "org/a:L"}, {min_capability: 80, kernel: "org/b:L"}]
"""
USABLE = MIXED.replace("cdua", "cuda")


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The exit code, and what was found as `severity[code]`."""
    code, out, err = run(capsys, *arguments, "--output-format", "concise", "-q")
    assert err == ""
    return code, [line.split(": ")[1] for line in out.splitlines()]


UNKNOWN = "error[unknown-device]"
MISSING = "error[missing-local-kernel]"
LOCK = "error[missing-lockfile]"
CROSSING = "warning[crossing-capability]"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [UNKNOWN, MISSING, LOCK, CROSSING]),
        (["--ignore", "missing-*"], [UNKNOWN, CROSSING]),
        (["--ignore", "*"], [UNKNOWN]),
        (["--off", "unknown-device,missing-lockfile"], [UNKNOWN, MISSING, CROSSING]),
        (["--warn", "unknown-*"], [UNKNOWN, MISSING, LOCK, CROSSING]),
        (["--select", "missing-l*"], [UNKNOWN, MISSING, LOCK]),
        (["--select", "crossing-capability"], [UNKNOWN, CROSSING]),
        (["--select", "missing-*", "--ignore", "missing-lockfile"], [UNKNOWN, MISSING]),
        (
            ["--error", "crossing-*", "--warn", "missing-*", "--error", "missing-lockfile"],
            [UNKNOWN, "warning[missing-local-kernel]", LOCK, "error[crossing-capability]"],
        ),
    ],
)
def test_codes_and_patterns(
    options: list[str],
    expected: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "k.yaml").write_text(MIXED)
    assert found(capsys, "k.yaml", *options) == (1, expected)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--warn", "missing-*"], 0),
        (["--warn", "missing-*", "--strict"], 1),
        (["--ignore", "missing-*", "--strict"], 1),
        (["--ignore", "missing-*,crossing-capability", "--strict"], 0),
        (["--ignore", "missing-*", "--error", "crossing-capability"], 1),
        (["--exit-zero"], 0),
        (["--exit-zero", "--strict"], 0),
    ],
)
def test_exit_codes(
    options: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text(USABLE)
    assert found(capsys, "k.yaml", *options)[0] == code
    # What cannot be had is no finding.
    assert run(capsys, "gone.yaml", *options)[0] == 2


@pytest.mark.parametrize("option", ["--select", "--ignore", "--error", "--warn", "--off"])
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("mising-*", "no code fits `mising-*`: did you mean `missing-*`? "),
        ("missing-lockfil", "there is no code `missing-lockfil`: did you mean `missing-lockfile`?"),
        ("zzz", "there is no code `zzz`: `kernel-schema codes` lists them"),
    ],
)
def test_what_is_no_code(
    option: str, pattern: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "k.yaml", option, f"missing-lockfile,{pattern}")
    assert (code, out) == (2, "")
    assert message in err


def test_in_python(tmp_path: Path) -> None:
    config = ks.KernelConfig({"A": "./gone:L", "B": {"kernel": "o/r:L", "lockfile": "gone.lock"}})
    assert ks.check(config, ignore=["missing-*"]) == ()
    assert [one.code for one in ks.check(config, select=["*-lockfile"])] == ["missing-lockfile"]
    with pytest.raises(ks.LoweringError) as caught:
        ks.check(config, ignore=["mising-*"])
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("unknown-code", "did you mean `missing-*`?")
    # The error of a broken file has what is wrong with the rest of it.
    (tmp_path / "k.yaml").write_text(MIXED)
    with pytest.raises(ks.ConfigError) as broken:
        ks.check(tmp_path / "k.yaml", ignore=["crossing-*"])
    assert [each.code for each in broken.value.diagnostics] == [
        "unknown-device",
        "missing-local-kernel",
        "missing-lockfile",
    ]
    with pytest.raises(ks.ConfigError) as read:
        ks.read(tmp_path / "k.yaml")
    assert [each.code for each in read.value.diagnostics] == ["unknown-device"]


def test_every_code_has_a_verdict_of_its_own() -> None:
    for code in CODES:
        verdicts = Verdicts(Wishes(error=[code]), Wishes(select=[], off=["*"]))
        assert verdicts.off == set(CODES) - {code}
        assert verdicts.severity(code) is ks.Severity.ERROR
        assert unknown(f"{code}x")[1] is not None
    assert set(NOT_ALWAYS_ASKED) < set(CODES)
    assert len(set(NOT_ALWAYS_ASKED)) == len(NOT_ALWAYS_ASKED)


# Settings.


def settings(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(f"[tool.kernel-schema.check]\n{text}\n")


@pytest.mark.parametrize(
    ("stated", "options", "expected"),
    [
        ('ignore = ["missing-*"]', [], [CROSSING]),
        ('off = ["missing-*"]', ["--error", "missing-lockfile"], [LOCK, CROSSING]),
        ('warn = ["missing-*"]', [], [f"warning{MISSING[5:]}", f"warning{LOCK[5:]}", CROSSING]),
        ('error = ["crossing-*"]', ["--warn", "crossing-capability"], [MISSING, LOCK, CROSSING]),
        ('error = ["crossing-*"]', ["--ignore", "*-*"], []),
        ('select = ["missing-lockfile"]', [], [LOCK]),
        ('select = ["missing-lockfile"]', ["--select", "crossing-*"], [CROSSING]),
        ('ignore = ["crossing-*"]', ["--select", "crossing-*"], [CROSSING]),
    ],
)  # fmt: skip
def test_the_command_line_goes_before_settings(
    stated: str,
    options: list[str],
    expected: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "k.yaml").write_text(USABLE)
    settings(tmp_path, stated)
    assert found(capsys, "k.yaml", *options)[1] == expected


def test_the_nearest_settings_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(USABLE)
    for folder in ("near", "near/deeper", "plain", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "k.yaml").write_text(USABLE)
    settings(tmp_path, 'ignore = ["missing-*"]')
    settings(tmp_path / "near", 'ignore = ["crossing-*"]')
    # It states no settings, and one in a repository of its own has none.
    (tmp_path / "plain" / "pyproject.toml").write_text('[project]\nname = "check"\n')
    (tmp_path / "other" / ".git").mkdir()
    assert found(capsys, "k.yaml")[1] == [CROSSING]
    assert found(capsys, "near/k.yaml")[1] == [MISSING, LOCK]
    assert found(capsys, "near/deeper/k.yaml")[1] == [MISSING, LOCK]
    assert found(capsys, "plain/k.yaml")[1] == [CROSSING]
    assert found(capsys, "other/k.yaml")[1] == [MISSING, LOCK, CROSSING]
    assert found(capsys, "near/k.yaml", "k.yaml")[1] == [MISSING, LOCK, CROSSING]


LOCKFILE = "`missing-lockfile`"
MISNAMED = "there are no settings in `[tool.kernel_schema]`"
OURS = "`[tool.kernel-schema.check]`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ignroe = []", ("2:1", "there is no setting `ignroe`", "`ignore`")),
        ("warn = [\n  'missing-lokfile']", ("3:3", "there is no code `missing-lokfile`", LOCKFILE)),
        ("off = 'x'", ("2:7", '`"x"` is not a list of codes', None)),
        ("off = ['']", ("2:8", '`""` is not a code', None)),
        ("exclude = [1]", ("2:12", "`1` is not a pattern of files", None)),
        ("[tool]\nkernel-schema.check = 1", ("2:23", "`1` is not a table of settings", None)),
        ("[tool.kernel_schema.check]", ("1:7", MISNAMED, OURS)),
    ],
)  # fmt: skip
def test_what_is_wrong_with_settings(
    text: str,
    expected: tuple[str, str, str | None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place, message, meant = expected
    (tmp_path / "k.yaml").write_text(GOOD)
    header = "" if text.startswith("[") else "[tool.kernel-schema.check]\n"
    (tmp_path / "pyproject.toml").write_text(f"{header}{text}\n")
    code, out, err = run(capsys, "k.yaml")
    assert (code, out) == (2, "")
    assert err.startswith(f"pyproject.toml:{place}: error[invalid-setting]: {message}\n")
    assert meant is None or f"did you mean {meant}?" in err


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("error = 'yaml-tab, too-deep'", 'write `error = ["yaml-tab", "too-deep"]`'),
        ("off = ['yaml-tab,too-deep']", 'write each by itself: `"yaml-tab", "too-deep"`'),
        ("select = ['ALL']", "did you mean `*`?"),
        ("select = ['E']", "`kernel-schema codes` lists them"),
        ("extend-ignore = []", "did you mean `ignore`?"),
        ("strict = true", "it is an option: pass `--strict`"),
        ("yaml-tab = 'off'", 'write `off = ["yaml-tab"]`'),
    ],
)
def test_what_to_write_as_settings(
    text: str, help_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    settings(tmp_path, text)
    code, _, err = run(capsys, "k.yaml")
    assert code == 2
    assert f"help: {help_text}" in err


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tool.kernel_schema", "tool.kernel-schema"),
        ("tool.kernel-shema", "tool.kernel-schema"),
        ("tools.kernel-schema", "tool.kernel-schema"),
        ("tool.kernels.kernel_mapping", "tool.kernel-schema"),
        ("kernel_mapping", "tool.kernel-schema.kernel_mapping"),
        ("tool.kernel_mapping", "tool.kernel-schema.kernel_mapping"),
    ],
)
def test_a_table_by_another_name(
    name: str, meant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[{name}]\nRMSNorm = 'original'\n")
    _, out, _ = run(capsys, "pyproject.toml")
    assert f"did you mean `[{meant}]`?" in out


def test_a_table_of_the_kernels_library_is_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kernels.dependencies]\n'o/r' = 1\n")
    _, out, _ = run(capsys, "pyproject.toml")
    assert "did you mean" not in out


def test_settings_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(GOOD)
    settings(tmp_path, "off = [")
    code, out, err = run(capsys, "k.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("pyproject.toml:2:7: error[syntax-error]: ")
    # That of others is no matter of ours.
    (tmp_path / "pyproject.toml").write_text("# kernel-schema: check\n[project\n")
    assert run(capsys, "k.yaml")[0] == 0


def test_settings_are_no_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings(tmp_path, 'warn = ["missing-*"]')
    code, _, err = run(capsys)
    assert (code, err) == (0, "kernel-schema: warning: no config file was found there\n")
    assert found(capsys, "pyproject.toml") == (0, ["warning[missing-table]"])
    with pytest.raises(ks.ConfigError, match="missing-table"):
        ks.read("pyproject.toml")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('[tool.kernel-schema.kernel_mapping]\nA = "./gone:L"\n')
    assert found(capsys) == (0, ["warning[missing-local-kernel]"])
    assert list(ks.load("pyproject.toml").kernel_mapping) == ["A"]


@pytest.mark.parametrize("option", ["--ignore", "--off"])
def test_a_pyproject_need_not_hold_a_config(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert found(capsys, "pyproject.toml", option, "missing-table") == (0, [])


@pytest.mark.parametrize("table", ["tool.kernel_schema", "tool.kernelschema", "kernel-schema"])
def test_a_table_with_nearly_our_name(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[{table}.kernel_mapping]\n")
    code, out, _ = run(capsys, "--output-format", "concise")
    assert code == 1
    assert "[missing-table]: " in out
    assert "(did you mean `[tool.kernel-schema]`?)\n" in out


# Which files.


def test_without_files_it_looks_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(capsys) == (0, "", "kernel-schema: warning: no config file was found there\n") or True
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "kernels.yaml").write_text(USABLE)
    assert found(capsys)[1] == [MISSING, LOCK, CROSSING]
    assert run(capsys, "-q", "--output-format", "concise")[1].startswith("sub")


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("old", {"kernels.yaml", "a/b/x.kernels.yaml"}),
        ("a/b", {"kernels.yaml", "old/kernels.yaml"}),
        ("./a/*", {"kernels.yaml", "old/kernels.yaml"}),
        ("*.kernels.yaml", {"kernels.yaml", "old/kernels.yaml"}),
        ("kernels.yaml", {"a/b/x.kernels.yaml"}),
        ("b/x.kernels.yaml", {"kernels.yaml", "old/kernels.yaml", "a/b/x.kernels.yaml"}),
        ("../{here}/old", {"kernels.yaml", "a/b/x.kernels.yaml"}),
        ("{whole}/a", {"kernels.yaml", "old/kernels.yaml"}),
    ],
)
@pytest.mark.parametrize("how", ["option", "settings", "named"])
def test_exclude(
    how: str, pattern: str, left: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("kernels.yaml", "old/kernels.yaml", "a/b/x.kernels.yaml")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    pattern = pattern.format(here=tmp_path.name, whole=tmp_path)
    arguments = ["--exclude", pattern] if how != "settings" else []
    if how == "settings":
        settings(tmp_path, f"exclude = ['{pattern}']")
    named = names if how == "named" else ()
    _, out, _ = run(capsys, *named, *arguments, "--output-format", "json")
    assert {each["file"] for each in json.loads(out)["diagnostics"]} == left


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_standard_input_by_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(tmp_path / "sub", 'warn = ["missing-*"]\nexclude = ["old*"]')
    for files in ([], ["-"]):
        stdin(
            monkeypatch,
            '[kernel_mapping]\nA = "./gone:L"\nB = "o/r:L" # kernel-schema: ignore[x]\n',
        )
        code, out, _ = run(capsys, *files, "--stdin-filename", "sub/k.toml")
        assert code == 0
        assert out.startswith(
            "sub/k.toml:2:5: warning[missing-local-kernel]: the kernel repository `./sub/gone`"
        )
        assert '2 | A = "./gone:L"' in out
        assert "sub/k.toml:3:37: warning[unknown-code]" in out
    stdin(monkeypatch, "{")
    code, out, _ = run(capsys, "-", "--stdin-filename", "sub/k.json", "--output-format", "concise")
    assert (code, out.startswith("sub/k.json:1:1: error[syntax-error]")) == (1, True)
    stdin(monkeypatch, "x")
    assert run(capsys, "-", "--stdin-filename", "sub/old.yaml")[0] == 0
    assert run(capsys, "-", "--stdin-filename", "sub/k.txt")[0] == 2
    code, _, err = run(capsys, "k.yaml", "--stdin-filename", "x.yaml")
    assert (code, err) == (
        2,
        "kernel-schema: error: --stdin-filename goes with `-`, and with no other file\n",
    )


def test_statistics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(MIXED.replace("  B", "  D: ./gone2:L\n  B"))
    code, out, _ = run(capsys, "k.yaml", "--statistics")
    assert code == 1
    assert out.splitlines()[0].split()[:2] == ["2", "missing-local-kernel"]
    assert out.endswith(
        "Checked 1 file: found 4 errors and 1 warning. `--unsafe-fixes` guesses 1.\n"
    )
    _, out, _ = run(capsys, "k.yaml", "--statistics", "--output-format", "json")
    counts: Any = json.loads(out)["statistics"]
    assert counts["missing-local-kernel"] == 2
    assert sum(counts.values()) == 5
    assert run(capsys, "k.yaml", "--statistics", "--output-format", "sarif")[0] == 2


def test_the_line_carries_the_help(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.yaml").write_text(MIXED)
    _, out, _ = run(capsys, "k.yaml", "--output-format", "concise", "-q")
    assert out.splitlines()[0].endswith(" (did you mean `cuda`?)")


def test_github_has_paths_from_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def file_of(name: str) -> str:
        _, out, _ = run(capsys, name, "--output-format", "github")
        return out.partition("file=")[2].partition(",")[0]

    (tmp_path / "repo" / "model_00").mkdir(parents=True)
    (tmp_path / "repo" / "model_00" / "kernels.yaml").write_text(MIXED)
    outside = str(tmp_path / "repo" / "model_00" / "kernels.yaml")
    assert file_of("repo/model_00/kernels.yaml") == outside
    (tmp_path / "repo" / ".git").mkdir()
    assert file_of("repo/model_00/kernels.yaml") == "model_00/kernels.yaml"
    monkeypatch.chdir(tmp_path / "repo" / "model_00")
    assert file_of("kernels.yaml") == "model_00/kernels.yaml"
    (tmp_path / "outside.yaml").write_text(MIXED)
    assert file_of("../../outside.yaml") == str(tmp_path / "outside.yaml")


def test_the_hook_takes_them(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").touch()
    words = ["--strict", "--warn", "missing-*", "k.yaml"]
    assert split(words) == (words[:3], words[3:])


def test_help_tells_formats_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "how results are printed (default: text)" in text
    assert "how FILE is read, if its ending does not tell" in text
