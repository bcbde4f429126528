"""The builder of the two files in `schemas/`, run by `python tests/json_schema/update.py`.

Where a string, a table or a list may stand, `anyOf` gives useless messages in every editor. A flat
node gives one precise message: `type`, `pattern`, `properties` and `items` stand side by side, and
`rules` say which keys a table can have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from kernel_schema.addresses import raw_file
from kernel_schema.json_schemas import texts
from kernel_schema.json_schemas.rules import (
    HAS_KERNEL,
    OPEN,
    beside_kernel,
    config_keys,
    original_or,
    required,
    without_kernel,
)
from kernel_schema.json_schemas.shipped import ANY_TYPE, DIALECT, FILES
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    CONFIG_KEYS,
    FREE_PREFIX,
    RANGE_KEYS,
    SPEC_KEYS,
)
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from kernel_schema.json_schemas.shipped import Profile
    from kernel_schema.json_schemas.texts import Keywords, Texts

_KERNEL: Final[Texts] = {key: texts.VALUES[key]["description"] for key in SPEC_KEYS}
_BOUNDS: Final[Texts] = {key: texts.VALUES[key]["description"] for key in RANGE_KEYS}
_CONFIG_NAMES: Final[Keywords] = {
    "type": "string",
    "pattern": config_keys(CONFIG_KEYS),
    "doNotSuggest": True,
}
_STRING: Final = "`org/repo:layer_name`, `original`"


def build(profile: Profile) -> Keywords:
    """The JSON Schema of a config file, for any model."""
    message = (
        f"the keys of a config are {listing(CONFIG_KEYS, 'and')}; "
        f"what begins with `{FREE_PREFIX}` is free"
    )
    lacking = (
        "a config needs the key `kernel_mapping`: write `kernel_mapping: {}` for one without layers"
    )
    schema: Keywords = {
        "$schema": DIALECT,
        # Absolute: with a relative one taplo finds nothing.
        "$id": raw_file(f"schemas/{FILES[profile]}"),
        "description": "Which kernel runs for which layer of a model.",
        "type": "object",
        "errorMessage": "a config is a table with the key `kernel_mapping`",
        "properties": {
            "$schema": texts.SCHEMA_URI_VALUE,
            "extends": texts.EXTENDS,
            "lockfile": texts.LOCK,
            "kernel_mapping": {
                "type": "object",
                "propertyNames": texts.LAYER_NAMES,
                "additionalProperties": _ref("layer"),
                "description": "What runs for each layer, by the name under which models register "
                "it.",
                "errorMessage": "`kernel_mapping` is a table of layers",
            },
            "inherit_mapping": texts.INHERIT,
        },
        **OPEN,
        # A misspelt key is not a missing one too.
        "if": {"propertyNames": _CONFIG_NAMES, **OPEN},
        "then": {**required("kernel_mapping"), "errorMessage": lacking},
        "else": {"propertyNames": {**_CONFIG_NAMES, "errorMessage": message}, **OPEN},
        "definitions": dict(sorted(_definitions().items())),
    }
    return schema if profile == "editor" else plain(schema)


def _definitions() -> dict[str, Keywords]:
    kernel = {"kernel": _KERNEL}
    modes = {**kernel, "modes": texts.MODES}
    options = {key: _ref(key) for key in _KERNEL}
    by_mode = {mode: _ref(mode) for mode in texts.MODES}
    by_device = {device: _device(device, {**options, **by_mode}) for device in texts.DEVICES}
    message = "a mode takes `org/repo:layer_name` or a kernel with options"
    return {
        **texts.VALUES,
        "keys_beside_kernel": beside_kernel(_KERNEL, {}),
        "keys_of_kernel": without_kernel(kernel, {}),
        "keys_of_kernel_modes": without_kernel(modes, {}),
        "keys_of_kernel_modes_devices": without_kernel({**modes, "devices": texts.DEVICES}, {}),
        **{
            mode: _flat(text, texts.KERNEL_STRING, message, options, "keys_of_kernel")
            for mode, text in texts.MODES.items()
        },
        "capability_range": _range(),
        "layer": _flat(
            "What runs for a layer: a kernel for every device and mode, `original` to keep the "
            "model's own forward, a kernel with options, or kernels by device or by mode.",
            texts.ENTRY_STRING,
            f"a layer takes {_STRING}, a kernel with options, a table of devices or a table of "
            "modes",
            {**options, **by_device, **by_mode},
            "keys_of_kernel_modes_devices",
        ),
    }


def _device(device: str, keys: dict[str, Keywords]) -> Keywords:
    """One device: in place, since a description beside a reference is dropped by some editors."""
    message = (
        f"this device takes {_STRING}, a kernel with options or a table of modes; lists of "
        "capability ranges are for cuda and rocm only"
    )
    listed: Keywords = {}
    if device in CAPABILITY_DEVICES:
        message = (
            f"a device takes {_STRING}, a kernel with options, a table of modes or, under cuda and "
            "rocm, a list of capability ranges"
        )
        listed = {"items": _ref("capability_range"), "minItems": 1}
    text = texts.DEVICES[device]
    flat = _flat(text, texts.ENTRY_STRING, message, keys, "keys_of_kernel_modes", listed=listed)
    return {**flat, "doNotSuggest": True}


def _range() -> Keywords:
    """A capability range: the bounds stand in the same table as the entry."""
    kernel = {**_KERNEL, "kernel": texts.VALUES["kernel_or_original"]["description"]}
    keys = {key: _ref(key) for key in [*_BOUNDS, *kernel, *texts.MODES]}
    return {
        "description": "What runs on one range of compute capabilities: `kernel` with its options, "
        "or kernels by mode. The narrowest range that holds the GPU's capability wins.",
        "type": "object",
        "errorMessage": "a capability range is a table with `kernel` or with modes",
        "properties": {**keys, "kernel": _ref("kernel_or_original")},
        **OPEN,
        "if": HAS_KERNEL,
        "then": original_or(kernel, _BOUNDS),
        "else": without_kernel({"kernel": kernel, "modes": texts.MODES}, _BOUNDS),
    }


def _flat(
    description: str,
    string: Keywords,
    message: str,
    keys: dict[str, Keywords],
    rules: str,
    *,
    listed: Keywords | None = None,
) -> Keywords:
    """One node for all that may stand there: a string, a table with some of `keys`, a list.

    `message` is for another type, `rules` the definition for tables without `kernel`.
    """
    return {
        "description": description,
        "type": ["string", "object", *(["array"] if listed else [])],
        **string,
        "errorMessage": message,
        "properties": keys,
        **OPEN,
        "minProperties": 1,
        **(listed or {}),
        "if": HAS_KERNEL,
        "then": _ref("keys_beside_kernel"),
        "else": _ref(rules),
    }


def _ref(name: str) -> Keywords:
    return {"$ref": f"#/definitions/{name}"}


_VENDOR: Final = ("doNotSuggest", "enumDescriptions", "errorMessage", "patternErrorMessage")


def plain(schema: Keywords) -> Keywords:
    """The same verdicts for strict validators, without what is for editors alone.

    Left out are the keywords that only editors understand, hints, and conditions for hints. Strict
    validators want a type beside each keyword that is for one type: where none is stated, every
    type is, since that of the value is judged elsewhere.
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
    node = cast("Keywords", value)
    node = {key: _plain(item) for key, item in node.items() if key not in _VENDOR}
    keys = node.get("properties", {})
    if keys and all(_is_hint(below) for below in keys.values()):
        del node["properties"]
    if node.get("then") in ({}, OPEN) and "else" not in node:
        del node["if"], node["then"]
    return _typed(node) if "pattern" in node else node


def _is_hint(node: Any) -> bool:
    return isinstance(node, dict) and node.keys() == {"description", "additionalProperties"}


def _typed(node: Keywords) -> Keywords:
    return node if "type" in node else {"type": list(ANY_TYPE), **node}
