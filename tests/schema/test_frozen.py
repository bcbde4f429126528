"""Configs are values: frozen all the way down, hashable, and the same after every way round."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from kernel_schema import (
    Capabilities,
    CapabilityEntry,
    DeviceMapping,
    DeviceType,
    Diagnostic,
    HubKernel,
    HubRef,
    KernelConfig,
    KernelSpec,
    LocalKernel,
    LocalRef,
    ModeMapping,
    ModeName,
    Route,
    expand,
)
from kernel_schema.schema.grammar import FrozenDict
from tests.schema.problems import REF
from tests.strategies import config_data, configs, kernel_mappings, spoken

CONFIG = KernelConfig(
    {
        "Plain": REF,
        "Local": "./norm:L",
        "Original": "original",
        "Spec": {"kernel": REF, "version": 2, "trust_remote_code": ["org/repo"]},
        "Modes": {"training": REF, "fallback": {"kernel": REF, "revision": "main"}},
        "Devices": {
            "cpu": "original",
            "cuda": [
                {"min_capability": 90, "kernel": REF},
                {"max_capability": 89, "inference": REF},
                {"kernel": "original"},
            ],
        },
    },
    inherit_mapping=False,
)
DEVICES: Any = CONFIG.kernel_mapping["Devices"]
MODELS = (
    CONFIG,
    CONFIG.kernel_mapping["Spec"],
    CONFIG.kernel_mapping["Modes"],
    DEVICES,
    DEVICES[DeviceType.CUDA][0],
)
VALUES = (
    *MODELS,
    CONFIG.kernel_mapping,
    HubRef("org/repo", "L", version=1),
    LocalRef("./norm", "L"),
    HubKernel("org/repo", "L", version=1),
    LocalKernel("./norm", "L"),
    Capabilities(75, 89),
    expand(CONFIG)[-1],
    Route(("kernel_mapping", "L", 0), at_key=True),
    Diagnostic("unknown-device", "`hip` is not a device", Route(("a",)), "did you mean `rocm`?"),
    DeviceType.CUDA,
    ModeName.TRAINING,
)


def named(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_values(value: Any) -> None:
    for other in (
        copy.copy(value),
        copy.deepcopy(value),
        *(pickle.loads(pickle.dumps(value, protocol)) for protocol in (2, 4, 5)),  # noqa: S301 (our own)
    ):
        assert type(other) is type(value)
        assert other == value
        assert hash(other) == hash(value)
        assert len({other, value}) == 1
    assert value not in (None, "x", 1)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_models_are_frozen(model: BaseModel) -> None:
    for name in type(model).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, None)
        with pytest.raises(ValidationError, match="frozen"):
            delattr(model, name)
    with pytest.raises((ValidationError, ValueError)):
        model.anything = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "mapping",
    [CONFIG.kernel_mapping, CONFIG.kernel_mapping["Devices"], CONFIG.kernel_mapping["Modes"]],
    ids=named,
)
def test_mappings_are_frozen(mapping: Any) -> None:
    key = next(iter(mapping))
    with pytest.raises(TypeError):
        mapping[key] = REF
    with pytest.raises(TypeError):
        del mapping[key]
    for method in ("update", "pop", "clear", "setdefault", "popitem"):
        assert not hasattr(mapping, method)


@pytest.mark.parametrize("value", VALUES[6:14], ids=named)
def test_dataclasses_are_frozen(value: Any) -> None:
    name = type(value).__slots__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        value.anything = 1
    assert not hasattr(value, "__dict__")


def test_what_the_caller_changes_later_does_not_change_the_config() -> None:
    entry: dict[str, Any] = {"cuda": [{"kernel": REF, "trust_remote_code": ["a/b"]}]}
    mapping = {"L": entry}
    config = KernelConfig(mapping)
    before = config.model_dump()
    entry["cuda"][0]["trust_remote_code"].append("c/d")
    entry["cuda"].append({"kernel": "original"})
    entry["cpu"] = "original"
    mapping["M"] = {}
    assert config.model_dump() == before
    before["kernel_mapping"]["L"]["cuda"].clear()
    assert config.model_dump() != before


def test_tables_are_mappings() -> None:
    devices = DeviceMapping({"cuda": REF, "cpu": "original"})
    assert isinstance(devices, Mapping)
    assert list(devices) == [DeviceType.CUDA, DeviceType.CPU]
    assert dict(devices.items()) == {
        DeviceType.CUDA: HubRef("org/repo", "Layer"),
        DeviceType.CPU: "original",
    }
    # Members of the enums are strings: both find an entry.
    assert devices["cuda"] == devices[DeviceType.CUDA]  # pyright: ignore[reportArgumentType]
    assert "cuda" in devices
    assert "hip" not in devices
    assert devices.get(DeviceType.MPS) is None
    assert len(devices) == 2
    with pytest.raises(KeyError):
        devices[DeviceType.MPS]
    modes = ModeMapping({"training": REF})
    assert modes["training"] == modes[ModeName.TRAINING]  # pyright: ignore[reportArgumentType]
    assert modes != devices


def test_frozen_dicts() -> None:
    frozen = FrozenDict({"a": 1, "b": 2})
    assert frozen == {"b": 2, "a": 1}
    assert frozen == FrozenDict({"b": 2, "a": 1})
    assert hash(frozen) == hash(FrozenDict({"b": 2, "a": 1}))
    assert frozen != {"a": 1}
    assert repr(frozen) == "{'a': 1, 'b': 2}"


@pytest.mark.parametrize(
    "data",
    [
        REF,
        "original",
        {"kernel": REF},
        {"kernel": REF, "version": 1},
        {"kernel": REF, "trust_remote_code": False},
        {"training": REF},
        {"cuda": REF},
        {"cuda": {"training": {"kernel": REF}}},
        {"cuda": [{"kernel": REF}]},
        {"cuda": [{"min_capability": 0, "max_capability": 90, "kernel": "original"}]},
        {"cuda": [{"training": REF}]},
    ],
)
def test_dumping_keeps_what_was_written(data: Any) -> None:
    config = KernelConfig({"L": data})
    assert config.model_dump() == {"kernel_mapping": {"L": data}}
    assert config.model_dump(mode="json") == config.model_dump()
    assert config.model_dump(by_alias=True) == config.model_dump()
    assert json.loads(config.model_dump_json()) == config.model_dump()


def test_dumping_keeps_the_top_level() -> None:
    data = {"$schema": "./s.json", "kernel_mapping": {}, "inherit_mapping": True}
    assert KernelConfig.model_validate(data).model_dump() == data
    assert list(KernelConfig.model_validate(data).model_dump()) == list(data)
    assert KernelConfig({}).model_dump() == {"kernel_mapping": {}}


def test_parts_dump_as_they_are_written() -> None:
    assert KernelSpec(kernel=REF, version=1).model_dump() == {"kernel": REF, "version": 1}
    assert ModeMapping({ModeName.TRAINING: REF}).model_dump() == {"training": REF}
    assert DeviceMapping({DeviceType.CPU: "original"}).model_dump() == {"cpu": "original"}
    entry = CapabilityEntry(max_capability=89, kernel="original")
    assert entry.model_dump() == {"max_capability": 89, "kernel": "original"}


def test_equal_configs_are_equal_whatever_was_spelt_out() -> None:
    spelt = KernelSpec(kernel=REF, trust_remote_code=False)
    assert spelt == KernelSpec(kernel=REF)
    assert hash(spelt) == hash(KernelSpec(kernel=REF))
    # But a string and a table are not the same text, and none is the other's version.
    assert KernelConfig({"L": REF}) != KernelConfig({"L": {"kernel": REF}})
    assert KernelConfig({"L": REF}) != KernelConfig({"L": "org/repo@v1:Layer"})


def test_the_order_of_layers_does_not_count() -> None:
    one = KernelConfig({"A": REF, "B": "original"})
    other = KernelConfig({"B": "original", "A": REF})
    assert one == other
    assert hash(one) == hash(other)
    assert list(other.kernel_mapping) == ["B", "A"]


class Name(str, Enum):
    NORM = "RMSNorm"


def test_names_of_an_enum_become_plain_strings() -> None:
    config = KernelConfig({Name.NORM: REF})
    assert config == KernelConfig({"RMSNorm": REF})
    assert config.model_dump() == {"kernel_mapping": {"RMSNorm": REF}}


@given(config_data())
def test_drawn_configs_keep_what_was_written(data: dict[str, Any]) -> None:
    config = KernelConfig.model_validate(data)
    assert config.model_dump() == data
    assert json.loads(config.model_dump_json()) == data
    assert list(config.kernel_mapping) == list(data["kernel_mapping"])


@given(configs())
def test_drawn_configs_come_back_equal(config: KernelConfig) -> None:
    others = (
        KernelConfig.model_validate(config.model_dump()),
        KernelConfig.model_validate_json(config.model_dump_json()),
        KernelConfig.model_validate(dict(config.model_dump().items())),
        pickle.loads(pickle.dumps(config)),  # noqa: S301 (our own)
        copy.deepcopy(config),
        config.model_copy(),
    )
    for other in others:
        assert other == config
        assert hash(other) == hash(config)
        assert other.model_dump() == config.model_dump()
        assert expand(other) == expand(config)


@pytest.mark.parametrize(
    "entry",
    [HubRef("o/r", "L"), KernelSpec(kernel="o/r:L"), ("o/r:L", {"version": 1}), LocalRef("x", "L")],
)
def test_a_layer_may_be_called_as_a_key_of_the_config(entry: Any) -> None:
    """What can be nothing but a kernel is one, in Python as in a file."""
    config = KernelConfig({"$schema": entry, "lockfile": {DeviceType.CUDA: "o/r:L"}})
    assert set(config.kernel_mapping) == {"$schema", "lockfile"}


@given(kernel_mappings().flatmap(lambda mapping: st.tuples(st.just(mapping), spoken(mapping))))
def test_python_says_the_same_as_a_file(pair: tuple[Any, Any]) -> None:
    written, said = pair
    config = KernelConfig(said)
    assert config == KernelConfig(written)
    assert config.model_dump() == {"kernel_mapping": written}
    # And what was built goes into another config as it is.
    assert KernelConfig(config.kernel_mapping) == config
    assert KernelConfig(dict(config.kernel_mapping)) == config
