"""How tables look in the exported JSON Schema: one flat node for all that may stand at a place.

Where a string, a table or a list may stand, `anyOf` gives useless messages in every editor. A flat
node gives one precise message: `type`, `pattern`, `properties` and `items` stand side by side, and
the rules of `keys` say which keys a table can have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.schema.keys import (
    OPEN,
    by_keys,
    only,
    original_or,
    properties,
    required,
    shared_rules,
)
from kernel_schema.schema.nodes import (
    DEVICE_TEXTS,
    MODE_TEXTS,
    RANGE_KERNEL_NODE,
    current,
    node,
    shared,
)
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from kernel_schema.schema.nodes import Keywords


class _Marker(ABC):
    """Writes the node of a type in an export; elsewhere pydantic writes what it derives."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Keywords:
        if current() is None:
            return handler(core_schema)
        return self.written(core_schema, handler)

    @abstractmethod
    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""


@dataclass(frozen=True, eq=False)
class Flat(_Marker):
    """Makes one flat node of the branches of a union that is told apart by shape.

    Args:
        description: What the place is for.
        message: What may stand there, for a value of the wrong type.
        name: Its name among the definitions; None writes it in place.
    """

    description: str
    message: str
    name: str | None = None

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        del handler
        branches = _branches(schema)
        tables = [branches[name] for name in ("kernel", "devices", "modes") if name in branches]
        ranges = _without_type(branches.get("ranges", {}))
        export = current()
        one_model = self.name is not None and export is not None and export.layers is not None
        flat = {
            # With one model each layer has a description of its own, and taplo would show both.
            **({} if one_model else {"description": self.description}),
            "type": ["string", "object", *(["array"] if ranges else [])],
            **_of_a_string(branches["string"]),
            **node(errorMessage=self.message),
            "properties": {key: real for table in tables for key, real in properties(table)},
            **OPEN,
            "minProperties": 1,
            **ranges,
            **shared_rules(branches),
        }
        return flat if self.name is None else shared(self.name, flat)


class RangeEntry(_Marker):
    """What stands beside the bounds of a capability range: keys of the same table in a file.

    Its node is no node of its own but what `Range` makes a part of the table with the bounds.
    """

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        del handler
        return _branches(schema)


class Range(_Marker):
    """Makes one node of the bounds and the entry of a capability range."""

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        model = handler.resolve_ref_schema(handler(schema))
        bounds = {key: real for key, real in properties(model) if key != "entry"}
        branches = model["properties"]["entry"]
        kernel = branches["kernel"]
        options = {**kernel["properties"], "kernel": RANGE_KERNEL_NODE.written()}
        branches = {**branches, "kernel": {**kernel, "properties": options}}
        tables = [branches[name] for name in ("kernel", "modes")]
        written = {
            "description": "What runs on one range of compute capabilities: `kernel` with its "
            "options, or kernels by mode. The narrowest range that holds the GPU's capability "
            "wins.",
            "type": "object",
            **node(errorMessage="a capability range is a table with `kernel` or with modes"),
            "properties": bounds
            | {key: real for table in tables for key, real in properties(table)},
            **OPEN,
            **by_keys(branches, bounds),
        }
        written["then"] = original_or(branches["kernel"], bounds)
        return shared("capability_range", written)


class Ranges(_Marker):
    """A list of capability ranges: at least one."""

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        return {**handler(schema), "minItems": 1}


class Modes(_Marker):
    """A table of modes, with each mode a property: only those are completed."""

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        table = handler.resolve_ref_schema(handler(schema))
        names, entry = table["propertyNames"], table["additionalProperties"]
        modes = {
            mode: shared(mode, {**entry, "description": text, **node(doNotSuggest=True)})
            for mode, text in MODE_TEXTS.items()
        }
        return {"type": "object", "propertyNames": names, "properties": modes}


class Devices(_Marker):
    """A table of devices, with each device a property; cuda and rocm alone take ranges."""

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        table = handler.resolve_ref_schema(handler(schema))
        names, entry = table["propertyNames"], table["additionalProperties"]
        ranges = ("items", "minItems")
        plain = {key: kept for key, kept in entry.items() if key not in ranges}
        plain |= {"type": ["string", "object"], **node(errorMessage=_DEVICE_MESSAGE)}
        devices = {
            device: {
                **(entry if device in CAPABILITY_DEVICES else plain),
                "description": text,
                **node(doNotSuggest=True),
            }
            for device, text in DEVICE_TEXTS.items()
        }
        return {"type": "object", "propertyNames": names, "properties": devices}


class Layers(_Marker):
    """The layers of a config: of any model, or of the one that the export is for."""

    def written(self, schema: Any, handler: GetJsonSchemaHandler) -> Keywords:
        """The node."""
        table = handler(schema)
        export = current()
        known = export.layers if export is not None else None
        described = {
            "description": "What runs for each layer, by the name under which models register it.",
            "type": "object",
            **node(errorMessage="`kernel_mapping` is a table of layers"),
        }
        if known is None:
            return {**table, **described}
        message = f"the layers of this model are {listing(list(known), 'and')}"
        return {
            **described,
            **node(errorMessage=f"`kernel_mapping` is a table of layers; {message}"),
            "properties": {
                name: _of_one_model(table["additionalProperties"], text)
                for name, text in known.items()
            },
            "additionalProperties": False,
        }


def _of_one_model(layer: Keywords, text: str) -> Keywords:
    # taplo shows what stands in an `allOf`, the others what stands beside it; beside a bare
    # reference all but one would show nothing.
    return {"description": text, "allOf": [layer, {"description": text, **OPEN}]}


def config(table: Keywords) -> Keywords:
    """The whole config, from what pydantic derives: a misspelt key is not a missing one too."""
    names = list(table["properties"])
    known = node(
        type="string",
        enum=names,
        errorMessage=f"the keys of a config are {listing(names, 'and')}",
        doNotSuggest=True,
    )
    return {
        "description": "Which kernel runs for which layer of a model.",
        "type": "object",
        **node(errorMessage="a config is a table with the key `kernel_mapping`"),
        "properties": table["properties"],
        **OPEN,
        "if": {"propertyNames": only(names), **OPEN},
        "then": {**required(table["required"]), **node(errorMessage=_LACKING)},
        "else": {"propertyNames": known, **OPEN},
    }


def _branches(union: Any) -> dict[str, Keywords]:
    """The nodes of a union's branches by tag, but for the one that only refuses."""
    export = current()
    return {
        tag: export.written(branch)
        for tag, branch in union["choices"].items()
        if tag != "other" and export is not None
    }


def _of_a_string(written: Keywords) -> Keywords:
    """What a node for strings says, with its message for a wrong text alone."""
    kept = {key: value for key, value in written.items() if key not in {"type", "errorMessage"}}
    return {**node(patternErrorMessage=written.get("errorMessage")), **kept}


def _without_type(written: Keywords) -> Keywords:
    return {key: kept for key, kept in written.items() if key != "type"}


_LACKING: Final = (
    "a config needs the key `kernel_mapping`: write `kernel_mapping: {}` for one without layers"
)
_STRING: Final = "`org/repo:layer_name`, `original`"

MODE_ENTRY: Final = Flat(
    "Kernels of one mode.", "a mode takes `org/repo:layer_name` or a kernel with options"
)
DEVICE_ENTRY: Final = Flat(
    "What runs on one device.",
    f"a device takes {_STRING}, a kernel with options, a table of modes or, under cuda and rocm, "
    "a list of capability ranges",
)
LAYER_ENTRY: Final = Flat(
    "What runs for a layer: a kernel for every device and mode, `original` to keep the model's own "
    "forward, a kernel with options, or kernels by device or by mode.",
    f"a layer takes {_STRING}, a kernel with options, a table of devices or a table of modes",
    "layer",
)
_DEVICE_MESSAGE: Final = (
    f"this device takes {_STRING}, a kernel with options or a table of modes; lists of capability "
    "ranges are for cuda and rocm only"
)
RANGE_ENTRY: Final = RangeEntry()
RANGE: Final = Range()
RANGES: Final = Ranges()
MODES: Final = Modes()
DEVICES: Final = Devices()
LAYERS: Final = Layers()
