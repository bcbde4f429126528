"""How long two things take, in turn: device events on a GPU, blocks of calls on a CPU."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from kernel_schema.measure.results import Paired, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_BLOCK: Final = 2e-4
"""Seconds of a block of calls on a CPU, at least: what reading the clock costs is no matter. Much
shorter than what a busy system gives to another process in between: that hits few of them."""
_FEWEST: Final = 15
_MOST: Final = 400
_PATIENCE: Final = 4.0
"""Seconds after which fewer than `_FEWEST` pairs have to do; three are always measured."""
_CACHE: Final = 256 * 2**20
"""Bytes that are written before each run on a GPU, as `triton.testing.do_bench` does: what the run
before has left in the L2 cache must not help."""


class Timed(NamedTuple):
    """What to time: `run`, on what `setup` gives; `fresh` if each run needs it anew."""

    setup: Callable[[], Any]
    run: Callable[[Any], object]
    fresh: bool


def paired(original: Timed, kernel: Timed, device: str, *, seconds: float) -> Paired:
    """Time two things in turn, after a warm-up, for about so many seconds in all."""
    with _no_garbage_collection():
        times = (_on_gpu if device == "cuda" else _on_cpu)((original, kernel), seconds)
    ratios = [late / early for early, late in zip(*times, strict=True)]
    low, middle, high = _quartiles(ratios)
    return Paired(_timing(times[0]), _timing(times[1]), middle, low, high)


def _timing(times: list[float]) -> Timing:
    low, middle, high = _quartiles(times)
    return Timing(middle, low, high, len(times))


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, median(values), high


def _pairs(estimate: float, seconds: float) -> int:
    """How many pairs to measure if one takes so long."""
    wanted = min(max(int(seconds / estimate), _FEWEST), _MOST)
    return max(3, min(wanted, int(_PATIENCE / estimate)))


def _on_cpu(both: tuple[Timed, Timed], seconds: float) -> tuple[list[float], list[float]]:
    blocks = [_block(each) for each in both]
    estimates = [block(1)[0] for block in blocks]  # the first run of a process is a slow one
    estimates = [block(1)[0] for block in blocks]
    counts = [
        1 if each.fresh else max(1, int(_BLOCK / max(estimate, 1e-9)))
        for each, estimate in zip(both, estimates, strict=True)
    ]
    elapsed = [block(count) for block, count in zip(blocks, counts, strict=True)]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_pairs(sum(wall for _, wall in elapsed), seconds)):
        for block, count, found in zip(blocks, counts, times, strict=True):
            found.append(block(count)[0])
    return times


def _block(timed: Timed) -> Callable[[int], tuple[float, float]]:
    """Runs so many calls; gives the seconds of one, and those of the block with its setup."""
    kept = [] if timed.fresh else [timed.setup()]

    def block(count: int) -> tuple[float, float]:
        begun = perf_counter()
        prepared = timed.setup() if timed.fresh else kept[0]
        run = timed.run
        start = perf_counter()
        for _ in range(count):
            run(prepared)
        end = perf_counter()
        return max(end - start, 1e-9) / count, end - begun

    return block


# Run by tests/gpu, where there is one.
def _on_gpu(  # pragma: no cover
    both: tuple[Timed, Timed], seconds: float
) -> tuple[list[float], list[float]]:
    cache = torch.empty(_CACHE // 4, dtype=torch.int32, device="cuda")
    kept = [None if each.fresh else each.setup() for each in both]

    def once(index: int) -> tuple[torch.cuda.Event, torch.cuda.Event]:
        timed = both[index]
        prepared = timed.setup() if timed.fresh else kept[index]
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        cache.zero_()
        start.record()
        timed.run(prepared)
        end.record()
        return start, end

    def wall(runs: int) -> float:
        torch.cuda.synchronize()
        begun = perf_counter()
        for _ in range(runs):
            once(0)
            once(1)
        torch.cuda.synchronize()
        return (perf_counter() - begun) / runs

    wall(2)  # compiles what is compiled when first called
    pairs = _pairs(wall(5), seconds)
    wall(max(2, pairs // 4))
    events = [(once(0), once(1)) for _ in range(pairs)]
    torch.cuda.synchronize()
    times: tuple[list[float], list[float]] = ([], [])
    for pair in events:
        for (start, end), found in zip(pair, times, strict=True):
            found.append(max(start.elapsed_time(end) / 1e3, 1e-9))
    return times


@contextmanager
def _no_garbage_collection() -> Generator[None]:
    """As `timeit` does: a collection would hit whichever happens to run."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def peak_memory(run: Callable[[], object], device: str) -> int | None:
    """The most bytes that a run allocates beyond what is there before; None on a CPU."""
    if device != "cuda":
        return None
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
