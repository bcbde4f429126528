"""What pydantic says of our models: the nodes of the shipped file, as definitions of its schema.

pydantic writes draft 2020-12 and names definitions itself, for FastAPI under another path. So each
node goes through its generator, which gives the reference to it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import TypeAdapter
from pydantic_core import core_schema

from kernel_schema.json_schemas.rules import config_keys
from kernel_schema.json_schemas.shipped import shipped
from kernel_schema.schema import models
from kernel_schema.schema.vocabulary import CONFIG_KEYS, DEVICE_NAMES, MODE_NAMES, SPEC_KEYS

if TYPE_CHECKING:
    from pydantic import BaseModel, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from kernel_schema.json_schemas.texts import Keywords

_PREFIX: Final = "#/definitions/"
_OF_THE_FILE: Final = ("$schema", "$id", "definitions")


def embedded(model: type[BaseModel], handler: GetJsonSchemaHandler) -> Keywords:
    """The node of a model of ours, for pydantic's hook `__get_pydantic_json_schema__`.

    It is the same in both modes and by either name: what is dumped is what a file may hold.
    """
    nodes = _of_models()
    node = next(nodes[base] for base in model.__mro__ if base in nodes)
    return {"title": model.__name__, **_written(node, handler)}


@cache
def _file() -> Keywords:
    return shipped("plain")


@cache
def _of_models() -> dict[type, Keywords]:
    """What stands for each model in a file."""
    keys: Keywords = _file()["definitions"]["layer"]["properties"]

    def table(names: tuple[str, ...], **rules: Any) -> Keywords:
        return {"type": "object", "properties": {name: keys[name] for name in names}, **rules}

    beside = [{"$ref": f"{_PREFIX}keys_beside_kernel"}]
    config = {key: node for key, node in _file().items() if key not in _OF_THE_FILE}
    # Only files extend others.
    keys_of_config = [key for key in CONFIG_KEYS if key != "extends"]
    config["properties"] = {key: config["properties"][key] for key in keys_of_config}
    for branch in ("if", "else"):
        names = {**config[branch]["propertyNames"], "pattern": config_keys(keys_of_config)}
        config[branch] = {**config[branch], "propertyNames": names}
    return {
        models.KernelConfig: config,
        models.KernelSpec: table(SPEC_KEYS, required=["kernel"], allOf=beside),
        models.ModeMapping: table(MODE_NAMES, additionalProperties=False, minProperties=1),
        models.DeviceMapping: table(DEVICE_NAMES, additionalProperties=False, minProperties=1),
        models.CapabilityEntry: _file()["definitions"]["capability_range"],
    }


def _written(value: Any, handler: GetJsonSchemaHandler) -> Any:
    """A copy in draft 2020-12, with references to the definitions of pydantic's schema."""
    if isinstance(value, list):
        return [_written(item, handler) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    node = cast("Keywords", value)
    if "$ref" in node:
        return handler(_definition(node["$ref"].removeprefix(_PREFIX)))
    return {
        "dependentSchemas" if key == "dependencies" else key: _written(item, handler)
        for key, item in node.items()
    }


class _Definition:
    """The JSON Schema of a type: one definition of the shipped file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_json_schema__(
        self, carrier: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Keywords:
        del carrier  # it takes anything: the node says what is right
        return _written(_file()["definitions"][self._name], handler)


@cache
def _definition(name: str) -> CoreSchema:
    """A type of its own: pydantic lists it among its definitions, by the end of its `ref`."""
    ref = f"{__name__}.KernelConfig{name.title().replace('_', '')}:0"
    carrier = TypeAdapter[Any](Annotated[Any, _Definition(name)]).core_schema
    return core_schema.definitions_schema(
        core_schema.definition_reference_schema(ref), [cast("CoreSchema", {**carrier, "ref": ref})]
    )
