"""The words of messages: suggestions, quoted values, routes and diagnostics."""

from __future__ import annotations

import difflib
from datetime import date, time
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_schema import DeviceType, Diagnostic, ModelCheckError, Route, Severity
from kernel_schema.diagnostics import Span
from kernel_schema.wording import (
    Suggester,
    listing,
    normalise_word,
    quote,
    show,
)


def test_the_nearest_word() -> None:
    suggester = Suggester(["RMSNorm", "SiLU", "rotary_pos_emb"], {"swish": "SiLU"})
    assert suggester.closest("RMSNrom") == "RMSNorm"
    assert suggester.closest("rmsnorm") == "RMSNorm"
    assert suggester.closest("rotary-pos-emb") == "rotary_pos_emb"
    assert suggester.closest(" SiLU ") == "SiLU"
    assert suggester.closest("Swish") == "SiLU"
    assert suggester.closest("banana") is None
    assert suggester.closest("") is None


def test_aliases_are_not_guessed_at() -> None:
    # `swiss` is near `swish`, but says nothing of SiLU.
    assert Suggester(["SiLU"], {"swish": "SiLU"}).closest("swiss") is None


def test_without_candidates_nothing_is_near() -> None:
    assert Suggester([]).closest("cuda") is None


def test_words_too_long_for_a_typo_are_not_compared() -> None:
    name = "a" * 300
    assert Suggester([name]).closest(name) == name
    assert Suggester([name]).closest(name[:-1]) is None


def test_a_word_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    compare = difflib.get_close_matches

    def counted(word: str, *others: Any, **options: Any) -> list[str]:
        compared.append(word)
        return compare(word, *others, **options)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    suggester = Suggester(["cuda", "cpu"])
    assert [suggester.closest(word) for word in ["cdua", "CDUA", "banana"] * 1000] == [
        "cuda",
        "cuda",
        None,
    ] * 1000
    assert compared == ["cdua", "banana"]


def test_normalise_word() -> None:
    assert normalise_word(" Min-Capability ") == "min_capability"
    assert normalise_word("lock file") == "lock_file"


class Unprintable:
    def __repr__(self) -> str:
        message = "no"
        raise RuntimeError(message)


class Number(Enum):
    ONE = 1


def named(value: object) -> str | None:
    """A name for pytest, which prints integers of any length."""
    return "integer" if isinstance(value, int) else None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("cuda", "`cuda`"),
        (DeviceType.CUDA, "`cuda`"),
        (Number.ONE, "`1`"),
        ("a\nb\t\x00", "`a\\nb\\t\\u0000`"),
        ("\ud800", "`\\ud800`"),
        ("größe", "`größe`"),
        ("\u202e", "`\\u202e`"),
        (None, "`None`"),
        (42, "`42`"),
        (10**80, "`an integer of 266 bits`"),
        (-(10**5000), "`an integer of 16610 bits`"),
        ([10**5000], "`a list`"),
        ({"a": 10**5000}, "`a dict`"),
        ("x" * 80, f"`{'x' * 80}`"),
        ("x" * 81, f"`{'x' * 77}...`"),
        ("\n" * 81, "`" + ("\\n" * 39)[:77] + "...`"),
    ],
    ids=named,
)
def test_quote(value: Any, expected: str) -> None:
    assert quote(value) == expected


@pytest.mark.parametrize("value", [Unprintable(), [Unprintable()], object(), {1: {2: {3: {4: 5}}}}])
def test_quote_takes_anything(value: Any) -> None:
    assert len(quote(value)) <= 82


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", '`"1"`'),
        ("", '`""`'),
        ("a\nb", '`"a\\nb"`'),
        (1, "`1`"),
        (1.0, "`1.0`"),
        (True, "`true`"),
        (False, "`false`"),
        (None, "`null`"),
        ([], "`[]`"),
        ([1], "a list"),
        ((1,), "a tuple"),
        ({"a": 1}, "a table"),
        ({}, "`{}`"),
        (date(2026, 1, 2), "`2026-01-02`"),
        (time(12, 30), "`12:30:00`"),
    ],
)
def test_show(value: Any, expected: str) -> None:
    assert show(value) == expected


@given(st.text() | st.integers() | st.floats() | st.binary() | st.lists(st.text()))
def test_quoted_values_are_one_short_line(value: Any) -> None:
    for words in (quote(value), show(value)):
        assert words.isprintable()
        assert len(words) <= 84
        words.encode()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ""),
        (["a"], "`a`"),
        (["a", "b"], "`a` or `b`"),
        (["a", "b", "c"], "`a`, `b` or `c`"),
    ],
)
def test_listing(words: list[str], expected: str) -> None:
    assert listing(words) == expected
    assert listing(words, "and") == expected.replace(" or ", " and ")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), "(top level)"),
        (("kernel_mapping",), "kernel_mapping"),
        (("$schema",), "$schema"),
        (
            ("kernel_mapping", "RMSNorm", "cuda", 0, "kernel"),
            "kernel_mapping.RMSNorm.cuda[0].kernel",
        ),
        (("kernel_mapping", "a layer"), 'kernel_mapping["a layer"]'),
        (("kernel_mapping", ""), 'kernel_mapping[""]'),
        (("kernel_mapping", "a.b"), 'kernel_mapping["a.b"]'),
        (("kernel_mapping", "0"), 'kernel_mapping["0"]'),
        (("kernel_mapping", "a\nb"), 'kernel_mapping["a\\nb"]'),
        (("a b", 1), '["a b"][1]'),
        ((1, "a"), "[1].a"),
    ],
)
def test_route(steps: tuple[str | int, ...], text: str) -> None:
    route = Route(steps)
    assert str(route) == text
    assert str(route.key()) == text
    assert route.key() != route
    assert route.child("x", 0) == Route((*steps, "x", 0))
    assert route.key().child("x") == Route((*steps, "x"))


def test_diagnostic() -> None:
    plain = Diagnostic("empty-entry", "nothing here")
    assert str(plain) == "error[empty-entry]: nothing here"
    assert plain.place == ""
    warning = Diagnostic("too-deep", "y", Route(("a",)), "do z", Severity.WARNING)
    assert str(warning) == "a: warning[too-deep]: y\n  help: do z"


def test_a_diagnostic_of_a_file_says_where() -> None:
    found = Diagnostic(
        "too-deep", "y", Route(("a",)), "do z", file="kernels.yaml", span=Span(3, 5, 3, 8)
    )
    assert str(found) == "kernels.yaml:3:5: error[too-deep]: y\n  help: do z"
    assert found.headline == "kernels.yaml:3:5: error[too-deep]: y"
    assert Diagnostic("too-deep", "y", file="kernels.yaml").place == "kernels.yaml"
    assert Diagnostic("too-deep", "y", Route(("a",))).place == "a"


def test_errors_show_every_diagnostic() -> None:
    diagnostics = [Diagnostic("too-deep", "one"), Diagnostic("yaml-tag", "two", help="three")]
    assert str(ModelCheckError(diagnostics)).splitlines() == [
        "error[too-deep]: one",
        "error[yaml-tag]: two",
        "  help: three",
    ]
