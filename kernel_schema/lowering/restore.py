"""Forwards as they were: what makes `kernelize` all or nothing, and what undoes it."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import LoweringError
from kernel_schema.lowering.forwards import forward_key, is_own_or_kernel, known_kernels
from kernel_schema.lowering.notes import forget
from kernel_schema.model.carriers import carriers

if TYPE_CHECKING:
    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module

_ABSENT: Final = object()
# Where a forward that a user had set on an instance waits for `restore`.
_SAVED: Final = "_forward_before_kernelize"
_KEYS: Final = ("forward", "_old_forward", _SAVED)


def restore(model: Module) -> None:
    """Give every registered module and function of a model its own forward back.

    Undoes `kernelize`, whoever called it. A forward that was set on an instance before our
    `kernelize` is back too; one that was set since stays. Functions are shared by all models of the
    process.
    """
    known = known_kernels()
    for item in carriers(model):
        state, key = item.carrier.__dict__, forward_key(item.carrier)
        saved = state.pop(_SAVED, None)
        if not is_own_or_kernel(item.carrier, state.get(key), known):
            continue
        if saved is not None:
            state[key] = saved
        elif key == "forward":
            del state[key]
        else:
            own: Any = MethodType(type(item.carrier).forward, item.carrier)
            state[key] = own
    forget(model)


class Snapshot:
    """Every forward of what a model registers, as it is now.

    >>> from torch import nn
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> norm = Norm()
    >>> snapshot = Snapshot(norm)
    >>> norm.forward = print
    >>> snapshot.put_back()
    >>> "forward" in vars(norm)
    False
    """

    def __init__(self, model: Module) -> None:
        self._before = [
            (
                item,
                forward_key(item.carrier),
                {key: item.carrier.__dict__.get(key, _ABSENT) for key in _KEYS},
            )
            for item in carriers(model)
        ]

    def put_back(self) -> None:
        """Make every forward what it was."""
        for item, _, before in self._before:
            state = item.carrier.__dict__
            for key, value in before.items():
                if value is _ABSENT:
                    state.pop(key, None)
                else:
                    state[key] = value

    def first_untouched(self) -> Carrier | None:
        """What kernelize had in hand when it failed: it gives a new forward to all it passes."""
        for item, _, before in self._before:
            if item.carrier.__dict__.get("forward", _ABSENT) is not before["forward"]:
                continue
            try:
                passed_over = not item.condition_holds()
            except LoweringError:  # then it is what failed
                passed_over = False
            if not passed_over:
                return item
        return None

    def rehook(self) -> None:
        """Put accelerate's hooks back in front of what kernelize has placed over them."""
        for item, key, before in self._before:
            state = item.carrier.__dict__
            if key != "forward" and state.get("forward") is not before["forward"]:
                state[key] = state["forward"]
                state["forward"] = before["forward"]

    def keep_for_restore(self) -> None:
        """Save the forwards written over that somebody else than kernels had set on an instance."""
        known = known_kernels()
        for item, key, before in self._before:
            state, value = item.carrier.__dict__, before[key]
            if value is _ABSENT or value is state.get(key):
                continue
            if not is_own_or_kernel(item.carrier, value, known):
                state[_SAVED] = value
