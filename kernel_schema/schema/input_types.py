"""Types of what the models take, for callers who check their code.

A type checker sees `KernelConfig({...})` through these aliases, so that plain literals, nested
dicts, enum keys and variables pass and other values are flagged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from typing_extensions import TypedDict

from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.schema.vocabulary import DeviceType, ModeName, Original

if TYPE_CHECKING:
    from kernels import Device, Mode

    from kernel_schema.schema.models import CapabilityEntry, DeviceMapping, KernelSpec, ModeMapping

RefInput: TypeAlias = str | HubRef | LocalRef


class KernelOptionsDict(TypedDict, total=False):
    """The options of a kernel, as in transformers' `(reference, options)` tuple."""

    version: int
    revision: str
    lockfile: str | os.PathLike[str]
    trust_remote_code: bool | Sequence[str]


class KernelSpecDict(KernelOptionsDict):
    """A kernel with options, as a dict."""

    kernel: RefInput


SpecInput: TypeAlias = Union[
    RefInput, "KernelSpec", KernelSpecDict, tuple[RefInput, KernelOptionsDict]
]


class ModeMappingDict(TypedDict, total=False):
    """Kernels by mode, as a dict."""

    inference: SpecInput
    training: SpecInput
    inference_torch_compile: SpecInput
    training_torch_compile: SpecInput
    fallback: SpecInput


class CapabilityEntryDict(KernelOptionsDict, ModeMappingDict, total=False):
    """One capability range, as a dict: bounds beside a kernel with options or beside modes."""

    kernel: RefInput | Original
    min_capability: int
    max_capability: int


DeviceEntryInput: TypeAlias = Union[
    SpecInput,
    "ModeMapping",
    ModeMappingDict,
    Sequence[Union["CapabilityEntry", CapabilityEntryDict]],
]


class DeviceMappingDict(TypedDict, total=False):
    """Kernels by device, as a dict."""

    cpu: DeviceEntryInput
    cuda: DeviceEntryInput
    mps: DeviceEntryInput
    neuron: DeviceEntryInput
    npu: DeviceEntryInput
    rocm: DeviceEntryInput
    tpu: DeviceEntryInput
    xpu: DeviceEntryInput


# What a nested literal or variable may hold; keys are checked when the config is built.
_Node: TypeAlias = Union[
    DeviceEntryInput, int, os.PathLike[str], "CapabilityEntry", "_Table", Sequence["_Node"]
]
_Table: TypeAlias = (
    Mapping[str, _Node]
    | Mapping[DeviceType, _Node]
    | Mapping[ModeName, _Node]
    | Mapping["Device", _Node]
    | Mapping["Mode", _Node]
)

LayerEntryInput: TypeAlias = Union[
    SpecInput,
    "ModeMapping",
    "DeviceMapping",
    ModeMappingDict,
    DeviceMappingDict,
    tuple[RefInput, Mapping[str, Any]],
    _Table,
]
ModeMappingInput: TypeAlias = ModeMappingDict | _Table
DeviceMappingInput: TypeAlias = DeviceMappingDict | _Table
SchemaUriDict = TypedDict("SchemaUriDict", {"$schema": str | None}, total=False)
"""`$schema` as a keyword, as `KernelConfig.model_dump` gives it; None states none."""

KernelMappingInput: TypeAlias = Mapping[str, LayerEntryInput]
