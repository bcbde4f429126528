"""Positions: of single texts, to the letter; see `test_readers_formats` for all sorts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_schema.files.json import read_json
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml

from .reader_errors import place

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Span
    from kernel_schema.files.parsed import Parsed

READERS = {"yaml": read_yaml, "json": read_json, "toml": read_toml}


def written(text: str, span: Span | None) -> str | None:
    if span is None:
        return None
    lines = LineIndex(text)
    return text[lines.offset(span.line, span.column) : lines.offset(span.end_line, span.end_column)]


def at(text: str, parsed: Parsed, *route: str | int) -> tuple[str | None, str | None]:
    located = parsed.locate(route)
    return written(text, located.key), written(text, located.value)


@pytest.mark.parametrize(
    ("name", "text", "route", "key", "value"),
    [
        # Blocks of YAML end with what they hold, not where the next thing begins.
        ("yaml", "a:\n  b: 1  # c\n\n# d\ne: 2\n", ("a",), "a", "b: 1"),
        ("yaml", "a:\n- b\n-  c \n# d\n", ("a",), "a", "- b\n-  c"),
        ("yaml", "a:\n- b: 1\n  c: 2\n- d", ("a", 0), None, "b: 1\n  c: 2"),
        ("yaml", "- - a\n  - b\n", (0, 1), None, "b"),
        # Flow style.
        ("yaml", "a: {b: [c , d]  } # e", ("a", "b"), "b", "[c , d]"),
        ("yaml", "a: {b: [c , d]  } # e", ("a",), "a", "{b: [c , d]  }"),
        ("yaml", "[a: b , c]", (0,), None, "a: b"),
        ("yaml", "[a: b , c]", (0, "a"), "a", "b"),
        ("yaml", '{"a":b}', ("a",), '"a"', "b"),
        # Values that are only implied stand behind what announces them.
        ("yaml", "a:  # b\nc: d", ("a",), "a", ""),
        ("yaml", "{a , b: 1}", ("a",), "a", ""),
        ("yaml", "- \n- a", (0,), None, ""),
        ("yaml", "? a\n\n? b\n", ("a",), "a", ""),
        # Quotes, and texts over several lines.
        ("yaml", "'it''s': \"a\\\"b\"", ("it's",), "'it''s'", '"a\\"b"'),
        ("yaml", "a: b\n   c  # d", ("a",), "a", "b\n   c"),
        ("yaml", "a: 'b\n\n  c'\n", ("a",), "a", "'b\n\n  c'"),
        ("yaml", "a: |-\n   b\n\n   c\n\n\n# d\n", ("a",), "a", "|-\n   b\n\n   c"),
        ("yaml", "a: >\n b\n", ("a",), "a", ">\n b"),
        # Columns count code points.
        ("yaml", "漢字: e\u0301 😀 x\n", ("漢字",), "漢字", "e\u0301 😀 x"),
        ("yaml", "a:\t\tb\r\nc:\td", ("c",), "c", "d"),
        ("json", '{"a":\r\n\t[1,\r2]}', ("a",), '"a"', "[1,\r2]"),
        ("json", '{"a":\r\n\t[1,\r2]}', ("a", 1), None, "2"),
        ("json", '["漢e\u0301😀", "\\"x"]', (1,), None, '"\\"x"'),
        ("json", '{"\\u0061": {}}', ("a",), '"\\u0061"', "{}"),
        ("json", ' "a" ', (), None, '"a"'),
        # Dotted keys: a table named on the way is what follows its name.
        ("toml", "a . b.c = 1 # d", ("a",), "a", "b.c = 1"),
        ("toml", "a . b.c = 1 # d", ("a", "b"), "b", "c = 1"),
        ("toml", "a . b.c = 1 # d", ("a", "b", "c"), "c", "1"),
        ("toml", "a.b = 1\na.c = 2", ("a",), "a", "b = 1"),
        ("toml", "a.b = 1\na.c = 2", ("a", "c"), "c", "2"),
        # Tables: from the header to the end of their own lines.
        ("toml", "[a]\nb = 1\n\n# c\n[d]", ("a",), "a", "[a]\nb = 1"),
        ("toml", "[ a . 'b c' ] # d\n", ("a", "b c"), "'b c'", "[ a . 'b c' ]"),
        ("toml", "[ a . 'b c' ] # d\n", ("a",), "a", "[ a . 'b c' ]"),
        ("toml", "[a.b]\nc = 1\n[a]\nd = 2", ("a",), "a", "[a]\nd = 2"),
        ("toml", "[a]\nb.c = 1\n[a.b.d]\ne = 2", ("a", "b", "d"), "d", "[a.b.d]\ne = 2"),
        # Tables in lists.
        ("toml", "[[a]]\nb = 1\n[[a]]\nb = 2\n[c]", ("a",), "a", "[[a]]\nb = 1\n[[a]]\nb = 2"),
        ("toml", "[[a]]\nb = 1\n[[a]]\nb = 2\n[c]", ("a", 1), None, "[[a]]\nb = 2"),
        ("toml", "[[a]]\nb = 1\n[[a]]\nb = 2\n[c]", ("a", 1, "b"), "b", "2"),
        ("toml", "[[a]]\n[[a.b]]\nc = 1\n[[a.b]]", ("a", 0, "b", 0, "c"), "c", "1"),
        ("toml", "[[a]]\n[a.b]\nc = 1", ("a", 0, "b"), "b", "[a.b]\nc = 1"),
        # Tables in braces, lists over several lines.
        ("toml", "a = {b.c = 1, 'd' = [2]} # e", ("a",), "a", "{b.c = 1, 'd' = [2]}"),
        ("toml", "a = {b.c = 1, 'd' = [2]} # e", ("a", "b", "c"), "c", "1"),
        ("toml", "a = [\n  1, # ]\n  [2],\n]\n", ("a",), "a", "[\n  1, # ]\n  [2],\n]"),
        ("toml", "a = [\n  1, # ]\n  [2],\n]\n", ("a", 1, 0), None, "2"),
        # Strings, numbers, dates.
        ("toml", 'a = """\nb\\\n  "c"""" # d', ("a",), "a", '"""\nb\\\n  "c""""'),
        ("toml", "a = '''\r\nb''' # d", ("a",), "a", "'''\r\nb'''"),
        ("toml", '"a\\"=" = "b#"', ('a"=',), '"a\\"="', '"b#"'),
        ("toml", "a = 1979-05-27 07:32:00Z # b", ("a",), "a", "1979-05-27 07:32:00Z"),
        ("toml", "a = 1979-05-27 # b", ("a",), "a", "1979-05-27"),
        ("toml", "a = +1_000.5e-3\n", ("a",), "a", "+1_000.5e-3"),
        ("toml", "\n# b\na = 1 # c\n[d]\n", (), None, "a = 1 # c\n[d]"),
    ],
)
def test_what_stands_there(
    name: str, text: str, route: tuple[str | int, ...], key: str | None, value: str
) -> None:
    assert at(text, READERS[name](text), *route) == (key, value)


def test_lines_and_columns() -> None:
    parsed = read_yaml("漢字: 1\ne\u0301😀: [a,\r\n  b]\n")
    assert place(parsed.locate(("漢字",)).value) == "1:5-1:6"
    assert place(parsed.locate(("e\u0301😀",)).value) == "2:6-3:5"
    assert place(parsed.locate(("e\u0301😀", 1)).value) == "3:3-3:4"


@pytest.mark.parametrize(
    ("name", "text"),
    [("yaml", "a: {b: [x]}"), ("json", '{"a": {"b": ["x"]}}'), ("toml", "a = {b = ['x']}")],
)
def test_a_route_that_leads_nowhere_ends_at_what_there_is(name: str, text: str) -> None:
    parsed = READERS[name](text)
    for route in (("a", "b", 1), ("a", "b", -1), ("a", "b", "0"), ("a", "b", "x", 3)):
        assert parsed.locate(route) == parsed.locate(("a", "b"))
    assert parsed.locate(("a", "b", 0, "x")) == parsed.locate(("a", "b", 0))
    assert parsed.locate(("a", "c")) == parsed.locate(("a",))
    assert parsed.locate((0,)) == parsed.locate()


def test_the_view_of_a_table() -> None:
    text = '[project]\nname = "x"\n[tool.kernel-schema.kernel_mapping]\nSiLU = "o/r:L"\n'
    parsed = read_toml(text)
    view = parsed.sub(("tool", "kernel-schema"))
    assert view is not None
    assert view.value == {"kernel_mapping": {"SiLU": "o/r:L"}}
    assert at(text, view, "kernel_mapping", "SiLU") == ("SiLU", '"o/r:L"')
    assert at(text, view) == ("kernel-schema", "[tool.kernel-schema.kernel_mapping]")
    assert at(text, view, "nowhere") == at(text, view)
    inner = view.sub(("kernel_mapping",))
    assert inner is not None
    assert inner.locate(("SiLU",)) == parsed.locate(
        ("tool", "kernel-schema", "kernel_mapping", "SiLU")
    )


@pytest.mark.parametrize(
    ("route", "value"),
    [
        (("a",), [1, {"b": "c"}]),
        (("a", 1, "b"), "c"),
        ((), {"a": [1, {"b": "c"}]}),
        (("b",), None),
        (("a", 2), None),
        (("a", -1), None),
        (("a", "b"), None),
        ((0,), None),
        (("a", 0, "b"), None),
    ],
)
def test_views_of_any_value(route: tuple[str | int, ...], value: object) -> None:
    view = read_json('{"a": [1, {"b": "c"}]}').sub(route)
    assert (None if view is None else view.value) == value


def test_a_parsed_text_can_be_located_again_and_again() -> None:
    parsed = read_toml("a = 1\n[b]\nc = 2")
    assert [parsed.locate(("b", "c")) for _ in range(3)] == [parsed.locate(("b", "c"))] * 3
