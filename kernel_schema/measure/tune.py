"""`tune`: of several kernels for a layer, the fastest that is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import KernelSchemaError, Severity
from kernel_schema.locks.progress import SILENT
from kernel_schema.measure.compare import compare
from kernel_schema.measure.judging import SLOWER_BY
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.vocabulary import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from kernel_schema.locks.progress import Progress
    from kernel_schema.measure.inputs import Inputs
    from kernel_schema.measure.results import ComparedLayer, Comparison
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel

    Entry: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate for a layer.

    Args:
        entry: What a config states for it: `original`, a reference, or the config's own entry.
        kernel: The kernel that ran; None for the original, and where none did.
        ratio: Its time divided by the original's, over all calls of one forward; 1 for that.
        low: The lower quartile of the ratio.
        high: The upper quartile of the ratio.
        wrong: Why it must not be used; None if it is right.
        layers: What was measured.
        own: Whether it is the config's own entry.
    """

    entry: Entry
    kernel: Kernel | None = None
    ratio: float = 1.0
    low: float = 1.0
    high: float = 1.0
    wrong: str | None = None
    layers: tuple[ComparedLayer, ...] = ()
    own: bool = False

    def slower_than(self, other: Tried) -> bool:
        """Whether it takes longer than another, beyond what chance may do."""
        return self.low > other.high and self.ratio > SLOWER_BY * other.ratio


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was found for one layer.

    Args:
        layer_name: The registered name.
        best: The fastest that is right; one that is not surely faster than the config's own entry,
            or than the original where that has none, is not.
        own: The config's own entry, where it has one.
        tried: All candidates, the original first.
    """

    layer_name: str
    best: Tried
    own: Tried | None
    tried: tuple[Tried, ...]

    @property
    def own_is_worse(self) -> bool:
        """Whether the config's own entry is slower than the best, or wrong."""
        return self.own is not None and self.best is not self.own


@dataclass(frozen=True, slots=True)
class Tuning:
    """What `tune` found, and on what: a comparison that tells the machine, if any kernel ran."""

    layers: tuple[Tuned, ...]
    on: Comparison | None


def tune(
    model: Module,
    config: KernelConfig,
    inputs: Inputs | None,
    candidates: Mapping[str, Sequence[str]],
    *,
    progress: Progress = SILENT,
    **options: Any,
) -> Tuning:
    """Measure the config's own entries, candidates and originals, each in place in the model.

    Args:
        model: As for `compare`.
        config: The config; its entries are candidates.
        inputs: As for `compare`.
        candidates: More references, by layer name.
        progress: As for `compare`.
        options: What `compare` takes.

    Returns:
        What was found for each layer.
    """
    entries: dict[str, Entry] = config.model_dump()["kernel_mapping"]
    lockfile = None if config.lockfile is None else str(config.lockfile)
    names = list(dict.fromkeys([*entries, *candidates]))
    asked = [
        (name, entry, own)
        for name in names
        for entry, own in _candidates(entries.get(name), candidates.get(name, ()))
    ]
    found: dict[str, list[Tried]] = {name: [] for name in names}
    on: Comparison | None = None
    progress.begin("measuring", len(asked))
    for name, entry, own in asked:
        tried, comparison = _tried(model, name, entry, inputs, options, lockfile=lockfile, own=own)
        progress.advance("measuring", 1)
        found[name].append(tried)
        on = comparison if comparison is not None and comparison.layers else on
    return Tuning(tuple(_tuned(name, tried) for name, tried in found.items()), on)


def _candidates(own: Entry | None, more: Iterable[str]) -> list[tuple[Entry, bool]]:
    listed: list[tuple[Entry, bool]] = [(ORIGINAL, own == ORIGINAL)]
    if own is not None and own != ORIGINAL:
        listed.append((own, True))
    listed += [(entry, False) for entry in dict.fromkeys(more) if entry not in (own, ORIGINAL)]
    return listed


def _tried(
    model: Module,
    layer_name: str,
    entry: Entry,
    inputs: Inputs | None,
    options: Mapping[str, Any],
    *,
    lockfile: str | None,
    own: bool,
) -> tuple[Tried, Comparison | None]:
    if entry == ORIGINAL:
        return Tried(entry, own=own), None
    stated: dict[str, Any] = {"kernel_mapping": {layer_name: entry}, "inherit_mapping": False}
    if lockfile is not None:
        stated["lockfile"] = lockfile
    try:
        config = KernelConfig.model_validate(stated)
        comparison = compare(model, config, inputs, **options)
    except KernelSchemaError as error:
        if any(each.code == "model-fails" for each in error.diagnostics):
            raise
        return Tried(entry, own=own, wrong=error.diagnostics[0].message), None
    layers = comparison.of_layer(layer_name)
    wrong = next(
        (each.message for each in comparison.diagnostics if each.severity is Severity.ERROR), None
    )
    kernel = next((layer.kernel for layer in layers if layer.kernel is not None), None)
    if wrong is None and not layers:  # an entry of another device, say
        return Tried(entry, own=own), comparison
    ratios = (1.0, 1.0, 1.0) if wrong is not None else _ratios(layers)
    return Tried(entry, kernel, *ratios, wrong, layers, own), comparison


def _ratios(layers: Sequence[ComparedLayer]) -> tuple[float, float, float]:
    """The ratio over all calls of a forward, with its quartiles; backward passes count too."""
    parts = [
        (layer.calls * times.original.median, times)
        for layer in layers
        for times in (layer.times, layer.backward_times)
        if times is not None
    ]
    whole = sum(weight for weight, _ in parts)
    middle, low, high = (
        sum(weight * getattr(times, name) for weight, times in parts) / whole
        for name in ("ratio", "ratio_low", "ratio_high")
    )
    return middle, low, high


def _tuned(layer_name: str, tried: Sequence[Tried]) -> Tuned:
    own = next((each for each in tried if each.own), None)
    right = [each for each in tried if each.wrong is None]
    original = right[0]
    # What is there already stays, unless another is surely faster; so does the original.
    incumbent = own if own is not None and own.wrong is None else original
    faster = [each for each in right if incumbent.slower_than(each)]
    best = min(faster, key=lambda each: each.ratio, default=incumbent)
    if original in faster and not original.slower_than(best):
        best = original
    return Tuned(layer_name, best, own, tuple(tried))
