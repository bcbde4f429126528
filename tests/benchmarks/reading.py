"""Our readers, which know where everything stands, against the parser that a format has.

What is read has one megabyte. To find a place is what the first problem of a good text costs, once.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import yaml

import kernel_schema as ks
from kernel_schema.files.json import read_json
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml
from tests.benchmarks.claims import Claim, Pair
from tests.benchmarks.configs import mixed_document, plain_document

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from tests.benchmarks.timing import Effort

    Document = dict[str, Any]

SIZE: Final = 1_000_000
TINY: Final = 5_000
_PROBE: Final = 100


def yaml_text(document: Document) -> str:
    """A document as people write it: blocks, and one line for what is short."""
    lines = ["kernel_mapping:"]
    for name, entry in document["kernel_mapping"].items():
        if isinstance(entry, dict):
            lines.append(f"  {name}:")
            lines += (f"    {key}: {json.dumps(value)}" for key, value in entry.items())
        else:
            lines.append(f"  {name}: {entry}  # as published")
    return "\n".join((*lines, "inherit_mapping: true\n"))


def toml_text(document: Document) -> str:
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


def indented(document: Document) -> str:
    """JSON as editors write it."""
    return json.dumps(document, indent=2)


def grown(
    make: Callable[[int], Document], write: Callable[[Document], str], characters: int
) -> str:
    """The text of a document that is as large as wanted."""
    return write(make(_PROBE * characters // len(write(make(_PROBE)))))


def load_yaml(text: str) -> object:
    """What most programs do."""
    if not yaml.__with_libyaml__:
        raise ModuleNotFoundError("this PyYAML was built without libyaml")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _reading(
    write: Callable[[Document], str],
    make: Callable[[int], Document],
    read: Callable[[str], Any],
    load: Callable[[str], object],
    *,
    place: bool = False,
) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        text = grown(make, write, effort.size(SIZE, TINY))
        assert read(text).value == load(text)
        if place:
            yield Pair(lambda: read(text).locate(("kernel_mapping",)), lambda: load(text))
        else:
            yield Pair(lambda: read(text), lambda: load(text))

    return prepare


@contextmanager
def _ten_times(effort: Effort) -> Generator[Pair]:
    large, small = (
        grown(mixed_document, yaml_text, effort.size(SIZE, TINY) // part) for part in (1, 10)
    )

    yield Pair(
        lambda: ks.loads(large, format="yaml"),
        lambda: ks.loads(small, format="yaml"),
        len(large) / len(small),
    )


_SHAPES: Final = (
    ("strings", "plain strings", plain_document),
    ("mix", "all forms", mixed_document),
)
_FORMATS: Final = (
    ("yaml", "YAML", "PyYAML with libyaml", "PyYAML", 0.6, yaml_text, read_yaml, load_yaml),
    # Of many small objects: keys that are there twice, and depth, cost a look at each value.
    ("json", "JSON on many lines", "json", None, 2.1, indented, read_json, json.loads),
    ("json-line", "JSON on one line", "json", None, 2.1, json.dumps, read_json, json.loads),
    ("toml", "TOML", "tomllib", None, 1.3, toml_text, read_toml, tomllib.loads),
)


def _claims() -> Iterator[Claim]:
    for name, title, peer, package, target, write, read, load in _FORMATS:
        for shape, words, make in _SHAPES:
            yield Claim(
                f"reading.{name}-{shape}",
                f"reading 1 MB of {title}, {words}",
                peer,
                package,
                target,
                _reading(write, make, read, load),
                first_page=f"{name}-{shape}" == "yaml-mix",
            )
    for shape, words, make in _SHAPES:
        yield Claim(
            f"reading.yaml-place-{shape}",
            f"reading 1 MB of YAML, {words}, and finding a place",
            "PyYAML with libyaml",
            "PyYAML",
            0.6,
            _reading(yaml_text, make, read_yaml, load_yaml, place=True),
        )
    yield Claim(
        "reading.growth",
        "reading and validating 1 MB of YAML, for each byte",
        "100 kB of it",
        None,
        1.5,
        _ten_times,
    )


CLAIMS: Final = tuple(_claims())
