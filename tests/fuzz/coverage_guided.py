"""Runs atheris on one check; see the `fuzz_*` scripts beside this file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def run(name: str) -> None:
    """Fuzz one reader with the arguments of the command line, until told to stop or it fails.

    Beginning from the seeds, unless the arguments name a folder of inputs.
    """
    import atheris

    with atheris.instrument_imports(include=["kernel_schema", "yaml", "tomllib", "tomli", "json"]):
        from tests.fuzz import checks, seeds

    check = getattr(checks, f"check_{name}")

    def one_input(data: bytes) -> None:
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
        check(text)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "seeds"
        folder.mkdir()
        for number, seed in enumerate(getattr(seeds, name.upper())):
            (folder / str(number)).write_text(seed, encoding="utf-8", newline="")
        words = Path(scratch) / "words"
        entries = [token.encode("utf-8", "surrogatepass") for token in seeds.TOKENS]
        words.write_text("".join(f'"{_escaped(entry)}"\n' for entry in entries))
        inputs = [] if any(not arg.startswith("-") for arg in sys.argv[1:]) else [str(folder)]
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=2000", *inputs], one_input)
        atheris.Fuzz()


def _escaped(entry: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in entry)
