"""From a config to a text: the same bytes for the same config, with the user's sugar."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.atomic import explained, refused, replace_file
from kernel_schema.files.inner import is_pyproject
from kernel_schema.files.local_paths import detach, stated_paths
from kernel_schema.files.read import config_of, format_of
from kernel_schema.schema.models import KernelConfig
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import is_visible, printable, printable_lines, quote

if TYPE_CHECKING:
    from kernel_schema.files.document import Format
    from kernel_schema.files.read import ConfigSource

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_WIDTH: Final = 96


def dumps(config: ConfigSource, *, format: Format) -> str:
    """Write a config as a text.

    Args:
        config: The config, in any form of `ConfigSource`: what a file states has absolute paths.
        format: `yaml`, `json` or `toml`.

    Returns:
        A text that ends with a line feed; `loads` gives an equal config for it. What cannot be
        seen, or CI would take for a command, is escaped.

    Raises:
        FileAccessError: If there is no such format, or the config names a path that no file can
            state: `load` makes them of whatever the folder of a file is called.

    >>> from kernel_schema import KernelConfig
    >>> print(dumps(KernelConfig({"SiLU": "org/repo:SiLU"}), format="toml"), end="")
    [kernel_mapping]
    SiLU = "org/repo:SiLU"
    """
    if format not in _WRITERS:
        raise refused(f"{quote(format)} is not a format: formats are yaml, json and toml")
    config = config_of(config)
    data = config.model_dump()
    if not all(map(str.isprintable, stated_paths(config))):
        try:
            KernelConfig.model_validate(data)
        except ValidationError as error:
            why = ConfigError.from_validation_error(error).diagnostics[0].message
            raise refused(f"no file can state this config: {why}") from None
    return _WRITERS[format](data)


def dump(
    config: ConfigSource,
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
) -> None:
    """Write a config file.

    Local kernels and lock files below the directory of the file are written relative to it, so that
    both can be moved together; `load` makes them absolute again. The file is replaced as a whole:
    whoever reads it finds the old config or the new one, and if it cannot be written it is as it
    was. Links are followed; another name of the same file (a hard link) keeps the old config.

    Args:
        config: The config, in any form of `ConfigSource`. Relative paths in a config are written as
            they are; those of a file start at it.
        path: Where to write; an existing file is replaced, and keeps its permissions.
        format: `yaml`, `json` or `toml`; told by the ending of the path if left out.

    Raises:
        FileAccessError: If the format cannot be told, the path is a `pyproject.toml` (it holds more
            than a config), the config names a path that no file can state, or the file cannot be
            written.
    """
    file = str.__str__(os.fspath(path))  # a plain string, whatever class the path has
    stated = format or format_of(file)
    if stated is None:
        message = f"the format of {quote(file)} cannot be told by its ending"
        raise refused(message, "pass `format=`: yaml, json or toml")
    with explained(file):
        if is_pyproject(file):
            message = f"{quote(file)} holds more than a config"
            raise refused(message, "dump it as toml and paste it by hand")
        directory = Path(file).absolute().parent
    replace_file(file, dumps(detach(config_of(config), directory), format=stated))


def _to_json(data: dict[str, Any]) -> str:
    text = json.dumps(data, indent=2, ensure_ascii=False)
    # JSON has no `\U`: what is beyond U+FFFF is a pair.
    paired = _ASTRAL.sub(
        lambda match: match[0] if is_visible(match[0]) else json.dumps(match[0])[1:-1], text
    )
    return printable_lines(paired) + "\n"


def _to_yaml(data: dict[str, Any]) -> str:
    """Block-style YAML, quoted so that YAML 1.1 and 1.2 read the same; nothing unprintable."""
    # Imported here: writing JSON must not load YAML.
    import yaml

    from kernel_schema.files.text.scalars import is_text

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 (PyYAML's signature)
            super().increase_indent(flow, indentless and flow)

        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

    def represent(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        # In quotes, what `printable` makes of a character is an escape.
        plain = printable(text) == text and is_text(text)
        return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=None if plain else '"')

    Dumper.add_representer(str, represent)
    text = yaml.dump(
        data,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        # A text that is broken could start a line with any of its words.
        width=sys.maxsize,
    )
    return printable_lines(text)


def _to_toml(data: dict[str, Any]) -> str:
    layers: dict[str, Any] = data["kernel_mapping"]
    lines = [f"{_key(key)} = {_value(data[key], 0)}" for key in data if key != "kernel_mapping"]
    lines += ["", "[kernel_mapping]"] if lines else ["[kernel_mapping]"]
    lines += [f"{_key(name)} = {_value(entry, len(name))}" for name, entry in layers.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(value: object, indent: int) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_table(value):
        items = [f"{_key(key)} = {_value(item, indent)}" for key, item in value.items()]
        return f"{{ {', '.join(items)} }}"
    if is_list(value):
        items = [_value(item, indent) for item in value]
        short = f"[{', '.join(items)}]"
        if len(short) + indent <= _WIDTH:
            return short
        return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    return str(value)


def _string(text: str) -> str:
    # JSON's escapes are TOML's too.
    return printable(json.dumps(text, ensure_ascii=False))


_WRITERS: Final = {"json": _to_json, "yaml": _to_yaml, "toml": _to_toml}
