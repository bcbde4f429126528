"""The builder of the two files in `schemas/`, run by `python tests/json_schema/update.py`.

Where a string, a table or a list may stand, `anyOf` gives useless messages in every editor. A flat
node gives one precise message: `type`, `pattern`, `properties` and `items` stand side by side, and
`rules` say which keys a table can have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from kernel_schema.json_schemas import texts
from kernel_schema.json_schemas.rules import (
    HAS_KERNEL,
    OPEN,
    beside_kernel,
    names,
    original_or,
    required,
    without_kernel,
)
from kernel_schema.json_schemas.shipped import DIALECT
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, CONFIG_KEYS
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from kernel_schema.json_schemas.shipped import Profile
    from kernel_schema.json_schemas.texts import Keywords


def build(profile: Profile) -> Keywords:
    """The JSON Schema of a config file, for any model.

    >>> list(build("plain")["properties"])
    ['$schema', 'kernel_mapping', 'inherit_mapping']
    """
    schema = _for_editors()
    return schema if profile == "editor" else plain(schema)


def _for_editors() -> Keywords:
    layers: Keywords = {
        "type": "object",
        "propertyNames": texts.LAYER_NAMES,
        "additionalProperties": _ref("layer"),
        "description": texts.MAPPING,
        "errorMessage": texts.MAPPING_MESSAGE,
    }
    message = f"the keys of a config are {listing(CONFIG_KEYS, 'and')}"
    return {
        "$schema": DIALECT,
        "description": texts.CONFIG,
        "type": "object",
        "errorMessage": texts.CONFIG_MESSAGE,
        "properties": {
            "$schema": texts.SCHEMA_URI,
            "kernel_mapping": layers,
            "inherit_mapping": texts.INHERIT,
        },
        **OPEN,
        # A misspelt key is not a missing one too.
        "if": {"propertyNames": names(CONFIG_KEYS), **OPEN},
        "then": {**required("kernel_mapping"), "errorMessage": texts.LACKING_MAPPING},
        "else": {"propertyNames": names(CONFIG_KEYS, message), **OPEN},
        "definitions": dict(sorted(_definitions().items())),
    }


def _definitions() -> dict[str, Keywords]:
    kernel, modes, devices = texts.KERNEL_TEXTS, texts.MODE_TEXTS, texts.DEVICE_TEXTS
    options = {key: _ref(key) for key in kernel}
    by_mode = {mode: _ref(mode) for mode in modes}
    by_device = {device: _device(device, {**options, **by_mode}) for device in devices}
    by_layer = {**options, **by_device, **by_mode}
    return {
        **texts.VALUES,
        "keys_beside_kernel": beside_kernel(kernel, {}),
        "keys_of_kernel": without_kernel({"kernel": kernel}, {}),
        "keys_of_kernel_modes": without_kernel({"kernel": kernel, "modes": modes}, {}),
        "keys_of_kernel_modes_devices": without_kernel(
            {"kernel": kernel, "modes": modes, "devices": devices}, {}
        ),
        **{
            mode: _flat(text, texts.KERNEL_STRING, texts.MODE_MESSAGE, options, "keys_of_kernel")
            for mode, text in modes.items()
        },
        "capability_range": _range(),
        "layer": _flat(
            texts.LAYER,
            texts.ENTRY_STRING,
            texts.LAYER_MESSAGE,
            by_layer,
            "keys_of_kernel_modes_devices",
        ),
    }


def _device(device: str, keys: dict[str, Keywords]) -> Keywords:
    """One device: in place, since a description beside a reference is dropped by some editors."""
    ranges = device in CAPABILITY_DEVICES
    return {
        **_flat(
            texts.DEVICE_TEXTS[device],
            texts.ENTRY_STRING,
            texts.CAPABILITY_DEVICE_MESSAGE if ranges else texts.DEVICE_MESSAGE,
            keys,
            "keys_of_kernel_modes",
            ranges=ranges,
        ),
        "doNotSuggest": True,
    }


def _range() -> Keywords:
    """A capability range: the bounds stand in the same table as the entry."""
    kernel, modes, bounds = texts.RANGE_KERNEL_TEXTS, texts.MODE_TEXTS, texts.BOUND_TEXTS
    keys = {key: _ref(key) for key in [*bounds, *kernel, *modes]}
    return {
        "description": texts.RANGE,
        "type": "object",
        "errorMessage": texts.RANGE_MESSAGE,
        "properties": {**keys, "kernel": _ref("kernel_or_original")},
        **OPEN,
        "if": HAS_KERNEL,
        "then": original_or(kernel, bounds),
        "else": without_kernel({"kernel": kernel, "modes": modes}, bounds),
    }


def _flat(
    description: str,
    string: Keywords,
    message: str,
    keys: dict[str, Keywords],
    rules: str,
    *,
    ranges: bool = False,
) -> Keywords:
    """One node for all that may stand at a place: a string, a table with some of `keys`, a list.

    `message` is for a value of the wrong type; `rules` is the definition for tables without
    `kernel`.
    """
    listed = {"items": _ref("capability_range"), "minItems": 1} if ranges else {}
    return {
        "description": description,
        "type": ["string", "object", *(["array"] if ranges else [])],
        **string,
        "errorMessage": message,
        "properties": keys,
        **OPEN,
        "minProperties": 1,
        **listed,
        "if": HAS_KERNEL,
        "then": _ref("keys_beside_kernel"),
        "else": _ref(rules),
    }


def _ref(name: str) -> Keywords:
    return {"$ref": f"#/definitions/{name}"}


_VENDOR: Final = ("doNotSuggest", "enumDescriptions", "errorMessage", "patternErrorMessage")
_ANY_TYPE: Final = ["array", "boolean", "integer", "null", "number", "object", "string"]


def plain(schema: Keywords) -> Keywords:
    """The same verdicts for strict validators, without what is for editors alone.

    Left out are the keywords that only editors understand, hints, and conditions for hints. Strict
    validators want a type beside each keyword that is for one type: where none is stated, every
    type is, since that of the value is judged elsewhere.

    >>> plain(
    ...     {"properties": {"cpu": {"type": "string", "errorMessage": "a device takes a string"}}}
    ... )
    {'properties': {'cpu': {'type': 'string'}}}
    """
    written = _plain(schema)
    definitions = written.get("definitions", {})
    for name, definition in definitions.items():
        definitions[name] = _typed(definition)
    return written


def _plain(value: Any) -> Any:
    """A node, or what stands in one: no key of a config is named like a keyword."""
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    node = {key: _plain(item) for key, item in _kept(cast("Keywords", value)).items()}
    if node.get("then") in ({}, OPEN) and "else" not in node:
        del node["if"], node["then"]
    return _typed(node) if "pattern" in node else node


def _kept(node: Keywords) -> Keywords:
    kept = {key: item for key, item in node.items() if key not in _VENDOR}
    known = kept.get("properties", {})
    if known and all(_is_hint(below) for below in known.values()):
        del kept["properties"]
    return kept


def _is_hint(node: object) -> bool:
    return isinstance(node, dict) and set(cast("Keywords", node)) == {
        "description",
        "additionalProperties",
    }


def _typed(node: Keywords) -> Keywords:
    return node if "type" in node else {"type": _ANY_TYPE, **node}
