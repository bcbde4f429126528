"""What could crash a reader or hang it: nothing but `ReadError` comes out, and it comes soon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import Parsed, ReadError
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

READERS = {"yaml": read_yaml, "json": read_json, "toml": read_toml}


def long(piece: str, start: str = "", end: str = "") -> Callable[[int], str]:
    """A text of any size that repeats a piece."""
    return lambda size: start + piece * (size // len(piece)) + end


def numbered(piece: str, start: str = "", end: str = "") -> Callable[[int], str]:
    """A text of any size that repeats a piece, with a number of its own in the place of `0`."""

    def build(size: int) -> str:
        pieces = [start]
        while size > 0:
            pieces.append(piece.replace("0", str(len(pieces))))
            size -= len(pieces[-1])
        return "".join((*pieces, end))

    return build


BOTH = {
    "nothing": long(" "),
    "empty lines": long("\n"),
    "returns": long("\r"),
    "comments": long("#\n"),
    "letters": long("a"),
    "words": long("a "),
    "opened": long("["),
    "opened and closed": long("[]"),
    "closed": long("]"),
    "braces": long("{"),
    "quotes": long('"'),
    "single quotes": long("'"),
    "backslashes": long("\\", '"'),
    "escapes": long("\\u0041", '"', '"'),
    "wrong escapes": long("\\x", '"', '"'),
    "digits": long("1", "[", "]"),
    "commas": long(",", "["),
    "colons": long(":"),
    "dots": long("."),
    "nul": long("\0"),
    "surrogates": long("\ud800"),
    "byte order marks": long("\ufeff"),
    "wide": long("漢"),
}
CASES = {
    **{f"{name} {key}": (name, text) for name in READERS for key, text in BOTH.items()},
    "yaml list": ("yaml", long("a,", "[", "]")),
    "yaml lists": ("yaml", long("[],", "[", "]")),
    "yaml items": ("yaml", long("- a\n")),
    "yaml pairs": ("yaml", long("a: b,", "[", "]")),
    "yaml nested items": ("yaml", long("- ")),
    "yaml nested keys": ("yaml", long("? ")),
    "yaml duplicates": ("yaml", long("a,", "{", "}")),
    "yaml members": ("yaml", numbered("a0,", "{")),
    "yaml anchors": ("yaml", long("&a b,", "[", "]")),
    "yaml properties": ("yaml", long("&a ")),
    "yaml aliases": ("yaml", long("*a,", "[", "]")),
    "yaml one tag": ("yaml", long("!")),
    "yaml directives": ("yaml", long("%F\n")),
    "yaml comments with returns": ("yaml", long("# c\r\n", end="a: b # 100%\r\n")),
    "yaml blank lines with returns": ("yaml", long(" \r\n\r", end="a: b # 100%\r\n")),
    "yaml documents": ("yaml", long("--- ")),
    "yaml tabs": ("yaml", long("\t\n", "a: b\n")),
    "yaml long key": ("yaml", long("a", "", ": b: c")),
    "yaml long value": ("yaml", long("a", "b: ", ": c")),
    "yaml many lines of text": ("yaml", long("b\n ", "a: ", ": c")),
    "yaml block text": ("yaml", long(" b\n", "a: |\n")),
    "yaml folded text": ("yaml", long(" b\n  b\n", "a: >\n")),
    "yaml text without end": ("yaml", long("a\n", '"')),
    "yaml complex keys": ("yaml", long("? a\n")),
    "yaml gaps behind a key alone": ("yaml", long("\n", "a", "b: c: d")),
    "yaml blanks behind an equals sign": ("yaml", long(" ", "a: b\nc =", "x")),
    "yaml placeholders": ("yaml", long("{%", "a: @")),
    "yaml comments with semicolons": ("yaml", long(";\n", end="a: b: c")),
    "yaml directives and comments": ("yaml", long("%F # #\n# # #\n", end="a: b")),
    "yaml text over lines": ("yaml", long("\n", "a: '", "b: 'c'\n")),
    "yaml other line breaks": ("yaml", long("\u2028")),
    "json numbers": ("json", long("1,", "[", "1]")),
    "json members": ("json", numbered('"a0":1,', "{", '"a":1}')),
    "json duplicates": ("json", long('"a":1,', "{", '"a":1}')),
    "json last duplicate": ("json", long('{"a":1},', "[", '{"a":2,"a":3}]')),
    "json last comma": ("json", long("{},", "[", "]")),
    "json missing commas": ("json", long("1 ", "[", "]")),
    "json last constant": ("json", long('"a",', "[", "NaN]")),
    "json line comments": ("json", long("//\n")),
    "json open comments": ("json", long("/*")),
    "json slashes": ("json", long("/")),
    "json paths": ("json", long("a/")),
    "json half pairs": ("json", long("\\ud83d", '["', '"]')),
    "json pairs": ("json", long("\\ud83d\\ude00", '["', '"]')),
    "json words before": ("json", long("a ", end="{}")),
    "json dots and equals signs": ("json", long("a.", "{} ", "a = 1")),
    "json brackets in text": ("json", long('"[","]",', "[", '""]')),
    "json single quotes in text": ("json", long("\\'", "'", "'")),
    "toml lines": ("toml", numbered("a0=1\n")),
    "toml dotted lines": ("toml", numbered("a." * 31 + "a0=1\n")),
    "toml dotted lines under a header": ("toml", numbered("a.a.a0=1\n", f"[{'a.' * 28}a]\n")),
    "toml dotted lines under half a header": (
        "toml",
        numbered("a." * 14 + "a0=1\n", f"[{'a.' * 15}a]\n"),
    ),
    "toml dotted lines in braces": ("toml", numbered("a." * 20 + "a0=1,", "a={")),
    "toml one dotted key": ("toml", long("a.", "", "a = 1")),
    "toml one dotted key in quotes": ("toml", long('"a".', "", "a = 1")),
    "toml headers": ("toml", numbered("[a0]\n")),
    "toml same headers": ("toml", long("[a]\n")),
    "toml deep headers": ("toml", numbered(f"[{'a.' * 29}a0]\n")),
    "toml list headers": ("toml", long("[[a]]\n")),
    "toml list headers with tables": ("toml", long("[[a]]\n[a.b]\n")),
    "toml deep list headers": ("toml", numbered(f"[[{'a.' * 20}a0]]\n")),
    "toml duplicates": ("toml", long("a=1\n")),
    "toml list": ("toml", long("1,", "a=[", "]")),
    "toml tables in a list": ("toml", long("{},", "a=[", "]")),
    "toml tables in braces": ("toml", numbered("a0=1,", "a={")),
    "toml comments in a list": ("toml", long("1,#x\n", "a=[\n", "]")),
    "toml comments in a list, cut": ("toml", long("1,#x\n", "a=[\n")),
    "toml long text": ("toml", long('""a', 'a="""', '"""')),
    "toml long text, cut": ("toml", long('\\"""', '"""')),
    "toml opening quotes": ("toml", long('"""a"""', "a=")),
    "toml digits with underscores": ("toml", long("1_", "a=", "1")),
    "toml dates": ("toml", long("2020-01-01 ", "a=")),
    "toml lines in braces": ("toml", long("b = 1,\n", "a = {\n", "}")),
    "toml lines in brackets": ("toml", long("1,\n", "a = [\n", "[b]\nc = 1")),
    "toml error at the end": ("toml", numbered("a0.b=1\n", end="a1=1\nc = d")),
}


@pytest.mark.parametrize("case", CASES)
def test_some_of(case: str) -> None:
    work(case, 10_000)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_much_of(case: str) -> None:
    # Eight times as much takes eight times as long; with the square of the size it were 64 times.
    assert seconds(case, 400_000) < 20 * (seconds(case, 50_000) + NOTHING)


NOTHING = 0.01
"""Seconds that a clock may be wrong by, where a text is refused at its first character."""


def seconds(case: str, size: int) -> float:
    """What it takes at best."""
    times: list[float] = []
    for _ in range(2):
        begun = time.process_time()
        work(case, size)
        times.append(time.process_time() - begun)
    return min(times)


def work(case: str, size: int) -> None:
    """Read such a text, and find a place in it."""
    name, build = CASES[case]
    result = outcome(name, build(size))
    if isinstance(result, Parsed):
        result.locate(("a", 0))
    else:
        assert result.problems


def outcome(name: str, text: str) -> Parsed | ReadError:
    try:
        return READERS[name](text)
    except ReadError as error:
        return error


@pytest.mark.parametrize("piece", ["[", "- ", "{a: "])
def test_a_hundred_kilobytes_of_depth_is_a_clean_error_in_yaml(piece: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_yaml(piece * (100_000 // len(piece)))
    assert caught.value.problems[-1].code == "too-deep"


def test_json_depth_does_not_depend_on_the_stack() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        with pytest.raises(ReadError):
            read_json('{"a":[' * 200_000)

    deeper(50)
