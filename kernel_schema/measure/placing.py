"""A model where and as it is to be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel_schema.model.types import Module


class PlacingError(Exception):
    """Why a model cannot be measured so."""


def placed(model: Module, device: str | None, mode: str | None) -> Module:
    """A model on a device and in a mode, by our names of them; it is changed, and compiled if so.

    Raises:
        PlacingError: If the device is not there, or the model has no numbers.
    """
    # Imported here: whoever hands over a model has loaded it.
    from importlib import import_module

    torch: Any = import_module("torch")

    changed: Any = model
    if device is not None:
        try:
            changed = changed.to(torch.device("cuda" if device == "rocm" else device))
        except (RuntimeError, AssertionError) as error:
            raise PlacingError(f"--device {device}: {error}") from error
    if any(parameter.is_meta for parameter in changed.parameters()):
        raise PlacingError("the model is on the meta device: it has no numbers to run with")
    if mode is not None:
        changed = changed.train(mode.startswith("training"))
        if mode.endswith("torch_compile"):
            changed = torch.compile(changed)
    return changed
