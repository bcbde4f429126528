"""`kernel-schema init`: a commented config to start from, with every name a model registers."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.cli.commands.convert import refuse_output, save
from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.opening import open_model
from kernel_schema.cli.output.plans import carriers_text
from kernel_schema.cli.output.terminal import write
from kernel_schema.diagnostics import LoweringError
from kernel_schema.files.document import Format
from kernel_schema.files.read import format_of
from kernel_schema.files.write import dumps
from kernel_schema.integrations.lifting import device_table, mode_table, written
from kernel_schema.lowering.upstream import is_of_kernels
from kernel_schema.model.inspect import RegisteredLayer, RegisteredLayers, inspect_model
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.rules import Kernel, Rule, by_layer
from kernel_schema.schema.values import is_layer_name
from kernel_schema.wording import printable, quote

_EXAMPLE: Final = "org/repo:Layer"


def run(options: argparse.Namespace) -> int:
    """0 if the file could be written, else 2."""
    output: str | None = options.output
    by_ending = None if output is None else format_of(output)
    format = options.to or ("yaml" if output is None else by_ending)
    if format not in _FORMATS or (output is not None and by_ending not in _FORMATS):
        return complain(
            f"{output}: a starter is YAML or TOML, for its comments: name it .yaml or .toml, and "
            "use `kernel-schema convert` for JSON"
        )
    if output is not None:
        refuse_output(output, format, force=options.force)
    layers = inspect_model(open_model(options))
    try:
        from kernel_schema.integrations.transformers import default_rules

        defaults: Mapping[str, Sequence[Rule]] | str = by_layer(default_rules())
    except LoweringError as error:
        defaults = error.diagnostics[0].message
    text = starter(layers, defaults, options.model, options.device or (), format)
    for name in layers:
        if not is_layer_name(name):
            complain(
                f"no config can name the layer {quote(name)}: it is left out", severity="warning"
            )
    if output is None:
        write(text)
    else:
        save(output, text, force=options.force)
    return OK


def starter(
    layers: RegisteredLayers,
    defaults: Mapping[str, Sequence[Rule]] | str,
    spec: str,
    devices: Sequence[str] = (),
    format: Format = "yaml",
) -> str:
    """A config file, valid as it stands and with any entry uncommented, that trusts nobody.

    Entries come from the default table, by layer, if there is one, for these devices or for all.

    >>> from kernel_schema import inspect_model
    >>> from kernel_schema.demo.model import build_model
    >>> print(starter(inspect_model(build_model()), {}, "demo"), end="")
    # Kernels for the layers that demo registers.
    # Where transformers' default table has no kernel, the entry is commented out.
    kernel_mapping: {
      # 5 modules: RMSNorm
      # RMSNorm: org/repo:Layer,
      }
    """
    head = [printable(f"# Kernels for the layers that {spec} registers.")]
    if not layers:
        cause = registration_disabled()
        why = cause.message if cause is not None else "none of its classes carries a name"
        empty = "kernel_mapping: {}" if format == "yaml" else "[kernel_mapping]"
        return "\n".join([*head, printable(f"# It registers none: {why}."), empty, ""])
    if isinstance(defaults, str):
        head.append(printable(f"# There are no default kernels to start from: {defaults}."))
        defaults = {}
    else:
        head.append(
            "# Where transformers' default table has no kernel, the entry is commented out."
        )
    parts = [
        part
        for name, layer in layers.items()
        for part in _block(layer, defaults.get(name, ()), devices)
    ]
    if format == "toml":
        return "\n".join([*head, "[kernel_mapping]", *map(_toml, parts), ""])
    if any(isinstance(part, _Entry) and not part.commented for part in parts):
        return "\n".join([*head, "kernel_mapping:", *map(_yaml, parts), ""])
    # In braces, for a table without braces has at least one entry.
    lines = [f"{_yaml(part)}{',' * isinstance(part, _Entry)}" for part in parts]
    return "\n".join([*head, "kernel_mapping: {", *lines, "  }", ""])


_FORMATS: Final = ("yaml", "toml")
_TRUSTS: Final = (
    "Commented out, since `trust_remote_code` runs code of a publisher that the Hub does not "
    "mark as trusted:"
)


class _Note(NamedTuple):
    """What is told to the reader; `of_device` where it is about a device beside others."""

    text: str
    of_device: bool = False


class _Entry(NamedTuple):
    """What is stated for a layer; of one that is partly a comment each device by itself."""

    layer_name: str
    value: Any
    commented: bool = False
    by_device: bool = False


def _block(
    layer: RegisteredLayer, rules: Sequence[Rule], devices: Sequence[str]
) -> Iterator[_Note | _Entry]:
    name = layer.layer_name
    if not is_layer_name(name):
        yield _Note(f"Left out, since no config can name it: {quote(name)}")
        return
    classes = ", ".join(cls.__name__ for cls in layer.classes if not is_of_kernels(cls))
    yield _Note(f"{carriers_text(layer)}{': ' if classes else ''}{classes}")
    rules = [rule for rule in rules if rule.device is not None and rule.kernel is not None]
    if devices:
        rules = [rule for rule in rules if rule.device in devices]
    trusting = {rule.device for rule in rules if _trust(rule)}
    plain = _entry(rule for rule in rules if rule.device not in trusting)
    risky = _entry(rule for rule in rules if rule.device in trusting)
    both = bool(plain and risky)
    if plain:
        yield _Entry(name, plain, by_device=both)
    if risky:
        yield _Note(_TRUSTS, of_device=both)
        yield _Entry(name, risky, commented=True, by_device=both)
    elif not plain:
        yield _Entry(name, dict.fromkeys(devices, _EXAMPLE) or _EXAMPLE, commented=True)


def _yaml(part: _Note | _Entry) -> str:
    if isinstance(part, _Note):
        return printable(f"{'  ' * (1 + part.of_device)}# {part.text}")
    config = KernelConfig({part.layer_name: part.value})
    if not part.commented:
        return "\n".join(dumps(config, format="yaml").splitlines()[1:])
    stated = config.model_dump()["kernel_mapping"][part.layer_name]
    if part.by_device:
        return "\n".join(f"    # {device}: {_flow(entry)}" for device, entry in stated.items())
    return f"  # {_key_of(part.layer_name, 'yaml')}: {_flow(stated)}"


def _flow(value: Any) -> str:
    """A value of YAML in one line, so that one comment is enough for it."""
    if isinstance(value, str):
        return value
    return re.sub(r'"(\w+)":', r"\1:", json.dumps(value))


def _toml(part: _Note | _Entry) -> str:
    if isinstance(part, _Note):
        return printable(f"# {part.text}")
    name, mark = part.layer_name, "# " * part.commented
    key = _key_of(name, "toml")
    if not part.by_device:
        return f"{mark}{key} = {_inline(key, name, part.value)}"
    lines: list[str] = []
    for device, entry in part.value.items():
        table = _inline(key, name, {device: entry})
        value = table.removeprefix(f"{{ {device} = ").removesuffix(" }")
        lines.append(f"{mark}{key}.{device} = {value}")
    return "\n".join(lines)


def _inline(key: str, layer_name: str, value: Any) -> str:
    """A value of TOML in one line."""
    lines = dumps(KernelConfig({layer_name: value}), format="toml").splitlines()[1:]
    return " ".join(map(str.strip, lines)).removeprefix(f"{key} = ")


def _key_of(layer_name: str, format: Format) -> str:
    """The name of a layer as a key of one line."""
    example = dumps(KernelConfig({layer_name: _EXAMPLE}), format=format).splitlines()[1]
    value = f": {_EXAMPLE}" if format == "yaml" else f' = "{_EXAMPLE}"'
    key = example.removesuffix(value)
    return key.strip() if key != example else json.dumps(layer_name)


def _entry(rules: Iterable[Rule]) -> dict[str, Any]:
    """Rules of one layer in the form of a device table, ranges and modes included."""
    by_device: dict[str, dict[Capabilities, dict[str, Any]]] = {}
    for rule in rules:
        if isinstance(rule.kernel, Kernel):
            ranges = by_device.setdefault(str(rule.device), {})
            ranges.setdefault(rule.capabilities, {})[rule.mode_or_fallback] = written(rule.kernel)
    return device_table(
        {
            device: {capabilities: mode_table(modes) for capabilities, modes in ranges.items()}
            for device, ranges in by_device.items()
        }
    )


def _trust(rule: Rule) -> bool | tuple[str, ...]:
    return getattr(rule.kernel, "trust_remote_code", False)
