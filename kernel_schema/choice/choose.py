"""kernels' own choice between rules, as a pure function.

Source of the rules: `kernels.layer.repos` of kernels 0.17 (`_MODE_FALLBACK_PRIORITY`,
`IntervalTree.find_smallest_interval`). A test holds this module against the real library.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from kernel_schema.choice.situation import LayerRules
from kernel_schema.model.target import Target
from kernel_schema.schema.ranges import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType

MODE_CHAIN: Final[dict[ModeName, tuple[ModeName, ...]]] = {
    ModeName.INFERENCE: (
        ModeName.INFERENCE,
        ModeName.INFERENCE_TORCH_COMPILE,
        ModeName.TRAINING,
        ModeName.TRAINING_TORCH_COMPILE,
        ModeName.FALLBACK,
    ),
    ModeName.TRAINING: (ModeName.TRAINING, ModeName.TRAINING_TORCH_COMPILE, ModeName.FALLBACK),
    ModeName.INFERENCE_TORCH_COMPILE: (
        ModeName.INFERENCE_TORCH_COMPILE,
        ModeName.TRAINING_TORCH_COMPILE,
        ModeName.FALLBACK,
    ),
    ModeName.TRAINING_TORCH_COMPILE: (ModeName.TRAINING_TORCH_COMPILE, ModeName.FALLBACK),
}
"""For each mode in which a model can run, the modes whose kernels serve it, best first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """kernels' choice for one layer, with what led to it.

    `in_force` are the rules that count on the device, `narrowest` those of them in the range that
    wins. `rule` decides; it is None where nothing is said for the target, and its kernel may be
    None too (`original`): then the model's own forward stays.
    """

    target: Target
    rules: LayerRules
    in_force: Sequence[Rule]
    narrowest: Sequence[Rule]
    rule: Rule | None

    @property
    def steps(self) -> tuple[ModeName, ...]:
        """The modes that are looked for, up to the one that is there; none without a range."""
        chain = MODE_CHAIN[self.target.mode]
        if not self.narrowest:
            return ()
        return chain if self.rule is None else chain[: chain.index(self.rule.mode_or_fallback) + 1]


def choose(rules: LayerRules, target: Target) -> Choice:
    """Choose between the rules of one layer; a ValueError as from `select`."""
    in_force = rules.in_force(target.device)
    narrowest = _for_capability(in_force, target.device, target.capability)
    return Choice(target, rules, in_force, narrowest, for_mode(narrowest, target.mode))


def select(
    rules: Iterable[Rule],
    *,
    layer_name: str,
    device: DeviceType,
    mode: ModeName,
    capability: int | None = None,
    inherited: Iterable[Rule] = (),
) -> Rule | None:
    """The rule that decides what runs for a layer.

    Args:
        rules: What the config says (`expand`). An entry without a mode serves every mode.
        layer_name: The registered name of the layer.
        device: Where the model runs.
        mode: How it runs: any mode but `fallback`.
        capability: Compute capability of the GPU (90 means 9.0); needed for cuda and rocm where
            ranges are in play.
        inherited: What the mapping under the config says, where the config inherits it. It counts
            where the config does not name this layer and device.

    Returns:
        The winning rule, whose kernel may be None (`original`); or None where nothing is said for
        this layer, device, capability and mode, so that the model's own forward stays.

    Raises:
        ValueError: If `mode` is `fallback`, or the capability is needed and not given.

    >>> from kernel_schema import KernelConfig, DeviceType, expand
    >>> rules = expand(KernelConfig({"A": {"cuda": {"training": "org/repo:Train"}}}))
    >>> rule = select(rules, layer_name="A", device=DeviceType.CUDA, mode=ModeName.INFERENCE)
    >>> print(rule.kernel)
    org/repo@v1:Train
    """
    of_layer = LayerRules(
        *([rule for rule in some if rule.layer_name == layer_name] for some in (rules, inherited))
    )
    return choose(of_layer, Target(device, mode, capability)).rule


def _for_capability(
    rules: Sequence[Rule], device: DeviceType, capability: int | None
) -> Sequence[Rule]:
    """The rules of the narrowest range that holds the capability: it wins whole."""
    if device not in CAPABILITY_DEVICES:
        return rules
    if capability is None:
        if any(rule.capabilities.bounded for rule in rules):
            raise ValueError(f"the capability is needed to choose between ranges of {device}")
        return rules
    holding = [rule for rule in rules if rule.capabilities.holds(capability)]
    best = min((rule.capabilities for rule in holding), key=attrgetter("width"), default=None)
    return [rule for rule in holding if rule.capabilities == best]


def for_mode(rules: Sequence[Rule], mode: ModeName) -> Rule | None:
    """The first rule whose kernel serves the mode, along kernels' chain of modes."""
    if mode is ModeName.FALLBACK:
        raise ValueError("a model runs in inference or training; `fallback` only names kernels")
    by_mode = {rule.mode_or_fallback: rule for rule in reversed(rules)}
    return next((by_mode[step] for step in MODE_CHAIN[mode] if step in by_mode), None)


def winners(
    rules: Sequence[Rule], device: DeviceType, within: Capabilities = EVERY_CAPABILITY
) -> Iterator[tuple[Capabilities, Sequence[Rule]]]:
    """The rules of the range that wins, for each stretch of capability in which nothing changes.

    What `choose` says of every capability, in one pass over the bounds.
    """
    if device not in CAPABILITY_DEVICES:
        yield within, rules
        return
    by_range: dict[Capabilities, list[Rule]] = {}
    for rule in rules:
        by_range.setdefault(rule.capabilities, []).append(rule)
    stated = {capabilities: number for number, capabilities in enumerate(by_range)}
    to_come = sorted(by_range, reverse=True)
    holding: list[tuple[int, int, Capabilities]] = []
    for piece in pieces_of(by_range, within):
        while to_come and to_come[-1].lowest <= piece.lowest:
            begun = to_come.pop()
            heappush(holding, (begun.width, stated[begun], begun))
        while holding and not holding[0][-1].holds(piece.lowest):
            heappop(holding)
        yield piece, by_range[holding[0][-1]] if holding else ()


def pieces_of(
    ranges: Iterable[Capabilities], within: Capabilities = EVERY_CAPABILITY
) -> list[Capabilities]:
    """Cut a range of capability where others begin or end: inside a piece nothing changes.

    >>> [str(piece) for piece in pieces_of([Capabilities(80, 89), Capabilities(90)])]
    ['capability 0 to 79', 'capability 80 to 89', 'capability 90 and above']
    """
    starts = {within.lowest}
    for bounds in ranges:
        starts |= {bounds.lowest, bounds.highest + 1}
    ordered = sorted(start for start in starts if within.holds(start))
    ends = [*(start - 1 for start in ordered[1:]), within.highest]
    return [Capabilities(start, end) for start, end in zip(ordered, ends, strict=True)]


def gaps_of(ranges: Iterable[Capabilities]) -> tuple[Capabilities, ...]:
    """The capabilities between ranges that none of them holds.

    >>> [str(gap) for gap in gaps_of([Capabilities(90), Capabilities(75, 80)])]
    ['capability 81 to 89']
    """
    ordered = sorted(set(ranges))
    reached = accumulate((bounds.highest for bounds in ordered), max)
    return tuple(
        Capabilities(end + 1, following.lowest - 1)
        for end, following in zip(reached, ordered[1:], strict=False)
        if following.lowest > end + 1
    )
