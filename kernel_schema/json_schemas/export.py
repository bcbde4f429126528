"""`json_schema`: the JSON Schema of config files, for any model or for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Route
from kernel_schema.json_schemas.shipped import ANY_TYPE, shipped
from kernel_schema.model.inspect import inspect_model
from kernel_schema.routes import RouteError
from kernel_schema.schema.arguments import stated_route
from kernel_schema.schema.values import is_layer_name
from kernel_schema.wording import listing, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.json_schemas.shipped import Profile
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.model.types import Module
    from kernel_schema.schema.arguments import At


def json_schema(
    model: Module | None = None, *, profile: Profile = "editor", at: At | None = None
) -> dict[str, Any]:
    """The JSON Schema (draft 7) of a config file, for editors and validators.

    It accepts what `KernelConfig` accepts and refuses what it refuses, but for what no schema can
    state: that `1.0` is no integer, how ranges of capabilities relate to each other, that a part of
    a repository id has at most 96 characters and does not end in `.git`, and which characters
    beyond the common ones are printable.

    Args:
        model: A `torch.nn.Module`: its registered layers are then the only ones allowed, each with
            a description of what carries it; one that no config can name is left out. None allows
            layers of any name.
        profile: `editor` holds messages, and hints for completion, in keywords that only editors
            understand; `plain` has none of them, for strict validators.
        at: Where the config stands in a bigger file, as `read` takes it: the schema is then one of
            that file, and leaves all else in it free. That something stands there is no rule of it.

    Returns:
        A new schema, ready for `json.dumps`; that of a config for any model with its address, as
        `$id`.

    Raises:
        ValueError: If there is no such profile.
        RouteError: A ValueError, if `at` is no route, or has a position from 1000 on.

    >>> schema = json_schema()
    >>> schema["$schema"], schema["properties"]["inherit_mapping"]["type"]
    ('http://json-schema.org/draft-07/schema#', 'boolean')
    """
    route = Route() if at is None else stated_route(at)
    if model is None:
        return _inside(shipped(profile), route, profile)
    layers = (layer for name, layer in inspect_model(model).items() if is_layer_name(name))
    described = {layer.layer_name: _described(layer) for layer in layers}
    return _inside(for_layers(described, profile), route, profile)


def _inside(schema: dict[str, Any], at: Route, profile: Profile) -> dict[str, Any]:
    """The schema of a bigger file, with that of a config at a route."""
    if not at.steps:
        return schema
    head = {key: schema.pop(key) for key in ("$schema", "definitions")}
    schema.pop("$id", None)
    free = {} if profile == "editor" else {"type": list(ANY_TYPE)}
    for step in reversed(at.steps):
        if isinstance(step, str):
            schema = {**free, "properties": {step: schema}, "additionalProperties": True}
        elif step < _POSITIONS:
            schema = {**free, "items": [*({} for _ in range(step)), schema]}
        else:
            raise RouteError(f"a schema states each item before `[{step}]`: that is too many")
    return {"$schema": head["$schema"], **schema, "definitions": head["definitions"]}


_POSITIONS: Final = 1000


def for_layers(layers: Mapping[str, str], profile: Profile = "editor") -> dict[str, Any]:
    """The JSON Schema of a config file with these layers alone, each given with a description."""
    schema = shipped(profile)
    # What has an address is the schema for any model.
    del schema["$id"]
    mapping = schema["properties"]["kernel_mapping"]
    del mapping["propertyNames"]
    if "errorMessage" in mapping:
        mapping["errorMessage"] += f"; the layers of this model are {listing(list(layers), 'and')}"
    # taplo shows what stands in an `allOf`, the others what stands beside it; beside a bare
    # reference all but one would show nothing.
    mapping["properties"] = {
        name: {
            "description": text,
            "allOf": [
                mapping["additionalProperties"],
                {"description": text, "additionalProperties": True},
            ],
        }
        for name, text in layers.items()
    }
    mapping["additionalProperties"] = False
    # Each layer has a description of its own, and taplo would show both.
    del schema["definitions"]["layer"]["description"]
    return schema


def _described(layer: RegisteredLayer) -> str:
    """What carries a registered name, in one sentence."""
    carried: list[str] = []
    if layer.modules:
        carried.append(_counted(layer.modules, "module"))
    if layer.functions:
        carried.append(f"a function in {_counted(layer.functions, 'module')}")
    classes = printable(", ".join(sorted(cls.__name__ for cls in layer.classes)))
    return f"{' and '.join(carried)} of class {classes} in this model."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
