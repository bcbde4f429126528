"""YAML out, through PyYAML, quoted so that both YAML 1.1 and YAML 1.2 read the same strings."""

from __future__ import annotations

import sys
from typing import Any

import yaml

from kernel_schema.files._yaml_scalars import OutOfRangeError, resolve
from kernel_schema.wording import printable, printable_lines


class _Dumper(yaml.SafeDumper):
    """A dumper that quotes what YAML 1.2 would take for a number, and indents lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 (PyYAML's signature)
        super().increase_indent(flow, indentless and flow)

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _represent_string(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # In quotes, what `printable` makes of a character is an escape.
    plain = printable(text) == text and _reads_as_string(text)
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _reads_as_string(text: str) -> bool:
    try:
        return bool(text) and isinstance(resolve(text), str)
    except OutOfRangeError:
        return False


_Dumper.add_representer(str, _represent_string)


def write_yaml(data: dict[str, Any]) -> str:
    """Write plain data as block-style YAML, keys in their order, with nothing unprintable.

    >>> print(write_yaml({"a": {"b": "0o14", "c": [1, True]}}), end="")
    a:
      b: "0o14"
      c:
        - 1
        - true
    """
    text = yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        # A text that is broken could start a line with any of its words.
        width=sys.maxsize,
    )
    return printable_lines(text)
