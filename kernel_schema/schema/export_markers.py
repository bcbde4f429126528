"""Markers beside a type that say how it looks in the exported JSON Schema.

What they stand for is in `nodes` and `tables`, which only an export loads: checking a file must not
pay for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Exported:
    """Leaves the JSON Schema of a type to something in another module of this package.

    Args:
        home: Name of the module.
        name: Name of what has the method `__get_pydantic_json_schema__` there.
    """

    __slots__ = ("_home", "_name")

    def __init__(self, home: str, name: str) -> None:
        self._home = home
        self._name = name

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        home: Any = import_module(f"kernel_schema.schema.{self._home}")
        written: dict[str, Any] = getattr(home, self._name).__get_pydantic_json_schema__(
            core_schema, handler
        )
        return written


def as_node(name: str) -> Exported:
    """What `nodes` says of a single value."""
    return Exported("nodes", name)


def as_table(name: str) -> Exported:
    """What `tables` says of a table, or of a place that takes one."""
    return Exported("tables", name)
