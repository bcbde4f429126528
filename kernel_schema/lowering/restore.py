"""What is remembered of a model: its forwards as they were, and for what kernels were chosen.

It makes `kernelize` all or nothing, undoes it, and lets an audit tell what has changed since.
"""

from __future__ import annotations

from threading import RLock
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
from kernel_schema.schema.arguments import need_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName

_ABSENT: Final = object()
# Where a forward that a user had set on an instance waits for `restore`.
_SAVED: Final = "_forward_before_kernelize"
# Which kernel was put in place: it tells of one that is gone, also after a model was loaded again.
PLACED: Final = "_kernel_placed"
_KEYS: Final = ("forward", "_old_forward", _SAVED, PLACED)

ONE_AT_A_TIME: Final = RLock()
"""Held while forwards change: functions are shared by all models of a process."""


class Note(NamedTuple):
    """For what kernels were chosen in a model, and which was meant by registered name."""

    device: DeviceType
    mode: ModeName
    forward: Callable[[], Any]  # one that was placed: None once somebody else has placed another
    meant: Mapping[str, Kernel]


_NOTES: WeakKeyDictionary[Module, Note] = WeakKeyDictionary()


def live_note_of(model: Module) -> Note | None:
    """The note on a model, unless somebody else has placed kernels since."""
    note = _NOTES.get(unwrap(model))
    return None if note is None or note.forward() is None else note


def keep_note_when_repeated(model: Module) -> None:
    """Keep the note on a model though somebody else is about to place the very kernels again."""
    note = live_note_of(model)
    if note is None:
        return
    bound = note.forward()
    witness, function = ref(bound.__self__), bound.__func__

    def placed() -> Any:
        carrier = witness()
        return function if carrier is not None and replacement(carrier) is function else None

    _NOTES[unwrap(model)] = note._replace(forward=placed)


def restore(model: Module) -> None:
    """Give every registered module and function of a model its own forward back.

    Undoes `kernelize`, whoever called it. A forward that was set on an instance before our
    `kernelize` is back too; one that was set since stays. Functions are shared by all models of the
    process.

    Args:
        model: Any `torch.nn.Module`, changed in place; one without kernels stays as it is.

    Raises:
        LoweringError: With code `unsupported-by-kernels`, if kernels does not have what is read.
        TypeError: If it is no model.

    >>> from kernel_schema import kernelize, read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE
    >>> model = build_model()
    >>> report = kernelize(model, read(CONFIG_FILE))
    >>> restore(model)
    >>> any("forward" in vars(module) for module in model.modules())
    False
    """
    need_module(model)
    snapshot = None
    try:
        with ONE_AT_A_TIME:
            snapshot = Snapshot(model)
            with snapshot:
                snapshot.take_out()
    except BaseException:  # an interrupt too: all or nothing
        if snapshot is not None:
            snapshot.put_back()
        raise


def runs_kernel(carrier: Module) -> bool:
    """Whether a kernel that we have put in place of a carrier's forward is there."""
    return PLACED in carrier.__dict__ and replacement(carrier) is not None


class _Before(NamedTuple):
    """One carrier: where its forward stood, and what it had under the keys that are ours."""

    item: Carrier
    key: str
    values: dict[str, Any]


class Snapshot:
    """Every forward of what a model registers, as it is now, and the note on the model."""

    def __init__(self, model: Module) -> None:
        self._model = unwrap(model)
        self.note = _NOTES.get(self._model)
        self.undone = False
        self.carriers = list(carriers(model))
        self.before: dict[Module, _Before] = {}
        for item in self.carriers:
            state = item.carrier.__dict__
            values = {key: state.get(key, _ABSENT) for key in _KEYS}
            # A function is held by many: the first is told of.
            self.before.setdefault(item.carrier, _Before(item, forward_key(item.carrier), values))

    def __enter__(self) -> None:
        """Begin to change something; what goes wrong is undone before anybody else may go on."""

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:
            self.put_back()

    def put_back(self) -> None:
        """Make everything what it was, once: after that it may be another's to change."""
        if self.undone:
            return
        for carrier, before in self.before.items():
            _put(carrier, before.values)
        _note(self._model, self.note)
        self.undone = True

    def take_out(self) -> None:
        """Give everything its own forward, or the one that somebody had set before a kernel."""
        known = known_kernels()
        for carrier, before in self.before.items():
            current = carrier.__dict__.get(before.key)
            values = {_SAVED: _ABSENT, PLACED: _ABSENT}
            if is_own_or_kernel(carrier, current, known):
                values[before.key] = _own_at(before.key, carrier, before.values[_SAVED])
            _put(carrier, values)
        _NOTES.pop(self._model, None)

    def first_untouched(self) -> Carrier | None:
        """What kernelize had in hand when it failed: it gives a new forward to all it passes."""
        for carrier, before in self.before.items():
            if carrier.__dict__.get("forward", _ABSENT) is not before.values["forward"]:
                continue
            try:
                passed_over = not before.item.condition_holds()
            except LoweringError:  # then it is what failed
                passed_over = False
            if not passed_over:
                return before.item
        return None

    def rehook(self) -> None:
        """Put accelerate's hooks back in front of what kernelize has placed over them."""
        for carrier, before in self.before.items():
            state = carrier.__dict__
            if before.key != "forward" and state.get("forward") is not before.values["forward"]:
                state[before.key] = state["forward"]
                state["forward"] = before.values["forward"]

    def keep(self, device: DeviceType, mode: ModeName, meant: Mapping[str, Kernel]) -> None:
        """Leave kernels where they were placed, and all else as it was.

        kernels gives every layer a forward, its own where there is no kernel for it: that would
        hide what is done to its class later, and hold the model in a cycle.
        """
        known = known_kernels()
        replaced: list[Carrier] = []
        for carrier, before in self.before.items():
            value = before.values[before.key]
            by_hand = value is not _ABSENT and not is_own_or_kernel(carrier, value, known)
            if id(replacement(carrier)) in known:
                replaced.append(before.item)
                carrier.__dict__[PLACED] = str(meant.get(before.item.layer_name, ""))
                if by_hand:
                    carrier.__dict__[_SAVED] = value
                continue
            saved = value if by_hand else before.values[_SAVED]
            own = _own_at(before.key, carrier, saved)
            _put(carrier, {_SAVED: _ABSENT, PLACED: _ABSENT, before.key: own})
        _NOTES.pop(self._model, None)
        if replaced:
            # Functions are shared: another model may change them and leave all else as it is.
            witness = next((item for item in replaced if not item.is_function), replaced[0]).carrier
            _NOTES[self._model] = Note(
                device, mode, ref(witness.__dict__[forward_key(witness)]), meant
            )


class Block(Snapshot):
    """A `kernelized` block: what was in place before it, and what it changed.

    Blocks of threads and of tasks may end in another order than they began.
    """

    def __init__(self, model: Module) -> None:
        super().__init__(model)
        self.changed: set[Module] = set()
        self.ended = False

    def enter(self) -> None:
        """Begin: kernels were placed."""
        self._after_note = _NOTES.get(self._model)
        self.changed = {
            carrier
            for carrier, before in self.before.items()
            if any(carrier.__dict__.get(key, _ABSENT) is not before.values[key] for key in _KEYS)
        }
        _BLOCKS.append(self)

    def leave(self) -> None:
        """End: take out what runs since, and leave what somebody else has set in between.

        A block that was entered since and has not ended has found ours in place: it will put back
        what we had found.
        """
        with ONE_AT_A_TIME:
            self._leave()

    def _leave(self) -> None:
        if self.ended:
            return
        if self not in _BLOCKS:  # it never began
            self.put_back()
            return
        later = _BLOCKS[_BLOCKS.index(self) + 1 :]
        known = known_kernels()
        for carrier, before in self.before.items():
            covering = next((block for block in later if carrier in block.changed), None)
            if covering is not None:
                covering.before[carrier] = before
                continue
            key = forward_key(carrier)
            current = carrier.__dict__.get(key)
            if carrier not in self.changed and (
                current is before.values[key]
                or (before.item.is_function and id(replacement(carrier)) in known)
            ):
                continue  # another model's, for a function
            _put(carrier, {PLACED: before.values[PLACED]})
            if current is None or is_own_or_kernel(carrier, current, known):
                own = _own_at(key, carrier, before.values[before.key])
                _put(carrier, {_SAVED: before.values[_SAVED], key: own})
        covering = next((block for block in later if block.note is self._after_note), None)
        if covering is not None:
            covering.note = self.note
        elif _NOTES.get(self._model) is self._after_note:
            _note(self._model, self.note)
        self.ended = True
        _BLOCKS.remove(self)


_BLOCKS: Final[list[Block]] = []


def _own_at(key: str, carrier: Module, value: Any) -> Any:
    """What has to stand under a key so that a forward set by hand, or else the own one, runs."""
    if value is not _ABSENT or key == "forward":
        return value
    # accelerate's hook calls what stands here.
    own: Any = type(carrier).forward
    return MethodType(own, carrier)


def _put(carrier: Module, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if value is _ABSENT:
            carrier.__dict__.pop(key, None)
        else:
            carrier.__dict__[key] = value


def _note(model: Module, note: Note | None) -> None:
    if note is None:
        _NOTES.pop(model, None)
    else:
        _NOTES[model] = note
