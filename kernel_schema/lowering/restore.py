"""What is remembered of a model: its forwards as they were, and for what kernels were chosen.

It makes `kernelize` all or nothing, undoes it, and lets an audit tell what has changed since.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary, ref

from kernel_schema.diagnostics import LoweringError
from kernel_schema.lowering.forwards import (
    forward_key,
    is_own_or_kernel,
    known_kernels,
    replacement,
)
from kernel_schema.model.carriers import carriers
from kernel_schema.model.wrappers import unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName

_ABSENT: Final = object()
# Where a forward that a user had set on an instance waits for `restore`.
_SAVED: Final = "_forward_before_kernelize"
_KEYS: Final = ("forward", "_old_forward", _SAVED)


class Note(NamedTuple):
    """For what kernels were chosen in a model, and which was meant by registered name."""

    device: DeviceType
    mode: ModeName
    forward: ref[Any]  # one that was placed: dead once somebody else has placed another
    meant: Mapping[str, Kernel]


_NOTES: WeakKeyDictionary[Module, Note] = WeakKeyDictionary()


def live_note_of(model: Module) -> Note | None:
    """The note on a model, unless somebody else has placed kernels since."""
    note = _NOTES.get(unwrap(model))
    return None if note is None or note.forward() is None else note


def restore(model: Module) -> None:
    """Give every registered module and function of a model its own forward back.

    Undoes `kernelize`, whoever called it. A forward that was set on an instance before our
    `kernelize` is back too; one that was set since stays. Functions are shared by all models of the
    process.

    Args:
        model: Any `torch.nn.Module`, changed in place; one without kernels stays as it is.

    Raises:
        LoweringError: With code `unsupported-by-kernels`, if kernels does not have what is read.

    >>> from kernel_schema import kernelize, read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE
    >>> model = build_model()
    >>> report = kernelize(model, read(CONFIG_FILE))
    >>> restore(model)
    >>> any("forward" in vars(module) for module in model.modules())
    False
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
    _NOTES.pop(unwrap(model), None)


class Snapshot:
    """Every forward of what a model registers, as it is now, and the note on the model."""

    def __init__(self, model: Module) -> None:
        self._model = unwrap(model)
        self._note = _NOTES.get(self._model)
        self.carriers = list(carriers(model))
        self._before = [
            (
                item,
                forward_key(item.carrier),
                {key: item.carrier.__dict__.get(key, _ABSENT) for key in _KEYS},
            )
            for item in self.carriers
        ]

    def put_back(self) -> None:
        """Make everything what it was."""
        for item, _, before in self._before:
            state = item.carrier.__dict__
            for key, value in before.items():
                if value is _ABSENT:
                    state.pop(key, None)
                else:
                    state[key] = value
        _NOTES.pop(self._model, None)
        if self._note is not None:
            _NOTES[self._model] = self._note

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

    def keep(self, device: DeviceType, mode: ModeName, meant: Mapping[str, Kernel]) -> None:
        """Save for `restore` what somebody had set on an instance; note for what was chosen."""
        known = known_kernels()
        replaced: list[Carrier] = []
        for item, key, before in self._before:
            state, value = item.carrier.__dict__, before[key]
            if id(replacement(item.carrier)) in known:
                replaced.append(item)
            if value is _ABSENT or value is state.get(key):
                continue
            if not is_own_or_kernel(item.carrier, value, known):
                state[_SAVED] = value
        _NOTES.pop(self._model, None)
        if replaced:
            # Functions are shared: another model may change them and leave all else as it is.
            witness = next((item for item in replaced if not item.is_function), replaced[0]).carrier
            forward = witness.__dict__[forward_key(witness)]
            _NOTES[self._model] = Note(device, mode, ref(forward), meant)
