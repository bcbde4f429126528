"""`kernel-schema layers`: the names that a model registers."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from typing import Any

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.cli.exits import OK
from kernel_schema.cli.opening import open_model
from kernel_schema.cli.output.json import diagnostics_json, write_object
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.plans import OWN, carriers_text
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.lowering.upstream import is_of_kernels
from kernel_schema.model.inspect import RegisteredLayers, inspect_model


def run(options: argparse.Namespace) -> int:
    """0 if the model could be built, else 2."""
    layers = inspect_model(open_model(options))
    cause = None if layers else registration_disabled()
    if options.output_format == "json":
        _write_json(layers, cause)
    else:
        write_lines("\n".join(_lines(layers, cause)))
    return OK


def _lines(layers: RegisteredLayers, cause: Diagnostic | None) -> Iterator[str]:
    if not layers:
        yield paragraph("The model registers no layer." if cause is None else cause.message)
        if cause is not None and cause.help is not None:
            yield paragraph(f"  help: {cause.help}")
    for layer in layers.values():
        yield paragraph(f"{layer.layer_name}: {carriers_text(layer)}")
        for cls in layer.classes:
            name = "function" if is_of_kernels(cls) else f"{cls.__name__}.forward"
            yield paragraph(f"{name}{_signature(cls)}", indent="  ", hanging="    ")
        if layer.own_forward is not None:
            yield paragraph(f"{OWN}: {layer.own_forward}", indent="  ", hanging="    ")
        more = ", ..." if layer.modules + layer.functions > len(layer.names) else ""
        names = ", ".join(name or "the model itself" for name in layer.names)
        yield paragraph(f"in {names}{more}", indent="  ", hanging="   ")
    for instance in layers.ignored:
        yield paragraph(
            f"{instance.layer_name}: ignored, since it is set on "
            f"{instance.name or 'the model'} itself and not on its class"
        )


def _write_json(layers: RegisteredLayers, cause: Diagnostic | None) -> None:
    write_object(
        layers=[
            {
                "layer_name": layer.layer_name,
                "modules": layer.modules,
                "functions": layer.functions,
                "names": list(layer.names),
                "own_forward": layer.own_forward,
                "classes": [
                    {"name": cls.__name__, "module": cls.__module__, "forward": _signature(cls)}
                    for cls in layer.classes
                ],
            }
            for layer in layers.values()
        ],
        ignored=[
            {"layer_name": each.layer_name, "name": each.name, "modules": each.modules}
            for each in layers.ignored
        ],
        diagnostics=[] if cause is None else diagnostics_json([cause]),
    )


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
