"""How often the layers of a model are called while a kernel stands in them.

They are counted where a module is called, by hooks of torch: those stay when somebody places the
same kernels again. Nothing is put into the way of torch.compile: a graph only notes that it ran,
and counts as one call.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module

CALLS: Final = "KERNEL_SCHEMA_CALLS"
"""The variable that names a file to which each process appends its counts when it ends."""

VERSION: Final = 1
"""Of a line of that file: an object with `version`, `pid` and `calls`, by layer name."""


class Tally:
    """The calls of one layer name; the hook that counts them."""

    def __init__(self, layer_name: str, runs_kernel: Callable[[Module], bool]) -> None:
        self.layer_name = layer_name
        self.eager = 0
        self.compiled = False
        self._runs_kernel = runs_kernel
        torch: Any = sys.modules["torch"]
        self._is_compiling: Callable[[], bool] = torch.compiler.is_compiling

    @property
    def calls(self) -> int:
        """How many there were, at least."""
        return self.eager + self.compiled

    def __call__(self, module: Module, _: object) -> None:
        """Count a call. In a graph nothing is read that changes: it would be built anew."""
        if self._is_compiling():
            self.compiled = True
        elif self._runs_kernel(module):
            self.eager += 1

    def __deepcopy__(self, _: object) -> Tally:
        """A copy of a model is counted with it."""
        return self

    def __reduce__(self) -> Any:
        """Where a model is loaded again, its layers go on being called, and nobody counts."""
        return _nobody, (self.layer_name,)


def _nobody(layer_name: str) -> Tally:
    return Tally(layer_name, lambda _: False)


class Counting:
    """Counts the calls of kernels in models, by layer name, from `count` to `stop`."""

    def __init__(self, runs_kernel: Callable[[Module], bool]) -> None:
        self._runs_kernel = runs_kernel
        self._tallies: dict[str, Tally] = {}
        self._hooks: list[Any] = []

    @property
    def calls(self) -> dict[str, int]:
        """How often each was called so far; 0 for those that were not."""
        return {name: tally.calls for name, tally in self._tallies.items()}

    def count(self, carriers: Iterable[Carrier]) -> None:
        """Count the calls of these too, where a kernel stands in them now."""
        for item in carriers:
            if not self._runs_kernel(item.carrier):
                continue
            tally = self._tallies.setdefault(
                item.layer_name, Tally(item.layer_name, self._runs_kernel)
            )
            carrier: Any = item.carrier
            if tally not in carrier._forward_pre_hooks.values():  # noqa: SLF001 (torch tells it in no other way)
                self._hooks.append(carrier.register_forward_pre_hook(tally))

    def stop(self) -> None:
        """Take every hook out."""
        while self._hooks:
            self._hooks.pop().remove()


_OF_PROCESS: Final[dict[int, Counting]] = {}


def count_in_process(carriers: Iterable[Carrier], runs_kernel: Callable[[Module], bool]) -> None:
    """Count calls until the process ends, and write them then, if `KERNEL_SCHEMA_CALLS` is set."""
    file = os.environ.get(CALLS)
    if not file:
        return
    pid = os.getpid()
    counting = _OF_PROCESS.get(pid)
    if counting is None:
        counting = _OF_PROCESS[pid] = Counting(runs_kernel)
        # At the end of processes that multiprocessing starts too, where `atexit` calls nothing; a
        # process that was forked from this one writes nothing of what happened here.
        from multiprocessing.util import Finalize

        Finalize(None, _append, args=(os.path.abspath(file), pid, counting), exitpriority=0)  # noqa: PTH100 (of a string)
    counting.count(carriers)


def _append(file: str, pid: int, counting: Counting) -> None:
    """Append a line, in one piece: others may write to the file at the same time."""
    import json

    line = json.dumps({"version": VERSION, "pid": pid, "calls": counting.calls}) + "\n"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        logging.getLogger("kernel_schema").warning(
            "%s: %s cannot be written: %s", CALLS, file, error
        )
