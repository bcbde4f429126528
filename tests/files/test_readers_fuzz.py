"""Any text at all: what `tests.fuzz.checks` says must hold, on random and on mutated texts.

The same checks run guided by coverage in `tests/fuzz`; what was found there stays here as examples.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.fuzz.checks import check_json, check_toml, check_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENS = st.lists(st.sampled_from(seeds.TOKENS), max_size=12).map("".join)
ANY = st.one_of(
    TOKENS,
    st.text(max_size=40),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape")),
)


def texts(seed_texts: list[str]) -> st.SearchStrategy[str]:
    # A number rather than st.randoms(): drawing each choice by itself takes ten times as long.
    randoms = st.integers(0, 2**64).map(Random)
    changed = randoms.map(lambda random: seeds.mutated(random, seed_texts))
    return st.one_of(changed, changed, ANY)


@settings(max_examples=300, deadline=None)
@given(texts(seeds.YAML))
def test_yaml(text: str) -> None:
    check_yaml(text)


@settings(max_examples=400, deadline=None)
@given(texts(seeds.JSON))
def test_json(text: str) -> None:
    check_json(text)


@settings(max_examples=400, deadline=None)
@given(texts(seeds.TOML))
def test_toml(text: str) -> None:
    check_toml(text)


@pytest.mark.parametrize("seed", seeds.YAML)
def test_yaml_seeds(seed: str) -> None:
    check_yaml(seed)


@pytest.mark.parametrize("seed", seeds.JSON)
def test_json_seeds(seed: str) -> None:
    check_json(seed)


@pytest.mark.parametrize("seed", seeds.TOML)
def test_toml_seeds(seed: str) -> None:
    check_toml(seed)


FOUND: list[tuple[Callable[[str], None], str]] = [
    # tomllib sees a table that is there twice before it sees that its header is not closed.
    (check_toml, "[a]\n[a"),
    # A list that is not closed, and a key in it that is there twice.
    (check_toml, "a={b=1,b=2"),
    # A key that is there twice, and a value that the scanner takes for a word.
    (check_toml, "a=1\na = +"),
    # Other tables between those of a list, which mean something else without what is before.
    (check_toml, "[[c]]\n[[a]]\n[[c.d]]\n[[c]]\n[[a]]"),
    # A mapping as a key of a mapping as a key.
    (check_yaml, "? [a]: b"),
    # The one parser skips a byte order mark at the start of a line, the other reads it.
    (check_yaml, "\n\ufeff a:"),
    # The two see the missing value in different places.
    (check_yaml, "[a:\t]"),
    (check_yaml, "{a:\r\n}"),
    # Only one of the two wants a blank behind this colon.
    (check_yaml, "{a :}"),
    # No end of the document: it does not begin the line.
    (check_yaml, "a\n\n  ---\n"),
    # A value that is not there has a length if something stands before it.
    (check_yaml, "!]"),
    # An empty line between directives.
    (check_yaml, "%YAML 1.2\n\r\n%FOO\n--- a"),
    # Only one of the two takes tabs in a directive.
    (check_yaml, "%YAML\t 1.2\n---\na"),
    # Blanks at the end of the last line belong to the text.
    (check_yaml, "a:\n   |\n   :: \n\n# c\n"),
]


@pytest.mark.parametrize(("check", "text"), FOUND)
def test_what_fuzzing_has_found(check: Callable[[str], None], text: str) -> None:
    check(text)
