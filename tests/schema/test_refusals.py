"""Every bad value, at every place of the grammar: one diagnostic, and the right one."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from kernel_schema import (
    CapabilityEntry,
    DeviceMapping,
    HubRef,
    KernelConfig,
    KernelSpec,
    LocalRef,
    ModeMapping,
)
from tests.schema.problems import REF, brief, layer, only, problems

HUGE = 10**5000
"""An integer that Python refuses to print."""


def named(value: object) -> str | None:
    """A name for pytest, which prints integers."""
    return "huge" if value is HUGE else None


BAD_REFERENCES = {
    "a:b/c": "has no `org/repo` before the colon",
    "/:": "names no layer after the colon",
    ":/x": "has no `org/repo` before the colon",
    "org/repo:": "names no layer after the colon",
    "org/repo:a:b": "has more than one colon",
    " org/repo:L": "contains white space",
    "org/repo:L\t": "contains white space",
    "org/repo\n:x": "contains white space",
    "org/repo:x\n": "contains white space",
    "org/re\u00a0po:x": "contains white space",
    "a/b/c:d": "exactly one `/`",
    "https://host/org/repo:L": "is a URL",
    "org/repo": "names no layer",
    "org/repo@:L": "has nothing after `@`",
    "org/repo@a b:L": "contains white space",
    "org/repo@a~1:L": "has a revision with other characters",
    "org/repo@v9999999999:L": "has a version above 999999999",
    "org/repo@v1@v2:L": "has a revision with other characters",
    "": "is blank",
    "  ": "is blank",
    ":": "has no `org/repo` before the colon",
    "org:L": "has no `org/repo` before the colon",
    "/repo/x": "names no layer: a local kernel is written `path:layer_name`",
    "org/:L": "it must have an organisation and a name",
    "-org/repo:L": "starts or ends with `-` or `.`",
    "org/repo.:L": "starts or ends with `-` or `.`",
    "org/re--po:L": "`--` and `..` are forbidden",
    "org/re..po:L": "`--` and `..` are forbidden",
    "org/repo.git:L": "it must not end in `.git`",
    "org/re+po:L": "only letters, digits, `-`, `_` and `.` are allowed",
    f"{'o' * 97}/repo:L": "is longer than 96 characters",
    f"org/{'r' * 97}:L": "is longer than 96 characters",
    "örg/repo:L": "not ASCII",
    "org/repo:Größe": "not ASCII",
    "org/repo@v1:1L": "it must be a Python identifier",
    "org/repo:1L": "it must be a Python identifier",
    "org/repo:L-x": "it must be a Python identifier",
    "./norm": "names no layer",
    "./norm:": "names no layer after the colon",
    "./norm:1L": "it must be a Python identifier",
    "./no\x00rm:L": "contains control characters",
    "./no\nrm:L": "contains control characters",
    "./no\ud800rm:L": "contains characters that are not Unicode text",
    "C:/norm": "names no layer",
    "~": "names no layer",
}


@pytest.mark.parametrize(("written", "rule"), BAD_REFERENCES.items())
@pytest.mark.parametrize(
    ("wrap", "route"),
    [
        (lambda ref: ref, ""),
        (lambda ref: {"kernel": ref}, ".kernel"),
        (lambda ref: {"npu": ref}, ".npu"),
        (lambda ref: {"npu": {"kernel": ref}}, ".npu.kernel"),
        (lambda ref: {"training": ref}, ".training"),
        (lambda ref: {"training": {"kernel": ref}}, ".training.kernel"),
        (lambda ref: {"npu": {"training": ref}}, ".npu.training"),
        (lambda ref: {"cuda": [{"kernel": ref}]}, ".cuda[0].kernel"),
        (lambda ref: {"cuda": [{"training": ref}]}, ".cuda[0].training"),
        (lambda ref: {"cuda": [{"training": {"kernel": ref}}]}, ".cuda[0].training.kernel"),
        (lambda ref: (ref, {}), "[0]"),
    ],
)
def test_reference(written: str, rule: str, wrap: Any, route: str) -> None:
    diagnostic = only(layer(wrap(written)))
    assert brief(diagnostic) == ("invalid-kernel-reference", f"kernel_mapping.L{route}")
    assert rule in diagnostic.message
    assert "\n" not in diagnostic.message


# Places below a layer, and what may not stand there: (entry, code, route below the layer).
OPTION_VALUES: list[tuple[str, Any, str]] = [
    *(
        ("version", value, "invalid-version")
        for value in (True, False, "1", "v1", -1, 1.5, 1.0, 10**30, 10**9, HUGE, None, [1], {}, "")
    ),
    *(
        ("revision", value, "invalid-revision")
        for value in (1, True, None, "", "a b", "a@b", "größe", ["main"], {}, 1.5, HUGE, "\ud800")
    ),
    *(
        ("lockfile", value, "invalid-lockfile")
        for value in (1, True, None, "", " ", "a\nb", "\ud800", ["x"], {}, b"x", [HUGE])
    ),
    *(
        ("trust_remote_code", value, "invalid-trust-remote-code")
        for value in (
            *("yes", "true", "", 1, 0, None, 1.0, [], (), {}, {"org/repo"}, "org/repo"),
            *(["org"], ["org/repo", 1], [None], [["org/repo"]], [HUGE], [[HUGE]], ["o/r:L"]),
        )
    ),
]


@pytest.mark.parametrize(("option", "value", "code"), OPTION_VALUES, ids=named)
def test_option(option: str, value: Any, code: str) -> None:
    table = {"kernel": REF, option: value}
    assert wrong(table, option) == {(code, f"kernel_mapping.L.{option}")}
    assert wrong({"cuda": [table]}, option) == {(code, f"kernel_mapping.L.cuda[0].{option}")}
    assert wrong((REF, {option: value}), option) == {(code, f"kernel_mapping.L[1].{option}")}
    # The same in Python, where the model is built alone.
    with pytest.raises(ValueError, match=code):
        KernelSpec(**table)


def wrong(entry: Any, option: str) -> set[tuple[str, str]]:
    """The problems of an entry, with those of items of a list put to the list."""
    found = problems(layer(entry))
    return {(code, re.sub(rf"({option})\[\d+\]$", r"\1", route)) for code, route in found}


def test_each_wrong_item_of_a_list_is_told() -> None:
    entry = {"kernel": REF, "trust_remote_code": ["org", "org/repo", 1]}
    place = "kernel_mapping.L.trust_remote_code"
    assert problems(layer(entry)) == {
        ("invalid-trust-remote-code", f"{place}[0]"),
        ("invalid-trust-remote-code", f"{place}[2]"),
    }


BAD_CAPABILITIES = (9.0, "9.0", "90", True, False, None, -1, 10_000, 10**30, HUGE, [90], {}, 1e400)


@pytest.mark.parametrize("value", BAD_CAPABILITIES, ids=named)
@pytest.mark.parametrize("bound", ["min_capability", "max_capability"])
@pytest.mark.parametrize("entry", [{"kernel": REF}, {"kernel": "original"}, {"training": REF}])
def test_capability(bound: str, value: Any, entry: dict[str, str]) -> None:
    found = problems(layer({"cuda": [{bound: value, **entry}]}))
    assert found == {("invalid-capability", f"kernel_mapping.L.cuda[0].{bound}")}


# (what stands for a layer, code, route below the layer)
ENTRIES: list[tuple[Any, str, str]] = [
    # Nothing, and nothing in particular.
    (None, "invalid-entry", ""),
    ({}, "empty-entry", ""),
    ([], "empty-entry", ""),
    ({"cuda": None}, "invalid-entry", ".cuda"),
    ({"cuda": {}}, "empty-entry", ".cuda"),
    ({"cuda": []}, "empty-entry", ".cuda"),
    ({"cuda": [None]}, "invalid-entry", ".cuda[0]"),
    ({"cuda": [{}]}, "empty-entry", ".cuda[0]"),
    ({"cuda": [[]]}, "empty-entry", ".cuda[0]"),
    ({"training": None}, "invalid-entry", ".training"),
    ({"training": {}}, "empty-entry", ".training"),
    ({"training": []}, "empty-entry", ".training"),
    ({"cuda": {"training": None}}, "invalid-entry", ".cuda.training"),
    ({"cuda": [{"training": None}]}, "invalid-entry", ".cuda[0].training"),
    ({"kernel": None}, "invalid-kernel-reference", ".kernel"),
    ({"cuda": [{"kernel": None}]}, "invalid-kernel-reference", ".cuda[0].kernel"),
    # Values of another kind.
    *((value, "invalid-entry", "") for value in (42, 1.5, True, HUGE, b"o/r:L", {REF}, object())),
    *(({"cuda": value}, "invalid-entry", ".cuda") for value in (42, 1.5, True, HUGE, b"", {REF})),
    *(({"cuda": [value]}, "invalid-entry", ".cuda[0]") for value in (42, True)),
    *(({"cuda": [value]}, "misplaced-list", ".cuda") for value in (REF, "original")),
    *(({"training": value}, "invalid-entry", ".training") for value in (42, 1.5, False, HUGE)),
    *(({"kernel": value}, "invalid-kernel-reference", ".kernel") for value in (42, {}, [HUGE], 1j)),
    # Lists where none may stand.
    ([REF], "misplaced-list", ""),
    ([{"kernel": REF}], "misplaced-list", ""),
    ([HUGE], "misplaced-list", ""),
    ({"training": [REF]}, "misplaced-list", ".training"),
    ({"cuda": {"training": [{"kernel": REF}]}}, "misplaced-list", ".cuda.training"),
    ({"cuda": [[{"kernel": REF}]]}, "misplaced-list", ".cuda[0]"),
    # Devices, modes and options in each other's places.
    ({"cuda": REF, "training": REF}, "unknown-device", ".training (key)"),
    ({"training": REF, "cuda": REF}, "unknown-device", ".training (key)"),
    ({"cuda": REF, "version": 1}, "unknown-device", ".version (key)"),
    ({"training": REF, "version": 1}, "unknown-mode", ".version (key)"),
    ({"kernel": REF, "cuda": REF}, "unknown-key", ".cuda (key)"),
    ({"kernel": REF, "training": REF}, "unknown-key", ".training (key)"),
    ({"cuda": {"rocm": REF}}, "misplaced-device", ".cuda.rocm (key)"),
    ({"training": {"cuda": REF}}, "misplaced-device", ".training.cuda (key)"),
    ({"training": {"inference": REF}}, "misplaced-mode", ".training.inference (key)"),
    ({"cuda": [{"rocm": REF}]}, "misplaced-device", ".cuda[0].rocm (key)"),
    ({"version": 1}, "missing-key", ".kernel"),
    ({"cuda": {"trust_remote_code": True}}, "missing-key", ".cuda.kernel"),
    ({"cuda": [{"version": 1}]}, "missing-key", ".cuda[0].kernel"),
    ({"cuda": [{"min_capability": 90}]}, "missing-key", ".cuda[0]"),
    # Unknown words.
    ({"kernel": REF, "verison": 1}, "unknown-key", ".verison (key)"),
    ({"kernel": REF, "layer_name": "L"}, "unknown-key", ".layer_name (key)"),
    *(({word: REF}, "unknown-device", f".{word} (key)") for word in ("CUDA", "hip", "gpu")),
    ({"cuda:0": REF}, "unknown-device", '["cuda:0"] (key)'),
    ({"infer": REF}, "unknown-mode", ".infer (key)"),
    ({"zzz": REF}, "unknown-key", ""),
    ({"cuda": {"zzz": REF}}, "unknown-key", ".cuda"),
    ({"cuda": [{"zzz": REF}]}, "unknown-key", ".cuda[0]"),
    ({"training": {"zzz": REF}}, "unknown-key", ".training"),
    # Keys that are no strings.
    ({1: REF}, "unknown-key", ""),
    ({HUGE: REF}, "unknown-key", ""),
    ({None: REF, "cuda": REF}, "unknown-device", ".None (key)"),
    ({1: REF, "cuda": REF}, "unknown-device", "[1] (key)"),
    ({1.5: REF, "training": REF}, "unknown-mode", '["1.5"] (key)'),
    ({1: REF, "kernel": REF}, "unknown-key", "[1] (key)"),
    ({(1, 2): REF, "kernel": REF}, "unknown-key", '["(1, 2)"] (key)'),
    ({b"cuda": REF, "cuda": REF}, "unknown-device", "[\"b'cuda'\"] (key)"),
    # Text that is no Unicode: pydantic can only show a stand-in for the key.
    ({"\ud800": REF}, "unknown-key", ""),
    # The same for the kernels library, which would choose at random.
    (
        {"cuda": [{"kernel": REF}, {"training": REF}]},
        "overlapping-capability",
        ".cuda[1]",
    ),
    (
        {"cuda": [{"min_capability": 90, "kernel": REF}] * 2},
        "overlapping-capability",
        ".cuda[1]",
    ),
    (
        {"rocm": [{"min_capability": 0, "kernel": REF}, {"kernel": "original"}]},
        "overlapping-capability",
        ".rocm[1]",
    ),
    (
        {
            "cuda": [
                {"min_capability": 70, "max_capability": 80, "kernel": REF},
                {"min_capability": 90, "kernel": REF},
                {"min_capability": 75, "max_capability": 85, "training": REF},
            ]
        },
        "overlapping-capability",
        ".cuda[2]",
    ),
    (
        {"cuda": (CapabilityEntry(kernel=REF), CapabilityEntry(kernel=REF))},
        "overlapping-capability",
        ".cuda[1]",
    ),
    # Ranges that hold nothing, and ranges where there are no capabilities.
    (
        {"cuda": [{"min_capability": 90, "max_capability": 89, "kernel": REF}]},
        "empty-capability-range",
        ".cuda[0].min_capability",
    ),
    ({"cpu": [{"min_capability": 90, "kernel": REF}]}, "capability-not-supported", ".cpu"),
    ({"xpu": [{"kernel": REF}]}, "capability-not-supported", ".xpu"),
    ({"mps": (CapabilityEntry(kernel=REF),)}, "capability-not-supported", ".mps"),
    ({"hip": [{"kernel": REF}], "cuda": REF}, "unknown-device", ".hip (key)"),
    ({"min_capability": 90, "kernel": REF}, "misplaced-capability", ".min_capability (key)"),
    (
        {"cuda": {"min_capability": 90, "kernel": REF}},
        "misplaced-capability",
        ".cuda.min_capability (key)",
    ),
    (
        {"cuda": {"max_capability": 90, "training": REF}},
        "misplaced-capability",
        ".cuda.max_capability (key)",
    ),
    ({"cuda": REF, "min_capability": 90}, "misplaced-capability", ".min_capability (key)"),
    ({"min_capability": 90}, "misplaced-capability", ".min_capability (key)"),
    (
        {"training": {"max_capability": 90}},
        "misplaced-capability",
        ".training.max_capability (key)",
    ),
    # `original` where only a kernel may stand.
    ({"training": "original"}, "misplaced-original", ".training"),
    ({"cuda": {"training": "original"}}, "misplaced-original", ".cuda.training"),
    ({"cuda": [{"training": "original"}]}, "misplaced-original", ".cuda[0].training"),
    ({"kernel": "original"}, "misplaced-original", ".kernel"),
    ({"cuda": {"kernel": "original"}}, "misplaced-original", ".cuda.kernel"),
    ({"training": {"kernel": "original"}}, "misplaced-original", ".training.kernel"),
    ({"cuda": [{"kernel": "original", "version": 1}]}, "misplaced-original", ".cuda[0].kernel"),
    (("original", {"version": 1}), "misplaced-original", "[0]"),
    # More than one pin.
    ({"kernel": REF, "version": 1, "revision": "a"}, "conflicting-pins", ".revision (key)"),
    ({"revision": "a", "version": 1, "kernel": REF}, "conflicting-pins", ".version (key)"),
    ({"kernel": REF, "version": 1, "lockfile": "a"}, "conflicting-pins", ".lockfile (key)"),
    ({"kernel": REF, "revision": "a", "lockfile": "b"}, "conflicting-pins", ".lockfile (key)"),
    ({"kernel": "o/r@v1:L", "version": 1}, "conflicting-pins", ".version (key)"),
    ({"kernel": "o/r@main:L", "revision": "main"}, "conflicting-pins", ".revision (key)"),
    (
        {"kernel": HubRef("o/r", "L", version=1), "lockfile": "a"},
        "conflicting-pins",
        ".lockfile (key)",
    ),
    (
        {"kernel": REF, "version": 1, "revision": "a", "lockfile": "b"},
        "conflicting-pins",
        ".lockfile (key)",
    ),
    (("o/r@v1:L", {"version": 1}), "conflicting-pins", "[1].version (key)"),
    # Options that only a kernel on the Hub has.
    *(
        ({"kernel": ref, option: value}, "misplaced-option", f".{option} (key)")
        for ref in ("./norm:L", "C:\\norm:L", LocalRef("norm", "L"))
        for option, value in (
            ("version", 1),
            ("revision", "main"),
            ("lockfile", "kernels.lock"),
            ("trust_remote_code", False),
        )
    ),
    (("./norm:L", {"trust_remote_code": True}), "misplaced-option", "[1].trust_remote_code (key)"),
    # Tuples that are not transformers' `(reference, options)`.
    ((), "invalid-entry", ""),
    ((REF,), "invalid-entry", ""),
    ((REF, {}, {}), "invalid-entry", ""),
    ((REF, {"version": 1}, 3), "invalid-entry", ""),
    ((REF, None), "invalid-entry", ""),
    ((REF, 1), "invalid-entry", ""),
    ((REF, [("version", 1)]), "invalid-entry", ""),
    ((REF, {"kernel": REF}), "invalid-entry", ""),
    ((HUGE,), "invalid-entry", ""),
    ((REF, {"verison": 1}), "unknown-key", "[1].verison (key)"),
    ((REF, {1: 1}), "unknown-key", "[1][1] (key)"),
    ((REF, {"version": "1"}), "invalid-version", "[1].version"),
    ((None, {"version": 1}), "invalid-kernel-reference", "[0]"),
    (({"kernel": REF},), "invalid-entry", ""),
    ({"cuda": [(REF, {"version": 1})]}, "invalid-entry", ".cuda[0]"),
    ({"training": (REF, {"version": 0.5})}, "invalid-version", ".training[1].version"),
    # Paths: `str(Path("./a/b"))` would read as a repository on the Hub.
    (Path("./a/b"), "invalid-kernel-reference", ""),
    ({"cuda": PurePosixPath("a/b")}, "invalid-kernel-reference", ".cuda"),
    ({"training": Path("a/b")}, "invalid-kernel-reference", ".training"),
    ({"kernel": Path("a/b")}, "invalid-kernel-reference", ".kernel"),
    ((Path("a/b"), {}), "invalid-kernel-reference", "[0]"),
    # Models where another one belongs.
    (CapabilityEntry(kernel=REF), "invalid-entry", ""),
    (KernelConfig({}), "invalid-entry", ""),
    ({"cuda": CapabilityEntry(kernel=REF)}, "invalid-entry", ".cuda"),
    ({"cuda": DeviceMapping({"cuda": REF})}, "misplaced-device", ".cuda.cuda (key)"),
    ({"cuda": [KernelSpec(kernel=REF)]}, "invalid-entry", ".cuda[0]"),
    ({"training": ModeMapping({"training": REF})}, "misplaced-mode", ".training.training (key)"),
    ((CapabilityEntry(kernel=REF),), "invalid-entry", ""),
]


@pytest.mark.parametrize(("entry", "code", "route"), ENTRIES, ids=named)
def test_entry(entry: Any, code: str, route: str) -> None:
    assert problems(layer(entry)) == {(code, f"kernel_mapping.L{route}")}


def test_a_path_is_told_how_to_become_a_reference() -> None:
    diagnostic = only(layer(Path("a/b")))
    assert diagnostic.help == "build it with `LocalRef(path=..., layer_name=...)`"


# (whole config, code, route)
CONFIGS: list[tuple[Any, str, str]] = [
    *((value, "invalid-entry", "(top level)") for value in (None, 42, "x", [], [{}], True, HUGE)),
    ({}, "missing-key", "kernel_mapping"),
    ({"inherit_mapping": True}, "missing-key", "kernel_mapping"),
    *(
        ({"kernel_mapping": value}, "invalid-kernel-mapping", "kernel_mapping")
        for value in (None, 42, "x", [], [REF], True, HUGE, [HUGE], ())
    ),
    *(
        (
            {"kernel_mapping": {}, "inherit_mapping": value},
            "invalid-inherit-mapping",
            "inherit_mapping",
        )
        for value in (None, 0, 1, "yes", [], 1.0, HUGE)
    ),
    *(
        ({"kernel_mapping": {}, "$schema": value}, "invalid-schema-uri", "$schema")
        for value in (None, 1, [], {}, True)
    ),
    ({"kernel_mapping": {}, "schema_uri": "x"}, "unknown-key", "schema_uri (key)"),
    ({"kernel_mapping": {}, "extra": 1}, "unknown-key", "extra (key)"),
    ({"kernel_mapping": {}, 1: 1}, "unknown-key", "[1] (key)"),
    ({"kernel_mapping": {}, None: 1}, "unknown-key", "None (key)"),
    # Names of layers.
    (
        {"kernel_mapping": {("L",): REF}},
        "fusion-not-supported",
        "kernel_mapping[\"('L',)\"] (key)",
    ),
    ({"kernel_mapping": {}, "fusions": []}, "fusion-not-supported", "fusions (key)"),
    *(
        ({"kernel_mapping": {name: REF}}, "invalid-layer-name", f"kernel_mapping{route} (key)")
        for name, route in (
            ("", '[""]'),
            (" ", '[" "]'),
            (" L", '[" L"]'),
            ("L\n", '["L\\n"]'),
            (1, "[1]"),
            (True, "[1]"),
            (None, ".None"),
            (1.5, '["1.5"]'),
            (b"L", "[\"b'L'\"]"),
        )
    ),
]


@pytest.mark.parametrize(("data", "code", "route"), CONFIGS, ids=named)
def test_config(data: Any, code: str, route: str) -> None:
    assert problems(data) == {(code, route)}


@pytest.mark.parametrize("value", [REF, 42, None, {}])
@pytest.mark.parametrize("name", ["", " L", 1, None])
def test_a_wrong_name_is_one_problem_whatever_stands_under_it(name: Any, value: Any) -> None:
    assert only({"kernel_mapping": {name: value}}).code == "invalid-layer-name"


@pytest.mark.parametrize("key", ["hip", "banana", 1, None])
@pytest.mark.parametrize("value", [REF, 42, None, {"training": 42}, [{"kernel": 1}]])
def test_a_wrong_device_is_one_problem_whatever_stands_under_it(key: Any, value: Any) -> None:
    assert only(layer({"cuda": REF, key: value})).code == "unknown-device"


@pytest.mark.parametrize("value", [1, None, {"a": {"b": 1}}])
def test_a_wrong_option_is_one_problem_whatever_stands_under_it(value: Any) -> None:
    assert only(layer({"kernel": REF, "verison": value})).code == "unknown-key"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"kernel_mapping": {"\ud800": REF}}, "invalid-layer-name"),
        (layer({"cuda": REF, "\ud800": REF}), "unknown-device"),
        (layer({"kernel": REF, "\ud800": REF}), "unknown-key"),
        ({"kernel_mapping": {}, "\ud800": REF}, "unknown-key"),
        ({"kernel_mapping": {HUGE: REF}}, "invalid-layer-name"),
        (layer({"cuda": REF, HUGE: REF}), "unknown-device"),
        (layer({"kernel": REF, HUGE: REF}), "unknown-key"),
        (layer({"\ud800": REF, HUGE: REF}), "unknown-key"),
    ],
)
def test_keys_that_cannot_be_shown(data: Any, code: str) -> None:
    # pydantic shows a stand-in for them in its places: only code and message can be held to.
    diagnostic = only(data)
    assert diagnostic.code == code
    str(diagnostic).encode()


@pytest.mark.parametrize(
    ("model", "value", "code"),
    [
        (KernelSpec, {}, "missing-key"),
        (KernelSpec, {"verison": 1}, "unknown-key"),
        (KernelSpec, "x", "invalid-entry"),
        (KernelSpec, None, "invalid-entry"),
        (CapabilityEntry, {}, "empty-entry"),
        (CapabilityEntry, REF, "invalid-entry"),
        (ModeMapping, {}, "empty-entry"),
        (ModeMapping, REF, "invalid-entry"),
        (ModeMapping, {"cuda": REF}, "unknown-mode"),
        (DeviceMapping, {}, "empty-entry"),
        (DeviceMapping, None, "invalid-entry"),
        (DeviceMapping, {"training": REF}, "unknown-device"),
        (DeviceMapping, {"hip": REF}, "unknown-device"),
    ],
)
def test_a_model_on_its_own(model: Any, value: Any, code: str) -> None:
    with pytest.raises(ValueError, match=code):
        model.model_validate(value)


def test_a_table_on_its_own_needs_a_kernel_and_says_so_where() -> None:
    with pytest.raises(ValueError, match="missing-key") as caught:
        KernelSpec.model_validate({"version": 1})
    assert [error["loc"] for error in caught.value.errors()] == [("kernel",)]  # type: ignore[attr-defined]


class Unprintable:
    def __repr__(self) -> str:
        message = "no"
        raise RuntimeError(message)


@pytest.mark.parametrize("value", [Unprintable(), [Unprintable()], {"cuda": Unprintable()}])
def test_a_value_that_cannot_print_itself(value: Any) -> None:
    assert only(layer(value)).code in {"invalid-entry", "misplaced-list"}


def test_a_config_that_holds_itself() -> None:
    table: dict[str, Any] = {}
    table["cuda"] = table
    assert problems(layer(table)) == {("misplaced-device", "kernel_mapping.L.cuda.cuda (key)")}
    ranges: list[Any] = []
    ranges.append(ranges)
    assert problems(layer({"cuda": ranges})) == {("misplaced-list", "kernel_mapping.L.cuda[0]")}


def test_deep_and_wide_nonsense_is_one_problem() -> None:
    deep: Any = {}
    for _ in range(50_000):
        deep = {"x": deep}
    assert only(layer(deep)).code == "unknown-key"
    assert only(layer({"kernel": deep})).code == "invalid-kernel-reference"
    assert only(layer({f"k{number}": REF for number in range(10_000)})).code == "unknown-key"


def codes_of(entry: Any) -> list[tuple[str, str]]:
    return sorted(
        (route.removeprefix("kernel_mapping.L"), code) for code, route in problems(layer(entry))
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"CUDA": REF, "hip": 1, "bogus": "x"},
            [(f".{word} (key)", "unknown-device") for word in ("CUDA", "bogus", "hip")],
        ),
        (
            {"eval": REF, "train": REF},
            [(f".{word} (key)", "unknown-mode") for word in ("eval", "train")],
        ),
        (
            {"cuda": {"Training": REF, "Inference": REF}},
            [(f".cuda.{word} (key)", "unknown-mode") for word in ("Inference", "Training")],
        ),
        (
            {"Kernel": REF, "Version": 1},
            [(f".{word} (key)", "unknown-key") for word in ("Kernel", "Version")],
        ),
        ({"verison": 1}, [(".kernel", "missing-key"), (".verison (key)", "unknown-key")]),
        (
            {"version": "x", "revision": 3, "bogus": 1},
            [
                (".bogus (key)", "unknown-key"),
                (".kernel", "missing-key"),
                (".revision (key)", "conflicting-pins"),
                (".version", "invalid-version"),
            ],
        ),
        # A misspelt bound is no lack of one, and what is no range clashes with none.
        (
            {"cuda": [{"kernel": REF}, {"min_capabilty": 80, "kernel": REF}]},
            [(".cuda[1].min_capabilty (key)", "unknown-key")],
        ),
        (
            {"cuda": [{"kernel": REF}, {"x": "y"}, {"x": "y"}]},
            [(".cuda[1]", "unknown-key"), (".cuda[2]", "unknown-key")],
        ),
    ],
    ids=str,
)
def test_nothing_wrong_hides_what_is_wrong_beside_it(
    entry: Any, expected: list[tuple[str, str]]
) -> None:
    assert codes_of(entry) == expected


def test_a_key_of_the_config_among_the_layers() -> None:
    data = {"kernel_mapping": {"A": REF, "inherit_mapping": True}}
    assert problems(data) == {("unknown-key", "kernel_mapping.inherit_mapping (key)")}
