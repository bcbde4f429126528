"""The files of the corpus, and what the command says of them.

`valid/` holds configs with which nothing is wrong. What is wrong with the others decides on their
folder: `invalid/syntax/` is no text of its format or uses what a config does without;
`invalid/schema/` breaks a rule that a JSON Schema can state; `invalid/semantic/` breaks one that
none can state (it compares numbers or looks at files); `invalid/model/` is a good config that goes
wrong for the model in `invalid/model/model.py`. Beside each invalid file stands what
`kernel-schema check` prints for it, as `NAME.EXT.txt`: `python tests/corpus/update.py` writes it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent
FOLDERS = ("valid", "invalid/syntax", "invalid/schema", "invalid/semantic", "invalid/model")
MODEL = "model:build"
_ENDINGS = {".yaml", ".yml", ".json", ".toml"}


class Case(NamedTuple):
    """One file of the corpus.

    Args:
        folder: One of `FOLDERS`.
        name: The bare name of the file.
    """

    folder: str
    name: str

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def path(self) -> Path:
        """The file."""
        return ROOT / self.folder / self.name

    @property
    def expected(self) -> Path:
        """What the command prints for it: there for invalid files only."""
        return self.path.with_name(f"{self.name}.txt")

    @property
    def needs_model(self) -> bool:
        """Whether the file is checked against a model."""
        return self.folder == "invalid/model"

    @property
    def arguments(self) -> list[str]:
        """The command line that checks the file, from its own folder."""
        model = ["--model", MODEL] if self.needs_model else []
        return ["check", self.name, "--output-format", "text", *model]


def cases(*folders: str) -> list[Case]:
    """The files of some folders, all of them if none is named."""
    return [
        Case(folder, path.name)
        for folder in folders or FOLDERS
        for path in sorted((ROOT / folder).iterdir())
        if path.suffix in _ENDINGS
    ]


class Outcome(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def run(case: Case) -> Outcome:
    """Check a file of the corpus from its own folder, in this process."""
    out, err = StringIO(), StringIO()
    with inside(case.folder), redirect_stdout(out), redirect_stderr(err):
        code = main(case.arguments)
    return Outcome(code, out.getvalue(), err.getvalue())


@contextmanager
def inside(folder: str) -> Iterator[None]:
    """Work in a folder of the corpus, whose modules can be imported."""
    directory, path = Path.cwd(), list(sys.path)
    sys.modules.pop("model", None)
    os.chdir(ROOT / folder)
    try:
        yield
    finally:
        os.chdir(directory)
        sys.path[:] = path
        sys.modules.pop("model", None)
