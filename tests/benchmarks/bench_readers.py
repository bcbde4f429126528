"""What reading costs, as ratios to the parser that a format is usually read with, in one run.

    python -m tests.benchmarks.bench_readers [ROUNDS]

Files of one megabyte each; ours and theirs run in turn, and times are medians. The lines about
finding a place are what the first problem of a good text costs, once. Exits with 1 if a target is
missed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in {None, ""}:  # run as a file: the checkout must be importable
    sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml

from kernel_schema.files.json import read_json
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml
from tests.benchmarks.configs import mixed_document, plain_document
from tests.benchmarks.timing import HEADING, Row, medians

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_schema.files.parsed import Parsed

SIZE = 1_000_000
YAML_TARGET = 0.6
# Of many small objects: keys that are there twice, and depth, cost a look at each value.
JSON_TARGET = 2.1
TOML_TARGET = 1.3
ROUNDS = 9


def yaml_text(document: dict[str, Any]) -> str:
    """A document as people write it: blocks, and one line for what is short."""
    lines = ["kernel_mapping:"]
    for name, entry in document["kernel_mapping"].items():
        if isinstance(entry, dict):
            lines.append(f"  {name}:")
            lines += (f"    {key}: {json.dumps(value)}" for key, value in entry.items())
        else:
            lines.append(f"  {name}: {entry}  # as published")
    return "\n".join((*lines, "inherit_mapping: true\n"))


def toml_text(document: dict[str, Any]) -> str:
    """A document with a table for each layer that has one."""
    strings = ["[kernel_mapping]"]
    tables: list[str] = []
    for name, entry in document["kernel_mapping"].items():
        if isinstance(entry, dict):
            tables.append(f"[kernel_mapping.{name}]")
            tables += (f"{key} = {_inline(value)}" for key, value in entry.items())
        else:
            strings.append(f"{name} = {_inline(entry)}  # as published")
    return "\n".join(("inherit_mapping = true", *strings, *tables, ""))


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value)


def grown(make: Callable[[int], dict[str, Any]], write: Callable[[dict[str, Any]], str]) -> str:
    """The text of a document that is as large as wanted."""
    layers = 1000
    return write(make(layers * SIZE // len(write(make(layers)))))


def indented(document: dict[str, Any]) -> str:
    """JSON as editors write it."""
    return json.dumps(document, indent=2)


def load_yaml(text: str) -> object:
    """What most programs do."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


FORMATS: tuple[tuple[str, Any, Any, Any, float, float | None], ...] = (
    ("YAML", yaml_text, read_yaml, load_yaml, YAML_TARGET, YAML_TARGET),
    ("JSON on many lines", indented, read_json, json.loads, JSON_TARGET, None),
    ("JSON on one line", json.dumps, read_json, json.loads, JSON_TARGET, None),
    ("TOML", toml_text, read_toml, tomllib.loads, TOML_TARGET, None),
)


def rows(rounds: int) -> Iterator[Row]:
    """The lines of the table."""
    for name, write, ours, theirs, target, place_target in FORMATS:
        for shape, make in (("strings", plain_document), ("all shapes", mixed_document)):
            text = grown(make, write)
            assert ours(text).value == theirs(text)
            # A few milliseconds are too easily disturbed.
            count = rounds * 5 if name.startswith("JSON") else rounds
            read, usual = medians([lambda: ours(text), lambda: theirs(text)], count)  # noqa: B023
            yield Row(f"{name}, {shape}", read, usual, target)
            # Apart: whoever comes after this would find the caches of the processor cold.
            placed, usual = medians([lambda: find(ours(text)), lambda: theirs(text)], rounds)  # noqa: B023
            yield Row(f"{name}, {shape}, and a place found", placed, usual, place_target)


def find(parsed: Parsed) -> object:
    """Ask for one place."""
    return parsed.locate(("kernel_mapping",))


def main(arguments: list[str]) -> int:
    """Print the table; return the exit code."""
    sys.stdout.write(f"{HEADING}\n")
    missed = 0
    for row in rows(int(arguments[0]) if arguments else ROUNDS):
        sys.stdout.write(f"{row}\n")
        missed += not row.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
