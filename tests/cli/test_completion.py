"""Completion in real shells: each is asked what it would offer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.commands.completion import CODES, DIRECTORIES, FILES
from kernel_schema.cli.main import main
from kernel_schema.cli.table import COMMANDS
from kernel_schema.cli.table.options import SHELLS
from kernel_schema.codes import catalogue
from tests.schema.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "kernel-schema"
BASH = """\
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
spec=$(complete -p kernel-schema)
spec=${spec% kernel-schema}
${spec##* }
printf '%s\\n' "${COMPREPLY[@]}"
"""
# What is typed is completed by a widget that notes what is offered, and then that it is done.
ZSH = """\
autoload -Uz compinit
compinit -u -D
eval "$(<{script})"
compadd() {{
  if (( ${{@[(I)-[OAD]*]}} )); then builtin compadd "$@"; return; fi
  local -a offered
  builtin compadd -O offered "$@"
  print -rl -- $offered >> {offers}
  builtin compadd "$@"
}}
note() {{ _main_complete; print -r -- DONE >> {offers} }}
zle -C note complete-word note
bindkey '^I' note
print -r -- READY > {ready}
"""


def bash(script: Path, words: list[str]) -> set[str]:
    command = ["bash", "--norc", "--noprofile", "-c", BASH, "bash", str(script), *words]
    return set(_said(command).split("\n"))


def fish(script: Path, words: list[str]) -> set[str]:
    command = ["fish", "--no-config", "-c", f"source {script}; complete -C '{' '.join(words)}'"]
    return {line.partition("\t")[0] for line in _said(command).split("\n")}


def zsh(script: Path, words: list[str]) -> set[str]:
    ready, offers, setup = (script.with_name(name) for name in ("ready", "offers", "setup"))
    for path in (ready, offers):
        path.unlink(missing_ok=True)
    setup.write_text(ZSH.format(script=script, offers=offers, ready=ready))
    ours, theirs = os.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        os.write(ours, f"source {setup}\n".encode())
        _wait_for(ready, "READY")
        os.write(ours, f"{' '.join(words)}\t".encode())
        return set(_wait_for(offers, "DONE").split("\n"))
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
        os.close(theirs)


def _wait_for(path: Path, word: str) -> str:
    for _ in range(200):
        if path.exists() and word in (text := path.read_text()):
            return text
        time.sleep(0.05)
    pytest.fail(f"zsh has not come to {word}")


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


ASK: dict[str, Callable[[Path, list[str]], set[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.fixture(
    scope="module", params=["bash", pytest.param("zsh", marks=pytest.mark.slow), "fish"]
)
def offered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], set[str]]:
    """What a shell offers for the last word of a line, in a folder with two files."""
    shell: str = request.param
    pytest.importorskip("shtab", reason="this is about the extra `completion`")
    if sys.platform == "win32" or shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    folder = tmp_path_factory.mktemp("shell")
    script = folder / "script"
    script.write_text(written(shell), encoding="utf-8")
    (folder / "work" / "configs").mkdir(parents=True)
    (folder / "work" / "configs.kernels.yaml").touch()

    def ask(line: str) -> set[str]:
        before = Path.cwd()
        os.chdir(folder / "work")
        try:
            offers = ASK[shell](script, line.split(" "))
        finally:
            os.chdir(before)
        return {word.rstrip("/") for word in offers} - {"", "DONE"}

    return ask


def written(shell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kernel_schema", "completion", shell],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.endswith("\n")
    return done.stdout


class TestShells:
    def test_complete_commands(self, offered: Callable[[str], set[str]]) -> None:
        names = {command.name for command in COMMANDS}
        assert offered(f"{NAME} co") == {name for name in names if name.startswith("co")}
        assert offered(f"{NAME} ") >= names

    def test_complete_options(self, offered: Callable[[str], set[str]]) -> None:
        assert offered(f"{NAME} check --output-f") == {"--output-format"}
        assert "--provenance" not in offered(f"{NAME} check --pro")

    def test_complete_choices(self, offered: Callable[[str], set[str]]) -> None:
        assert offered(f"{NAME} check --output-format s") == {"sarif"}
        assert offered(f"{NAME} completion ") >= set(SHELLS)

    def test_complete_codes(self, offered: Callable[[str], set[str]]) -> None:
        yaml = {code for code in catalogue() if code.startswith("yaml-")}
        assert offered(f"{NAME} check --explain yaml-") == yaml
        assert offered(f"{NAME} check --ignore yaml-m") < yaml

    def test_complete_files_and_folders(self, offered: Callable[[str], set[str]]) -> None:
        both = {"configs", "configs.kernels.yaml"}
        assert offered(f"{NAME} check con") == both
        assert offered(f"{NAME} convert --output con") == both
        assert offered(f"{NAME} fetch k.yaml --cache-dir con") == {"configs"}


def test_every_shell_is_asked() -> None:
    assert set(ASK) == set(SHELLS)


def test_what_every_argument_takes_is_known() -> None:
    """A new one is either of the sets of the command, or here: what no shell can know."""
    free = {
        *("COMMAND", "LAYER=REF", "N", "NAME", "REPO", "ROUTE", "ROUTE=VALUE", "TARGET"),
        "module:attribute",
    }
    stated = {
        argument.options["metavar"]
        for command in COMMANDS
        for argument in command.arguments
        if "metavar" in argument.options
    }
    assert stated <= free | FILES | DIRECTORIES | CODES


def test_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As Python itself marks what cannot be imported.
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    said = capsys.readouterr()
    assert "pip install 'kernel-schema[completion]'" in said.err
    assert said.out == ""


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["completion", "tcsh"])
    assert stopped.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_nothing_else_imports_it() -> None:
    """So `--help` is as fast as it was."""
    code = (
        "import sys\n"
        "from kernel_schema.cli import run\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    modules = set(done.stderr.split("\n"))
    assert "completion" in done.stdout
    assert "kernel_schema.cli.table.parser" in modules
    ours = {"kernel_schema.cli.commands.completion", "kernel_schema.codes"}
    assert modules.isdisjoint({"shtab", *ours})


@pytest.mark.parametrize("shell", SHELLS)
def test_in_this_process(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    assert "kernel-schema" in capsys.readouterr().out
