"""The shipped files: the JSON Schema of a config file, in two profiles."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kernel_schema.wording import printable_lines, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

Profile = Literal["editor", "plain"]

FILES: Final[dict[Profile, str]] = {
    "editor": "kernel-config.schema.json",
    "plain": "kernel-config.plain.schema.json",
}
PROFILES: Final = tuple(FILES)
DIALECT: Final = "http://json-schema.org/draft-07/schema#"
ANY_TYPE: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
"""What strict validators want to be stated where any value may stand."""


def shipped(profile: Profile = "editor") -> dict[str, Any]:
    """The JSON Schema of a config file, for any model; ValueError if there is no such profile."""
    if profile not in FILES:
        message = f"{quote(profile)} is not a profile: profiles are `editor` and `plain`"
        raise ValueError(message)
    # Also of an archive that is never unpacked.
    inside = files("kernel_schema") / "schemas" / FILES[profile]
    file = inside if inside.is_file() else shipped_file(profile)
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def shipped_file(profile: Profile = "editor") -> Path:
    """Where it is: a wheel has it inside the package, a checkout beside it, where people look."""
    package = Path(__file__).parents[1]
    inside = package / "schemas" / FILES[profile]
    return inside if inside.is_file() else package.parent / "schemas" / FILES[profile]


def render(schema: Mapping[str, Any]) -> str:
    """The text of a schema file: the same schema gives the same text."""
    return printable_lines(json.dumps(schema, indent=2, ensure_ascii=True)) + "\n"
