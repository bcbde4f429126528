"""Every form of the grammar, and the rules that it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from kernel_schema import (
    Capabilities,
    DeviceType,
    HubKernel,
    KernelConfig,
    LocalKernel,
    ModeName,
    Route,
    Rule,
    RuntimeChoice,
    expand,
)
from kernel_schema.schema.ranges import EVERY_CAPABILITY
from kernel_schema.schema.rules import by_layer
from tests.schema.problems import REF
from tests.strategies import config_data, configs

HUB = HubKernel("org/repo", "Layer", version=1)
CUDA, ROCM, CPU = DeviceType.CUDA, DeviceType.ROCM, DeviceType.CPU
INFERENCE, TRAINING, FALLBACK = ModeName.INFERENCE, ModeName.TRAINING, ModeName.FALLBACK


def rules_of(entry: Any) -> list[tuple[Any, ...]]:
    """The rules of one layer, without its name; routes as text below it."""
    found: list[tuple[Any, ...]] = []
    for rule in expand(KernelConfig({"L": entry})):
        assert rule.layer_name == "L"
        route = str(rule.route).removeprefix("kernel_mapping.L")
        found.append((rule.device, rule.capabilities, rule.mode, rule.kernel, route))
    return found


# Every device, every mode, every capability.
ALL = (None, EVERY_CAPABILITY, None)


@pytest.mark.parametrize(
    ("entry", "kernel"),
    [
        ("original", None),
        (REF, HUB),
        ("org/repo@v3:Layer", HubKernel("org/repo", "Layer", version=3)),
        ("org/repo@v0:Layer", HubKernel("org/repo", "Layer", version=0)),
        ("org/repo@main:Layer", HubKernel("org/repo", "Layer", revision="main")),
        ("org/repo@v01:Layer", HubKernel("org/repo", "Layer", revision="v01")),
        ("./norm:Layer", LocalKernel("./norm", "Layer")),
        ({"kernel": REF}, HUB),
        ({"kernel": "./norm:Layer"}, LocalKernel("./norm", "Layer")),
        ({"kernel": REF, "version": 0}, HubKernel("org/repo", "Layer", version=0)),
        ({"kernel": REF, "version": 7}, HubKernel("org/repo", "Layer", version=7)),
        ({"kernel": REF, "revision": "dev"}, HubKernel("org/repo", "Layer", revision="dev")),
        ({"kernel": REF, "lockfile": "k.lock"}, HubKernel("org/repo", "Layer", lockfile="k.lock")),
        ({"kernel": "org/repo@v2:Layer"}, HubKernel("org/repo", "Layer", version=2)),
        ({"kernel": "org/repo@dev:Layer"}, HubKernel("org/repo", "Layer", revision="dev")),
        (
            {"kernel": REF, "trust_remote_code": True},
            HubKernel("org/repo", "Layer", version=1, trust_remote_code=True),
        ),
        (
            {"kernel": "org/repo@dev:Layer", "trust_remote_code": ["org/repo", "a/b"]},
            HubKernel("org/repo", "Layer", revision="dev", trust_remote_code=("org/repo", "a/b")),
        ),
        ((REF, {"version": 4}), HubKernel("org/repo", "Layer", version=4)),
        ((REF, {}), HUB),
    ],
)
def test_a_kernel_in_every_place(entry: Any, kernel: Any) -> None:
    assert rules_of(entry) == [(*ALL, kernel, "")]
    assert rules_of({"npu": entry}) == [(DeviceType.NPU, EVERY_CAPABILITY, None, kernel, ".npu")]
    if entry != "original":
        assert rules_of({"training": entry}) == [
            (None, EVERY_CAPABILITY, TRAINING, kernel, ".training")
        ]
        assert rules_of({"cuda": {"training": entry}}) == [
            (CUDA, EVERY_CAPABILITY, TRAINING, kernel, ".cuda.training")
        ]
        assert rules_of({"cuda": [{"training": entry}]}) == [
            (CUDA, EVERY_CAPABILITY, TRAINING, kernel, ".cuda[0].training")
        ]
    ranged = entry if isinstance(entry, dict) else {"kernel": entry}
    if not isinstance(entry, tuple):
        assert rules_of({"cuda": [ranged]}) == [(CUDA, EVERY_CAPABILITY, None, kernel, ".cuda[0]")]


@pytest.mark.parametrize("mode", ModeName)
def test_every_mode(mode: ModeName) -> None:
    assert rules_of({mode: REF}) == [(None, EVERY_CAPABILITY, mode, HUB, f".{mode}")]


@pytest.mark.parametrize("device", DeviceType)
def test_every_device(device: DeviceType) -> None:
    assert rules_of({device: REF}) == [(device, EVERY_CAPABILITY, None, HUB, f".{device}")]


@pytest.mark.parametrize(
    ("bounds", "capabilities"),
    [
        ({}, EVERY_CAPABILITY),
        ({"min_capability": 0}, EVERY_CAPABILITY),
        ({"min_capability": 90}, Capabilities(90)),
        ({"max_capability": 89}, Capabilities(0, 89)),
        ({"min_capability": 75, "max_capability": 89}, Capabilities(75, 89)),
        ({"min_capability": 90, "max_capability": 90}, Capabilities(90, 90)),
        ({"min_capability": 0, "max_capability": 9999}, Capabilities(0, 9999)),
    ],
)
@pytest.mark.parametrize("device", [CUDA, ROCM])
def test_ranges(device: DeviceType, bounds: dict[str, int], capabilities: Capabilities) -> None:
    (rule,) = rules_of({device: [bounds | {"kernel": REF}]})
    assert rule == (device, capabilities, None, HUB, f".{device}[0]")


def test_everything_at_once_in_the_order_of_the_config() -> None:
    config = KernelConfig(
        {
            "B": {
                "cuda": [
                    {"min_capability": 90, "kernel": REF},
                    {"max_capability": 89, "fallback": "./norm:L", "inference": REF},
                    {"kernel": "original"},
                ],
                "cpu": "original",
                "rocm": {"training": REF},
            },
            "A": {"inference": REF, "training": {"kernel": REF, "version": 2}},
            "a layer": REF,
        }
    )

    def at(layer_name: str, *steps: str | int) -> Route:
        return Route(("kernel_mapping", layer_name, *steps))

    norm = LocalKernel("./norm", "L")
    second = HubKernel("org/repo", "Layer", version=2)
    low = Capabilities(0, 89)
    assert expand(config) == (
        Rule("B", CUDA, Capabilities(90), None, HUB, at("B", "cuda", 0)),
        Rule("B", CUDA, low, FALLBACK, norm, at("B", "cuda", 1, "fallback")),
        Rule("B", CUDA, low, INFERENCE, HUB, at("B", "cuda", 1, "inference")),
        Rule("B", CUDA, EVERY_CAPABILITY, None, None, at("B", "cuda", 2)),
        Rule("B", CPU, EVERY_CAPABILITY, None, None, at("B", "cpu")),
        Rule("B", ROCM, EVERY_CAPABILITY, TRAINING, HUB, at("B", "rocm", "training")),
        Rule("A", None, EVERY_CAPABILITY, INFERENCE, HUB, at("A", "inference")),
        Rule("A", None, EVERY_CAPABILITY, TRAINING, second, at("A", "training")),
        Rule("a layer", None, EVERY_CAPABILITY, None, HUB, at("a layer")),
    )


def test_rules_by_layer() -> None:
    rules = expand(KernelConfig({"B": {"cuda": REF, "cpu": REF}, "A": REF}))
    assert by_layer(rules) == {"B": list(rules[:2]), "A": [rules[2]]}
    assert by_layer([]) == {}


def test_an_empty_config_says_nothing() -> None:
    assert expand(KernelConfig({})) == ()


@given(configs())
def test_every_rule_is_usable(config: KernelConfig) -> None:
    for rule in expand(config):
        assert rule.layer_name in config.kernel_mapping
        assert rule.capabilities.lowest <= rule.capabilities.highest
        if isinstance(rule.kernel, HubKernel):
            pins = (rule.kernel.version, rule.kernel.revision, rule.kernel.lockfile)
            assert sum(pin is not None for pin in pins) == 1
        assert rule.mode is None or rule.kernel is not None


@given(config_data())
def test_every_route_leads_to_what_was_written(data: dict[str, Any]) -> None:
    config = KernelConfig.model_validate(data)
    rules = expand(config)
    assert len({rule.route for rule in rules}) == len(rules)
    for rule in rules:
        value: Any = data
        for step in rule.route.steps:
            value = value[step]
        text = value["kernel"] if isinstance(value, dict) else value
        kernel = rule.kernel
        assert (text == "original") == (kernel is None)
        assert not isinstance(kernel, RuntimeChoice)
        assert kernel is None or text.endswith(f":{kernel.layer_name}")


@pytest.mark.parametrize(
    ("kernel", "text"),
    [
        (HUB, "org/repo@v1:Layer"),
        (HubKernel("org/repo", "Layer", revision="main"), "org/repo@main:Layer"),
        (HubKernel("o/r", "L", lockfile="k.lock"), "o/r:L (locked by k.lock)"),
        (LocalKernel("./norm", "L"), "./norm:L"),
    ],
)
def test_kernels_in_messages(kernel: Any, text: str) -> None:
    assert str(kernel) == text


def test_a_config_is_expanded_once_and_each_for_itself() -> None:
    first, second = (KernelConfig({"A": ref}) for ref in ("org/first:L", "org/second:L"))
    assert expand(first) is expand(first)
    assert [str(rule.kernel) for rule in expand(second)] == ["org/second@v1:L"]
    assert [str(rule.kernel) for rule in expand(first)] == ["org/first@v1:L"]
    changed = first.model_copy(update={"kernel_mapping": {"A": "org/third:L"}})
    assert [str(rule.kernel) for rule in expand(changed)] == ["org/third@v1:L"]
