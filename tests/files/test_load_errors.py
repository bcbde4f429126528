"""What keeps a file from being read: for each cause its own error, in Python and as a command.

A file that cannot be had (exit code 2) is another matter than one whose content cannot be used
(exit code 1).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.files.document import Format

GOOD = {
    "yaml": "kernel_mapping: {A: org/repo:A}\n",
    "json": '{"kernel_mapping": {"A": "org/repo:A"}}\n',
    "toml": '[kernel_mapping]\nA = "org/repo:A"\n',
}
CONFIG = ks.KernelConfig({"A": "org/repo:A"})
FINDINGS, USAGE = 1, 2


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=GOOD)
def known(request: pytest.FixtureRequest) -> str:
    return request.param


def error_of(file: str | Path, **options: object) -> tuple[ks.ConfigError, ks.Diagnostic]:
    """The error of reading a file, and its one diagnostic."""
    with pytest.raises(ks.ConfigError) as caught:
        ks.read(file, **options)  # type: ignore[arg-type]
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.file == str(file)
    assert str(caught.value) == str(diagnostic)
    # Reading and loading are refused alike, whatever the path is made of.
    with pytest.raises(type(caught.value)) as again:
        ks.load(os.fspath(file), **options)  # type: ignore[arg-type]
    assert again.value.diagnostics == (diagnostic,)
    return caught.value, diagnostic


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """What the command does with it: exit code, standard output, standard error."""
    code = main(["check", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def assert_no_access(
    capsys: pytest.CaptureFixture[str], file: str | Path, code: str, message: str
) -> None:
    error, found = error_of(file)
    assert isinstance(error, ks.FileAccessError)
    assert found.code == code
    assert found.message == message
    exit_code, out, err = check(capsys, str(file))
    assert exit_code == USAGE
    assert "error" not in out
    assert err.startswith(f"{printable(str(file))}: error[{code}]: {message}\n")


def assert_no_content(
    capsys: pytest.CaptureFixture[str], file: str | Path, code: str, message: str, *options: str
) -> None:
    exit_code, out, err = check(capsys, str(file), *options, "--output-format", "concise")
    assert (exit_code, err) == (FINDINGS, "")
    place, _, rest = out.partition(": error")
    assert place.split(":")[0] == str(file)
    line, summary = rest.splitlines()
    assert line.startswith(f"[{code}]: {message}")
    assert summary == "Checked 1 file: found 1 error."


class TestFilesThatCannotBeHad:
    def test_missing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert_no_access(capsys, "kernels.yaml", "file-not-found", "there is no such file")
        assert_no_access(capsys, Path("a") / "b.toml", "file-not-found", "there is no such file")

    def test_directory(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("kernels.yaml").mkdir()
        error, found = error_of("kernels.yaml")
        assert isinstance(error, ks.FileAccessError)
        assert (found.code, found.help) == ("is-a-directory", "name a file in it")
        # The command searches a directory, and says when there is nothing in it.
        code, out, err = check(capsys, "kernels.yaml")
        assert code == 0
        assert "error" not in out
        assert err == "kernel-schema: warning: no config file was found there\n"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("file/kernels.yaml", "Not a directory"),
            ("loop.yaml", "Too many levels of symbolic links"),
            ("x" * 300 + ".yaml", "File name too long"),
            ("nul\0.yaml", "no path holds a null character"),
        ],
    )
    def test_unreadable(self, name: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path("file").touch()
        Path("loop.yaml").symlink_to("loop.yaml")
        assert_no_access(capsys, name, "unreadable-file", f"it cannot be read: {reason}")

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
    )
    def test_without_permission(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("kernels.yaml").write_text(GOOD["yaml"], encoding="utf-8")
        Path("kernels.yaml").chmod(0)
        message = "it cannot be read: Permission denied"
        assert_no_access(capsys, "kernels.yaml", "unreadable-file", message)

    @pytest.mark.parametrize("name", ["kernels", "kernels.txt", "kernels.yaml.bak", ".yaml", "a."])
    def test_unknown_ending(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(name).write_text(GOOD["yaml"], encoding="utf-8")
        message = f"the format of `{name}` cannot be told by its ending"
        assert_no_access(capsys, name, "unknown-format", message)
        assert "--format" in (error_of(name)[1].help or "")
        assert ks.read(name, format="yaml").config == CONFIG
        assert check(capsys, name, "--format", "yaml")[0] == 0

    @pytest.mark.parametrize("name", ["missing", "missing.txt"])
    def test_what_is_not_there_has_no_ending(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert_no_access(capsys, name, "file-not-found", "there is no such file")

    def test_unknown_format(self) -> None:
        Path("kernels.yaml").touch()
        error, found = error_of("kernels.yaml", format="xml")
        assert isinstance(error, ks.FileAccessError)
        assert found.code == "unknown-format"
        assert found.message == "`xml` is not a format: formats are yaml, json and toml"

    def test_others_are_checked_all_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("good.yaml").write_text(GOOD["yaml"], encoding="utf-8")
        Path("bad.yaml").write_text("kernel_mapping: {A: org}\n", encoding="utf-8")
        code, out, err = check(capsys, "good.yaml", "missing.yaml", "bad.yaml")
        assert code == USAGE
        assert err == "missing.yaml: error[file-not-found]: there is no such file\n"
        assert out.startswith("bad.yaml:1:21: error[invalid-kernel-reference]")


class TestContentThatCannotBeUsed:
    def test_too_large(self, known: Format, capsys: pytest.CaptureFixture[str]) -> None:
        file = Path(f"kernels.{known}")
        file.write_text(GOOD[known], encoding="utf-8")
        size = file.stat().st_size
        assert ks.read(file, max_bytes=size).config == CONFIG
        assert check(capsys, str(file), "--max-bytes", str(size))[0] == 0
        error, found = error_of(file, max_bytes=size - 1)
        assert not isinstance(error, ks.FileAccessError)
        assert found.code == "file-too-large"
        assert found.help is not None
        assert "--max-bytes" in found.help
        message = f"the file is larger than {size - 1} bytes"
        option = ("--max-bytes", str(size - 1))
        assert_no_content(capsys, file, "file-too-large", message, *option)

    def test_two_megabytes_unless_more_is_allowed(self) -> None:
        text = GOOD["json"].rstrip() + " " * 2_000_000
        Path("kernels.json").write_text(text, encoding="utf-8")
        assert error_of("kernels.json")[1].message == "the file is larger than 2000000 bytes"
        Path("kernels.json").write_text(text[:2_000_000], encoding="utf-8")
        assert ks.load("kernels.json") == CONFIG

    @pytest.mark.parametrize(
        ("raw", "offset", "place"),
        [
            (b"a: \xff\n", 3, (1, 4)),
            ("größe: 1".encode("latin-1"), 2, (1, 3)),
            (GOOD["json"].encode("utf-16"), 0, (1, 1)),
            (b"\xed\xa0\x80", 0, (1, 1)),
            ("ö".encode()[:1], 0, (1, 1)),
            (b"\xef\xbb\xbfa: 1\r\n\xc3\xb6\xe6\xbc\xa2: \x80", 16, (2, 5)),
        ],
    )
    def test_not_utf8(
        self,
        raw: bytes,
        offset: int,
        place: tuple[int, int],
        known: Format,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        file = Path(f"kernels.{known}")
        file.write_bytes(raw)
        error, found = error_of(file)
        assert not isinstance(error, ks.FileAccessError)
        message = f"the file is not UTF-8: byte {raw[offset]:#04x} at offset {offset}"
        assert (found.code, found.message) == ("not-utf8", message)
        assert found.span == ks.Span(*place, *place)
        assert_no_content(capsys, file, "not-utf8", message)

    @pytest.mark.parametrize("text", ["", "\n", " \r\n ", "\ufeff", "\ufeff\n"])
    def test_empty(self, text: str, known: Format, capsys: pytest.CaptureFixture[str]) -> None:
        file = Path(f"kernels.{known}")
        file.write_text(text, encoding="utf-8", newline="")
        error, found = error_of(file)
        assert not isinstance(error, ks.FileAccessError)
        assert found.code == "empty-document"
        assert found.span is not None
        assert (found.span.line, found.span.column) == (1, 1)
        assert_no_content(capsys, file, "empty-document", found.message)

    def test_too_many_problems(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("kernels.json").write_text('{"a":1\n' + ',"a":1\n' * 2000 + "}", encoding="utf-8")
        code, out, err = check(capsys, "kernels.json", "--output-format", "concise")
        assert (code, err) == (FINDINGS, "")
        lines = out.splitlines()
        assert len(lines) < 1100
        assert "[duplicate-key]" in lines[0]
        assert "[too-many-problems]" in lines[-2]

    def test_good_ones_come_with_marks_and_any_line_end(self, known: Format) -> None:
        file = Path(f"kernels.{known.upper()}")
        for mark in ("", "\ufeff"):
            for line_end in ("\n", "\r\n", ""):
                text = mark + GOOD[known].replace("\n", line_end)
                if known == "toml" and not line_end:
                    text = mark + GOOD[known].rstrip()
                file.write_text(text, encoding="utf-8", newline="")
                document = ks.read(file)
                assert document.config == CONFIG
                assert document.format == known
                assert document.text == text.removeprefix("\ufeff")


class TestStandardInput:
    @pytest.fixture
    def given(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.BytesIO]:
        stream = io.BytesIO()
        with io.TextIOWrapper(stream, encoding="utf-8") as wrapper:
            monkeypatch.setattr(sys, "stdin", wrapper)
            yield stream

    def test_with_format(
        self, given: io.BytesIO, known: Format, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given.write(GOOD[known].encode())
        given.seek(0)
        assert ks.load("-", format=known) == CONFIG
        given.seek(0)
        assert check(capsys, "-", "--format", known) == (0, "Checked 1 file: no problems.\n", "")

    def test_without_format(self, given: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
        message = "the format of standard input cannot be told"
        assert_no_access(capsys, "-", "unknown-format", message)
        assert "--format" in (error_of("-")[1].help or "")

    def test_what_is_wrong_is_shown(
        self, given: io.BytesIO, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given.write(b"kernel_mapping: {A: org}\n")
        given.seek(0)
        code, out, err = check(capsys, "-", "--format", "yaml")
        assert (code, err) == (FINDINGS, "")
        head, _, line, carets, *_ = out.splitlines()
        assert head.startswith("-:1:21: error[invalid-kernel-reference]: `org` names no layer")
        assert line == "1 | kernel_mapping: {A: org}"
        assert carets == "  |                     ^^^"

    @pytest.mark.parametrize(
        ("raw", "options", "code"),
        [
            (b"\xff", (), "not-utf8"),
            (b"", (), "empty-document"),
            (GOOD["yaml"].encode(), ("--max-bytes", "5"), "file-too-large"),
        ],
    )
    def test_content_that_cannot_be_used(
        self,
        given: io.BytesIO,
        raw: bytes,
        options: tuple[str, ...],
        code: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        given.write(raw)
        given.seek(0)
        exit_code, out, _ = check(capsys, "-", "--format", "yaml", *options)
        assert exit_code == FINDINGS
        assert f"error[{code}]" in out

    def test_relative_paths_start_where_we_are(self, given: io.BytesIO, tmp_path: Path) -> None:
        given.write(b"kernel_mapping: {A: ./norm:A}\n")
        given.seek(0)
        assert str(ks.load("-", format="yaml").kernel_mapping["A"]) == f"{tmp_path}/norm:A"

    def test_as_a_command(self) -> None:
        command = [sys.executable, "-m", "kernel_schema", "check", "-", "--format", "toml"]
        done = subprocess.run(
            command, input=b"\xef\xbb\xbfA = 1\r\n", capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (FINDINGS, b"")
        assert done.stdout.startswith(b"-:1:1: error[")


class TestPyproject:
    FILE = Path("pyproject.toml")

    def test_with_the_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = (
            '[project]\nname = "x"\n\n[tool.kernel-schema.kernel_mapping]\nA = "org/repo:A"\n\n'
            "[tool.other]\nkernel_mapping = 1\n"
        )
        self.FILE.write_text(text, encoding="utf-8")
        document = ks.read(self.FILE)
        assert document.config == CONFIG
        assert document.text == text
        # Routes lead into the config: the table is where they begin.
        span = document.locate(ks.Route(("kernel_mapping", "A")))
        assert span == ks.Span(5, 5, 5, 17)
        assert ks.load("./pyproject.toml") == CONFIG
        assert check(capsys, "pyproject.toml")[0] == 0

    @pytest.mark.parametrize(
        "text", ['[project]\nname = "x"\n', "[tool.kernel_schema]\n", "tool = 1\n", "[tool]\n"]
    )
    def test_without_the_table(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.FILE.write_text(text, encoding="utf-8")
        error, found = error_of(self.FILE)
        assert not isinstance(error, ks.FileAccessError)
        assert found.code == "missing-table"
        message = "there is no table `[tool.kernel-schema]` in it"
        assert_no_content(capsys, self.FILE, "missing-table", message)

    def test_mistakes_are_placed_in_the_whole_file(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = '[project]\nname = "x"\n[tool.kernel-schema]\nkernel_mapping.A.hip = "org/repo:A"\n'
        self.FILE.write_text(text, encoding="utf-8")
        _, found = error_of(self.FILE)
        assert found.code == "unknown-device"
        steps = ("tool", "kernel-schema", "kernel_mapping", "A", "hip")
        assert found.route == ks.Route(steps, at_key=True)
        assert found.span == ks.Span(4, 18, 4, 21)

    def test_an_empty_table_lacks_its_mapping(self) -> None:
        self.FILE.write_text("[tool.kernel-schema]\n", encoding="utf-8")
        _, found = error_of(self.FILE)
        assert found.code == "missing-key"
        assert found.span is not None
        assert found.span.line == 1

    def test_elsewhere_in_the_file_it_may_be_wrong_toml(self) -> None:
        self.FILE.write_text("[project]\nname = x\n[tool.kernel-schema]\n", encoding="utf-8")
        assert error_of(self.FILE)[1].code == "syntax-error"

    def test_other_names_are_plain_configs(self) -> None:
        Path("my-pyproject.toml").write_text(GOOD["toml"], encoding="utf-8")
        assert ks.load("my-pyproject.toml") == CONFIG
