"""What configs mean: a digest that sugar does not change, and the difference of two."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel_schema import KernelConfig, expand
from kernel_schema.choice.diff import diff
from kernel_schema.schema.rules import Change, digest, subject
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, DEVICE_NAMES
from tests.schema.problems import REF
from tests.strategies import config_data, configs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


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


EVERYTHING = {
    "RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm",
    "größe": {"kernel": "./kernels/größe n:L"},
    "SiLU": {"kernel": REF, "revision": "main", "trust_remote_code": ["b/b", "a/a"]},
    "GeLU": {"inference": REF, "fallback": {"kernel": REF, "lockfile": "./kernels.lock"}},
    "MoE": {
        "xpu": "original",
        "rocm": [{"min_capability": 90, "max_capability": 94, "training": REF}],
        "cuda": [
            {"max_capability": 89, "kernel": "original"},
            {"min_capability": 90, "kernel": REF},
        ],
    },
    "off": "original",
}


def test_a_digest_of_every_shape_is_stable() -> None:
    assert KernelConfig(EVERYTHING, inherit_mapping=False).digest() == (
        "sha256:5aa523bd03dd351727e2c10729d98888f32c83aa64f7ecb1c442cd083914f43c"
    )


def test_a_digest_does_not_hang_on_the_process() -> None:
    """Neither on the seed of its hashes nor on its locale."""
    code = (
        "from kernel_schema import KernelConfig; import json, sys; "
        "print(KernelConfig(json.loads(sys.argv[1])).digest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, json.dumps(EVERYTHING)],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert found == {KernelConfig(EVERYTHING).digest()}


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
    assert subject(expand(config(ranges))[0]) == "L, rocm, capability 90 to 94, training"


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


class Respeller:
    """Says the same in other words: options, modes, lists and order are drawn anew."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def config(self, data: dict[str, Any]) -> dict[str, Any]:
        mapping = {name: self.entry(entry) for name, entry in data["kernel_mapping"].items()}
        spelt: dict[str, Any] = {"kernel_mapping": self.shuffled(mapping)}
        if not data.get("inherit_mapping", True) or self.maybe():
            spelt["inherit_mapping"] = data.get("inherit_mapping", True)
        if self.maybe():
            spelt["$schema"] = "./another.json"
        return self.shuffled(spelt)

    def entry(self, entry: Any) -> Any:
        if isinstance(entry, dict) and set(entry) <= set(DEVICE_NAMES):
            return self.shuffled({name: self.device(name, one) for name, one in entry.items()})
        return self.modes(entry)

    def device(self, name: str, entry: Any) -> Any:
        if isinstance(entry, list):
            return self._draw(st.permutations([self.range(one) for one in entry]))
        spelt = self.modes(entry)
        if name not in CAPABILITY_DEVICES or not self.maybe():
            return spelt
        # No bound means every capability, in a list of ranges or not.
        bound = {"min_capability": 0} if self.maybe() else {}
        return [bound | (spelt if isinstance(spelt, dict) else {"kernel": spelt})]

    def range(self, entry: dict[str, Any]) -> dict[str, Any]:
        bounds = {key: value for key, value in entry.items() if key.endswith("_capability")}
        rest = self.modes({key: value for key, value in entry.items() if key not in bounds})
        if not bounds.get("min_capability", 0):
            bounds.pop("min_capability", None)
            bounds |= {"min_capability": 0} if self.maybe() else {}
        return self.shuffled(bounds | (rest if isinstance(rest, dict) else {"kernel": rest}))

    def modes(self, entry: Any) -> Any:
        if entry in ("original", {"kernel": "original"}):
            return entry
        if isinstance(entry, dict) and "kernel" not in entry:
            if set(entry) == {"fallback"} and self.maybe():
                return self.kernel(entry["fallback"])
            return self.shuffled({mode: self.kernel(one) for mode, one in entry.items()})
        kernel = self.kernel(entry)
        return {"fallback": kernel} if self.maybe() else kernel

    def kernel(self, entry: Any) -> Any:
        spec = dict(entry) if isinstance(entry, dict) else {"kernel": entry}
        if spec["kernel"].startswith(("/", ".", "~")) or ":" in spec["kernel"].rpartition(":")[0]:
            return spec if self.maybe() else spec["kernel"]
        return self.hub(spec)

    def hub(self, spec: dict[str, Any]) -> Any:
        repository, _, layer = spec["kernel"].rpartition(":")
        pinned = "@" in repository or set(spec) & {"version", "revision", "lockfile"}
        if not pinned:
            spec |= self._draw(st.sampled_from([{}, {"version": 1}]))
        if spec.get("version") is not None and self.maybe():
            spec["kernel"] = f"{repository}@v{spec.pop('version')}:{layer}"
        trust = spec.get("trust_remote_code", False)
        if isinstance(trust, list):
            spec["trust_remote_code"] = self._draw(st.permutations([*trust, trust[0]]))
        elif not trust:
            spec.pop("trust_remote_code", None)
            spec |= {"trust_remote_code": False} if self.maybe() else {}
        return spec["kernel"] if set(spec) == {"kernel"} and self.maybe() else self.shuffled(spec)

    def shuffled(self, table: dict[str, Any]) -> dict[str, Any]:
        return {key: table[key] for key in self._draw(st.permutations(list(table)))}

    def maybe(self) -> bool:
        return self._draw(st.booleans())


@given(config_data(), st.data())
def test_other_words_never_change_the_meaning(data: dict[str, Any], draw: st.DataObject) -> None:
    one = KernelConfig.model_validate(data)
    other = KernelConfig.model_validate(Respeller(draw.draw).config(data))
    assert one.digest() == other.digest()
    assert diff(one, other) == ()


def places_in(data: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The routes to everything that can be changed in a config without breaking it."""
    if isinstance(data, str):
        if ":" in data:
            yield route
        return
    pairs = enumerate(data) if isinstance(data, list) else data.items()
    for key, value in pairs:
        if len(route) > 1 and key in {"lockfile", "revision", "trust_remote_code", "version"}:
            yield (*route, key)
        elif isinstance(value, (str, list, dict)):
            yield from places_in(value, (*route, key))


def changed(value: Any, key: Any) -> Any:
    """Another value of the same kind."""
    if key == "version":
        return value ^ 1  # stays within the bounds
    if key == "trust_remote_code":
        return not value if isinstance(value, bool) else [*value, "some/other"]
    return f"{value}x"


@given(config_data(), st.data())
def test_any_change_of_one_value_changes_the_meaning(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    before = KernelConfig.model_validate(data)
    routes = list(places_in(data["kernel_mapping"], ("kernel_mapping",)))
    assume(routes)
    *way, last = draw.draw(st.sampled_from(routes))
    parent: Any = data
    for step in way:
        parent = parent[step]
    parent[last] = changed(parent[last], last)
    after = KernelConfig.model_validate(data)
    assert before.digest() != after.digest()
    assert diff(before, after)


@given(configs(), st.sampled_from(["rename", "remove", "add", "inherit"]), st.data())
def test_any_change_of_a_layer_changes_the_meaning(
    config: KernelConfig, how: str, draw: st.DataObject
) -> None:
    data = config.model_dump()
    mapping = data["kernel_mapping"]
    if how == "inherit":
        data["inherit_mapping"] = not config.inherit_mapping
    elif how == "add":
        mapping["a new layer"] = "original"
    else:
        assume(mapping)
        name = draw.draw(st.sampled_from(sorted(mapping)))
        entry = mapping.pop(name)
        if how == "rename":
            mapping[f"{name} too"] = entry
    other = KernelConfig.model_validate(data)
    assert config.digest() != other.digest()
    assert bool(diff(config, other)) == (how != "inherit")
    assert len(diff(config, other)) == len(diff(other, config))
