"""Which files `kernel-schema check` looks at, and which it cannot have."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.checking import BAD, GOOD, in_a_folder_of_its_own, run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["in_a_folder_of_its_own"]  # a fixture


def test_a_directory_is_searched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("kernels.yaml", "a/llama.kernels.json", "a/kernels.toml", "a/pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[tool.kernel-schema]\n" if "pyproject" in name else "x")
    for name in (".git/kernels.yaml", "venv/kernels.yaml", "b/pyproject.toml", "other.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    code, out, _ = run(capsys, ".", "--output-format", "json")
    files = list(dict.fromkeys(found["file"] for found in json.loads(out)["diagnostics"]))
    assert code == 1
    expected = ["kernels.yaml", "a/kernels.toml", "a/llama.kernels.json", "a/pyproject.toml"]
    assert files == [name.replace("/", os.sep) for name in expected]


def test_an_empty_directory_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, ".")
    assert (code, err) == (0, "kernel-schema: warning: no config file was found there\n")


def test_a_missing_file_keeps_no_other_from_being_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text(BAD)
    code, out, err = run(capsys, "missing.yaml", "k.yaml", "k.yaml")
    assert code == 2
    assert err == "missing.yaml: error[file-not-found]: there is no such file\n"
    assert out.endswith("Checked 1 file: found 2 errors. `--fix` mends 1.\n")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_cannot_be_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "kernels.yaml").write_text(GOOD)
    (tmp_path / "closed").chmod(0)
    try:
        code, out, err = run(capsys, ".")
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert code == 2
    assert "Checked 1 file: " in out
    assert err.endswith(
        "closed: error[unreadable-file]: it cannot be searched: Permission denied\n"
    )


def test_what_the_system_refuses_to_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As above, for those who may read everything.
    (tmp_path / "kernels.yaml").write_text(GOOD)
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    code, out, err = run(capsys, ".")
    assert code == 2
    assert "Checked 1 file: " in out
    assert err == "closed: error[unreadable-file]: it cannot be searched: Permission denied\n"


OURS = "SiLU = {hip = 'org/repo:SiLU'}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"[tool.'kernel-schema'.kernel_mapping]\n{OURS}\n", True),
        (f"[tool]\nkernel-schema.kernel_mapping.{OURS}\n", True),
        (f"tool = {{kernel-schema = {{kernel_mapping = {{{OURS}}}}}}}\n", True),
        (f"[ tool . kernel-schema ]\nkernel_mapping = {{{OURS}}}\n", True),
        ("[tool.kernel-schema]\nkernel_mapping = \n", True),
        ("# see [tool.kernel-schema] some day\n[project]\nname = 'x'\n", False),
        ("[tool.kernel-schema-extra]\nname = 'x'\n", False),
        ("[project]\ndescription = 'uses tool.kernel-schema tables'\n", False),
        ("[project\n", False),
    ],
)
def test_a_pyproject_is_ours_if_it_has_our_table(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, found: bool
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    code, out, err = run(capsys, ".")
    assert (code == 1) == found
    assert ("Checked 1 file" in out) == found
    assert ("no config file was found" in err) == (not found)


def test_one_file_under_several_spellings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kernels.yaml").write_text(BAD)
    _, out, _ = run(capsys, "kernels.yaml", "./kernels.yaml", str(tmp_path / "kernels.yaml"), ".")
    assert out.endswith("Checked 1 file: found 2 errors. `--fix` mends 1.\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_search_leaves_pipes_alone_and_tells_of_dead_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "kernels.yaml")
    (tmp_path / "kernels.json").symlink_to("nowhere")
    code, _, err = run(capsys, ".")
    why = "it is a link to `nowhere`, which is not there"
    assert (code, err) == (2, f"kernels.json: error[file-not-found]: {why}\n")


def test_no_name_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "")
    assert (code, err) == (2, '"": error[file-not-found]: a file has a name\n')


def test_a_name_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "a\x1b[31m.yaml")
    assert (code, "\x1b" in err) == (2, False)


def test_a_name_that_is_not_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"b\xffd.yaml")
    (tmp_path / name).write_text(BAD)
    for output_format in ("text", "concise", "json", "github", "sarif"):
        code, out, _ = run(capsys, name, "--output-format", output_format)
        assert code == 1
    (first, _) = json.loads(out)["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "b%FFd.yaml"
