"""Anchors and aliases of YAML: what they mean, where mistakes in them are told, what they cost."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.diagnostics import Route
from kernel_schema.files.parsed import MAX_DEPTH, ReadError
from kernel_schema.files.text.anchors import MAX_REPEATED
from kernel_schema.files.yaml import read_yaml


def told(text: str, at: str | None = None) -> list[tuple[str, int, int]]:
    """What is said of a text, by code, line and column."""
    try:
        diagnostics = ks.check(ks.loads_document(text, format="yaml", at=at))
    except ks.ConfigError as error:
        diagnostics = error.diagnostics
    spans = [diagnostic.span for diagnostic in diagnostics]
    assert all(spans)
    return [
        (diagnostic.code, diagnostic.span.line, diagnostic.span.column)
        for diagnostic in diagnostics
        if diagnostic.span is not None
    ]


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = getattr(yaml, request.param, yaml.BaseLoader)
    monkeypatch.setattr("kernel_schema.files.yaml._LOADER", chosen)


class TestReading:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("[&a 1, *a]", [1, 1]),
            ("[&a [1], *a, {b: *a}]", [[1], [1], {"b": [1]}]),
            ("[&a 1, &a 2, *a]", [1, 2, 2]),
            ("{&a b: 1, c: *a}", {"b": 1, "c": "b"}),
            ("{a: &a b, *a : c}", {"a": "b", "b": "c"}),
            ("&a {b: &b c, d: *b}", {"b": "c", "d": "c"}),
            ("- &a\n- *a\n", [None, None]),
            ("- &a |\n  text\n- *a\n", ["text\n", "text\n"]),
            ("- &a { b: &c [x] }\n- [*c, *a]\n", [{"b": ["x"]}, [["x"], {"b": ["x"]}]]),
        ],
    )
    def test_an_alias_is_the_value_of_its_anchor(self, text: str, value: Any) -> None:
        assert read_yaml(text).value == value

    def test_it_is_no_copy(self) -> None:
        value: Any = read_yaml("[&a [1], *a]").value
        assert value[0] is value[1]

    def test_places_are_those_of_the_anchor(self) -> None:
        parsed = read_yaml("x-a: &a {cpu: o/r:L}\nb: {c: *a, d: 1}\n")
        assert parsed.locate(("b", "c", "cpu")) == parsed.locate(("x-a", "cpu"))
        assert parsed.locate(("b", "c")).value == parsed.locate(("x-a",)).value
        key = parsed.locate(("b", "c")).key
        assert key is not None
        assert (key.line, key.column) == (2, 5)
        last = parsed.locate(("b", "d")).value
        assert (last.line, last.column) == (2, 15)

    @pytest.mark.parametrize(
        ("text", "code", "column"),
        [
            ("[*a, &a 1]", "yaml-alias", 2),
            ("[&a [*a]]", "yaml-alias", 6),
            ("&a {b: *a}", "yaml-alias", 8),
            ("[&a 1, {*a : 2}]", "complex-key", 9),
            ("[&a [1], {*a : 2}]", "complex-key", 11),
            ("{a: &a {b: 1, c: 2}, d: {<<: *a, b: 3}}", "yaml-merge", 26),
            ("{a: &a {b: 1}, d: {<<: [*a, *a]}}", "yaml-merge", 20),
            ("{d: {<<: {b: 1}}}", "yaml-merge", 6),
        ],
    )
    def test_what_is_refused(self, text: str, code: str, column: int) -> None:
        with pytest.raises(ReadError) as caught:
            read_yaml(text)
        (problem,) = caught.value.problems
        assert problem.span is not None
        assert (problem.code, problem.span.column) == (code, column)

    def test_a_merge_lists_the_keys_to_write(self) -> None:
        def hint(text: str) -> str | None:
            with pytest.raises(ReadError) as caught:
                read_yaml(text)
            return caught.value.problems[0].help

        assert hint("{a: &a {b: 1, c: 2, d: 3}, e: {<<: *a, b: 3}}") == (
            "write the keys `c` and `d` here, each with its value or an alias for it"
        )
        assert hint("{a: &a {b: 1}, e: {<<: *a}}") == (
            "write the key `b` here, with its value or an alias for it"
        )
        assert hint("{a: &a {b: 1}, e: {b: 2, <<: *a}}") == (
            "remove it: there is a key here for each that it would bring in"
        )
        many = ", ".join(f"k{index}: 1" for index in range(20))
        assert "`k7` and 12 more here" in (hint(f"{{a: &a {{{many}}}, e: {{<<: *a}}}}") or "")


TREES: Any = st.recursive(
    st.sampled_from(["org/repo:L", "cuda", 1, None, True, ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(TREES, st.integers(0, 3))
def test_what_pyyaml_writes_with_aliases_reads_the_same(tree: Any, repeated: int) -> None:
    shared = [tree, {"x": tree}, *[[tree]] * repeated]
    text = yaml.safe_dump(shared)
    assert read_yaml(text).value == shared


class TestMistakes:
    def test_are_told_once_at_the_anchor(self) -> None:
        text = """\
x-fast: &fast
  hip: o/r:L
x-kernel: &kernel o/r
x-options: &options
  version: 1
kernel_mapping:
  A: *fast
  B: *fast
  C: *kernel
  D: {cpu: *kernel}
  E: *options
  F: *options
"""
        assert told(text) == [
            ("unknown-device", 2, 3),
            ("invalid-kernel-reference", 3, 19),
            ("missing-key", 4, 12),
        ]

    def test_of_an_entry_that_is_right_elsewhere_too(self) -> None:
        text = "kernel_mapping:\n  A: &a\n    gpu: o/r:L\n    cpu: o/r:L\n  B: *a\n"
        assert told(text) == [("unknown-device", 3, 5)]

    def test_of_keys_are_told_where_they_stand(self) -> None:
        assert told("x-a: &a o/r:L\nkernel_mapping:\n  ' A': *a\n  ' B': *a\n") == [
            ("invalid-layer-name", 3, 3),
            ("invalid-layer-name", 4, 3),
        ]

    def test_nothing_is_wrong_with_what_is_free(self) -> None:
        assert told("x-a: [{}, null, {cpu: 1}]\nx-: \nkernel_mapping: {}") == []
        odd = "x-a: !t {1: [*gone], a: 1, a: 2, <<: {b: 1}, [c]: 99999999999999999999}\n"
        assert told(f"{odd}kernel_mapping: {{}}") == []
        assert [code for code, *_ in told(f"{odd}x-a: 1\nkernel_mapping: {{}}")] == [
            "duplicate-key"
        ]
        assert [code for code, *_ in told("kernel_mapping: {x-a: {1: o/r:L}}")] == [
            "non-string-key"
        ]
        used = "x-b: &b\n  <<: {cpu: o/r:L}\nkernel_mapping: {A: *b}"
        assert told(used) == [("yaml-merge", 2, 3)]
        assert [code for code, *_ in told("X-a: 1\nkernel_mapping: {}")] == ["unknown-key"]
        assert [code for code, *_ in told("kernel_mapping: {A: {x-a: 1}}")] == ["unknown-key"]


def test_what_is_free_in_json_too() -> None:
    odd = '{"x-a": {"a": 1, "a": 2, "n": NaN, "b": 1e999}, "kernel_mapping": {%s}}'
    assert ks.loads(odd % "", format="json") == ks.KernelConfig({})
    for layers, code in (
        ('"x-b": 1e999', "number-out-of-range"),
        ('"A": {"x-b": NaN}', "not-a-number"),
    ):
        with pytest.raises(ks.ConfigError) as caught:
            ks.loads(odd % layers, format="json")
        assert [each.code for each in caught.value.diagnostics] == [code]


class TestBesideTheConfig:
    """A config in a bigger file: an anchor may stand around it."""

    def test_what_an_alias_brings_in_counts(self) -> None:
        text = "base: {k: &k {hip: o/r:L}, t: !t 1, 1: 2}\ncfg: {kernel_mapping: {A: *k}}"
        assert told(text, "cfg") == [("unknown-device", 1, 15)]
        good = text.replace("hip", "rocm")
        assert ks.loads(good, format="yaml", at="cfg").kernel_mapping.keys() == {"A"}

    @pytest.mark.parametrize(
        ("anchored", "code"),
        [
            ("{cpu: !t x}", "yaml-tag"),
            ("{a: 1, a: 2}", "duplicate-key"),
            ("{1: 2}", "non-string-key"),
        ],
    )
    def test_only_that(self, anchored: str, code: str) -> None:
        text = f"base: &k {anchored}\nrest: *k\ncfg: {{kernel_mapping: {{A: *k}}}}"
        assert [each for each, *_ in told(text, "cfg")] == [code]
        assert told(text.replace("A: *k", "A: o/r:L"), "cfg") == []

    def test_the_config_itself_may_be_an_alias(self) -> None:
        text = "base: &k {kernel_mapping: {A: o/r}}\ncfg: {k: *k}"
        assert told(text, "cfg.k") == [("invalid-kernel-reference", 1, 31)]

    def test_not_what_leads_to_it(self) -> None:
        text = "base: &k {k: {kernel_mapping: {}}}\ncfg: *k"
        assert told(text, "cfg.k") == [("yaml-alias", 2, 6)]

    def test_nothing_in_a_key_can_be_meant(self) -> None:
        text = "? {a: &k {cpu: o/r:L}}\n: 1\ncfg: {kernel_mapping: {A: *k}}"
        assert told(text, "cfg") == [("yaml-alias", 3, 27)]

    def test_problems_that_do_not_count_are_no_matter(self) -> None:
        wrong = ", ".join(["1: 2"] * 3000)
        text = f"base: &k [{{{wrong}}}, &j {{cpu: o/r:L}}]\ncfg: {{kernel_mapping: {{A: o/r:L}}}}"
        assert told(text, "cfg") == []


class TestCosts:
    @pytest.mark.parametrize("written", ["[*a{0}, *a{0}]", "{{b: *a{0}, c: *a{0}}}"])
    def test_what_aliases_stand_for_is_limited(self, written: str) -> None:
        lines = ["x-0: &a0 [1]"]
        lines += [f"x-{i}: &a{i} {written.format(i - 1)}" for i in range(1, 30)]
        assert told("\n".join([*lines, "kernel_mapping: {}"])) == []
        (problem,) = told("\n".join([*lines, "kernel_mapping: {A: *a29}"]))
        assert problem[0] == "yaml-alias"
        assert 10 < problem[1] < 20

    def test_long_texts_count_for_more(self) -> None:
        text = f"x: &a {'y' * 100_000}\nz: [{', '.join(['*a'] * 60)}]"
        with pytest.raises(ReadError, match=f"more than {MAX_REPEATED}"):
            read_yaml(text)

    def test_as_much_as_a_fleet_needs_is_not(self) -> None:
        layers = "".join(f"  L{index}: *a\n" for index in range(2000))
        text = f"x-a: &a {{cpu: original, cuda: o/r:L}}\nkernel_mapping:\n{layers}"
        config = ks.loads(text, format="yaml")
        assert len(config.kernel_mapping) == 2000

    def test_depth_is_that_of_what_they_stand_for(self) -> None:
        lines = ["- &a0 []"]
        lines += [f"- &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH - 1)]
        assert read_yaml("\n".join(lines)).value
        with pytest.raises(ReadError) as caught:
            read_yaml("\n".join([*lines, f"- [*a{MAX_DEPTH - 2}]"]))
        assert [problem.code for problem in caught.value.problems] == ["too-deep"]


class TestRepairs:
    """An edit at an anchor changes every alias: it is offered where all of them are mended."""

    @pytest.mark.parametrize(
        ("text", "mended"),
        [
            (
                "kernel_mapping:\n  A: &a { hip: o/r:L }\n  B: *a\n",
                "kernel_mapping:\n  A: &a { rocm: o/r:L }\n  B: *a\n",
            ),
            (
                "kernel_mapping:\n  A: &a # none\n  B: *a\n",
                "kernel_mapping:\n  A: &a original # none\n  B: *a\n",
            ),
            (
                "kernel_mapping:\n  A: &a\n    - o/r:L\n    - {version: 1}\n  B: *a\n",
                'kernel_mapping:\n  A: &a {kernel: "o/r:L", version: 1}\n  B: *a\n',
            ),
            (
                "x-a: &a 'o/r:L '\nkernel_mapping:\n  A: *a\n  B: {cpu: *a}\n",
                "x-a: &a 'o/r:L'\nkernel_mapping:\n  A: *a\n  B: {cpu: *a}\n",
            ),
            (
                "x-v: &v '1'\nkernel_mapping:\n  A: {kernel: o/r:L, version: *v}\n",
                "x-v: &v 1\nkernel_mapping:\n  A: {kernel: o/r:L, version: *v}\n",
            ),
        ],
    )
    def test_in_an_anchored_value(self, text: str, mended: str) -> None:
        assert ks.fix(text, format="yaml", unsafe=True).text == mended

    def test_document_keeps_the_route(self) -> None:
        text = "x-a: &a o/r:L\nkernel_mapping:\n  A: *a\n"
        document = ks.loads_document(text, format="yaml")
        span = document.locate(Route(("kernel_mapping", "A")))
        assert (span.line, span.column) == (1, 9)
