"""From a text to the config that stands in it, by itself: without what it extends."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import ConfigError, Route
from kernel_schema.files.document import Document, Format, Reading, from_read_error, validated
from kernel_schema.files.inner import PYPROJECT, TABLE, drop_settings, further_in, missing_table
from kernel_schema.files.parsed import ReadError
from kernel_schema.paths import name_of
from kernel_schema.schema.arguments import stated_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.files.parsed import Parsed, Way
    from kernel_schema.schema.arguments import At


def read_alone(text: str, *, format: Format, file: str, at: At | None = None) -> Document:
    """The document of a text; takes and raises what `loads_document` does."""
    is_pyproject = name_of(file) == PYPROJECT
    default = TABLE if is_pyproject else Route()
    route = default if at is None else stated_route(at)
    reader: Callable[[str], Parsed] = partial(
        parse, format=format, way=route.steps, allow_empty=is_pyproject
    )
    if is_pyproject and format == "toml" and route == TABLE:
        reader = _parse_project
    try:
        whole = reader(text)
    except ReadError as error:
        unread = from_read_error(error, file)
        if inner := further_in(partial(parse, text, format, None, allow_empty=True), route):
            unread = ConfigError([replace(inner, file=file)])
        raise unread from None
    if at is None and is_pyproject and whole.sub(TABLE.steps) is None:
        raise ConfigError([missing_table(whole, file)])
    return validated(file, text, format, route, Reading(whole, reader))


def parse(text: str, format: Format, way: Way = (), *, allow_empty: bool = False) -> Parsed:
    """What a text says, with places; a ReadError with every mistake, `way` as readers take it."""
    # Each reader is imported when it is needed: checking a JSON file must not load YAML.
    if format == "yaml":
        from kernel_schema.files.yaml import read_yaml

        return read_yaml(text, way)
    if format == "json":
        from kernel_schema.files.json import read_json

        return read_json(text, way)
    from kernel_schema.files.toml import read_toml

    return read_toml(text, way, allow_empty=allow_empty)


def _parse_project(text: str) -> Parsed:
    return drop_settings(parse(text, "toml", TABLE.steps, allow_empty=True))
