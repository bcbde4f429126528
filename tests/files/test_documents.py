"""Whole configs in files: equal in every format, and each message at what it speaks of."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.files.json import read_json
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml
from kernel_schema.schema.meant.keys import no_name
from kernel_schema.schema.values import is_layer_name
from tests.files.emitters import Page, to_json, to_toml, to_yaml
from tests.strategies import config_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_schema.files.document import Format
    from kernel_schema.routes import Step

WRITERS: dict[Format, Callable[[dict[str, Any], Random], Page]] = {
    "json": to_json,
    "yaml": to_yaml,
    "toml": to_toml,
}
READERS = {"json": read_json, "yaml": read_yaml, "toml": read_toml}
FORMATS: tuple[Format, ...] = tuple(WRITERS)
RANDOM = st.integers(0, 2**32).map(Random)
LINE_END = re.compile(r"\r\n|\n|\r")

# Names and texts that a format takes for something else unless they are quoted.
UNUSUAL = [
    *("on", "off", "yes", "no", "y", "n", "On", "OFF", "true", "True", "null", "Null", "~", "nan"),
    *("1", "01", "1_000", "1e3", "1.0", ".5", "0x1F", "0o14", "014", "0b1", "12:30:45", "+1", "-1"),
    *("2020-01-01", "2020-01-01T00:00:00Z", ".inf", "-.inf", ".nan", "inf", "NaN", "Infinity"),
    *("größe", "层归一化", "e\u0301", "\u00e9", "👩\u200d💻", "עברית", "\U0001f600", "x" * 200),
    *("a\u0000b", "a\u001bb", "a\u0085b", "a\x7fb", "a\u009fb", "a\ufffeb", "a\ufeffb", "\ufeffa"),
    *("a\tb", "a\nb", "a\r\nb", "a\u2028b", "a\u2029b", "a b", "a  b", "\u00a0", "a\u3000b"),
    *("it's", 'say "so"', "back\\slash", "\\n", "\\", "'", '"', "'''", '"""', "a#b", "# a", "a #b"),
    *(": ", "a: b", "a:b", ":", "a:", "- a", "-", "--- a", "---", "...", "? a", "?", "[", "]"),
    *("[a]", "{a: b}", "{}", ",", "a, b", "&a", "*a", "!a", "!!str a", "|", ">", "|-", "%a", "@a"),
    *("`a`", "=", "a=b", "a.b", ".", "<<", "$schema", "kernel_mapping", "cuda", "original"),
]


@pytest.fixture(params=FORMATS)
def known(request: pytest.FixtureRequest) -> str:
    return request.param


@settings(max_examples=100, deadline=None)
@given(config_data(), RANDOM)
def test_the_same_data_gives_equal_configs(data: dict[str, Any], random: Random) -> None:
    expected = ks.KernelConfig.model_validate(data)
    for known, write in WRITERS.items():
        text = write(data, random).text
        config = ks.loads(text, format=known)
        assert config == expected, text
        assert hash(config) == hash(expected)
        assert config.model_dump() == data


@settings(max_examples=100, deadline=None)
@given(config_data(), RANDOM, st.sampled_from(("", "\ufeff")))
def test_the_text_at_a_span_is_the_key_or_the_value(
    data: dict[str, Any], random: Random, mark: str
) -> None:
    for known, write in WRITERS.items():
        page = write(data, random)
        document = ks.loads_document(mark + page.text, format=known)
        assert document.text == page.text
        for steps in _routes(data):
            route = ks.Route(steps)
            assert _at(page.text, document.locate(route)) == _value(page, steps)
            if steps in page.keys:
                assert _at(page.text, document.locate(route.key())) == _slice(
                    page, page.keys[steps]
                )


@settings(max_examples=100, deadline=None)
@given(config_data(), RANDOM, st.data())
def test_a_message_points_at_what_is_wrong(
    data: dict[str, Any], random: Random, draw: st.DataObject
) -> None:
    routes = [steps for steps in _routes(data) if _is_reference(data, steps)]
    if not routes:
        return
    steps = draw.draw(st.sampled_from(routes))
    assume(no_name(str(steps[-1]), "layer") is None)  # what is none, and holds no kernel, is told
    _replace(data, steps, "no-layer/at-all")
    for known, write in WRITERS.items():
        page = write(data, random)
        with pytest.raises(ks.ConfigError) as caught:
            ks.loads(page.text, format=known)
        (found,) = caught.value.diagnostics
        assert (found.code, found.route) == ("invalid-kernel-reference", ks.Route(steps))
        assert found.file == "<text>"
        assert found.span is not None
        assert _at(page.text, found.span) == _value(page, steps)


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_names_and_texts(name: str) -> None:
    data: dict[str, Any] = {"kernel_mapping": {}}
    if is_layer_name(name):
        data["kernel_mapping"][name] = "original"
    if name.isprintable():
        data["kernel_mapping"]["local"] = f"./{name}:Layer"
        data["kernel_mapping"]["lock"] = {"kernel": "org/repo:Layer", "lockfile": f"./{name}"}
    expected = ks.KernelConfig.model_validate(data)
    for known, write in WRITERS.items():
        for seed in range(10):
            text = write(data, Random(seed)).text  # noqa: S311 (not a secret)
            assert ks.loads(text, format=known) == expected, text
        assert ks.loads(ks.dumps(expected, format=known), format=known) == expected


def test_hand_made_texts_say_the_same() -> None:
    config = ks.KernelConfig(
        {
            "RMSNorm": {"cuda": {"inference": "org/repo@v2:Norm"}, "cpu": "original"},
            "SiLU": {"kernel": "org/repo:SiLU", "version": 1},
            "MLP": {"cuda": [{"min_capability": 90, "kernel": "org/repo:MLP"}]},
        },
        inherit_mapping=False,
    )
    yaml = """\
kernel_mapping:
  RMSNorm: {cuda: {inference: org/repo@v2:Norm},
            "cpu" : 'original'}
  SiLU:
      version: 0x1
      kernel: >-
        org/repo:SiLU
  MLP: {cuda: [{kernel: org/repo:MLP, min_capability: 090}]}
inherit_mapping: FALSE
"""
    json = """{"inherit_mapping":false,"kernel_mapping":{"SiLU":{"version":1,"kernel":
"org\\/repo:SiLU"},"MLP":{"cuda":[{"min_capability":90,"kernel":"org/repo:MLP"}]},
"RMSNorm":{"cpu":"original","cuda":{"inference":"org\\u002frepo@v2:Norm"}}}}"""
    toml = """\
inherit_mapping = false
kernel_mapping.RMSNorm.cuda.inference = 'org/repo@v2:Norm'
kernel_mapping.RMSNorm.cpu = \"\"\"original\"\"\"
kernel_mapping.SiLU = { kernel = "org/repo:SiLU", version = +1 }
[[kernel_mapping.MLP.cuda]]
min_capability = 9_0
"kernel" = "org/repo:MLP"
"""
    assert ks.loads(yaml, format="yaml") == config
    assert ks.loads(json, format="json") == config
    assert ks.loads(toml, format="toml") == config


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_an_editor(line_end: str, known: Format) -> None:
    if known == "toml" and line_end == "\r":
        pytest.skip("TOML does not end lines with a carriage return alone")
    config = ks.KernelConfig({"A": "org/repo:A", "B": "org/repo:B"})
    text = ks.dumps(config, format=known).replace("\n", line_end)
    document = ks.loads_document(text, format=known)
    span = document.locate(ks.Route(("kernel_mapping", "B")))
    assert _at(text, span).strip('"') == "org/repo:B"
    assert span.line == {"yaml": 3, "json": 4, "toml": 3}[known]


def test_a_route_that_leads_nowhere_ends_at_the_nearest_key() -> None:
    text = ks.dumps(ks.KernelConfig({"A": {"cuda": "org/repo:A"}}), format="yaml")
    document = ks.loads_document(text, format="yaml")
    for steps in (("kernel_mapping", "A", "rocm"), ("kernel_mapping", "A", "rocm", 3, "kernel")):
        assert _at(text, document.locate(ks.Route(steps))).strip('"') == "A"
    assert document.locate(ks.Route(("banana",))).line == 1


def test_every_diagnostic_of_a_document_has_its_place() -> None:
    config = ks.KernelConfig({"A": "./missing:A", "B": {"cuda": "./missing:B"}})
    text = ks.dumps(config, format="toml")
    document = ks.loads_document(text, format="toml", file="some/kernels")
    found = ks.check(document)
    assert [one.code for one in found] == ["missing-local-kernel"] * 2
    assert [_at(text, one.span).strip('"') for one in found if one.span] == [
        "./missing:A",
        "./missing:B",
    ]
    assert {one.file for one in found} == {"some/kernels"}
    # Without a document there is no place to name.
    assert all(one.span is None and one.file is None for one in ks.check(document.anchored))


def test_diagnostics_come_in_the_order_of_the_file() -> None:
    data: dict[str, Any] = {
        "kernel_mapping": {"B": "org", "A": {"hip": "org/repo:A", "version": 1}, "C": 7},
        "inherit_mapping": 1,
    }
    random = Random(7)  # noqa: S311 (not a secret)
    for _ in range(5):
        text = to_toml(data, random).text
        with pytest.raises(ks.ConfigError) as caught:
            ks.loads(text, format="toml")
        places = [(one.span.line, one.span.column) for one in caught.value.diagnostics if one.span]
        assert len(places) == 5
        assert places == sorted(places)


def test_messages_speak_of_tables_and_lists() -> None:
    data: dict[str, Any] = {"kernel_mapping": {"A": [{"kernel": "org/repo:A"}], "table": {}}}
    text = to_json(data, Random(1)).text  # noqa: S311 (not a secret)
    with pytest.raises(ks.ConfigError) as caught:
        ks.loads(text, format="json")
    said = {one.route.steps[-1]: one.message for one in caught.value.diagnostics}
    assert said["A"].startswith("a list cannot stand here")
    assert said["table"].startswith("an empty table says nothing")


SNIPPETS = [
    "`kernel_mapping: {}`",
    "`kernel: org/repo:layer_name`",
    "`kernel: original`",
    "`{kernel: org/repo:layer_name, version: 1}`",
    "`{cuda: [...]}`",
    "`[{min_capability: 90, kernel: ...}]`",
    "`cuda: [{min_capability: 90, kernel: ...}]`",
    "`RMSNorm: {cuda: ...}`",
    "`version: 1`",
    "`a.b: {kernel: ...}`",
    "`kernel: ./norm:L`",
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_to_write_is_written_in_the_format(snippet: str, known: Format) -> None:
    document = ks.loads_document(ks.dumps(ks.KernelConfig({}), format=known), format=known)
    placed = document.place(ks.Diagnostic("unknown-key", f"not {snippet}", help=f"add {snippet}"))
    assert placed.message == f"not {snippet}"
    assert placed.help is not None
    written = placed.help.removeprefix("add ").strip("`")
    written = written.replace("[...]", "[]").replace("...", '"org/repo:L"')
    if snippet.startswith(("`[", "`{")):
        written = {"yaml": "a: ", "json": '{"a": ', "toml": "a = "}[known] + written
        written += "}" * (known == "json")
    elif known == "json":
        written = f"{{{written}}}"
    assert READERS[known](written).value


def test_what_the_user_wrote_is_not_reworded() -> None:
    text = '{"kernel_mapping": {"A": "a table of lists"}}'
    with pytest.raises(ks.ConfigError, match="`a table of lists` contains white space"):
        ks.loads(text, format="json")


class TestAnchors:
    """`load` makes relative paths absolute; they start at the directory of the file."""

    TEXT = (
        "kernel_mapping:\n"
        "  A: ./norm:A\n"
        "  B: {cuda: ../norm:B, cpu: {inference: {kernel: ./norm:B}}}\n"
        "  C: {kernel: org/repo:C, lockfile: kernels.lock}\n"
        "  D: {cuda: [{kernel: org/repo:D, lockfile: ./a/../kernels.lock}]}\n"
        "  E: ~/norm:E\n"
        "  F: /norm:F\n"
        "  G: org/repo:G\n"
    )

    def expected(self, directory: Path) -> ks.KernelConfig:
        return ks.KernelConfig(
            {
                "A": f"{directory}/norm:A",
                "B": {
                    "cuda": f"{directory.parent}/norm:B",
                    "cpu": {"inference": {"kernel": f"{directory}/norm:B"}},
                },
                "C": {"kernel": "org/repo:C", "lockfile": f"{directory}/kernels.lock"},
                "D": {"cuda": [{"kernel": "org/repo:D", "lockfile": f"{directory}/kernels.lock"}]},
                "E": "~/norm:E",
                "F": "/norm:F",
                "G": "org/repo:G",
            }
        )

    def test_wherever_we_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        directory = tmp_path / "a directory"
        directory.mkdir()
        file = directory / "kernels.yaml"
        file.write_text(self.TEXT, encoding="utf-8")
        assert ks.load(file) == self.expected(directory)
        monkeypatch.chdir(tmp_path)
        assert ks.load("a directory/kernels.yaml") == self.expected(directory)
        assert ks.load("./a directory/../a directory/kernels.yaml") == self.expected(directory)
        monkeypatch.chdir(directory)
        assert ks.load("kernels.yaml") == self.expected(directory)

    def test_read_keeps_what_is_written(self, tmp_path: Path) -> None:
        file = tmp_path / "kernels.yaml"
        file.write_text(self.TEXT, encoding="utf-8")
        document = ks.read(file)
        assert document.file == str(file)
        assert document.format == "yaml"
        assert document.text == self.TEXT
        assert str(document.config.kernel_mapping["A"]) == "./norm:A"
        assert document.anchored == ks.load(file)
        assert document.config == ks.loads(self.TEXT, format="yaml")


def _routes(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The routes to everything in plain data, but for the whole."""
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*steps, step)
            yield from _routes(item, (*steps, step))


def _is_reference(data: Any, steps: tuple[Step, ...]) -> bool:
    for step in steps:
        data = data[step]
    is_option = steps[-1] in {"revision", "lockfile", "$schema"} or "trust_remote_code" in steps
    # `original` may stand where a reference may not: what is said of another word differs.
    return isinstance(data, str) and data != "original" and (len(steps) == 2 or not is_option)


def _replace(data: Any, steps: tuple[Step, ...], value: str) -> None:
    for step in steps[:-1]:
        data = data[step]
    data[steps[-1]] = value


def _value(page: Page, steps: tuple[Step, ...]) -> str:
    """What a message about a value points at: the value, or its key where that has many lines."""
    text = _slice(page, page.values[steps])
    return _slice(page, page.keys[steps]) if steps in page.keys and LINE_END.search(text) else text


def _slice(page: Page, place: tuple[int, int]) -> str:
    return page.text[place[0] : place[1]]


def _at(text: str, span: ks.Span) -> str:
    starts = [0, *(found.end() for found in LINE_END.finditer(text))]
    start = starts[span.line - 1] + span.column - 1
    return text[start : starts[span.end_line - 1] + span.end_column - 1]
