"""Constructions that are right: pyright must pass each of them, and each must run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from typing_extensions import assert_type

from kernel_schema import (
    ORIGINAL,
    CapabilityEntry,
    CapabilityEntryDict,
    ConfigError,
    DeviceMapping,
    DeviceMappingDict,
    DeviceType,
    Diagnostic,
    HubKernel,
    HubRef,
    KernelConfig,
    KernelSpec,
    KernelSpecDict,
    LocalKernel,
    LocalRef,
    ModeMapping,
    ModeMappingDict,
    ModeName,
    Route,
    Rule,
    RuntimeChoice,
    expand,
    parse_kernel_ref,
)

REF = "org/repo:Layer"


def literals() -> list[KernelConfig]:
    return [
        KernelConfig(),
        KernelConfig({}),
        KernelConfig({"A": "org/repo:Layer"}),
        KernelConfig(kernel_mapping={"A": "org/repo@v1:Layer"}, inherit_mapping=False),
        KernelConfig({"A": "original", "B": ORIGINAL}),
        KernelConfig({"A": {"kernel": "org/repo:Layer", "version": 1}}),
        KernelConfig({"A": {"kernel": "org/repo:Layer", "trust_remote_code": ["org/repo"]}}),
        KernelConfig({"A": {"kernel": "org/repo:Layer", "lockfile": Path("kernels.lock")}}),
        KernelConfig({"A": {"cuda": "org/repo:Layer", "cpu": "original"}}),
        KernelConfig({"A": {"inference": "org/repo:Layer", "fallback": {"kernel": REF}}}),
        KernelConfig({"A": {"cuda": {"training": {"kernel": REF, "revision": "main"}}}}),
        KernelConfig({"A": {"cuda": [{"min_capability": 90, "kernel": "org/repo:Layer"}]}}),
        KernelConfig({"A": {"cuda": [{"max_capability": 89, "inference": REF}, {"kernel": REF}]}}),
        KernelConfig({"A": {"rocm": ({"min_capability": 90, "kernel": REF}, {"training": REF})}}),
        KernelConfig({"A": ("org/repo:Layer", {"version": 1})}),
        KernelConfig({"A": {"cuda": ("org/repo:Layer", {"trust_remote_code": True})}}),
    ]


def enum_keys() -> list[KernelConfig]:
    return [
        KernelConfig({"A": {DeviceType.CUDA: "org/repo:Layer"}}),
        KernelConfig({"A": {DeviceType.CUDA: {ModeName.TRAINING: "org/repo:Layer"}}}),
        KernelConfig({"A": {ModeName.INFERENCE: "org/repo:Layer"}}),
        KernelConfig({"A": {DeviceType.ROCM: [{"kernel": "org/repo:Layer"}]}}),
    ]


def models() -> list[KernelConfig]:
    hub = HubRef("org/repo", "Layer", version=1)
    local = LocalRef(Path("kernels/norm"), "Layer")
    spec = KernelSpec(kernel=hub, trust_remote_code=["org/repo"])
    hopper = CapabilityEntry(min_capability=90, kernel="org/repo:Layer", version=2)
    others = CapabilityEntry(max_capability=89, inference="org/repo:Layer")
    modes = ModeMapping({"inference": hub, ModeName.TRAINING.value: {"kernel": REF}})
    devices = DeviceMapping({"cuda": [hopper, others], "cpu": "original", "xpu": modes})
    return [
        KernelConfig({"A": hub, "B": local, "C": spec, "D": modes, "E": devices}),
        KernelConfig({"A": {"cuda": hub, "cpu": local, "xpu": spec, "mps": modes}}),
        KernelConfig({"A": {"cuda": [hopper, others]}}),
        KernelConfig({"A": {"cuda": (hopper, others)}}),
        KernelConfig({"A": {"training": hub, "inference": spec}}),
        KernelConfig({"A": (hub, {"trust_remote_code": True})}),
        KernelConfig({"A": ModeMapping({ModeName.TRAINING: local})}),
        KernelConfig({"A": DeviceMapping({DeviceType.CUDA: {"training": REF}})}),
    ]


def typed_dicts() -> list[KernelConfig]:
    spec: KernelSpecDict = {"kernel": "org/repo:Layer", "version": 1}
    modes: ModeMappingDict = {"inference": spec, "fallback": "org/repo:Layer"}
    ranges: list[CapabilityEntryDict] = [{"min_capability": 90, "kernel": "org/repo:Layer"}]
    devices: DeviceMappingDict = {"cuda": ranges, "cpu": modes, "mps": spec}
    return [
        KernelConfig({"A": spec}),
        KernelConfig({"A": modes}),
        KernelConfig({"A": devices}),
        KernelConfig({"A": {"cuda": ranges}}),
        KernelConfig(
            {"A": KernelSpec(**spec), "B": DeviceMapping(devices), "C": ModeMapping(modes)}
        ),
    ]


def variables() -> list[KernelConfig]:
    plain: dict[str, str] = {"A": "org/repo:Layer"}
    nested: dict[str, dict[str, str]] = {"A": {"cuda": "org/repo:Layer"}}
    deep: dict[str, dict[str, dict[str, str]]] = {"A": {"cuda": {"training": REF}}}
    by_enum: dict[str, dict[DeviceType, str]] = {"A": {DeviceType.CUDA: "org/repo:Layer"}}
    refs: dict[str, HubRef] = {"A": HubRef("org/repo", "Layer")}
    specs: dict[str, KernelSpec] = {"A": KernelSpec(kernel="org/repo:Layer")}
    anything: dict[str, Any] = {"A": {"cuda": [{"min_capability": 90, "kernel": REF}]}}
    inferred = {"A": {"cuda": "org/repo:Layer", "cpu": {"inference": "org/repo:Layer"}}}
    ranges = {"A": {"cuda": [{"min_capability": 90, "kernel": "org/repo:Layer"}]}}
    return [
        KernelConfig(plain),
        KernelConfig(nested),
        KernelConfig(deep),
        KernelConfig(by_enum),
        KernelConfig(refs),
        KernelConfig(specs),
        KernelConfig(anything),
        KernelConfig(inferred),
        KernelConfig(ranges),
        KernelConfig({name: f"org/repo:{name}" for name in ("A", "B")}),
        KernelConfig(KernelConfig(plain).kernel_mapping),
    ]


def constructions() -> list[KernelConfig]:
    return [*literals(), *enum_keys(), *models(), *typed_dicts(), *variables()]


def attributes() -> None:
    """What a config holds has the types that it seems to have."""
    config = KernelConfig({"A": {"cuda": [{"min_capability": 90, "kernel": REF}], "cpu": REF}})
    assert_type(config.inherit_mapping, bool)
    assert_type(config.schema_uri, str | None)
    entry = config.kernel_mapping["A"]
    assert_type(
        entry, HubRef | LocalRef | Literal["original"] | KernelSpec | ModeMapping | DeviceMapping
    )
    assert isinstance(entry, DeviceMapping)
    for device, device_entry in entry.items():
        assert_type(device, DeviceType)
        assert_type(
            device_entry,
            HubRef
            | LocalRef
            | Literal["original"]
            | KernelSpec
            | ModeMapping
            | tuple[CapabilityEntry, ...],
        )
    ranges = entry[DeviceType.CUDA]
    assert isinstance(ranges, tuple)
    assert_type(ranges[0].min_capability, int | None)
    assert_type(ranges[0].entry, KernelSpec | ModeMapping | Literal["original"])
    spec = ranges[0].entry
    assert isinstance(spec, KernelSpec)
    assert_type(spec.kernel, HubRef | LocalRef)
    assert_type(spec.version, int | None)
    assert_type(spec.lockfile, str | None)
    assert_type(spec.trust_remote_code, bool | tuple[str, ...])
    modes = ModeMapping({"training": REF})
    assert_type(modes[ModeName.TRAINING], HubRef | LocalRef | KernelSpec)
    assert_type(config.model_copy(), KernelConfig)


def functions() -> None:
    """The pure functions give what they say."""
    config = KernelConfig({"A": REF})
    rules = expand(config)
    assert_type(rules, tuple[Rule, ...])
    assert_type(rules[0].kernel, HubKernel | LocalKernel | RuntimeChoice | None)
    assert_type(rules[0].device, DeviceType | None)
    assert_type(rules[0].mode, ModeName | None)
    assert_type(rules[0].route, Route)
    assert_type(parse_kernel_ref(REF), HubRef | LocalRef)
    error = ConfigError([Diagnostic("unknown-device", "`hip` is not a device")])
    assert_type(error.diagnostics, tuple[Diagnostic, ...])
    assert_type(error.diagnostics[0].help, str | None)
