"""All mistakes of a config come out together, one diagnostic each, each at its place."""

from __future__ import annotations

import pickle
from typing import Any, cast

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from kernel_schema import (
    ConfigError,
    Diagnostic,
    KernelConfig,
    KernelSchemaError,
    KernelSpec,
    Route,
    Severity,
)
from tests.schema.problems import REF, brief, problems, refusal

MISTAKES: dict[str, Any] = {
    "$schema": 1,
    "kernel_mapping": {
        "Fine": REF,
        " Padded": REF,
        "Reference": "org/repo",
        "Nothing": None,
        "Empty": {},
        "Options": {"kernel": "org/repo", "version": "1", "trust_remote_code": [], "verison": 1},
        "Pins": {"kernel": REF, "version": 1, "revision": "main"},
        "Local": {"kernel": "./norm:L", "version": 1, "trust_remote_code": True},
        "Devices": {
            "hip": REF,
            "cpu": [{"min_capability": 90, "kernel": REF}],
            "xpu": {"infrence": REF, "training": "original"},
            "cuda": [
                {"min_capability": 9.0, "kernel": "org:repo"},
                {"min_capability": 80, "kernel": REF},
                {"min_capability": 80, "training": 42},
                {"min_capability": 70, "max_capability": 60, "kernel": REF},
                {"min_capability": 75},
                {},
                REF,
            ],
            "rocm": {"kernel": REF, "lockfile": ""},
        },
        "Tuple": ("org/repo", {"version": True, "branch": "main"}),
        "Mixed": {"cuda": REF, "inference": REF},
        "List": [REF],
    },
    "inherit_mapping": "yes",
    "use_local_kernel": True,
}

EXPECTED = {
    ("invalid-schema-uri", "$schema"),
    ("invalid-layer-name", 'kernel_mapping[" Padded"] (key)'),
    ("invalid-kernel-reference", "kernel_mapping.Reference"),
    ("invalid-entry", "kernel_mapping.Nothing"),
    ("empty-entry", "kernel_mapping.Empty"),
    ("invalid-kernel-reference", "kernel_mapping.Options.kernel"),
    ("invalid-version", "kernel_mapping.Options.version"),
    ("invalid-trust-remote-code", "kernel_mapping.Options.trust_remote_code"),
    ("unknown-key", "kernel_mapping.Options.verison (key)"),
    ("conflicting-pins", "kernel_mapping.Pins.revision (key)"),
    ("misplaced-option", "kernel_mapping.Local.version (key)"),
    ("misplaced-option", "kernel_mapping.Local.trust_remote_code (key)"),
    ("unknown-device", "kernel_mapping.Devices.hip (key)"),
    ("capability-not-supported", "kernel_mapping.Devices.cpu"),
    ("unknown-mode", "kernel_mapping.Devices.xpu.infrence (key)"),
    ("misplaced-original", "kernel_mapping.Devices.xpu.training"),
    ("invalid-capability", "kernel_mapping.Devices.cuda[0].min_capability"),
    ("invalid-kernel-reference", "kernel_mapping.Devices.cuda[0].kernel"),
    ("overlapping-capability", "kernel_mapping.Devices.cuda[2]"),
    ("invalid-entry", "kernel_mapping.Devices.cuda[2].training"),
    ("empty-capability-range", "kernel_mapping.Devices.cuda[3].min_capability"),
    ("missing-key", "kernel_mapping.Devices.cuda[4]"),
    ("empty-entry", "kernel_mapping.Devices.cuda[5]"),
    ("invalid-entry", "kernel_mapping.Devices.cuda[6]"),
    ("invalid-lockfile", "kernel_mapping.Devices.rocm.lockfile"),
    ("invalid-kernel-reference", "kernel_mapping.Tuple[0]"),
    ("invalid-version", "kernel_mapping.Tuple[1].version"),
    ("unknown-key", "kernel_mapping.Tuple[1].branch (key)"),
    ("unknown-device", "kernel_mapping.Mixed.inference (key)"),
    ("misplaced-list", "kernel_mapping.List"),
    ("invalid-inherit-mapping", "inherit_mapping"),
    ("unknown-key", "use_local_kernel (key)"),
}

TRICKY_NAMES = (
    "[key]",
    "devices",
    "string",
    "kernel",
    "modes",
    "ranges",
    "root",
    "other",
    "entry",
    "kernel_mapping",
    "original",
    "cuda",
    "training",
    "0",
)


def raised(build: Any, *args: Any, **kwargs: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        build(*args, **kwargs)
    return caught.value


def briefs(error: ValidationError) -> list[tuple[str, str]]:
    return [brief(found) for found in ConfigError.from_validation_error(error).diagnostics]


def test_every_mistake_once() -> None:
    assert problems(MISTAKES) == EXPECTED
    assert len(refusal(MISTAKES).diagnostics) == len(EXPECTED) >= 12


def test_each_mistake_alone_gives_the_same_diagnostic() -> None:
    # What is reported for one layer does not depend on what its neighbours got wrong.
    alone: set[Any] = set()
    for name, entry in MISTAKES["kernel_mapping"].items():
        if name != "Fine":
            alone |= set(refusal({"kernel_mapping": {name: entry}}).diagnostics)
    together = set(refusal(MISTAKES).diagnostics)
    assert alone <= together
    assert len(together - alone) == 3


def test_the_order_of_keys_never_matters() -> None:
    def reversed_keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    # The later of two pins is the one to go.
    expected = {(code, route.replace("Pins.revision", "Pins.version")) for code, route in EXPECTED}
    assert problems(reversed_keys(MISTAKES)) == expected


def test_pydantic_users_find_our_code_and_message() -> None:
    error = raised(KernelConfig.model_validate, MISTAKES)
    assert isinstance(error, ValueError)
    assert error.error_count() == len(EXPECTED)
    diagnostics = ConfigError.from_validation_error(error).diagnostics
    for native, found in zip(error.errors(), diagnostics, strict=True):
        assert native["type"] == found.code
        assert native["msg"].startswith(found.message)
        assert native["msg"].endswith(found.help or found.message)
        assert native["loc"] == found.route.steps
        assert native.get("ctx", {})["at_key"] == found.route.at_key
    assert "invalid-kernel-reference" in str(error)
    assert "invalid-kernel-reference" in error.json()


def test_the_error_is_plain_data() -> None:
    error = refusal(MISTAKES)
    assert isinstance(error, KernelSchemaError)
    assert isinstance(error, ValueError)
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics  # noqa: S301 (our own)
    assert all(found.severity is Severity.ERROR for found in error.diagnostics)
    assert str(error).count("error[") == len(EXPECTED)
    assert "kernel_mapping.Devices.hip: error[unknown-device]: `hip` is not a device" in str(error)
    assert "\n  help: did you mean `rocm`?" in str(error)


@pytest.mark.parametrize("name", TRICKY_NAMES)
@pytest.mark.parametrize(
    ("entry", "steps"),
    [
        ("org/repo", ()),
        (None, ()),
        ({"kernel": 1}, ("kernel",)),
        ({"cuda": 1}, ("cuda",)),
        ({"hip": REF, "cuda": REF}, ("hip",)),
        ({"cuda": {"training": 1}}, ("cuda", "training")),
        ({"cuda": [{"kernel": 1}]}, ("cuda", 0, "kernel")),
        ({"cuda": [{"training": {"kernel": 1}}]}, ("cuda", 0, "training", "kernel")),
        ({"cuda": [{"min_capability": 1.5, "kernel": REF}]}, ("cuda", 0, "min_capability")),
        ({"training": {"kernel": REF, "version": "x"}}, ("training", "version")),
        ((1, {}), (0,)),
        ((REF, {"version": "x"}), (1, "version")),
    ],
)
def test_layers_named_like_the_insides_of_pydantic(name: str, entry: Any, steps: Any) -> None:
    (found,) = refusal({"kernel_mapping": {name: entry}}).diagnostics
    assert found.route.steps == ("kernel_mapping", name, *steps)


@pytest.mark.parametrize("key", ["[key]", "entry", "string", "root", "ranges"])
def test_keys_named_like_the_insides_of_pydantic(key: str) -> None:
    places: list[tuple[Any, tuple[Any, ...]]] = [
        ({"kernel": REF, key: 1}, (key,)),
        ({"cuda": REF, key: REF}, (key,)),
        ({"cuda": {"training": REF, key: REF}}, ("cuda", key)),
        ({"cuda": [{"kernel": REF, key: 1}]}, ("cuda", 0, key)),
        ({"cuda": [{"training": REF, key: 1}]}, ("cuda", 0, key)),
    ]
    for entry, steps in places:
        (found,) = refusal({"kernel_mapping": {"L": entry}}).diagnostics
        assert found.route == Route(("kernel_mapping", "L", *steps), at_key=True)


class Trainer(BaseModel):
    name: str
    kernels: KernelConfig


class Fleet(BaseModel):
    kernels: list[KernelConfig]
    by_model: dict[str, KernelConfig] = {}
    default: KernelConfig | None = None


class Renamed(KernelConfig, frozen=True):
    pass


def test_as_a_field_of_another_model() -> None:
    error = raised(Trainer, name="x", kernels=MISTAKES)
    expected = {(code, f"kernels.{route}") for code, route in EXPECTED}
    assert set(briefs(error)) == expected
    assert error.error_count() == len(EXPECTED)


def test_as_fields_of_many_shapes() -> None:
    bad = {"kernel_mapping": {"L": "org/repo"}}
    error = raised(
        Fleet,
        kernels=[{"kernel_mapping": {}}, bad, {"kernel_maping": {}}],
        by_model={"llama": {"kernel_mapping": {"L": {"cuda": [{"kernel": 1}]}}}},
        default=bad,
    )
    assert briefs(error) == [
        ("invalid-kernel-reference", "kernels[1].kernel_mapping.L"),
        ("unknown-key", "kernels[2].kernel_maping (key)"),
        ("invalid-kernel-reference", "by_model.llama.kernel_mapping.L.cuda[0].kernel"),
        ("invalid-kernel-reference", "default.kernel_mapping.L"),
    ]


def test_errors_of_other_fields_stand_beside_ours() -> None:
    error = raised(Trainer, kernels={"kernel_mapping": {"L": 42}})
    assert briefs(error) == [("missing", "name"), ("invalid-entry", "kernels.kernel_mapping.L")]
    code: Any = "missing"  # of pydantic, which is none of ours
    assert ConfigError.from_validation_error(error).diagnostics[0] == Diagnostic(
        code, "Field required", Route(("name",))
    )


def test_a_config_that_is_built_already_is_taken_as_it_is() -> None:
    config = KernelConfig({"L": REF})
    assert Trainer(name="x", kernels=config).kernels is config
    assert KernelConfig.model_validate(config) is config
    assert TypeAdapter(list[KernelConfig]).validate_python([config])[0] is config


def test_a_trainer_goes_through_json_and_back() -> None:
    trainer = Trainer(name="x", kernels=KernelConfig({"L": {"cuda": REF}}, inherit_mapping=False))
    assert Trainer.model_validate_json(trainer.model_dump_json()) == trainer
    assert Trainer.model_validate(trainer.model_dump()) == trainer


def test_a_subclass_is_still_checked() -> None:
    made_by = cast("type[KernelConfig]", Renamed)
    assert briefs(raised(made_by, {"L": 42})) == [("invalid-entry", "kernel_mapping.L")]
    assert isinstance(
        made_by({"L": REF}).kernel_mapping["L"], type(KernelConfig({"L": REF}).kernel_mapping["L"])
    )


def test_json() -> None:
    text = '{"kernel_mapping": {"A": "org/repo", "B": {"cuda": [{"kernel": 1}]}, "C": null}}'
    assert briefs(raised(KernelConfig.model_validate_json, text)) == [
        ("invalid-kernel-reference", "kernel_mapping.A"),
        ("invalid-kernel-reference", "kernel_mapping.B.cuda[0].kernel"),
        ("invalid-entry", "kernel_mapping.C"),
    ]
    good = '{"kernel_mapping": {"A": "org/repo:L"}, "inherit_mapping": false}'
    config = KernelConfig.model_validate_json(good)
    assert config == KernelConfig({"A": "org/repo:L"}, inherit_mapping=False)
    assert KernelConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("version", ["1e400", "NaN", "1.0", "true", "1" + "0" * 30])
def test_numbers_that_only_json_can_hold(version: str) -> None:
    text = '{"kernel_mapping": {"A": {"kernel": "org/repo:L", "version": %s}}}'
    error = raised(KernelConfig.model_validate_json, text % version)
    assert briefs(error) == [("invalid-version", "kernel_mapping.A.version")]


def test_text_that_is_no_json_keeps_the_code_of_pydantic() -> None:
    assert briefs(raised(KernelConfig.model_validate_json, "{")) == [
        ("json_invalid", "(top level)")
    ]


def test_the_mapping_is_the_one_positional_argument() -> None:
    mapping = {"L": REF}
    config = KernelConfig(mapping)
    assert config == KernelConfig(kernel_mapping=mapping)
    assert config.inherit_mapping is True
    assert KernelConfig(mapping, inherit_mapping=False).inherit_mapping is False
    assert KernelConfig() == KernelConfig({})
    with pytest.raises(TypeError):
        KernelConfig(mapping, False)  # type: ignore[misc]  # noqa: FBT003 (refused)
    with pytest.raises(TypeError):
        KernelConfig(mapping, use_local_kernel=True)  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [None, 0, 1, "yes"])
def test_inherit_mapping_by_keyword_is_checked(value: Any) -> None:
    assert briefs(raised(KernelConfig, {}, inherit_mapping=value)) == [
        ("invalid-inherit-mapping", "inherit_mapping")
    ]


def test_positional_mistakes_have_the_same_routes() -> None:
    found = set(briefs(raised(KernelConfig, MISTAKES["kernel_mapping"])))
    assert found == {pair for pair in EXPECTED if pair[1].startswith("kernel_mapping")}


def test_unknown_options_of_a_model_are_ours_too() -> None:
    error = raised(KernelSpec, kernal=REF)
    assert briefs(error) == [("unknown-key", "kernal (key)")]
    error = raised(KernelSpec, version="x")
    assert briefs(error) == [("invalid-version", "version"), ("missing-key", "kernel")]
