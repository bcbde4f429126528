"""Notes on models: for what their kernels were chosen, so that an audit can tell what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from kernel_schema.lowering.forwards import forward_key, known_kernels, replacement
from kernel_schema.model.carriers import carriers
from kernel_schema.model.wrappers import unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


class Note(NamedTuple):
    """For what kernels were chosen in a model.

    Args:
        device: The device.
        mode: The mode.
        forward: One forward that was placed; dead once somebody else has placed another.
        asked: The kernel that was asked for, by registered name.
    """

    device: DeviceType
    mode: ModeName
    forward: ref[Any]
    asked: Mapping[str, Kernel]


_NOTES: WeakKeyDictionary[Module, Note] = WeakKeyDictionary()


def remember(
    model: Module, device: DeviceType, mode: ModeName, asked: Mapping[str, Kernel]
) -> None:
    """Note for what kernels were just chosen, so that a later audit can tell what is stale."""
    known = known_kernels()
    replaced = [item for item in carriers(model) if id(replacement(item.carrier)) in known]
    if not replaced:
        forget(model)
        return
    # Functions are shared: another model may change them and leave everything else as it is.
    witness = next((item for item in replaced if not item.is_function), replaced[0]).carrier
    forward = witness.__dict__[forward_key(witness)]
    _NOTES[unwrap(model)] = Note(device, mode, ref(forward), asked)


def forget(model: Module) -> None:
    """Drop the note."""
    _NOTES.pop(unwrap(model), None)


def note_of(model: Module) -> Note | None:
    """The note on a model, for `put_note_back`; None where there is none."""
    return _NOTES.get(unwrap(model))


def live_note_of(model: Module) -> Note | None:
    """The note on a model, unless somebody else has placed kernels since."""
    note = note_of(model)
    return None if note is None or note.forward() is None else note


def put_note_back(model: Module, note: Note | None) -> None:
    """Make the note what it was."""
    if note is None:
        forget(model)
    else:
        _NOTES[unwrap(model)] = note
