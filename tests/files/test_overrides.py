"""Overrides: what they come to, where that is told, and what is no override."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.diagnostics import Route
from kernel_schema.files.composition.overrides import (
    MAX_LENGTH,
    MAX_OVERRIDES,
    MAX_STEPS,
    OverrideError,
)
from kernel_schema.schema.vocabulary import DEVICE_NAMES
from tests.strategies import config_data, layer_entries, layer_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hypothesis.strategies import DataObject

    from kernel_schema.files.document import Format

FORMATS: tuple[Format, ...] = ("yaml", "json", "toml")
TEXT = """\
kernel_mapping:
  Plain: org/repo@v1:Plain
  Spec: {kernel: "org/repo:Spec", version: 2}
  Modes: {inference: "org/repo:Infer"}
  Devices: {cpu: original, cuda: [{min_capability: 90, kernel: "org/hopper:L"}]}
  Own: original
  a.b: org/repo:Dotted
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(*overrides: str, text: str = TEXT) -> ks.Document:
    return ks.loads_document(text, format="yaml", file="k.yaml", overrides=overrides)


def layer(name: str, *overrides: str) -> Any:
    return read(*overrides).config.model_dump()["kernel_mapping"][name]


def everywhere(entry: Any, **others: Any) -> dict[str, Any]:
    """What says the same as an entry without devices, but for some devices."""
    return dict.fromkeys(DEVICE_NAMES, entry) | others


def told(*overrides: str) -> list[str]:
    with pytest.raises(ks.ConfigError) as caught:
        read(*overrides)
    assert type(caught.value) is OverrideError
    for each in caught.value.diagnostics:
        assert each.fix is None
        assert each.repair is None
    return [str(each) for each in caught.value.diagnostics]


class TestMeaning:
    @pytest.mark.parametrize(
        ("override", "name", "comes_to"),
        [
            ("kernel_mapping.Plain=original", "Plain", "original"),
            ("kernel_mapping.New={cpu: original}", "New", {"cpu": "original"}),
            ('kernel_mapping["a.b"]=original', "a.b", "original"),
            ("kernel_mapping.Devices={xpu: original}", "Devices", {"xpu": "original"}),
            # What has no devices goes on for the other devices, what has no modes for the others.
            ("kernel_mapping.Plain.cuda=original", "Plain", ("org/repo@v1:Plain", "original")),
            (
                "kernel_mapping.Modes.cuda.training=org/t:T",
                "Modes",
                (
                    {"inference": "org/repo:Infer"},
                    {"inference": "org/repo:Infer", "training": "org/t:T"},
                ),
            ),
            ("kernel_mapping.Own.cuda=org/t:T", "Own", ("original", "org/t:T")),
            (
                "kernel_mapping.Plain.inference=org/t:T",
                "Plain",
                {"fallback": "org/repo@v1:Plain", "inference": "org/t:T"},
            ),
            (
                "kernel_mapping.Spec.inference=org/t:T",
                "Spec",
                {"fallback": {"kernel": "org/repo:Spec", "version": 2}, "inference": "org/t:T"},
            ),
            # A plain kernel with an option is the table of both.
            (
                "kernel_mapping.Plain.trust_remote_code=true",
                "Plain",
                {"kernel": "org/repo@v1:Plain", "trust_remote_code": True},
            ),
            ("kernel_mapping.Spec.version=3", "Spec", {"kernel": "org/repo:Spec", "version": 3}),
            ("kernel_mapping.Own.kernel=org/t:T", "Own", {"kernel": "org/t:T"}),
            # Inside of a list.
            (
                "kernel_mapping.Devices.cuda[0].min_capability=80",
                "Devices",
                {"cpu": "original", "cuda": [{"min_capability": 80, "kernel": "org/hopper:L"}]},
            ),
            (
                "kernel_mapping.Devices.cuda[0].inference=org/t:T",
                "Devices",
                {
                    "cpu": "original",
                    "cuda": [
                        {"min_capability": 90, "fallback": "org/hopper:L", "inference": "org/t:T"}
                    ],
                },
            ),
            # Blanks, several lines, block style and JSON are YAML too.
            (" kernel_mapping.Plain = original", "Plain", "original"),
            ("kernel_mapping.Plain=\n  cpu: original\n", "Plain", {"cpu": "original"}),
            ('kernel_mapping.Plain={"cpu": "original"}', "Plain", {"cpu": "original"}),
            ("kernel_mapping.Plain=cpu: original", "Plain", {"cpu": "original"}),
        ],
    )
    def test_of_one(self, override: str, name: str, comes_to: Any) -> None:
        if isinstance(comes_to, tuple):
            comes_to = everywhere(comes_to[0], cuda=comes_to[1])
        assert layer(name, override) == comes_to
        untouched = read().config.kernel_mapping
        changed = read(override).config.kernel_mapping
        assert {**untouched, name: None} == {**changed, name: None}
        assert list(changed) == list(dict.fromkeys([*untouched, name]))

    def test_other_keys(self) -> None:
        config = read("inherit_mapping=False", "lockfile=k.lock", "$schema=./s.json").config
        assert (config.inherit_mapping, config.lockfile, config.schema_uri) == (
            False,
            "k.lock",
            "./s.json",
        )
        assert config.kernel_mapping == read().config.kernel_mapping

    def test_the_later_wins(self) -> None:
        assert layer("Plain", "kernel_mapping.Plain=org/a:L", "kernel_mapping.Plain=org/b:L") == (
            "org/b:L"
        )
        after = ("kernel_mapping={A: org/a:L}", "kernel_mapping.A.cpu=original")
        assert read(*after).config.model_dump() == {
            "kernel_mapping": {"A": everywhere("org/a:L", cpu="original")}
        }

    def test_together_they_need_be_right_at_the_end_only(self) -> None:
        text = 'kernel_mapping: {A: {cuda: [{min_capability: 80, kernel: "org/a:L"}]}}'
        one = "kernel_mapping.A.cuda[0].max_capability=70"
        assert read(one, "kernel_mapping.A.cuda[0].min_capability=60", text=text)
        with pytest.raises(ks.ConfigError):
            read(one, text=text)

    def test_it_wins_over_bases(self, tmp_path: Path) -> None:
        (tmp_path / "base.yaml").write_text("kernel_mapping: {A: org/a:L, B: org/b:L}\n")
        (tmp_path / "k.yaml").write_text("extends: base.yaml\nkernel_mapping: {A: original}\n")
        config = ks.load("k.yaml", overrides=["kernel_mapping.B.cpu=original"])
        assert config.model_dump()["kernel_mapping"] == {
            "A": "original",
            "B": everywhere("org/b:L", cpu="original"),
        }

    def test_it_stands_in_the_part_that_at_names(self) -> None:
        text = "trainer: {kernels: {kernel_mapping: {A: org/a:L}}}"
        config = ks.loads(
            text, format="yaml", at="trainer.kernels", overrides=["kernel_mapping.A=original"]
        )
        assert config.model_dump() == {"kernel_mapping": {"A": "original"}}

    def test_relative_paths_start_at_the_working_directory(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "k.yaml").write_text("kernel_mapping: {A: './own:L', B: org/b:L}\n")
        overrides = [
            "kernel_mapping.B={cpu: './mine:L', cuda: {kernel: org/b:L, revision: ./x}}",
            "lockfile=k.lock",
        ]
        document = ks.read("sub/k.yaml", overrides=overrides)
        assert document.config.model_dump() == {
            "lockfile": "../k.lock",
            "kernel_mapping": {
                "A": "./own:L",
                "B": {"cpu": "../mine:L", "cuda": {"kernel": "org/b:L", "revision": "./x"}},
            },
        }
        config = ks.load("sub/k.yaml", overrides=overrides)
        assert str(config.kernel_mapping["A"]) == f"{tmp_path}/sub/own:L"
        assert config.model_dump()["kernel_mapping"]["B"]["cpu"] == f"{tmp_path}/mine:L"
        assert config.lockfile == f"{tmp_path}/k.lock"


class TestPlaces:
    @pytest.mark.parametrize(
        ("override", "route", "place"),
        [
            ("kernel_mapping.Plain=original", "kernel_mapping.Plain", (1, 22, "<override 1>")),
            ("kernel_mapping.Plain=original", "kernel_mapping.Spec.version", (3, 44, None)),
            ("kernel_mapping.Plain.cuda=original", "kernel_mapping.Plain.cpu", (2, 10, None)),
            (
                "kernel_mapping.Plain.cuda=original",
                "kernel_mapping.Plain.cuda",
                (1, 27, "<override 1>"),
            ),
            (
                "kernel_mapping.Plain.inference=o/r:L",
                "kernel_mapping.Plain.fallback",
                (2, 10, None),
            ),
            ("kernel_mapping.New.cpu=original", "kernel_mapping.New", (1, 20, "<override 1>")),
            ("inherit_mapping=false", "inherit_mapping", (1, 17, "<override 1>")),
        ],
    )
    def test_of_what_is_stated(
        self, override: str, route: str, place: tuple[int, int, str | None]
    ) -> None:
        span = read(override).locate(Route.parse(route))
        assert (span.line, span.column, span.file) == place

    def test_a_finding_points_into_the_argument_and_mends_nothing(self) -> None:
        findings = ks.check(read("kernel_mapping.Plain.cpu=./nowhere:L"))
        (missing,) = (each for each in findings if each.code == "missing-local-kernel")
        assert missing.place == "<override 1>:1:26"
        assert missing.fix is None

    def test_of_what_stands_on_many_devices_is_told_once(self) -> None:
        text = "kernel_mapping: {A: './nowhere:L'}"
        findings = ks.check(read("kernel_mapping.A.cpu=original", text=text))
        assert [each.place for each in findings] == ["k.yaml:1:21"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("", "1:1: error[invalid-override]: `` is no override: it has no `=`"),
            ("kernel_mapping.A", "1:1: error[invalid-override]: `kernel_mapping.A` is no override"),
            ("~kernel_mapping.A", "1:1: error[invalid-override]: `~kernel_mapping.A` is no over"),
            ("kernel_mapping.A=", "1:17: error[invalid-override]: there is no value behind `=`"),
            ("kernel_mapping..A=1", "1:15: error[invalid-override]: `kernel_mapping..A` is no ro"),
            ("kernel_mapping['a.b']=x", "1:15: error[invalid-override]: `kernel_mapping['a.b']`"),
            ("RMSNorm=original", "1:1: error[unknown-key]: `RMSNorm` is not a key of a config"),
            ("kernel_maping.A=x", "1:1: error[unknown-key]: `kernel_maping` is not a key"),
            ("t.kernel_mapping.A=x", "1:1: error[unknown-key]: `t` is not a key of a config"),
            ("extends=./a.yaml", "1:1: error[invalid-override]: overrides come after the bases"),
            ("x-mine=1", "1:1: error[invalid-override]: `x-mine` says nothing"),
            ("kernel_mapping.A={cpu: x", "1:18: error[syntax-error]: this `{` is never closed"),
            ("kernel_mapping.A=*a", "1:18: error[yaml-alias]: there is no anchor `&a`"),
            ("kernel_mapping.A=a\x1b", "1:19: error[forbidden-character]: the character U+001B"),
            ("kernel_mapping.A.gpu=original", "1:18: error[unknown-device]: `gpu` is not a dev"),
            ("kernel_mapping.A.hip.inference=o/r:L", "1:18: error[unknown-device]: `hip` is not"),
            ("kernel_mapping.A=null", "1:18: error[invalid-entry]: nothing stands here"),
            ("kernel_mapping.Plain.verison=2", "1:22: error[unknown-key]: `verison` is not an op"),
            (
                "kernel_mapping.Plain.version=2",
                "1:22: error[conflicting-pins]: `@v1` and `version`",
            ),
            (
                "kernel_mapping.A=org/repo",
                "1:18: error[invalid-kernel-reference]: `org/repo` names",
            ),
            ("kernel_mapping=5", "1:16: error[invalid-kernel-mapping]: `5` is not a table"),
            ("inherit_mapping=no", '1:17: error[invalid-inherit-mapping]: `"no"` is neither'),
            ("lockfile.a=x", "1:10: error[invalid-lockfile]: a table is not the path"),
            ("kernel_mapping.A[0]=x", "1:17: error[invalid-override]: nothing stands here: there"),
            (
                "kernel_mapping.Devices.cuda[7].kernel=o/r:L",
                "1:28: error[invalid-override]: there is",
            ),
            (
                "kernel_mapping.Devices.cuda.kernel=o/r:L",
                "1:29: error[invalid-override]: there is no",
            ),
            (
                "kernel_mapping.Own.training=o/r:L",
                "1:20: error[invalid-override]: `original` stands",
            ),
        ],
    )
    def test_of_one(self, override: str, message: str) -> None:
        (one,) = told(override)
        assert one.startswith(f"<override 1>:{message}")

    @pytest.mark.parametrize(
        ("override", "help_text"),
        [
            ("RMSNorm=original", "a layer stands under `kernel_mapping`: `kernel_mapping.RMSNorm`"),
            ("+kernel_mapping.A=original", "did you mean `kernel_mapping`?"),
            ("t.kernel_mapping.A=x", "a route begins in the config itself: `kernel_mapping.A`"),
            ("~kernel_mapping.A", "nothing is taken out: `original` keeps the model's own forward"),
            ("kernel_mapping.A.gpu=original", "did you mean `cuda`?"),
            ("kernel_mapping.A=null", "to keep the model's own forward write `original`"),
            ("inherit_mapping=no", "write false"),
        ],
    )
    def test_and_what_to_do(self, override: str, help_text: str) -> None:
        (one,) = told(override)
        assert one.endswith(f"help: {help_text}")

    def test_of_several_are_all_told(self) -> None:
        places = [one.partition(": ")[0] for one in told("a=1", "lockfile=k", "b=1")]
        assert places == ["<override 1>:1:1", "<override 3>:1:1"]
        both = told("kernel_mapping.A.gpu=original", "kernel_mapping.B.hip=original")
        assert [one.partition(": ")[0] for one in both] == [
            "<override 1>:1:18",
            "<override 2>:1:18",
        ]

    def test_beside_what_is_set_is_told_of_what_brings_it(self) -> None:
        text = (
            "kernel_mapping: {A: {cuda: [{min_capability: 90, kernel: 'org/a:L'},"
            " {min_capability: 80, kernel: 'org/b:L'}]}}"
        )
        with pytest.raises(OverrideError) as caught:
            read("kernel_mapping.A.cuda[0].min_capability=80", text=text)
        (one,) = caught.value.diagnostics
        assert one.code == "overlapping-capability"
        assert one.file == "<override 1>"
        assert "with what `k.yaml` says" in one.message

    def test_a_broken_file_comes_first(self) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            read("kernel_mapping.A.gpu=original", text="kernel_mapping: {A: org/a}")
        assert [each.file for each in caught.value.diagnostics] == ["k.yaml"]

    def test_its_text_points_into_the_override(self) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            read("inherit_mapping=true", "kernel_mapping.A.gpu=original")
        _, line, carets, help_text = str(caught.value).splitlines()
        assert (line, carets) == ("  kernel_mapping.A.gpu=original", " " * 19 + "^^^")
        assert help_text == "  help: did you mean `cuda`?"
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (of our own making)
        assert str(again) == str(caught.value)

    @pytest.mark.parametrize(
        ("route", "help_text"),
        [
            ("norm.final", 'did you mean `kernel_mapping["norm.final"]`?'),
            ("norm.final.cuda", 'did you mean `kernel_mapping["norm.final"].cuda`?'),
            ("other.name", 'a name with dots is written `kernel_mapping["other.name"]`'),
            ("norm.gpu", "did you mean `cuda`?"),
        ],
    )
    def test_a_name_with_dots_may_be_meant(self, route: str, help_text: str) -> None:
        text = "kernel_mapping: {norm.final: o/r:L}\n"
        with pytest.raises(ks.ConfigError) as caught:
            read(f"kernel_mapping.{route}=original", text=text)
        assert [each.help for each in caught.value.diagnostics] == [help_text]

    @pytest.mark.parametrize("overrides", ["a=b", [1], {"a": "b"}, [b"a=b"], 3])
    def test_what_is_no_list_of_texts(self, overrides: Any) -> None:
        with pytest.raises(TypeError, match="`overrides` must be a list of texts"):
            ks.loads(TEXT, format="yaml", overrides=overrides)

    @pytest.mark.parametrize(
        "overrides",
        [
            ["kernel_mapping.A=original"] * (MAX_OVERRIDES + 1),
            ["kernel_mapping.A=" + "x" * MAX_LENGTH],
            ["kernel_mapping" + ".a" * MAX_STEPS + "=1"],
            ["kernel_mapping." + "a" * 1001 + "=original"],
            ["kernel_mapping.A=" + "[" * 5000],
            ["kernel_mapping.A={" + "a" * 1001 + ": original}"],
            ['kernel_mapping["' * 5000 + "=1"],
        ],
        ids=["many", "long", "deep", "long-key", "nested", "long-key-in-value", "quotes"],
    )
    def test_limits(self, overrides: list[str]) -> None:
        with pytest.raises(OverrideError) as caught:
            ks.loads(TEXT, format="yaml", overrides=overrides)
        assert len(caught.value.diagnostics) == 1
        assert len(str(caught.value)) < 1000


# Against an oracle that knows nothing of overrides: the same thing set in data.


def routes(data: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All places in data, but for its top."""
    if steps:
        yield steps
    if isinstance(data, dict):
        below: Any = data.items()
    else:
        below = enumerate(data) if isinstance(data, list) else ()
    for step, item in below:
        yield from routes(item, (*steps, step))


def written(steps: tuple[str | int, ...], value: Any) -> str:
    """An override, every key in quotes but for the first."""
    route = "".join(
        f"[{step if isinstance(step, int) else json.dumps(step, ensure_ascii=False)}]"
        for step in steps[1:]
    )
    return f"{steps[0]}{route}={json.dumps(value, ensure_ascii=False)}"


def with_value(data: Any, steps: tuple[str | int, ...], value: Any) -> Any:
    changed = deepcopy(data)
    holder = changed
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = value
    return changed


def agrees(drawn: DataObject, data: dict[str, Any], format: Format) -> None:
    config = ks.KernelConfig.model_validate(data)
    text = ks.dumps(config, format=format)
    places = list(routes(config.model_dump()))
    steps = drawn.draw(st.sampled_from(places))
    if drawn.draw(st.booleans()):
        steps = ("kernel_mapping", drawn.draw(layer_names()))
    value = drawn.draw(layer_entries() | st.integers(-1, 3) | st.booleans() | st.just([]))
    wanted = with_value(config.model_dump(), steps, value)
    try:
        meant = ks.KernelConfig.model_validate(wanted)
    except ValueError:
        with pytest.raises(OverrideError) as caught:
            ks.loads(text, format=format, overrides=[written(steps, value)])
        assert {each.file for each in caught.value.diagnostics} == {"<override 1>"}
        return
    document = ks.loads_document(text, format=format, overrides=[written(steps, value)])
    assert document.config == meant
    for rule in ks.expand(document.config):
        span = document.locate(rule.route)
        assert (span.file == "<override 1>") == (rule.route.steps[: len(steps)] == steps)
    for written_format in FORMATS:
        again = ks.loads(ks.dumps(document.config, format=written_format), format=written_format)
        assert again == meant


@settings(max_examples=25, deadline=None)
@given(st.data(), config_data(), st.sampled_from(FORMATS))
def test_is_the_same_as_setting_it_in_data(
    drawn: DataObject, data: dict[str, Any], format: Format
) -> None:
    agrees(drawn, data, format)


@pytest.mark.thorough
@settings(max_examples=3000, deadline=None)
@given(st.data(), config_data(), st.sampled_from(FORMATS))
def test_is_the_same_as_setting_it_in_data_of_many(
    drawn: DataObject, data: dict[str, Any], format: Format
) -> None:
    agrees(drawn, data, format)


def spreads(data: dict[str, Any], device: str) -> None:
    """Setting one device changes what is said of no other."""
    config = ks.KernelConfig.model_validate(data)
    for name in config.kernel_mapping:
        override = written(("kernel_mapping", name, device), "org/new:L")
        changed = ks.loads(ks.dumps(config, format="json"), format="json", overrides=[override])

        def said(config: ks.KernelConfig, asked: str, name: str = name) -> set[tuple[Any, ...]]:
            return {
                (rule.capabilities, rule.mode, rule.kernel)
                for rule in ks.expand(config)
                if rule.layer_name == name and rule.device in {None, asked}
            }

        for other in DEVICE_NAMES:
            if other != device:
                assert said(changed, other) == said(config, other)
        ((_, mode, kernel),) = said(changed, device)
        assert (mode, str(kernel)) == (None, "org/new@v1:L")


@settings(max_examples=15, deadline=None)
@given(config_data(), st.sampled_from(DEVICE_NAMES))
def test_a_device_is_set_alone(data: dict[str, Any], device: str) -> None:
    spreads(data, device)


@pytest.mark.thorough
@settings(max_examples=1000, deadline=None)
@given(config_data(), st.sampled_from(DEVICE_NAMES))
def test_a_device_is_set_alone_in_many(data: dict[str, Any], device: str) -> None:
    spreads(data, device)


def holds_or_is_told(texts: list[str]) -> None:
    try:
        document = read(*texts)
    except ks.ConfigError as error:
        for each in error.diagnostics:
            assert each.file is None or each.file.startswith("<override ")
        return
    assert ks.loads(ks.dumps(document.config, format="yaml"), format="yaml") == document.config


_WORDS = st.sampled_from(
    ["kernel_mapping", "Plain", "cuda", "[0]", '["a.b"]', ".", "=", "original", "{", "}", ": ",
     "[", "]", "&a ", "*a", "<<", "\n", "'", '"', "\\", "#", "!!str ", "- ", "\udc80", "\0", "~",
     "org/repo:L", "version", "inference", "0", "null", "\u2028", "inherit_mapping", "lockfile"]
)  # fmt: skip
_TEXTS = st.lists(st.lists(_WORDS, max_size=9).map("".join), min_size=1, max_size=3)
_ROUTED = st.lists(
    st.lists(_WORDS, max_size=7).map(lambda words: f"kernel_mapping.Plain.{''.join(words)}"),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(_TEXTS | _ROUTED)
def test_whatever_is_written(texts: list[str]) -> None:
    holds_or_is_told(texts)


@pytest.mark.thorough
@settings(max_examples=10_000, deadline=None)
@given(_TEXTS | _ROUTED | st.lists(st.text(), max_size=3))
def test_whatever_is_written_of_much(texts: list[str]) -> None:
    holds_or_is_told(texts)
