"""From what should stand in a file to edits of its text: nothing else changes, no comment goes."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kernel_schema.diagnostics import Diagnostic, Edit, Fix, Repair, Route, Span
from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.repair import edited, with_fixes
from kernel_schema.files.toml import read_toml
from kernel_schema.files.write import dumps
from kernel_schema.files.yaml import read_yaml
from kernel_schema.schema.models import KernelConfig
from tests.strategies import config_data

from .emitters import to_json, to_toml, to_yaml

if TYPE_CHECKING:
    from kernel_schema.files.document import Format

READERS: dict[Format, Any] = {"yaml": read_yaml, "json": read_json, "toml": read_toml}
EMITTERS: dict[Format, Any] = {"yaml": to_yaml, "json": to_json, "toml": to_toml}
SPEC = {"kernel": "org/repo:L", "version": 1}


def mended(format: Format, text: str, *repairs: tuple[tuple[str | int, ...], Repair]) -> str:
    """The text once all that can be is repaired."""
    read = READERS[format]
    problems = [Diagnostic("unknown-key", "", Route(steps), repair=each) for steps, each in repairs]
    placed = with_fixes(problems, text, format, read(text), read)
    return edited(text, [each.fix for each in placed if each.fix is not None])[0]


def replaced(value: Any) -> Repair:
    return Repair("replace", value)


REMOVED = Repair("remove")
TO_ROCM = Repair("rename", "rocm")


@pytest.mark.parametrize(
    ("format", "text", "steps", "repair", "new"),
    [
        ("yaml", "a: null # b\n", ("a",), replaced("original"), "a: original # b\n"),
        *(
            ("json", text, ("a",), replaced({"x": 1}), '{"a": {"x": 1}}')
            for text in (
                '{"a": {"x": 1, "y": 2, "z": 3}}',
                '{"a": {"w": 0, "x": 1, "y": 2 , "z": 3}}',
                '{"a": {"p": 1, "q": 1, "y": 2, "z": 3}}',
            )
        ),
        ("yaml", "a:\nb: 1\n", ("a",), replaced("original"), "a: original\nb: 1\n"),
        ("yaml", "a: # b\nc: 1\n", ("a",), replaced("original"), "a: original # b\nc: 1\n"),
        ("yaml", "{a: , b: 1}", ("a",), replaced("x"), "{a: x , b: 1}"),
        ("yaml", "a: 'x'\n", ("a",), replaced("o/r:L"), "a: 'o/r:L'\n"),
        ("yaml", 'a: "x"\n', ("a",), replaced("o/r:L"), 'a: "o/r:L"\n'),
        ("yaml", "a: x\n", ("a",), replaced("null"), 'a: "null"\n'),
        ("yaml", "a: x\n", ("a",), replaced("9"), 'a: "9"\n'),
        ("yaml", "a: x\n", ("a",), replaced("./a b:L"), 'a: "./a b:L"\n'),
        ("yaml", "a: '9'\n", ("a",), replaced(9), "a: 9\n"),
        ("yaml", "a: |\n  x\n\nb: 1\n", ("a",), replaced("z"), "a: z\n\nb: 1\n"),
        ("yaml", "a: [x, {version: 1}]\n", ("a",), replaced(SPEC), None),
        ("yaml", "a:\n- x\n- version: 1\nb: 1\n", ("a",), replaced(SPEC), None),
        ("yaml", "hip: x # b\n", ("hip",), TO_ROCM, "rocm: x # b\n"),
        ("yaml", "{'hip': x}", ("hip",), TO_ROCM, '{"rocm": x}'),
        ("yaml", "a: 1\nb: 2\nc: 3\n", ("b",), REMOVED, "a: 1\nc: 3\n"),
        ("yaml", "a: 1\r\nb: 2\r\n", ("a",), REMOVED, "b: 2\r\n"),
        ("yaml", "a: 1\nb:\n  c: 2\n  d: 3\ne: 4", ("b",), REMOVED, "a: 1\ne: 4"),
        ("yaml", "a: 1\nb: 2", ("b",), REMOVED, "a: 1\n"),
        ("yaml", "a: 1\nb: 2 # why\n", ("b",), REMOVED, "a: 1\n# why\n"),
        ("yaml", "a:\n  b: 1\n  c: 2  # why\n", ("a", "c"), REMOVED, "a:\n  b: 1\n  # why\n"),
        ("toml", "a.b = 1\n a.c = 2 # why\n", ("a", "c"), REMOVED, "a.b = 1\n # why\n"),
        ("yaml", "{a: 1, b: 2}", ("a",), REMOVED, "{b: 2}"),
        ("yaml", "{a: 1, b: 2}", ("b",), REMOVED, "{a: 1}"),
        ("json", '{"a": null}', ("a",), replaced("original"), '{"a": "original"}'),
        ("json", '{"hip": 1}', ("hip",), TO_ROCM, '{"rocm": 1}'),
        ("json", '{\n  "a": 1,\n  "b": 2\n}', ("a",), REMOVED, '{\n  "b": 2\n}'),
        ("json", '{\n  "a": 1,\n  "b": 2\n}', ("b",), REMOVED, '{\n  "a": 1\n}'),
        ("json", '{"a": 1}', ("a",), REMOVED, "{}"),
        ("toml", "a = 1 # b\n", ("a",), replaced(9), "a = 9 # b\n"),
        ("toml", "a = 'x'\n", ("a",), replaced("o/r:L"), "a = 'o/r:L'\n"),
        ("toml", "[a.hip]\nx = 1\n", ("a", "hip"), TO_ROCM, "[a.rocm]\nx = 1\n"),
        ("toml", "a = { b = 1, c = 2 }\n", ("a", "c"), REMOVED, "a = { b = 1 }\n"),
        ("toml", "[a]\nb = 1\nc = 2\n", ("a", "b"), REMOVED, "[a]\nc = 2\n"),
    ],
)
def test_one_place(
    format: Format, text: str, steps: tuple[str | int, ...], repair: Repair, new: str | None
) -> None:
    result = mended(format, text, (steps, repair))
    if new is None:
        assert READERS[format](result).value["a"] == SPEC
    else:
        assert result == new


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("yaml", "a:\n  repo_id: org/repo  # why\n  # b\n  layer_name: L\n  version: 1\n"),
        ("yaml", "a: {repo_id: org/repo, layer_name: L, version: 1}\n"),
        ("yaml", "- a:\n    layer_name: L\n    version: 1\n    repo_id: org/repo\n"),
        ("json", '{"a": {"repo_id": "org/repo",\n "layer_name": "L", "version": 1}}'),
        ("toml", '[a]\nrepo_id = "org/repo" # why\nlayer_name = "L"\nversion = 1\n'),
        ("toml", 'a.repo_id = "org/repo"\na.layer_name = "L"\na.version = 1\n'),
    ],
)
def test_a_table_keeps_what_is_right_in_it(format: Format, text: str) -> None:
    value = READERS[format](text).value
    steps = ("a",) if isinstance(value, dict) else (0, "a")
    result = mended(format, text, (steps, replaced(SPEC)))
    assert "org/repo:L" in result
    assert ("# why" in text) == ("# why" in result)
    assert result.count("version") == 1


@pytest.mark.parametrize(
    ("format", "text", "steps", "repair"),
    [
        # What would be lost is not ours.
        ("yaml", "a:\n  # why\n  - x\n  - version: 1\n", ("a",), replaced(SPEC)),
        ("toml", "a = [\n  'x', # why\n  {version = 1},\n]\n", ("a",), replaced(SPEC)),
        # Both would have one name.
        ("yaml", "hip: 1\nrocm: 2\n", ("hip",), TO_ROCM),
        ("json", '{"hip": 1, "rocm": 2}', ("hip",), TO_ROCM),
        # It stands in several places.
        ("toml", "hip.a = 1\nhip.b = 2\n", ("hip",), TO_ROCM),
    ],
)
def test_left_alone(
    format: Format, text: str, steps: tuple[str | int, ...], repair: Repair
) -> None:
    assert mended(format, text, (steps, repair)) == text


def test_of_two_that_touch_one_waits() -> None:
    span = Span(1, 1, 1, 3)
    one, other = (Fix((Edit(span, text),)) for text in ("x", "y"))
    assert edited("ab cd", [one, other]) == ("x cd", [one])


@pytest.mark.parametrize("format", READERS)
def test_a_key_and_what_is_under_it(format: Format) -> None:
    text = EMITTERS[format]({"a": {"hip": {"v": "1"}}}, Random(1)).text  # noqa: S311 (not a secret)
    result = mended(format, text, (("a", "hip"), TO_ROCM), (("a", "hip", "v"), replaced(1)))
    assert READERS[format](result).value == {"a": {"rocm": {"v": 1}}}


def test_a_byte_order_mark_stays() -> None:
    assert mended("yaml", "\ufeffhip: 1\r\n", (("hip",), TO_ROCM)) == "\ufeffrocm: 1\r\n"


def _routes(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [above, *(route for key, item in inner for route in _routes(item, (*above, key)))]


def _repaired(value: Any, steps: tuple[str | int, ...], repair: Repair) -> Any:
    result = copy.deepcopy(value)
    holder = result
    for step in steps[:-1]:
        holder = holder[step]
    if repair.action == "replace":
        holder[steps[-1]] = repair.value
    else:
        moved = holder.pop(steps[-1])
        if repair.action == "rename":
            holder[repair.value] = moved
    return result


_VALUES = st.sampled_from(["original", "o/r:L", "", "a b", "yes", 9, True, SPEC, ["o/r"], "./ü:L"])


@settings(max_examples=100, deadline=None)
@given(config_data(), st.sampled_from([*READERS]), st.randoms(use_true_random=False), st.data())
def test_whatever_is_repaired_the_rest_is_as_it_was(
    value: Any, format: Format, random: Random, draw: st.DataObject
) -> None:
    canonical = draw.draw(st.booleans())
    if canonical:
        text = dumps(KernelConfig.model_validate(value), format=format)
        value = READERS[format](text).value
    else:
        text = EMITTERS[format](value, random).text
    steps = draw.draw(st.sampled_from([route for route in _routes(value) if route]))
    repair = draw.draw(
        st.builds(Repair, st.just("replace"), _VALUES)
        | (
            st.builds(Repair, st.just("rename"), st.sampled_from(["renamed", "a b", "ü"]))
            | st.just(REMOVED)
            if isinstance(steps[-1], str)
            else st.nothing()
        )
    )
    result = mended(format, text, (steps, repair))
    wanted = _repaired(value, steps, repair)
    event(f"{format} {repair.action} {'mended' if result != text else 'left'}")
    if result == text:
        assert not canonical or _same(value, wanted) or _cannot(format, steps, value)
        return
    assert _same(READERS[format](result).value, wanted)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _cannot(format: Format, steps: tuple[str | int, ...], value: Any) -> bool:
    """A file says something, a block of YAML has a line, a table of a header is not replaced."""
    holder = value
    for step in steps[:-1]:
        holder = holder[step]
    return len(holder) == 1 or (len(steps) == 1 and format != "json")


@pytest.mark.parametrize("format", READERS)
def test_what_cannot_be_read_afterwards_is_left(format: Format) -> None:
    text = {"yaml": "a: x\n", "json": '{"a": "x"}', "toml": 'a = "x"\n'}[format]

    def read(text: str) -> Any:
        if "y" in text:
            raise ReadError([])
        return READERS[format](text)

    problem = Diagnostic("unknown-key", "", Route(("a",)), repair=replaced("y"))
    assert with_fixes([problem], text, format, read(text), read) == (problem,)
