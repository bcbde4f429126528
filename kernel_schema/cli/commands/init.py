"""`kernel-schema init`: a commented config to start from, with every name a model registers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.opening import open_model
from kernel_schema.cli.output.plans import carriers_text
from kernel_schema.cli.output.terminal import write
from kernel_schema.diagnostics import LoweringError
from kernel_schema.files.atomic import create_file, is_taken, replace_file
from kernel_schema.files.write import dumps
from kernel_schema.integrations.lifting import device_table, mode_table, written
from kernel_schema.lowering.upstream import is_of_kernels
from kernel_schema.model.inspect import RegisteredLayer, RegisteredLayers, inspect_model
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.rules import Kernel, Rule, by_layer
from kernel_schema.schema.values import is_layer_name
from kernel_schema.wording import printable, quote

_ENDINGS: Final = (".yaml", ".yml")
_EXAMPLE: Final = "org/repo:Layer"


def run(options: argparse.Namespace) -> int:
    """0 if the file could be written, else 2."""
    output: str | None = options.output
    if output is not None and Path(output).suffix not in _ENDINGS:
        return complain(
            f"{output}: a starter is YAML, for its comments: name it .yaml, and use "
            "`kernel-schema convert` for other formats"
        )
    taken = f"{output} exists: pass --force to replace it"
    if output is not None and is_taken(output) and not options.force:
        return complain(taken)
    layers = inspect_model(open_model(options))
    try:
        from kernel_schema.integrations.transformers import default_rules

        defaults: Mapping[str, Sequence[Rule]] | str = by_layer(default_rules())
    except LoweringError as error:
        defaults = error.diagnostics[0].message
    text = starter(layers, defaults, options.model, options.device or ())
    for name in layers:
        if not is_layer_name(name):
            complain(
                f"no config can name the layer {quote(name)}: it is left out", severity="warning"
            )
    if output is None:
        write(text)
        return OK
    try:
        if options.force:
            replace_file(output, text)
        else:
            create_file(output, text)
    except FileExistsError:  # since we looked
        return complain(taken)
    return OK


def starter(
    layers: RegisteredLayers,
    defaults: Mapping[str, Sequence[Rule]] | str,
    spec: str,
    devices: Sequence[str] = (),
) -> str:
    """A config file in YAML that is valid as it stands, and trusts nobody.

    Entries come from the default table, by layer, if there is one, for these devices or for all.

    >>> from kernel_schema import inspect_model
    >>> from kernel_schema.demo.model import build_model
    >>> print(starter(inspect_model(build_model()), {}, "demo"), end="")
    # Kernels for the layers that demo registers.
    # Where transformers' default table has no kernel, the entry is commented out.
    # Take the `{}` away with the first entry that you fill in.
    kernel_mapping: {}
      # 5 modules: RMSNorm
      # RMSNorm: org/repo:Layer
    """
    head = [printable(f"# Kernels for the layers that {spec} registers.")]
    if not layers:
        cause = registration_disabled()
        why = cause.message if cause is not None else "none of its classes carries a name"
        return "\n".join([*head, printable(f"# It registers none: {why}."), _EMPTY, ""])
    if isinstance(defaults, str):
        head.append(printable(f"# There are no default kernels to start from: {defaults}."))
        defaults = {}
    else:
        head.append(
            "# Where transformers' default table has no kernel, the entry is commented out."
        )
    blocks = [
        line
        for name, layer in layers.items()
        for line in _block(layer, defaults.get(name, ()), devices)
    ]
    filled = any(not line.lstrip().startswith("#") for line in blocks)
    if not filled:
        head.append("# Take the `{}` away with the first entry that you fill in.")
    return "\n".join([*head, "kernel_mapping:" if filled else _EMPTY, *blocks, ""])


_EMPTY: Final = "kernel_mapping: {}"
_TRUSTS: Final = (
    "# Commented out, since `trust_remote_code` runs code of a publisher that the Hub does not "
    "mark as trusted:"
)


def _block(layer: RegisteredLayer, rules: Sequence[Rule], devices: Sequence[str]) -> Iterator[str]:
    name = layer.layer_name
    if not is_layer_name(name):
        yield printable(f"  # Left out, since no config can name it: {quote(name)}")
        return
    classes = ", ".join(cls.__name__ for cls in layer.classes if not is_of_kernels(cls))
    yield printable(f"  # {carriers_text(layer)}{': ' if classes else ''}{classes}")
    rules = [rule for rule in rules if rule.device is not None and rule.kernel is not None]
    if devices:
        rules = [rule for rule in rules if rule.device in devices]
    trusting = {rule.device for rule in rules if _trust(rule)}
    plain = _entry(rule for rule in rules if rule.device not in trusting)
    if plain:
        yield from _yaml_of(name, plain)
    risky = _entry(rule for rule in rules if rule.device in trusting)
    if risky:
        lines = _yaml_of(name, risky)
        # Beside devices that are filled in, the name of the layer stands there already.
        indent, lines = ("    ", lines[1:]) if plain else ("  ", lines)
        yield f"{indent}{_TRUSTS}"
        yield from _commented(lines, indent)
    elif not plain:
        yield from _commented(_yaml_of(name, dict.fromkeys(devices, _EXAMPLE) or _EXAMPLE), "  ")


def _commented(lines: Iterable[str], indent: str) -> Iterator[str]:
    return (f"{indent}# {line.removeprefix(indent)}" for line in lines)


def _yaml_of(layer_name: str, entry: Any) -> list[str]:
    """The lines of one entry, indented as they stand under `kernel_mapping`."""
    return dumps(KernelConfig({layer_name: entry}), format="yaml").splitlines()[1:]


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
