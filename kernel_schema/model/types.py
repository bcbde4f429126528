"""What the rooms above need to know of torch and kernels, without importing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch
    from kernels import Mode

    from kernel_schema.schema.vocabulary import DeviceType, ModeName

    Module: TypeAlias = torch.nn.Module
    DeviceInput: TypeAlias = str | DeviceType | torch.device
    ModeInput: TypeAlias = str | ModeName | Mode
