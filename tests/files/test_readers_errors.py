"""What the readers say of wrong texts: exact codes, places and words; see `reader_errors`."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
import yaml

from kernel_schema.diagnostics import Diagnostic, Span
from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import Parsed, ReadError, read_int
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.toml import TOMLDecodeError, loads, read_toml
from kernel_schema.files.yaml import read_yaml
from kernel_schema.limits import MAX_PROBLEMS

from .reader_errors import READERS, cases, place, problems

CASES = [
    pytest.param(name, text, expected, id=f"{name}-{text!a:.40}")
    for name in READERS
    for text, expected in cases(name)
]
# What schema validators and parsers say among themselves.
JARGON = re.compile(
    r"anyOf|union|discriminator|\btags?\b|model_type|<|>|scalar|token|stream|context|node|plain|flow"
    r"|block|indicator|namespace|delimiter|decod|statement|Expect(?:ed|ing)",
)


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_what_is_said(name: str, text: str, expected: str) -> None:
    assert problems(READERS[name], text) == expected


# Where the parser of PyYAML in Python sees it otherwise than the one in C.
SEEN_OTHERWISE = {"{a:}": "", "[a:]": "", "{a:[b]}": ""}


@pytest.mark.parametrize(("text", "expected"), list(cases("yaml")))
def test_the_parser_of_yaml_in_python_will_do(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel_schema.files.yaml._LOADER", yaml.BaseLoader)
    assert problems(read_yaml, text) == SEEN_OTHERWISE.get(text, expected)


def test_no_jargon() -> None:
    for name in READERS:
        for _, expected in cases(name):
            for line in expected.splitlines():
                words = line.partition(": ")[2]
                assert not JARGON.search(re.sub("`.*?`", "", words)), line


def test_every_code_has_a_case() -> None:
    codes = {
        code
        for name in READERS
        for _, expected in cases(name)
        for code in re.findall(r"^[-:0-9]+ ([a-z-]+):", expected, re.MULTILINE)
    }
    assert codes == {
        "complex-key",
        "duplicate-key",
        "empty-document",
        "forbidden-character",
        "json-comment",
        "lone-surrogate",
        "non-string-key",
        "not-a-number",
        "number-out-of-range",
        "syntax-error",
        "yaml-alias",
        "yaml-anchor",
        "yaml-directive",
        "yaml-missing-space",
        "yaml-multiple-documents",
        "yaml-tab",
        "yaml-tag",
    }  # and too-deep and too-many-problems, below


def only_problem(name: str, text: str) -> Diagnostic:
    with pytest.raises(ReadError) as caught:
        READERS[name](text)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("yaml", "[" * 33, "1:33-1:34"),
        ("yaml", "[" * 100_000, "1:33-1:34"),
        ("yaml", "- " * 33 + "a", "1:65-1:66"),
        ("yaml", "{a: " * 33 + "1" + "}" * 33, "1:129-1:130"),
        ("json", "[" * 33 + "]" * 33, "1:33-1:34"),
        ("json", "[" * 100_000, "1:33-1:34"),
        ("json", '{"a":' * 33 + "1" + "}" * 33, "1:161-1:162"),
        (
            "json",
            '["' + "]" * 40 + '", ' + "[" * 32 + "]" * 32 + ', "' + "[" * 40 + '"]',
            "1:77-1:78",
        ),
        ("toml", "a = " + "[" * 100_000, "1:37-1:38"),
        ("toml", "a = " + "[" * 32 + "]" * 32, "1:36-1:38"),
        ("toml", "a = " + "{a = " * 32 + "1" + "}" * 32, "1:156-1:157"),
        ("toml", "a." * 16_000 + "a = 1", "1:64-1:65"),
        ("toml", "a = " + "{" + "a." * 33 + "a = 1}", "1:69-1:70"),
        ("toml", "[" + "a." * 33 + "a]", "1:65-1:66"),
        ("toml", "[" + "a." * 31 + "a]", "1:64-1:65"),
        ("toml", "[" + "a." * 20 + "a]\n" + "b." * 20 + "b = 1", "2:21-2:22"),
        ("toml", "[" + "a." * 14 + "a]\nb = 1\n[[" + "c." * 31 + "c]]", "3:65-3:66"),
    ],
)
def test_depth(name: str, text: str, where: str) -> None:
    problem = only_problem(name, text)
    assert (problem.code, place(problem.span)) == ("too-deep", where)
    assert problem.message == "more than 32 lists and tables inside one another"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yaml", "[" * 32 + "]" * 32),
        ("yaml", "- " * 32 + "a"),
        ("json", "[" * 32 + "]" * 32),
        ("json", '{"[":' * 32 + '"{"' + "}" * 32),
        ("toml", "a = " + "[" * 31 + "]" * 31),
        ("toml", "a." * 31 + "a = 1"),
        ("toml", "[" + "a." * 30 + "a]\nb = 1"),
        ("toml", "[" + "a." * 15 + "a]\n" + "b." * 15 + "b = '" + "." * 99 + "[" * 99 + "'"),
        ("toml", "# " + "." * 99 + "[" * 99 + '\na = """\n' + "." * 99 + "\n" + "[" * 99 + '"""'),
    ],
)
def test_depth_that_is_just_right(name: str, text: str) -> None:
    READERS[name](text)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("yaml", "a: " + "9" * 4301, "1:4-1:4305"),
        ("yaml", "a: 0x" + "f" * 4000, "1:4-1:4006"),
        ("json", "[" + "9" * 4301 + "]", "1:2-1:4303"),
        ("json", "[1e400]", "1:2-1:7"),
        ("toml", "a = " + "9" * 4301, "1:5-1:4306"),
        ("toml", "a = 0x" + "f" * 4000, "1:5-1:4007"),
        ("toml", "a = 0b" + "1" * 20_000, "1:5-1:20007"),
        ("toml", "a = -1" + "_000" * 2000, "1:5-1:8007"),
    ],
)
def test_numbers_that_are_too_large(name: str, text: str, where: str) -> None:
    problem = only_problem(name, text)
    assert (problem.code, place(problem.span)) == ("number-out-of-range", where)


@pytest.mark.parametrize(
    ("name", "text"),
    [("yaml", "a: {}"), ("json", '{{"a": {}}}'), ("toml", "a = {}")],
)
def test_numbers_that_are_just_right(name: str, text: str) -> None:
    for number in (10**18, -(10**30), 10**4300 - 1, 1 - 10**4300):
        written = text.replace("{{", "{").replace("}}", "}").replace("{}", str(number))
        assert READERS[name](written).value == {"a": number}


@pytest.mark.skipif(
    not hasattr(sys, "set_int_max_str_digits"), reason="this Python has no such limit"
)
@pytest.mark.parametrize("limit", [0, 640])
def test_the_limit_does_not_depend_on_python(limit: int) -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        for name, text in (("yaml", "a: {}"), ("json", "[{}]"), ("toml", "a = {}")):
            problem = only_problem(name, text.replace("{}", "9" * 4301))
            assert problem.code == "number-out-of-range"
        assert (read_int("9" * 641) is None) == (limit == 640)
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yaml", "[" + "!a 1," * 5000 + "]"),
        ("json", "[" + "NaN," * 5000 + "1]"),
        ("toml", "a = [" + "1e999," * 5000 + "]"),
    ],
)
def test_there_are_only_so_many_problems(name: str, text: str) -> None:
    with pytest.raises(ReadError) as caught:
        READERS[name](text)
    codes = [problem.code for problem in caught.value.problems]
    assert len(codes) == MAX_PROBLEMS + 1
    assert codes.count("too-many-problems") == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '[{"b": 1}, {"a": {"c": ""}, "b": "", "a": {}}]',
        '{"a" : ":", "a" :":"}',
        '{"": 1, "": "\\""}',
        '{"\\"": 1, "\\u0022": 2}',
    ],
)
def test_no_duplicate_escapes_the_count_of_strings(text: str) -> None:
    assert only_problem("json", text).code == "duplicate-key"


def test_a_good_json_text_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[str] = []
    monkeypatch.setattr("kernel_schema.files.json._scan", lambda text, _: scanned.append(text))
    text = '{"a" : [{"b": "c : d", "e": 1.5}, "", [], true], "f": {}}'
    assert READERS["json"](text).value == json.loads(text)
    assert scanned == []


def test_a_long_line_stays_short_in_a_message() -> None:
    for name, text in (
        ("yaml", "a: 1\n" + "x" * 100_000 + ":y\nb: 2"),
        ("yaml", "{" + "x" * 100_000 + ":y}"),
        ("json", "[" + "x" * 100_000 + "]"),
        ("json", '{"' + "x" * 100_000 + '": 1, "' + "x" * 100_000 + '": 1}'),
        ("toml", "a = " + "x" * 100_000),
        ("toml", "x" * 100_000 + " = 1\n" + "x" * 100_000 + " = 2"),
    ):
        problem = only_problem(name, text)
        assert len(problem.message + (problem.help or "")) < 300


def test_an_empty_toml_text_can_be_asked_for() -> None:
    for text in ("", "# nothing\n\r\n"):
        assert read_toml(text, allow_empty=True).value == {}
        assert read_toml(text, allow_empty=True).locate(("a",)).key is None
    assert only_problem("toml", "").code == "empty-document"
    assert read_toml("[tool]").value == {"tool": {}}


def test_a_byte_order_mark_is_no_column() -> None:
    for read, text in ((read_yaml, "\ufeffa: 1"), (read_json, '\ufeff{"a": 1}')):
        parsed = read(text)
        assert parsed.value == {"a": 1}
        key = parsed.locate(("a",)).key
        assert key is not None
        assert key.line == 1
        assert key.column == (1 if read is read_yaml else 2)
    assert read_toml("\ufeffa = 1").locate(("a",)).key == Span(1, 1, 1, 2)


def test_the_words_of_an_error() -> None:
    with pytest.raises(ReadError, match=r"^1:8: the key .*\n2:2: this `\[` is never closed$"):
        read_yaml("{a: 1, a: 2, b:\n [")


def test_an_error_survives_pickling() -> None:
    import copy
    import pickle

    with pytest.raises(ReadError) as caught:
        read_json("[1,]")
    for other in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):  # noqa: S301
        assert other.problems == caught.value.problems


@pytest.mark.parametrize("text", ["a\r\nb\nc\rd", "\n\n", "", "\r\n"])
def test_lines_end_as_in_an_editor(text: str) -> None:
    lines = LineIndex(text)
    written = re.split(r"\r\n|\n|\r", text)
    for offset in range(len(text) + 1):
        line, column = lines.point(offset)
        assert lines.offset(line, column) == offset
        assert written[line - 1].startswith(text[offset - column + 1 : offset].rstrip("\r\n"))


def readable(name: str, text: str) -> Any:
    parsed = READERS[name](text)
    assert isinstance(parsed, Parsed)
    return parsed.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("tRue", "tRue"),
        ("1", 1),
        ("-0", 0),
        ("+12", 12),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-0x1F", "-0x1F"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"),
        ("1.10", 1.1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e+1", -5.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        (".", "."),
        ("+", "+"),
        ("-", [None]),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("inf", "inf"),
        ("=", "="),
        ("<<", "<<"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("0x", "0x"),
        ("\u0661", "\u0661"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, value: Any) -> None:
    read = readable("yaml", f"a:\n  {written}")["a"]
    assert type(read) is type(value)
    assert read == value
    if not isinstance(value, list) and written:
        assert readable("yaml", f"[{written}]") == [value]


def test_not_a_number_of_yaml_and_toml() -> None:
    for name, text in (("yaml", "a: .nan"), ("toml", "a = nan")):
        value = readable(name, text)["a"]
        assert value != value  # noqa: PLR0124 (only NaN is like this)


@pytest.mark.parametrize("text", ["<<: 1", "'<<': {a: 1}", '"<<": {a: 1}', "<<: []", "<<: [1]"])
def test_where_nothing_is_merged_it_is_a_key(text: str) -> None:
    assert list(readable("yaml", text)) == ["<<"]


def test_no_key_is_special() -> None:
    assert readable("yaml", "(item): 1\n(unusable): {(item): 2}") == {
        "(item)": 1,
        "(unusable)": {"(item)": 2},
    }


TOML_1_0 = [
    ("a = {b = 1,}", "1:11-1:12 syntax-error: TOML has no `,` before the closing `}`"),
    ("a = {b = 1\n}", "1:5-1:6 syntax-error: a table in braces has to be closed on the same line"),
    ("a = {b = 1, # c\n}", "1:5-1:6 syntax-error: a table in braces has to be closed on the same"),
    ("a = {\nb = 1}", "1:5-1:6 syntax-error: a table in braces has to be closed on the same line"),
    ('a = "\\x41"', "1:6-1:8 syntax-error: there is no escape `\\x`"),
    ('a = "\\e"', "1:6-1:8 syntax-error: there is no escape `\\e`"),
    ("a = 10:00", "1:5-1:10 syntax-error: `10:00` is not a number or date of TOML"),
]


def takes_toml_1_1() -> bool:
    try:
        loads("a = {\n}")
    except TOMLDecodeError:
        return False
    return True


@pytest.mark.skipif(takes_toml_1_1(), reason="this Python's parser takes TOML 1.1")
@pytest.mark.parametrize(("text", "expected"), TOML_1_0)
def test_what_toml_1_0_does_not_have(text: str, expected: str) -> None:
    assert problems(read_toml, text).startswith(expected)
