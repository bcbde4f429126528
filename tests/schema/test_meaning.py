"""What configs mean: a digest that sugar does not change, and the difference of two."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from kernel_schema import KernelConfig, expand
from kernel_schema.schema.meaning import Change, diff, digest, place_of
from tests.schema.problems import REF
from tests.strategies import configs


def config(entry: Any, **options: Any) -> KernelConfig:
    return KernelConfig({"L": entry}, **options)


SAME = [
    (REF, "org/repo@v1:Layer"),
    (REF, {"kernel": REF}),
    (REF, {"kernel": REF, "version": 1}),
    (REF, {"kernel": REF, "trust_remote_code": False}),
    (REF, {"fallback": REF}),
    (REF, (REF, {"version": 1})),
    ("org/repo@main:Layer", {"kernel": REF, "revision": "main"}),
    ({"cuda": REF}, {"cuda": [{"kernel": REF}]}),
    ({"cuda": REF}, {"cuda": [{"min_capability": 0, "fallback": REF}]}),
    ({"cuda": REF, "cpu": "original"}, {"cpu": "original", "cuda": REF}),
    (
        {"cuda": [{"min_capability": 90, "kernel": REF}, {"kernel": "original"}]},
        {"cuda": [{"kernel": "original"}, {"kernel": REF, "min_capability": 90}]},
    ),
    (
        {"kernel": REF, "trust_remote_code": ["a/b", "c/d"]},
        {"kernel": REF, "trust_remote_code": ["c/d", "a/b", "c/d"]},
    ),
]
DIFFERENT = [
    (REF, "original"),
    (REF, "org/repo@v2:Layer"),
    (REF, "org/repo@main:Layer"),
    (REF, "org/repo:Other"),
    (REF, "./org/repo:Layer"),
    (REF, {"cuda": REF}),
    (REF, {"training": REF}),
    (REF, {"kernel": REF, "trust_remote_code": True}),
    (REF, {"kernel": REF, "lockfile": "kernels.lock"}),
    ({"cuda": REF}, {"cuda": [{"min_capability": 1, "kernel": REF}]}),
    ({"cuda": REF}, {"cuda": [{"max_capability": 9999, "kernel": REF}]}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_of_one_meaning(one: Any, other: Any) -> None:
    assert digest(config(one)) == digest(config(other)) == config(other).digest()
    assert diff(config(one), config(other)) == ()


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_meanings(one: Any, other: Any) -> None:
    assert digest(config(one)) != digest(config(other))
    assert diff(config(one), config(other)) != ()


def test_inheriting_counts_and_the_address_of_the_schema_does_not() -> None:
    assert config(REF).digest() != config(REF, inherit_mapping=False).digest()
    data = {"kernel_mapping": {"L": REF}, "inherit_mapping": True, "$schema": "./s.json"}
    assert KernelConfig.model_validate(data).digest() == config(REF).digest()


def test_a_digest_is_stable() -> None:
    # Written down: other machines and later versions must find the same.
    assert KernelConfig({}).digest() == (
        "sha256:9b1bee9d86f3861d4d2ed6188076bb5ae9672d22428713cf0bbf50235105a21e"
    )
    ranges = [{"min_capability": 90, "kernel": REF}, {"kernel": "original"}]
    mapping = {"A": {"cuda": ranges, "cpu": {"training": "./norm:L"}}}
    assert KernelConfig(mapping).digest() == (
        "sha256:0b242b0797b21116982730c40aea891e878c1c78d4b823dd8b157efc02ce5198"
    )


def shown(old: Any, new: Any) -> list[str]:
    return [str(change) for change in diff(KernelConfig(old), KernelConfig(new))]


def test_what_a_difference_says() -> None:
    kernel = {"kernel": REF, "trust_remote_code": ["a/b", "c/d"]}
    assert shown({"A": REF}, {"A": "org/repo@v2:Layer"}) == [
        "A, every device, every mode: org/repo@v1:Layer -> org/repo@v2:Layer"
    ]
    assert shown({}, {"A": {"cuda": {"training": "./norm:L"}}}) == [
        "A, cuda, training: added ./norm:L"
    ]
    assert shown({"A": {"cuda": "original"}}, {}) == ["A, cuda: removed original"]
    assert shown({"A": REF}, {"A": "original"}) == [
        "A, every device: org/repo@v1:Layer -> original"
    ]
    (words,) = shown({"A": REF}, {"A": kernel})
    assert words.endswith("org/repo@v1:Layer -> org/repo@v1:Layer (trust_remote_code: a/b, c/d)")
    assert shown({}, {"A": {"kernel": REF, "trust_remote_code": True}}) == [
        "A, every device, every mode: added org/repo@v1:Layer (trust_remote_code: true)"
    ]


def test_a_change_knows_its_sides() -> None:
    (change,) = diff(config(REF), config("original"))
    assert change.kind == "changed"
    assert change.rule is change.new
    assert [found.kind for found in diff(KernelConfig({}), config(REF))] == ["added"]
    (removed,) = diff(config(REF), KernelConfig({}))
    assert removed.kind == "removed"
    assert removed.rule is removed.old
    with pytest.raises(ValueError, match="at least one side"):
        _ = Change(None, None).rule


def test_a_place_in_words() -> None:
    ranges = {"rocm": [{"min_capability": 90, "max_capability": 94, "training": REF}]}
    assert place_of(expand(config(ranges))[0]) == "L, rocm, capability 90 to 94, training"


@given(configs())
def test_every_config_means_what_it_means(drawn: KernelConfig) -> None:
    again = KernelConfig.model_validate(drawn.model_dump())
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", drawn.digest())
    assert again.digest() == drawn.digest()
    assert diff(drawn, again) == ()


@given(configs(), configs())
def test_digest_and_difference_agree(old: KernelConfig, new: KernelConfig) -> None:
    same = old.digest() == new.digest()
    assert same == (diff(old, new) == () and old.inherit_mapping == new.inherit_mapping)
    there, back = diff(old, new), diff(new, old)
    assert {(change.old, change.new) for change in there} == {
        (change.new, change.old) for change in back
    }
