"""What this room needs to know of torch and kernels, without importing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch
    from kernels import Device, LayerRepository, LocalLayerRepository, LockedLayerRepository, Mode

    from kernel_schema.schema.vocabulary import DeviceType, ModeName

    Module: TypeAlias = torch.nn.Module
    Repository: TypeAlias = LayerRepository | LocalLayerRepository | LockedLayerRepository
    KernelsMapping: TypeAlias = dict[str, dict[str | Device, dict[Mode, Repository]]]
    DeviceInput: TypeAlias = str | DeviceType | torch.device
    ModeInput: TypeAlias = str | ModeName | Mode
