"""`kernel-schema layers`: the names that a model registers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.cli.exits import OK
from kernel_schema.cli.inputs import open_model
from kernel_schema.cli.layout import paragraph
from kernel_schema.cli.shapes import diagnostic_shape
from kernel_schema.cli.terminal import write_json, write_lines
from kernel_schema.lowering.upstream import is_function_class
from kernel_schema.model.inspect import inspect_model

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kernel_schema.model.inspect import RegisteredLayer, RegisteredLayers

VERSION: Final = 1
"""Version of the JSON shape: raised when a key changes its meaning or goes."""


def run_layers(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `model`, `trust_remote_code`, `output_format`.

    Returns:
        0 if the model could be built, 2 if not.
    """
    layers = inspect_model(open_model(options))
    if options.output_format == "json":
        write_json(_shape(layers))
    else:
        write_lines("\n".join(_lines(layers)))
    return OK


def _lines(layers: RegisteredLayers) -> Iterator[str]:
    if not layers:
        cause = registration_disabled()
        yield paragraph("The model registers no layer." if cause is None else str(cause.message))
        if cause is not None and cause.help is not None:
            yield paragraph(f"  help: {cause.help}")
    for layer in layers.values():
        yield paragraph(f"{layer.layer_name}: {count_of(layer)}")
        for cls in layer.classes:
            name = "function" if is_function_class(cls) else f"{cls.__name__}.forward"
            yield paragraph(f"{name}{_signature(cls)}", indent="  ", hanging="    ")
        more = ", ..." if layer.modules + layer.functions > len(layer.names) else ""
        names = ", ".join(name or "the model itself" for name in layer.names)
        yield paragraph(f"in {names}{more}", indent="  ", hanging="   ")
    for instance in layers.ignored:
        yield paragraph(
            f"{instance.layer_name}: ignored, since it is set on "
            f"{instance.name or 'the model'} itself and not on its class"
        )


def count_of(layer: RegisteredLayer) -> str:
    """How many modules and functions carry a name."""
    parts = ((layer.modules, "module"), (layer.functions, "function"))
    return " and ".join(
        f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count
    )


def _shape(layers: RegisteredLayers) -> dict[str, Any]:
    cause = None if layers else registration_disabled()
    return {
        "version": VERSION,
        "layers": [_layer_shape(layer) for layer in layers.values()],
        "ignored": [
            {"layer_name": one.layer_name, "name": one.name, "modules": one.modules}
            for one in layers.ignored
        ],
        "diagnostics": [] if cause is None else [diagnostic_shape(cause)],
    }


def _layer_shape(layer: RegisteredLayer) -> dict[str, Any]:
    return {
        "layer_name": layer.layer_name,
        "modules": layer.modules,
        "functions": layer.functions,
        "names": list(layer.names),
        "classes": [
            {"name": cls.__name__, "module": cls.__module__, "forward": _signature(cls)}
            for cls in layer.classes
        ],
    }


def _signature(cls: Any) -> str:
    """The arguments of `forward`, without `self`, by name and default."""
    try:
        signature = inspect.signature(cls.forward)
    except (TypeError, ValueError):
        return "(...)"
    parameters = list(signature.parameters.values())[1:]
    empty = inspect.Parameter.empty
    bare = [parameter.replace(annotation=empty) for parameter in parameters]
    return str(signature.replace(parameters=bare, return_annotation=empty))
