"""The export for editors: the schema of the format as JSON Schema, draft 7.

What the nodes say stands beside the types (`nodes`, `tables`, and the markers in `entries` and
`config`); here they are only collected.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonRef

from kernel_schema.schema.config import KernelConfig
from kernel_schema.schema.nodes import Export, current, exporting
from kernel_schema.wording import printable_lines, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaMode
    from pydantic_core import CoreSchema, core_schema

    from kernel_schema.schema.nodes import Keywords, Profile

PROFILES: Final[tuple[Profile, ...]] = ("editor", "plain")
DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def export(profile: Profile = "editor", layers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON Schema of a config file.

    Args:
        profile: `editor` has messages, and hints for completion, in keywords that only editors
            understand; `plain` has none of them, for strict validators.
        layers: The layers of one model with a description of each; None for any model.

    Raises:
        ValueError: If there is no such profile.

    >>> schema = export("plain", {"RMSNorm": "2 modules"})
    >>> schema["type"], list(schema["properties"])
    ('object', ['$schema', 'kernel_mapping', 'inherit_mapping'])
    """
    if profile not in PROFILES:
        message = f"{quote(profile)} is not a profile: profiles are `editor` and `plain`"
        raise ValueError(message)
    definitions: dict[str, Keywords] = {}
    generator = _Generator(ref_template="#/definitions/{model}")
    with exporting(Export(generator.node, profile, layers, definitions)):
        written = generator.generate(KernelConfig.__pydantic_core_schema__)
    named = dict(sorted(definitions.items()))
    return {"$schema": DIALECT, **written, "definitions": named}


def render(schema: Mapping[str, Any]) -> str:
    """The text of a schema file: the same schema gives the same text.

    >>> print(render({"type": "object"}), end="")
    {
      "type": "object"
    }
    """
    return printable_lines(json.dumps(schema, indent=2, ensure_ascii=True)) + "\n"


class _Generator(GenerateJsonSchema):
    """pydantic's own, less what says nothing to people: automatic titles and `default: null`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting: dict[str, CoreSchema] = {}

    def definitions_schema(self, schema: core_schema.DefinitionsSchema) -> Keywords:
        """Models by reference, in any order: our markers read one while they write another."""
        for definition in schema["definitions"]:
            self._waiting[definition.get("ref", "")] = definition
        return super().definitions_schema(schema)

    def definition_ref_schema(self, schema: core_schema.DefinitionReferenceSchema) -> Keywords:
        """A reference to a model, which is written before anybody asks for it."""
        definition = self._waiting.pop(schema["schema_ref"], None)
        if definition is not None:
            self.generate_inner(definition)
        return super().definition_ref_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> Keywords:
        """A table of one kind of keys and values."""
        return {
            "type": "object",
            "propertyNames": self.generate_inner(schema.get("keys_schema", {"type": "any"})),
            "additionalProperties": self.generate_inner(
                schema.get("values_schema", {"type": "any"})
            ),
        }

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Keywords:
        """A default only where the node of the value says nothing of it and it is no null."""
        written = self.generate_inner(schema["schema"])
        default = self.get_default_value(schema)
        if default is None or "$ref" in written or "default" in written:
            return written
        return {**written, "default": default}

    def get_schema_from_definitions(self, json_ref: JsonRef) -> Keywords | None:
        """A node that is referred to: one of ours, or one of pydantic's own."""
        export = current()
        ours = export.definitions.get(json_ref.rpartition("/")[2]) if export is not None else None
        return ours if ours is not None else super().get_schema_from_definitions(json_ref)

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> Keywords:
        """The node of the model itself; what nodes share has been collected by the export."""
        self._mode = mode
        return self.node(schema)

    def node(self, schema: CoreSchema) -> Keywords:
        """The node of a type, with what it refers to in place of a reference."""
        written = self.generate_inner(schema)
        while "$ref" in written:
            written = self.get_schema_from_definitions(JsonRef(written["$ref"])) or {}
        return written
