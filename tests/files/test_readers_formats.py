"""The same data in the three formats: equal values, and each key and value where it was written."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_schema.files.json import read_json
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml

from .emitters import Page, to_json, to_toml, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.files.parsed import Parsed
    from kernel_schema.routes import Step

WORDS = ["RMSNorm", "org/repo:Layer", "cuda", "a.b", "true", "1", "~", "é", "漢字", "e\u0301", ""]
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.text(
        st.sampled_from("abnu0 \"'\\\n\t#:,[]{}-?&*!|>%@`=.\u00e9\u6f22\u0301\U0001f600"),
        max_size=8,
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(TEXTS, inner, max_size=4),
            st.lists(st.dictionaries(TEXTS, inner, max_size=3), max_size=3),
        ),
        max_leaves=14,
    )


DATA = st.dictionaries(TEXTS, nested(SCALARS), min_size=1, max_size=5)
WITH_NULL = nested(st.one_of(st.none(), SCALARS))
RANDOM = st.integers(0, 2**32).map(Random)


def routes(value: Any, route: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    yield route
    if isinstance(value, dict | list):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from routes(item, (*route, step))


def check_places(parsed: Parsed, page: Page) -> None:
    lines = LineIndex(page.text)
    for route in routes(parsed.value):
        place = parsed.locate(route)
        if route:  # the whole text has no place of its own in TOML
            assert place.value == lines.span(*page.values[route]), (route, page.text)
        key = page.keys.get(route)
        assert place.key == (lines.span(*key) if key else None), (route, page.text)


@settings(deadline=None)
@given(DATA, RANDOM)
def test_the_same_data_reads_equal_in_three_formats(data: dict[str, Any], random: Random) -> None:
    for read, write in ((read_json, to_json), (read_yaml, to_yaml), (read_toml, to_toml)):
        page = write(data, random)
        parsed = read(page.text)
        assert parsed.value == data, page.text
        check_places(parsed, page)


@settings(deadline=None)
@given(WITH_NULL, RANDOM)
def test_json_places(data: Any, random: Random) -> None:
    page = to_json(data, random)
    parsed = read_json(page.text)
    assert parsed.value == data
    check_places(parsed, page)
    assert parsed.locate().value == LineIndex(page.text).span(*page.values[()])


@pytest.mark.parametrize("loader", ["CBaseLoader", "BaseLoader"])
@settings(max_examples=60, deadline=None)
@given(WITH_NULL, RANDOM)
def test_yaml_places(loader: str, data: Any, random: Random) -> None:
    page = to_yaml(data, random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kernel_schema.files.yaml._LOADER", getattr(yaml, loader, yaml.BaseLoader))
        # The parser in Python takes no tabs between things.
        text = page.text if loader == "CBaseLoader" else page.text.replace("\t", " ")
        parsed = read_yaml(text)
    assert parsed.value == data
    check_places(parsed, page)
    assert parsed.locate().value == LineIndex(page.text).span(*page.values[()])


@settings(deadline=None)
@given(DATA, RANDOM, st.sampled_from(["\r\n", "\r"]))
def test_yaml_takes_other_line_breaks(data: Any, random: Random, line_break: str) -> None:
    page = to_yaml(data, random)
    other = read_yaml(page.text.replace("\n", line_break))
    unix = read_yaml(page.text)
    assert other.value == unix.value
    assert all(other.locate(route) == unix.locate(route) for route in routes(data))
