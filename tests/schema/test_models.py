"""The models as pydantic models: alone, in a model of the user's, copied, derived from."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from kernel_schema import (
    CapabilityEntry,
    ConfigError,
    DeviceMapping,
    KernelConfig,
    KernelSpec,
    ModeMapping,
)
from kernel_schema.schema.models import KernelRef, LayerEntry, read_config
from tests.corpus.cases import cases
from tests.json_schema.documents import corpus
from tests.schema.problems import REF, Problem, brief, layer
from tests.schema.test_all_at_once import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Callable

STATED = {"$schema": "./s.json", "kernel_mapping": {"A": REF}, "inherit_mapping": False}


def refused(build: Callable[[], object]) -> set[Problem]:
    with pytest.raises(ValidationError) as caught:
        build()
    diagnostics = ConfigError.from_validation_error(caught.value).diagnostics
    return set(map(brief, diagnostics))


# Both edges: an error of pydantic, and the diagnostics of a file.


def test_a_file_is_told_what_pydantic_users_are_told() -> None:
    values = [document.value for document in corpus()]
    assert len(values) > len(cases()) / 2
    for value in [*values, MISTAKES, None, {}, {1: 2, "kernel_mapping": {None: REF, 2: REF}}]:
        config = read_config(value)
        try:
            expected: Any = KernelConfig.model_validate(value)
        except ValidationError as error:
            expected = list(ConfigError.from_validation_error(error).diagnostics)
        assert config == expected


def test_the_input_of_an_error_is_what_stands_there() -> None:
    with pytest.raises(ValidationError) as caught:
        KernelConfig({"A": {"cuda": [{"kernel": "org/repo"}], "cpu": {"version": 1}}})
    inputs = {error["loc"]: error["input"] for error in caught.value.errors()}
    assert inputs == {
        ("kernel_mapping", "A", "cuda", 0, "kernel"): "org/repo",
        ("kernel_mapping", "A", "cpu", "kernel"): {"version": 1},
    }
    assert caught.value.title == "KernelConfig"


# Each part alone, and each place as a type of its own.


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: KernelSpec(kernel="bad"), {("invalid-kernel-reference", "kernel")}),
        (lambda: KernelSpec(kernel=REF, version=True), {("invalid-version", "version")}),
        (
            lambda: KernelSpec(kernel=REF, trust_remote_code=["a", "b/c", "d"]),
            {
                ("invalid-trust-remote-code", "trust_remote_code[0]"),
                ("invalid-trust-remote-code", "trust_remote_code[2]"),
            },
        ),
        (lambda: DeviceMapping({"hip": REF}), {("unknown-device", "hip (key)")}),
        (lambda: ModeMapping({"training": "original"}), {("misplaced-original", "training")}),
        (
            lambda: CapabilityEntry(min_capability=90, max_capability=80, kernel=REF),
            {("empty-capability-range", "min_capability")},
        ),
        (
            lambda: DeviceMapping({"cuda": [{"kernel": REF}, {"kernel": REF}]}),
            {("overlapping-capability", "cuda[1]")},
        ),
        (lambda: CapabilityEntry(min_capability=90), {("missing-key", "(top level)")}),
        (
            lambda: TypeAdapter(LayerEntry).validate_python({"cuda": {"training": 1}}),
            {("invalid-entry", "cuda.training")},
        ),
        (
            lambda: TypeAdapter(KernelRef).validate_python("org/repo"),
            {("invalid-kernel-reference", "(top level)")},
        ),
    ],
)
def test_a_part_alone(build: Callable[[], object], expected: set[Problem]) -> None:
    assert refused(build) == expected


def test_an_entry_is_a_type_of_its_own() -> None:
    entries = TypeAdapter(dict[str, LayerEntry])
    assert entries.validate_python({"A": REF, "B": {"cuda": REF}}) == dict(
        KernelConfig({"A": REF, "B": {"cuda": REF}}).kernel_mapping
    )


@pytest.mark.parametrize(
    "model", [KernelConfig, KernelSpec, CapabilityEntry, DeviceMapping, ModeMapping]
)
def test_a_field_of_another_model_validates_by_itself(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        alone = create_model("Alone", **{name: (field.annotation, field)})  # type: ignore[call-overload]
        key = field.alias or name
        (problem,) = {
            code for code, _ in refused(lambda a=alone, k=key: a.model_validate({k: 1.5}))
        }
        assert problem.startswith("invalid-")


STRICT = {"A": {"cuda": [{"min_capability": 90, "kernel": REF}], "cpu": {"training": REF}}}


def test_strict() -> None:
    data = {"kernel_mapping": STRICT}
    config = KernelConfig(STRICT)
    assert KernelConfig.model_validate(data, strict=True) == config
    text = config.model_dump_json()
    assert KernelConfig.model_validate_json(text, strict=True) == config
    strict = TypeAdapter(list[KernelConfig], config={"strict": True})
    assert strict.validate_python([data]) == [config]
    assert DeviceMapping.model_validate(STRICT["A"], strict=True) == config.kernel_mapping["A"]


# `$schema` by keyword.


def test_a_dumped_config_is_its_own_keywords() -> None:
    config = KernelConfig.model_validate(STATED)
    assert KernelConfig(**config.model_dump()) == config
    assert KernelConfig(**STATED).model_dump() == STATED
    assert KernelConfig({}, **{"$schema": "./s.json"}).schema_uri == "./s.json"
    assert refused(lambda: KernelConfig({}, **{"$schema": 1})) == {  # type: ignore[arg-type]
        ("invalid-schema-uri", "$schema")
    }
    with pytest.raises(TypeError, match="unexpected keyword argument 'schema_uri'"):
        KernelConfig({}, schema_uri="./s.json")  # type: ignore[call-arg]


# Copies.


def test_a_copy_with_other_fields() -> None:
    config = KernelConfig.model_validate(STATED)
    copied = config.model_copy(update={"kernel_mapping": {"B": {"cuda": REF}}, "schema_uri": None})
    assert copied.model_dump() == {
        "kernel_mapping": {"B": {"cuda": REF}},
        "inherit_mapping": False,
    }
    assert isinstance(copied.kernel_mapping["B"], DeviceMapping)
    assert config.model_dump() == STATED
    assert config.model_copy(update={}) == config.model_copy(deep=True) == config

    spec = KernelSpec(kernel=REF, version=1)
    assert spec.model_copy(update={"version": None, "revision": "main"}) == KernelSpec(
        kernel=REF, revision="main"
    )
    entry = CapabilityEntry(min_capability=90, kernel=REF)
    modes = {"training": REF}
    assert entry.model_copy(update={"entry": modes}) == CapabilityEntry(
        min_capability=90, training=REF
    )
    assert entry.model_copy(update={"entry": "original", "min_capability": None}) == (
        CapabilityEntry(kernel="original")
    )
    assert ModeMapping(modes).model_copy(update={"root": {"fallback": REF}}) == ModeMapping(
        {"fallback": REF}
    )


_CONFIG = KernelConfig({"A": REF})
_SPEC = KernelSpec(kernel=REF, version=1)
_RANGE = CapabilityEntry(min_capability=90, kernel=REF)
_DEVICES = DeviceMapping({"cuda": REF})


@pytest.mark.parametrize(
    ("part", "update", "expected"),
    [
        (_CONFIG, {"kernel_mapping": {"A": {"cdua": REF}}}, "kernel_mapping.A.cdua (key)"),
        (_CONFIG, {"kernel_mapping": None}, "kernel_mapping"),
        (_CONFIG, {"kernel_maping": {}}, "kernel_maping (key)"),
        (_CONFIG, {"inherit_mapping": None}, "inherit_mapping"),
        (_SPEC, {"revision": "main"}, "revision (key)"),
        (_SPEC, {"kernel": None}, "kernel"),
        (_SPEC, {"verison": 2}, "verison (key)"),
        (_RANGE, {"max_capability": 80}, "min_capability"),
        (_RANGE, {"entry": "org/repo:Layer"}, "(top level)"),
        (_RANGE, {"kernel": REF}, "kernel (key)"),
        (_DEVICES, {"root": {"cdua": REF}}, "cdua (key)"),
        (_DEVICES, {"cuda": REF}, "cuda (key)"),
    ],
)
def test_a_copy_is_validated(part: BaseModel, update: dict[str, Any], expected: str) -> None:
    before = part.model_dump()
    ((_, route),) = refused(lambda: part.model_copy(update=update))
    assert route == expected
    assert part.model_dump() == before


# Classes derived from ours.


class Team(KernelConfig, frozen=True):
    team: str = "nobody"
    size: int = 1


def test_a_derived_config_has_fields_of_its_own() -> None:
    config = Team.model_validate({"kernel_mapping": {"A": REF}, "team": "us"})
    assert (config.team, config.size) == ("us", 1)
    assert config.kernel_mapping == KernelConfig({"A": REF}).kernel_mapping
    assert config.model_copy(update={"size": 2}).size == 2
    assert refused(lambda: Team.model_validate({**layer("org/repo"), "taem": "us"})) == {
        ("invalid-kernel-reference", "kernel_mapping.L"),
        ("unknown-key", "taem (key)"),
    }
    assert refused(lambda: Team.model_validate({**layer(REF), "size": "many"})) == {
        ("int_parsing", "size")
    }


def test_nothing_warns_when_a_model_is_built() -> None:
    team = cast("type[KernelConfig]", Team)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KernelConfig(STRICT)
        KernelSpec(kernel=REF)
        DeviceMapping({"cuda": REF}).model_dump_json()
        team({"A": REF})
