"""A config inside of a bigger file: what is said of it is what is said of it alone, further in."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.diagnostics import Route, Span
from kernel_schema.files.json import read_json
from kernel_schema.files.read import format_of
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml
from kernel_schema.routes import RouteError
from kernel_schema.schema.models import read_config
from tests.corpus.cases import Case, cases
from tests.json_schema.documents import corpus

from .emitters import Page, to_json, to_toml, to_yaml
from .test_readers_formats import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_schema.files.document import Format
    from kernel_schema.routes import Step

AT = "trainer.kernels"
STEPS = ("trainer", "kernels")
READERS: dict[Any, Any] = {"yaml": read_yaml, "json": read_json, "toml": read_toml}
GOOD: dict[Format, str] = {
    "yaml": "trainer:\n  lr: 1\n  kernels:\n    kernel_mapping: {SiLU: org/repo:SiLU}\n",
    "json": '{"trainer": {"lr": 1, "kernels": {"kernel_mapping": {"SiLU": "org/repo:SiLU"}}}}',
    "toml": '[trainer]\nlr = 1\n[trainer.kernels]\nkernel_mapping.SiLU = "org/repo:SiLU"\n',
}
CONFIG = ks.KernelConfig({"SiLU": "org/repo:SiLU"})


def problems(text: str, written: Format, at: Any = None) -> tuple[ks.Diagnostic, ...]:
    """Everything that is said of a text, checks without a model included."""
    try:
        return ks.check(ks.loads_document(text, format=written, at=at))
    except ks.ConfigError as error:
        return error.diagnostics


def problem(text: str, written: Format, at: Any = None) -> ks.Diagnostic:
    (found,) = problems(text, written, at)
    return found


class TestRoutes:
    @given(st.lists(st.integers(0, 999_999_999) | st.text(max_size=20), min_size=1, max_size=5))
    def test_are_read_as_they_are_printed(self, steps: list[Step]) -> None:
        # One character is at most ten in print, where more than 80 are cut.
        assume(all(isinstance(step, int) or len(step) < 8 for step in steps))
        assert Route.parse(str(Route(tuple(steps)))) == Route(tuple(steps))

    @pytest.mark.parametrize(
        ("text", "steps"),
        [
            ("trainer.kernels", ("trainer", "kernels")),
            ("stages[0].kernels", ("stages", 0, "kernels")),
            ("[1][2]", (1, 2)),
            ('x["a.b"].kernels', ("x", "a.b", "kernels")),
            ('["a \\"b\\" \\\\ \\u00e9\\n"]', ('a "b" \\ é\n',)),
            ("tool.kernel-schema", ("tool", "kernel-schema")),
            ("größe.3d", ("größe", "3d")),
        ],
    )
    def test_forms(self, text: str, steps: tuple[Step, ...]) -> None:
        assert Route.parse(text).steps == steps

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "it is empty"),
            (".a", "it begins with a dot"),
            ("a.", "a key is missing behind `a.`"),
            ("a..b", "a key is missing behind `a.`"),
            ("a.[0]", "a key is missing behind `a.`"),
            ("a[-1]", "in brackets stands a position from 0 on, or a key in double quotes"),
            ("a['b']", "in brackets stands a position from 0 on, or a key in double quotes"),
            ("a[0", "in brackets stands a position from 0 on, or a key in double quotes"),
            ("a[0]b", "a dot is missing before `b`"),
            ("a.0.b", 'a position is written `[0]`, a key of digits `["0"]`'),
            ("a b", "a key with ` ` in it stands in brackets and double quotes"),
            ("a\x1b", None),
        ],
    )
    def test_what_is_none_is_told(self, text: str, reason: str | None) -> None:
        if reason is None:
            assert Route.parse(text).steps == (text,)
            return
        with pytest.raises(RouteError) as caught:
            ks.loads("{}", format="yaml", at=text)
        assert isinstance(caught.value, ValueError)
        assert f"is no route: {reason}; one is `trainer.kernels`" in str(caught.value)

    @pytest.mark.parametrize("at", [("stages", -1), [-1]])
    def test_positions_count_from_0(self, at: Any) -> None:
        with pytest.raises(ks.RouteError, match="count from 0"):
            ks.loads("{}", format="yaml", at=at)

    @pytest.mark.parametrize(
        "at", [5, ("a", True), ("a", None), ("a", 1.0), {"a": 1}, b"a", object]
    )
    def test_what_is_no_route_at_all_is_a_type_error(self, at: Any) -> None:
        with pytest.raises(TypeError, match="`at` must be a route, `trainer"):
            ks.loads("{}", format="yaml", at=at)


class TestReading:
    @pytest.mark.parametrize("written", GOOD)
    @pytest.mark.parametrize(
        "at", [AT, ("trainer", "kernels"), ["trainer", "kernels"], Route.parse(AT)]
    )
    def test_every_function_takes_it(self, written: Format, at: Any, tmp_path: Path) -> None:
        file = tmp_path / f"training.{written}"
        file.write_text(GOOD[written])
        assert ks.load(file, at=at) == ks.loads(GOOD[written], format=written, at=at) == CONFIG
        document = ks.read(file, at=at)
        assert (document.config, document.at) == (CONFIG, Route.parse(AT))
        assert document.text == GOOD[written]
        assert ks.check(document) == ()
        (rule,) = ks.expand(document)
        span = document.locate(rule.route)
        index = LineIndex(document.text)
        start, end = (
            index.offset(*place)
            for place in ((span.line, span.column), (span.end_line, span.end_column))
        )
        assert document.text[start:end].strip("\"'") == "org/repo:SiLU"

    def test_paths_start_at_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "training.yaml"
        file.write_text("k: {kernel_mapping: {A: ./norm:A}}\n")
        assert str(ks.load(file, at="k").kernel_mapping["A"]) == f"{tmp_path}/norm:A"
        assert str(ks.read(file, at="k").config.kernel_mapping["A"]) == "./norm:A"

    def test_no_steps_are_the_whole_file(self) -> None:
        assert ks.loads("kernel_mapping: {}", format="yaml", at=()) == ks.KernelConfig()

    def test_a_pyproject_has_a_default(self) -> None:
        text = (
            '[tool.kernel-schema]\nkernel_mapping.A = "org/repo:A"\n[a]\nkernel_mapping.B = "o/r:B"'
        )

        def read(at: Any) -> ks.Document:
            return ks.loads_document(text, format="toml", file="a/pyproject.toml", at=at)

        assert read(None).config == read("tool.kernel-schema").config
        assert read(None).at == Route(("tool", "kernel-schema"))
        assert [*read("a").config.kernel_mapping] == ["B"]
        with pytest.raises(ks.ConfigError) as caught:
            read(())
        assert "it is in `tool.kernel-schema` and `a`" in caught.value.diagnostics[0].message


# The part alone, shifted: what is said inside of a bigger file is what is said of it alone.


def yaml_around(text: str) -> tuple[str, int, Callable[[int], int]]:
    """A bigger file, the lines above the part, and how far each line of it is moved."""
    head = "base: &base {1: one, lr: 1, lr: 2}\ntrainer:\n  <<: *base\n  kernels:\n"
    foot = "  optimizer: !!python/name:os.system {}\nlast: *base\n"
    lines = [f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True)]
    return head + "".join(lines).rstrip("\n") + "\n" + foot, head.count("\n"), lambda line: 4


def json_around(text: str) -> tuple[str, int, Callable[[int], int]]:
    head = '{"lr": 1, "lr": NaN, "\\ud800": 1e999,\n "trainer": {\n "kernels": '
    last = len(head) - head.rindex("\n") - 1
    foot = ',\n "a": {"b": 1, "b": 2}}}\n'
    return head + text + foot, head.count("\n"), lambda line: last if line == 1 else 0


def toml_around(text: str) -> tuple[str, int, Callable[[int], int]]:
    head = "lr = 1\n[trainer]\nb = 1\n[trainer.kernels]\n"
    lines = text.splitlines(keepends=True)
    moved = {
        number: len("trainer.kernels.")
        for number, line in enumerate(lines, 1)
        if line.startswith("[")
    }
    text = re.sub(r"^(\[\[?)", r"\1trainer.kernels.", text, flags=re.MULTILINE)
    return f"{head}{text}\n[last]\na = 1\n", head.count("\n"), lambda line: moved.get(line, 0)


AROUND = {"yaml": yaml_around, "json": json_around, "toml": toml_around}
# What counts inside as ever, though outside it does not.
INSIDE_ONLY = {
    "complex-key",
    "duplicate-key",
    "key-too-long",
    "lone-surrogate",
    "non-string-key",
    "not-a-number",
    "number-out-of-range",
    "yaml-alias",
    "yaml-merge",
    "yaml-missing-space",
    "yaml-tag",
}
# Markers of documents cannot be moved to the right, nor strings of several lines; and where lines
# end in other ways they are not those of `splitlines`.
_UNMOVABLE = re.compile(
    r"^(?:---|\.\.\.|%)|[\ufeff\r\x85\u2028\u2029\x0b\x0c]|'''|\"\"\"|\t", re.MULTILINE
)


OF_WHOLE_FILES = ("inside-a-bigger", "kernel-mapping-in", "pyproject", "table-of-a-py")


def movable() -> list[Case]:
    kept: list[Case] = []
    for case in cases("valid", "invalid/schema", "invalid/semantic", "invalid/syntax"):
        written = format_of(case.name)
        if case.name.startswith(OF_WHOLE_FILES):
            continue
        try:
            text = case.path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        if written is None or _UNMOVABLE.search(text):
            continue
        found = {each.code for each in problems(text, written)}
        if case.folder != "invalid/syntax" or (found and found <= INSIDE_ONLY):
            kept.append(case)
    return kept


MOVABLE = movable()


def test_most_of_the_corpus_can_be_moved() -> None:
    assert len(MOVABLE) > 350
    assert {format_of(case.name) for case in MOVABLE} == AROUND.keys()


@pytest.mark.parametrize("case", MOVABLE, ids=str)
def test_the_corpus_inside_of_bigger_files(case: Case) -> None:
    text = case.path.read_bytes().decode()
    written = format_of(case.name)
    assert written is not None
    bigger, lines, columns = AROUND[written](text)
    alone, inside = problems(text, written), problems(bigger, written, AT)
    assert [moved(each, lines) for each in alone] == [
        replace(each, span=None, fix=None) for each in inside
    ]
    for one, other in zip(alone, inside, strict=True):
        assert one.span is not None
        expected = Span(
            one.span.line + lines,
            one.span.column + columns(one.span.line),
            one.span.end_line + lines,
            one.span.end_column + columns(one.span.end_line),
        )
        if other.span != expected:
            # What is said of a whole file is said of the part at its key.
            assert is_of_the_whole(one, READERS[written](text).value)
            assert other.span == READERS[written](bigger, STEPS).locate(STEPS).key


def moved(alone: ks.Diagnostic, lines: int) -> ks.Diagnostic:
    """A diagnostic of a part, as it is for the bigger file; its span and edits left aside."""
    message = re.sub(
        r"in line (\d+)", lambda found: f"in line {int(found[1]) + lines}", alone.message
    )
    route = alone.route
    if alone.code not in INSIDE_ONLY:
        route = replace(route, steps=(*STEPS, *route.steps))
    # Headers of TOML name the whole way.
    help_text = re.sub(r"(\[+)(?=kernel_mapping)", rf"\1{AT}.", alone.help or "") or None
    if alone.help == "move it up, above the first header":
        help_text = f"move it up, right below the header `[{AT}]`"
    return replace(alone, message=message, help=help_text, route=route, span=None, fix=None)


def is_of_the_whole(alone: ks.Diagnostic, value: Any) -> bool:
    return not alone.route.steps or alone.route.steps[0] not in value


# Any data around any config, in any spelling: places come from the writer.

WRITERS: dict[Format, Callable[[Any, Random], Page]] = {
    "yaml": to_yaml,
    "json": to_json,
    "toml": to_toml,
}


def is_plain(value: Any) -> bool:
    """Whether YAML and JSON can say it: they have no dates, and YAML no keys without end."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    is_bigger = "kernel_mapping" in text and "kernel_mapping" not in value
    return isinstance(value, dict) and value != {} and len(text) < 1000 and not is_bigger


CONFIGS = [document.value for document in corpus() if is_plain(document.value)]
OTHERS = st.recursive(
    st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bigger(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[Step, ...], Any]:
    """A bigger document, the route to a config in it, and that config."""
    config = draw(st.sampled_from(CONFIGS))
    value, steps = config, ()
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            before = draw(st.lists(OTHERS, max_size=2))
            value, steps = (
                [*before, value, *draw(st.lists(OTHERS, max_size=1))],
                (len(before), *steps),
            )
        else:
            value, steps = _in_a_table(draw, value, steps)
    value, steps = _in_a_table(draw, value, steps)
    return value, steps, config


def _in_a_table(draw: st.DrawFn, value: Any, steps: tuple[Step, ...]) -> Any:
    key = draw(TEXTS)
    table = {**draw(st.dictionaries(TEXTS, OTHERS, max_size=2)), key: value}
    order = draw(st.permutations(list(table)))
    return {name: table[name] for name in order}, (key, *steps)


@settings(max_examples=100)
@given(bigger(), st.integers(0, 2**32).map(Random), st.sampled_from(sorted(WRITERS)))
def test_any_document_around_any_config(
    drawn: tuple[dict[str, Any], tuple[Step, ...], Any], random: Random, written: Format
) -> None:
    whole, steps, config = drawn
    assume(written != "toml" or "null" not in json.dumps(config))
    assume(not isinstance(config, dict) or "extends" not in config)  # only files take it
    page = WRITERS[written](whole, random)
    wrong = read_config(config)
    if isinstance(wrong, ks.KernelConfig):
        document = ks.loads_document(page.text, format=written, at=steps)
        assert (document.config, document.at.steps) == (wrong, steps)
        for rule in ks.expand(document.config):
            assert document.locate(rule.route) in places(page, (*steps, *rule.route.steps))
        return
    found = problems(page.text, written, steps)
    if {each.code for each in found} == {"key-too-long"}:
        return
    below = [replace(each.route, steps=(*steps, *each.route.steps)) for each in wrong]
    expected = {(each.code, each.message, route) for each, route in zip(wrong, below, strict=True)}
    assert {(each.code, each.message, each.route) for each in found} == expected
    for each in found:
        if each.route.steps in page.values:
            assert each.span in places(page, each.route.steps)


def places(page: Page, steps: tuple[Step, ...]) -> list[Span]:
    """Where the writer has put a value and its key."""
    index = LineIndex(page.text)
    offsets = [page.values[steps], page.keys.get(steps)]
    return [index.span(*each) for each in offsets if each is not None]


# What a config does without, around one.


class TestOutside:
    def test_yaml(self) -> None:
        text = """\
%YAML 1.1
%TAG !e! tag:example.com,2026:
---
base: &base {lr: 1, lr: 2, 1: x, true: y, [a, {b: c}]: d, ? {e: f} : g, <<: *base, n: 1e999}
? *base
: aliased
!!str trainer: !!python/object/apply:os.system &t
  args: ["exit 1"]
  <<: [*base, *t]
  {c: d}: &later !e!custom text
  kernels:
    kernel_mapping:
      SiLU: org/repo:SiLU
last: [*t, *t, {a:b/c:d}]
"""
        document = ks.loads_document(text, format="yaml", at=AT)
        assert document.config == CONFIG
        assert document.locate(Route(("kernel_mapping", "SiLU"))) == Span(13, 13, 13, 26)
        codes = {each.code for each in problems(text, "yaml", "base")}
        assert codes == INSIDE_ONLY - {
            *("key-too-long", "lone-surrogate", "not-a-number"),
            *("yaml-merge", "yaml-missing-space", "yaml-tag"),
        }
        assert problem(text, "yaml").help == "pass `--at trainer.kernels` (in Python `at=`)"

    @pytest.mark.parametrize("loader", ["CBaseLoader", "BaseLoader"])
    def test_with_both_parsers(self, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
        chosen = getattr(yaml, loader, yaml.BaseLoader)
        monkeypatch.setattr("kernel_schema.files.yaml._LOADER", chosen)
        self.test_yaml()

    def test_json(self) -> None:
        text = """{"a": 1, "a": NaN, "\\ud800": [Infinity, 1e999, -Infinity], "n": NUMBER,
        "trainer": {"lr": 1, "lr": {"x": 1, "x": "\\udfff"}, "kernels":
          {"kernel_mapping": {"SiLU": "org/repo:SiLU"}}}}""".replace("NUMBER", "9" * 5000)
        assert ks.loads(text, format="json", at=AT) == CONFIG
        assert problem(text, "json").help == "pass `--at trainer.kernels` (in Python `at=`)"

    def test_toml(self) -> None:
        text = f"lr = 1e999\nx = 0x{'f' * 5000}\n{GOOD['toml']}"
        assert ks.loads(text, format="toml", at=AT) == CONFIG
        assert problem(text, "toml").help == "pass `--at trainer.kernels` (in Python `at=`)"

    @pytest.mark.parametrize(
        ("written", "text", "code"),
        [
            ("yaml", "kernel_mapping: {SiLU: *b}", "yaml-alias"),
            ("yaml", "<<: *a", "yaml-merge"),
            ("yaml", "kernel_mapping: {SiLU: !!str org/repo:SiLU}", "yaml-tag"),
            ("yaml", "!!map {kernel_mapping: {}}", "yaml-tag"),
            ("yaml", "&part {kernel_mapping: {SiLU: *part}}", "yaml-alias"),
            ("yaml", "*b", "yaml-alias"),
            ("yaml", "kernel_mapping: {1: org/repo:SiLU}", "non-string-key"),
            ("yaml", "kernel_mapping: {[a]: org/repo:SiLU}", "complex-key"),
            ("yaml", "kernel_mapping: {SiLU: {cuda:org/repo:SiLU}}", "yaml-missing-space"),
            ("json", '{"kernel_mapping": {}, "kernel_mapping": {}}', "duplicate-key"),
            ("json", '{"kernel_mapping": {"SiLU": {"version": NaN}}}', "not-a-number"),
            ("json", '{"kernel_mapping": {"\\ud800": 1}}', "lone-surrogate"),
            ("toml", "{kernel_mapping = {SiLU = {version = 1e999}}}", "number-out-of-range"),
        ],
    )
    def test_inside_it_counts(self, written: Format, text: str, code: str) -> None:
        whole = {
            "yaml": f"a: &a {{}}\nx:\n  p:\n    {text}",
            "json": f'{{"a": 1, "a": 2, "x": {{"p": {text}}}}}',
            "toml": f"a = 1e999\n[x]\np = {text}",
        }[written]
        found = problem(whole, written, "x.p")
        assert found.code == code
        assert found.span is not None
        assert found.span.line == whole.count("\n") + 1

    @pytest.mark.parametrize(
        ("written", "text", "code"),
        [
            ("yaml", "x: {p: {kernel_mapping: {}}}\nx: {}", "duplicate-key"),
            ("yaml", "x: {p: {kernel_mapping: {}}, p: 1}", "duplicate-key"),
            ("yaml", "a: &a {p: {kernel_mapping: {}}}\nx: *a", "yaml-alias"),
            ("yaml", "a: {}\n---\nx: {p: {kernel_mapping: {}}}", "yaml-multiple-documents"),
            ("yaml", "x: {p: {kernel_mapping: {}}}\ny: [", "syntax-error"),
            ("yaml", "y: !nowhere!tag 1\nx: {p: {kernel_mapping: {}}}", "yaml-tag"),
            ("yaml", f"x: {{p: {{kernel_mapping: {{}}}}}}\ny: {'[' * 40}{']' * 40}", "too-deep"),
            ("json", '{"x": {"p": {"kernel_mapping": {}}}, "x": 1}', "duplicate-key"),
            ("json", '{"x": {"p": {"kernel_mapping": {}}}, "y": }', "syntax-error"),
            ("json", f'{{"x": {{"p": {{}}}}, "y": {"[" * 40}{"]" * 40}}}', "too-deep"),
            ("toml", "x.p.kernel_mapping = {}\ny = ", "syntax-error"),
            ("toml", "x.p.kernel_mapping = {}\nx.p = 1", "duplicate-key"),
            ("toml", f"x.p.kernel_mapping = {{}}\ny = {'[' * 40}{']' * 40}", "too-deep"),
        ],
    )
    def test_the_way_and_the_syntax_count(self, written: Format, text: str, code: str) -> None:
        assert problem(text, written, "x.p").code == code


class TestNothingThere:
    @pytest.mark.parametrize(
        ("at", "message", "help_text", "place"),
        [
            ("trainr.kernels", "`trainr`", "did you mean `trainer`?", (1, 1)),
            ("trainer.kernel", "`trainer.kernel`", "did you mean `trainer.kernels`?", (1, 1)),
            ("trainer.x", "`trainer.x`", "`trainer` has `lr` and `kernels`", (1, 1)),
            ("zzz", "`zzz`", "the file has `trainer` and `stages`", (1, 1)),
            ("trainer[0]", "`trainer[0]`", "`trainer` has `lr` and `kernels`", (1, 1)),
            (
                "stages[2].x",
                "`stages[2]`",
                "`stages` is a list of 2, counted from `stages[0]` on",
                (2, 1),
            ),
            (
                "stages.x",
                "`stages.x`",
                "`stages` is a list of 2, counted from `stages[0]` on",
                (2, 1),
            ),
            ("stages[0].b", "`stages[0].b`", "`stages[0]` has `a`", (2, 10)),
            ("stages[1].b", "`stages[1].b`", '`stages[1]` is `"x"`, and holds nothing', (2, 18)),
            (
                "trainer.lr.x",
                "`trainer.lr.x`",
                "`trainer.lr` is `null`, and holds nothing",
                (1, 11),
            ),
            (
                "trainer.kernels.x",
                "`trainer.kernels.x`",
                "`trainer.kernels` is `{}`, and holds nothing",
                (1, 21),
            ),
        ],
    )
    def test_it_is_told_at_what_is_there(
        self, at: str, message: str, help_text: str, place: tuple[int, int]
    ) -> None:
        text = "trainer: {lr: null, kernels: {}}\nstages: [{a: 1}, x]\n"
        found = problem(text, "yaml", at)
        assert (found.code, found.message) == ("nothing-there", f"there is no {message}")
        assert found.help == help_text
        assert found.span is not None
        assert (found.span.line, found.span.column) == place
        for other in (text.replace("null", "~"), json.dumps(yaml.safe_load(text))):
            again = problem(other, "yaml", at)
            assert (again.message, again.help, again.route) == (
                found.message,
                help_text,
                found.route,
            )

    def test_what_is_merged_is_not_there(self) -> None:
        text = "base: &b {kernels: {kernel_mapping: {}}}\ntrainer: {<<: *b, lr: 1}\n"
        assert problem(text, "yaml", AT).help == (
            "`trainer` has `<<` and `lr`; what `<<` brings in does not count: write it out"
        )

    def test_keys_that_are_no_text_have_no_name(self) -> None:
        text = "a: {1: {kernel_mapping: {}}, [b]: 1, c: 1, c: 2}\nd: {1: 2}\n"
        assert problem(text, "yaml", "a.x").help == "`a` has `c`"
        assert problem(text, "yaml", "d.x").help == "`d` has no keys of text"
        assert {each.code for each in problems(text, "yaml")} == {
            "complex-key",
            "duplicate-key",
            "non-string-key",
        }

    def test_few_of_many_keys_are_shown(self) -> None:
        text = json.dumps({f"k{number}": number for number in range(20_000)})
        assert problem(text, "json", "other").help == (
            "the file has `k0`, `k1`, `k2`, `k3` and `k4` and more"
        )

    def test_what_is_there_may_be_no_config(self) -> None:
        assert problem("trainer: {kernels: 5}", "yaml", AT).code == "invalid-entry"
        assert problem("a: {b: {}}", "yaml", "a.b").code == "missing-key"
        found = problem("a: {b: {kernel_maping: {}}}", "yaml", "a.b")
        assert (str(found.route), found.help) == (
            "a.b.kernel_maping",
            "did you mean `kernel_mapping`?",
        )


class TestFurtherIn:
    """Without `at`, a file that holds a config further in is told where."""

    @pytest.mark.parametrize("written", GOOD)
    def test_one(self, written: Format) -> None:
        found = problem(GOOD[written], written)
        assert found.code == "missing-key"
        assert found.message.endswith("it is in `trainer.kernels`")
        assert found.help == "pass `--at trainer.kernels` (in Python `at=`)"
        assert found.route == Route(("trainer", "kernels"), at_key=True)
        assert found.span is not None
        assert "kernels" in GOOD[written].splitlines()[found.span.line - 1]

    def test_many(self) -> None:
        text = json.dumps({"s": [{"k k": {"kernel_mapping": {}}} for _ in range(7)]})
        found = problem(text, "json")
        assert found.message.endswith('and `s[4]["k k"]` and elsewhere')
        assert found.help is not None
        assert found.help.startswith("pass `--at 's[0][\"k k\"]'`, `--at 's[1]")

    def test_from_a_part_too(self) -> None:
        found = problem("a: {b: {c: {kernel_mapping: {}}}}", "yaml", "a")
        assert found.help == "pass `--at a.b.c` (in Python `at=`)"

    @pytest.mark.parametrize(
        "text",
        [
            "kernel_mapping: {kernel_mapping: {kernel_mapping: org/repo:L}}",
            "kernel_mapping: {A: &a org/repo:L}\nb: {kernel_mapping: {}}",
            "a: {kernel_mapping: 5}",
            "a: {kernel_maping: {}}",
            "[",
        ],
    )
    def test_not_where_there_is_none(self, text: str) -> None:
        assert not any("--at" in (each.help or "") for each in problems(text, "yaml"))
