"""The device, the mode and the capability: as given, or as the model and the machine say."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kernel_schema.diagnostics import lowering_error
from kernel_schema.model.walk import Walk
from kernel_schema.model.wrappers import is_compiled, unwrap
from kernel_schema.schema.alternatives import check_device, check_mode
from kernel_schema.schema.arguments import mode_name
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.values import check_capability
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, DEVICE_NAMES, DeviceType, ModeName
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from kernel_schema.model.types import DeviceInput, ModeInput, Module

_COMPILED = {
    ModeName.INFERENCE: ModeName.INFERENCE_TORCH_COMPILE,
    ModeName.TRAINING: ModeName.TRAINING_TORCH_COMPILE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What kernels are chosen for; the capability is None where the device has none."""

    device: DeviceType
    mode: ModeName
    capability: int | None


def device_of(model: Module) -> DeviceType | None:
    """The device of a model: that of its first parameter which is not on the meta device.

    A CUDA tensor on a ROCm build of torch is `rocm`, as for kernels.
    """
    kinds = (parameter.device.type for parameter in model.parameters())
    return device_type(next((kind for kind in kinds if kind != "meta"), None))


def resolve_device(device: DeviceInput | None, model: Module | None) -> DeviceType | None:
    """The device as given, else as the model says; None where neither does."""
    if device is None:
        return None if model is None else device_of(model)
    kind = getattr(device, "type", None)
    if isinstance(kind, str):
        return device_type(kind)
    return argument(check_device(device))


def device_type(kind: str | None) -> DeviceType | None:
    """The device that torch means by a name; `device_of` says more."""
    if kind is None:
        return None
    torch: Any = sys.modules.get("torch")
    if kind == "cuda" and torch is not None and torch.version.hip is not None:
        return DeviceType.ROCM
    if kind in DEVICE_NAMES:
        return DeviceType(kind)
    message = f"kernels has no kernels for the device {quote(kind)}"
    help_text = f"its devices are {listing(DEVICE_NAMES, 'and')}"
    raise lowering_error("unsupported-device", message, help_text)


def mode_of(model: Module, *, compiled: bool | None = None) -> ModeName:
    """The mode of a model: that of what its wrappers wrap, whatever they say of themselves.

    Where any registered layer is compiled, the kernels of all have to stand it; `compiled` says so
    if it is known. True takes the model as compiled, also if `torch.compile` was not applied yet.
    """
    mode = ModeName.TRAINING if unwrap(model).training else ModeName.INFERENCE
    if compiled is None:
        walk = Walk(model)
        compiled = any(walk.place.compiled for _ in walk)
    return _COMPILED[mode] if compiled or is_compiled(model) else mode


def resolve_mode(mode: ModeInput | None) -> ModeName | None:
    """The mode as given, by our name or as `kernels.Mode`."""
    if mode is None or isinstance(mode, ModeName):
        return mode
    return argument(check_mode(mode_name(mode) or mode))


_T = TypeVar("_T")


def argument(value: _T | Problem) -> _T:
    """What a check of the schema makes of an argument, or its problem as an error."""
    if isinstance(value, Problem):
        raise lowering_error(value.code, value.message, value.help)
    return value


def capability_of(device: DeviceType | None) -> int | None:
    """The compute capability of the GPU that is there, as kernels counts it; None without one."""
    torch: Any = sys.modules.get("torch")
    if device not in CAPABILITY_DEVICES or torch is None or not torch.cuda.is_available():
        return None
    major, minor = torch.cuda.get_device_capability()
    return major * 10 + minor


def resolve_target(
    model: Module,
    device: DeviceInput | None,
    mode: ModeInput | None,
    capability: int | None = None,
    *,
    compiled: bool | None = None,
) -> Target:
    """What kernels will be chosen for, as given or else as the model and the machine say.

    Its capability is None where none is given and no such GPU is there. `compiled`: see `mode_of`.
    """
    if capability is not None:
        argument(check_capability(capability))
    resolved = resolve_device(device, model)
    if resolved is None:
        raise lowering_error(
            "device-not-inferable",
            "the model has no parameter outside the meta device, so that its device cannot be told",
            "pass `device=` (`--device` on the command line)",
        )
    run_mode = resolve_mode(mode) or mode_of(model, compiled=compiled)
    if run_mode is ModeName.FALLBACK:
        raise lowering_error(
            "unknown-mode",
            "a model runs in inference or training: `fallback` only names kernels",
            "leave the mode out to take it from the model",
        )
    if resolved not in CAPABILITY_DEVICES:
        return Target(resolved, run_mode, None)
    return Target(resolved, run_mode, capability_of(resolved) if capability is None else capability)


def need_gpu(target: Target) -> None:
    """Make sure that kernels can choose: for cuda and rocm it asks the GPU itself."""
    if target.device in CAPABILITY_DEVICES and target.capability is None:
        message = f"kernels chooses by the capability of the GPU, and torch sees no {target.device}"
        raise lowering_error("no-such-gpu", f"{message} GPU", "call this where the model will run")
