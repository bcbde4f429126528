"""`check --fix`, `--diff` and `--unsafe-fixes`: files are mended, nothing else happens to them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

BAD = """\
# Kernels of ours.
kernel_mapping:
  A: {hip: org/repo:L}  # AMD
  B: null
  C: {gpu: org/repo:L}
  D: org/repo
"""
SAFE = BAD.replace("hip", "rocm").replace("null", "original")
UNSAFE = SAFE.replace("gpu", "cuda")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "k.yaml").write_text(BAD, encoding="utf-8")
    return tmp_path / "k.yaml"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["check", *words])
    out, err = capsys.readouterr()
    return code, out, err


class TestFix:
    def test_what_is_certain(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, "--fix", "k.yaml")
        assert (code, err) == (1, "")
        assert file.read_text() == SAFE
        assert "error[unknown-device]: `gpu`" in out
        assert out.endswith(
            "Mended 2 problems in 1 file.\n"
            "Checked 1 file: found 2 errors. `--unsafe-fixes` guesses 1.\n"
        )

    def test_guesses_too(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, _, _ = run(capsys, "--fix", "--unsafe-fixes", "k.yaml")
        assert (code, file.read_text()) == (1, UNSAFE)

    def test_exits_as_check_does_on_the_result(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text(BAD.replace("  D: org/repo\n", "").replace("gpu", "cuda"))
        code, out, _ = run(capsys, "--fix", "k.yaml")
        assert (code, out) == (0, "Mended 2 problems in 1 file.\nChecked 1 file: no problems.\n")
        code, out, _ = run(capsys, "--fix", "k.yaml")
        assert (code, out) == (0, "Checked 1 file: no problems.\n")

    def test_only_what_is_reported(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text("kernel_mapping:\n  A: {cuda: [{min_capability: 9, kernel: org/repo:L}]}\n")
        before = file.read_text()
        code, _, _ = run(capsys, "--fix", "--ignore", "unlikely-capability", "k.yaml")
        assert (code, file.read_text()) == (0, before)
        run(capsys, "--fix", "k.yaml")
        assert "min_capability: 90" in file.read_text()

    @pytest.mark.parametrize("end", ["\r\n", "\n"])
    @pytest.mark.parametrize("mark", ["\ufeff", ""])
    def test_all_else_stays(
        self, end: str, mark: str, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_bytes((mark + BAD.replace("\n", end)).encode())
        run(capsys, "--fix", "k.yaml")
        assert file.read_bytes() == (mark + SAFE.replace("\n", end)).encode()

    @pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
    def test_permissions_and_links_stay(
        self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.chmod(0o640)
        (tmp_path / "link.yaml").symlink_to(file)
        run(capsys, "--fix", "link.yaml")
        assert (tmp_path / "link.yaml").is_symlink()
        assert file.read_text() == SAFE
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "k.yaml", "link.yaml"]

    @pytest.mark.skipif(os.name == "nt", reason="links")
    def test_a_link_out_of_the_repository_is_not_followed(
        self,
        tmp_path: Path,
        tmp_path_factory: pytest.TempPathFactory,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "k.yaml"
        elsewhere.write_text(BAD)
        (tmp_path / "link.yaml").symlink_to(elsewhere)
        code, _, err = run(capsys, "--fix", "link.yaml")
        assert (code, elsewhere.read_text()) == (1, BAD)
        assert "warning[cannot-write]: a link leads to it out of this directory" in err

    def test_many_files(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for name in ("a", "b"):
            (tmp_path / f"{name}.kernels.yaml").write_text("kernel_mapping: {A: null}\n")
        (tmp_path / "kernels.json").write_text('{"kernel_mapping": {"A": {"hip": "o/r:L",}}}')
        (tmp_path / "kernels.toml").write_text("[kernel_mapping]\nA = {CUDA = 'o/r:L'}\n")
        code, out, _ = run(capsys, "--fix")
        assert code == 0
        assert "Mended 5 problems in 4 files.\nChecked 4 files: no problems.\n" in out
        assert (tmp_path / "kernels.json").read_text() == (
            '{"kernel_mapping": {"A": {"rocm": "o/r:L"}}}'
        )
        assert (tmp_path / "kernels.toml").read_text() == (
            "[kernel_mapping]\nA = {cuda = 'o/r:L'}\n"
        )

    def test_standard_input(self) -> None:
        words = [sys.executable, "-m", "kernel_schema", "check", "--fix", "-"]
        words += ["--stdin-filename", "x.yaml"]
        done = subprocess.run(words, input=BAD, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, SAFE)
        assert "x.yaml:5:7: error[unknown-device]" in done.stderr

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
    def test_what_cannot_be_written(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.chmod(0o444)
        code, _, err = run(capsys, "--fix", "k.yaml")
        assert code == 2
        assert "cannot be written" in err


class TestDiff:
    def test_nothing_is_written(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, "--diff", "k.yaml")
        assert (code, file.read_text()) == (1, BAD)
        assert err == "Would mend 2 problems in 1 file.\n"
        assert run(capsys, "--diff", "k.yaml", "--exit-zero") == (0, out, err)
        assert out.startswith("--- k.yaml\n+++ k.yaml\n@@ ")
        assert "-  A: {hip: org/repo:L}  # AMD\n" in out
        assert "+  A: {rocm: org/repo:L}  # AMD\n" in out

    @pytest.mark.parametrize("end", ["\n", ""])
    def test_git_applies_it(
        self, end: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("kernel_mapping:\n  A: null" + end)
        _, out, _ = run(capsys, "--diff", "k.yaml")
        (tmp_path / "patch").write_text(out)
        subprocess.run(["git", "apply", "-p0", "patch"], cwd=tmp_path, check=True)
        assert file.read_text() == "kernel_mapping:\n  A: original" + end

    def test_nothing_to_mend(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text("kernel_mapping: {A: org/repo}\n")
        assert run(capsys, "--diff", "k.yaml") == (0, "", "Nothing to mend.\n")

    def test_lines_that_are_commands_are_not_printed(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("# ##[error]x\nkernel_mapping:\n  A: null\n")
        _, out, _ = run(capsys, "--diff", "k.yaml")
        assert "##[" not in out


def test_guesses_go_with_fixes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--unsafe-fixes", "k.yaml")
    assert code == 2
    assert "--unsafe-fixes goes with --fix or --diff" in err


def test_programs_get_the_edits(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "k.yaml", "--output-format", "json")
    fixes = [each["fix"] for each in json.loads(out)["diagnostics"]]
    edit = {"line": 3, "column": 7, "end_line": 3, "end_column": 10, "text": "rocm"}
    assert fixes[0] == {"safe": True, "edits": [edit]}
    assert [fix and fix["safe"] for fix in fixes] == [True, True, False, None]
    _, out, _ = run(capsys, "k.yaml", "--output-format", "sarif")
    results = json.loads(out)["runs"][0]["results"]
    assert results[0]["fixes"] == [
        {
            "description": {"text": "did you mean `rocm`?"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "k.yaml"},
                    "replacements": [
                        {
                            "deletedRegion": {
                                "startLine": 3,
                                "startColumn": 7,
                                "endLine": 3,
                                "endColumn": 10,
                            },
                            "insertedContent": {"text": "rocm"},
                        }
                    ],
                }
            ],
        }
    ]
