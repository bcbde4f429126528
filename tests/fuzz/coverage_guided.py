"""Runs atheris on one check; see the `fuzz_*` scripts beside this file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def run(name: str) -> None:
    """Fuzz with the arguments of the command line, until told to stop or a check fails.

    Args:
        name: `yaml`, `json` or `toml` for one reader, or `config` for whole config files. Begins
            from the seeds, unless the arguments name a folder of inputs.
    """
    from importlib import import_module

    # Not everywhere: it has no wheel for every Python.
    atheris: Any = import_module("atheris")

    with atheris.instrument_imports(include=["kernel_schema", "yaml", "tomllib", "tomli", "json"]):
        from tests.fuzz import checks, configs, seeds

    if name == "config":
        check = _any_format(configs)
        starts = [
            f"{number}{text}"
            for number, format in enumerate(configs.FORMATS)
            for text in configs.seeds(format)
        ]
    else:
        check = getattr(checks, f"check_{name}")
        starts = getattr(seeds, name.upper())

    def one_input(data: bytes) -> None:
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
        check(text)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "seeds"
        folder.mkdir()
        for number, seed in enumerate(starts):
            (folder / str(number)).write_text(seed, encoding="utf-8", newline="")
        words = Path(scratch) / "words"
        entries = [token.encode("utf-8", "surrogatepass") for token in seeds.TOKENS]
        words.write_text("".join(f'"{_escaped(entry)}"\n' for entry in entries))
        inputs = [] if any(not arg.startswith("-") for arg in sys.argv[1:]) else [str(folder)]
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=2000", *inputs], one_input)
        atheris.Fuzz()


def _any_format(configs: Any) -> Callable[[str], None]:
    def check(text: str) -> None:
        format = configs.FORMATS[ord(text[:1] or "0") % len(configs.FORMATS)]
        configs.check_config(text[1:], format)

    return check


def _escaped(entry: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in entry)
