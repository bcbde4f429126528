"""Whole calls of the command, against other whole processes; their bytecode is there."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.benchmarks.claims import Claim, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from tests.benchmarks.timing import Effort

ROOT: Final = Path(__file__).parents[2]
SCHEMA: Final = ROOT / "schemas" / "kernel-config.plain.schema.json"
FILES: Final = 2_000

# What the scripts that pip writes do.
OURS: Final = "from kernel_schema.cli import run; run()"
CHECK_JSONSCHEMA: Final = "from check_jsonschema import main; main()"


def _python(code: str, *arguments: str) -> Callable[[], subprocess.CompletedProcess[bytes]]:
    # The first call leaves its bytecode behind, also in a checkout.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, check=True, capture_output=True, env=environment)

    return run


@contextmanager
def _folder(files: int) -> Generator[str]:
    """A folder of so many configs, of 30 layers each."""
    layers = "".join(f"  Layer{index}: org/repo@v1:Layer{index}\n" for index in range(30))
    with TemporaryDirectory() as folder:
        for index in range(files):
            path = Path(folder) / f"{index}.kernels.yaml"
            path.write_text(f"kernel_mapping:\n{layers}", encoding="utf-8")
        yield folder


@contextmanager
def _check_beside_schema(_effort: Effort) -> Generator[Pair]:
    with _folder(1) as folder:
        file = str(Path(folder) / "0.kernels.yaml")
        yield Pair(
            _python(OURS, "check", file),
            _python(CHECK_JSONSCHEMA, "--schemafile", str(SCHEMA), file),
        )


@contextmanager
def _check_beside_pydantic(_effort: Effort) -> Generator[Pair]:
    with _folder(1) as folder:
        ours = _python(OURS, "check", str(Path(folder) / "0.kernels.yaml"))
        yield Pair(ours, _python("from pydantic import BaseModel"))


@contextmanager
def _check_many(effort: Effort) -> Generator[Pair]:
    files = effort.size(FILES, 3)
    with _folder(files) as folder:
        done = _python(OURS, "check", folder)()
        assert f"Checked {files} files".encode() in done.stdout, done.stdout
        one = str(Path(folder) / "0.kernels.yaml")
        yield Pair(_python(OURS, "check", folder), _python(OURS, "check", one))


def _option(option: str) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(_effort: Effort) -> Generator[Pair]:
        yield Pair(_python(OURS, option), _python("pass"))

    return prepare


CLAIMS: Final = (
    Claim(
        "commands.check-jsonschema",
        "`kernel-schema check` of a file of 30 layers",
        "check-jsonschema",
        "check-jsonschema",
        0.8,
        _check_beside_schema,
        "wall",
        first_page=True,
    ),
    Claim(
        "commands.pydantic",
        "`kernel-schema check` of a file of 30 layers",
        "importing pydantic",
        "pydantic",
        2.0,
        _check_beside_pydantic,
        "wall",
    ),
    Claim(
        "commands.files",
        f"`kernel-schema check` of {FILES:,} files",
        "`check` of one of them",
        None,
        8.0,
        _check_many,
        "wall",
    ),
    Claim(
        "commands.help",
        "`kernel-schema --help`",
        "Python, doing nothing",
        None,
        3.0,
        _option("--help"),
        "wall",
    ),
    Claim(
        "commands.version",
        "`kernel-schema --version`",
        "Python, doing nothing",
        None,
        3.0,
        _option("--version"),
        "wall",
    ),
)
