"""Constructions that are wrong: pyright must flag each line that says so, and no other.

Nothing here is ever run.
"""

from __future__ import annotations

from kernel_schema import (
    CapabilityEntry,
    DeviceMapping,
    DeviceMappingDict,
    HubRef,
    KernelConfig,
    KernelSpec,
    KernelSpecDict,
    LocalRef,
    ModeMapping,
)

REF = "org/repo:Layer"


def configs() -> None:
    KernelConfig({"A": 42})  # wrong: neither a string nor a table
    KernelConfig({"A": None})  # wrong
    KernelConfig({"A": ["org/repo:Layer"]})  # wrong: a list for a layer
    KernelConfig({"A": {"cuda": 1.5}})  # wrong
    KernelConfig({"A": {"cuda": None}})  # wrong
    KernelConfig({1: "org/repo:Layer"})  # wrong: a name that is no string
    KernelConfig("org/repo:Layer")  # wrong: no table
    KernelConfig(None)  # wrong
    KernelConfig({}, False)  # wrong: by keyword only  # noqa: FBT003
    KernelConfig({}, inherit_mapping="yes")  # wrong
    KernelConfig({}, inherit=True)  # wrong: no such argument
    KernelConfig({"A": {"cuda": HubRef}})  # wrong: a class, not one of its objects


def parts() -> None:
    KernelSpec()  # wrong: no kernel
    KernelSpec("org/repo:Layer")  # wrong: by keyword only
    KernelSpec(kernel=42)  # wrong
    KernelSpec(kernel=REF, version="1")  # wrong
    KernelSpec(kernel=REF, verison=1)  # wrong
    KernelSpec(kernel=REF, trust_remote_code="yes and no", revision=1)  # wrong
    CapabilityEntry(min_capability="90", kernel=REF)  # wrong
    CapabilityEntry(minimum=90, kernel=REF)  # wrong
    ModeMapping({"training": 1.5})  # wrong
    ModeMapping()  # wrong
    DeviceMapping([REF])  # wrong
    HubRef("org/repo")  # wrong: no layer
    HubRef("org/repo", "Layer", version="1")  # wrong
    LocalRef(1, "Layer")  # wrong


def tables() -> None:
    spec: KernelSpecDict = {"version": 1}  # wrong: no kernel
    devices: DeviceMappingDict = {"cdua": REF}  # wrong: no such device
    KernelConfig({"A": spec, "B": devices})


def changes(config: KernelConfig, spec: KernelSpec, devices: DeviceMapping) -> None:
    config.inherit_mapping = False  # wrong: frozen
    config.kernel_mapping["A"] = REF  # wrong: frozen
    spec.version = 1  # wrong: frozen
    devices["cuda"] = REF  # wrong: frozen
    config.mapping  # wrong: no such attribute  # noqa: B018
    config.kernel_mapping["A"].version  # wrong: only some have one  # noqa: B018
