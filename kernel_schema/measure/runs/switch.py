"""The forwards of a model, switched between the originals and the kernels of a config."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.lowering.forwards import forward_key, in_use, known_kernels, replacement
from kernel_schema.lowering.restore import live_note_of
from kernel_schema.model.carriers import carriers

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel

_ABSENT: Final = object()


class Placed(NamedTuple):
    """A carrier in which a kernel was put in place, and the forward that runs it."""

    item: Carrier
    kernel: Kernel | None
    forward: Callable[..., Any]


def kernels_in(model: Module) -> dict[int, Placed]:
    """What runs a kernel in a model right now, by the `id` of the carrier."""
    known = known_kernels()
    note = live_note_of(model)
    found: dict[int, Placed] = {}
    for item in carriers(model):
        function = id(replacement(item.carrier))
        if function in known:
            meant = None if note is None else note.meant.get(item.layer_name)
            used = in_use(known[function], 1, meant)
            forward = item.carrier.__dict__[forward_key(item.carrier)]
            found.setdefault(id(item.carrier), Placed(item, used.kernel, forward))
    return found


class KernelError(Exception):
    """A kernel that raised while the model ran."""

    def __init__(self, layer_name: str, name: str, error: Exception) -> None:
        super().__init__(str(error))
        self.layer_name = layer_name
        self.name = name
        self.error = error


class Switch:
    """Puts kernels in place of originals, and back; whoever uses it ends with `off`."""

    def __init__(self, placed: dict[int, Placed]) -> None:
        self._placed = placed
        self._own = [
            (each, state := each.item.carrier.__dict__, key, state.get(key, _ABSENT))
            for each in placed.values()
            for key in (forward_key(each.item.carrier),)
        ]
        self.called: dict[str, set[int]] = {each.item.layer_name: set() for each in placed.values()}

    def on(self, *, counted: bool = False) -> None:
        """The kernels; `counted` notes which are called, and which fails."""
        for each, state, key, _ in self._own:
            state[key] = self._counted(each) if counted else each.forward

    def off(self) -> None:
        """The originals."""
        for _, state, key, value in self._own:
            if value is _ABSENT:
                state.pop(key, None)
            else:
                state[key] = value

    def _counted(self, each: Placed) -> Callable[..., Any]:
        called = self.called[each.item.layer_name]

        @wraps(each.forward)
        def counted(*args: Any, **kwargs: Any) -> Any:
            called.add(id(each.item.carrier))
            try:
                return each.forward(*args, **kwargs)
            except KernelError:
                raise
            except Exception as error:
                raise KernelError(each.item.layer_name, each.item.name, error) from error

        return counted
