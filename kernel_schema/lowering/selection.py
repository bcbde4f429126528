"""kernels' own choice between rules, as a pure function.

Source of the rules: `kernels.layer.repos` of kernels 0.17 (`_MODE_FALLBACK_PRIORITY`,
`IntervalTree.find_smallest_interval`). A test holds this module against the real library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    ModeName.TRAINING: (
        ModeName.TRAINING,
        ModeName.TRAINING_TORCH_COMPILE,
        ModeName.FALLBACK,
    ),
    ModeName.INFERENCE_TORCH_COMPILE: (
        ModeName.INFERENCE_TORCH_COMPILE,
        ModeName.TRAINING_TORCH_COMPILE,
        ModeName.FALLBACK,
    ),
    ModeName.TRAINING_TORCH_COMPILE: (
        ModeName.TRAINING_TORCH_COMPILE,
        ModeName.FALLBACK,
    ),
}
"""For each mode in which a model can run, the modes whose kernels serve it, best first."""


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
    here = for_device(rules, layer_name, device) or for_device(inherited, layer_name, device)
    narrowest = for_capability(here, device, capability)
    return for_mode(narrowest, mode)


def for_device(rules: Iterable[Rule], layer_name: str, device: DeviceType) -> list[Rule]:
    """The rules that speak of this layer on this device."""
    return [
        rule for rule in rules if rule.layer_name == layer_name and rule.device in (None, device)
    ]


def for_capability(rules: Sequence[Rule], device: DeviceType, capability: int | None) -> list[Rule]:
    """The rules of the narrowest range that holds the capability: it wins whole."""
    if device not in CAPABILITY_DEVICES:
        return list(rules)
    if capability is None:
        ranges = {rule.capabilities for rule in rules}
        if len(ranges) > 1 or any(rule.capabilities.bounded for rule in rules):
            message = f"the capability is needed to choose between ranges of {device}"
            raise ValueError(message)
        return list(rules)
    holding = [rule for rule in rules if rule.capabilities.holds(capability)]
    if not holding:
        return []
    best = min(holding, key=lambda rule: rule.capabilities.width).capabilities
    return [rule for rule in holding if rule.capabilities == best]


def for_mode(rules: Sequence[Rule], mode: ModeName) -> Rule | None:
    """The first rule whose kernel serves the mode, along kernels' chain of modes."""
    if mode is ModeName.FALLBACK:
        message = "a model runs in inference or training; `fallback` only names kernels"
        raise ValueError(message)
    by_mode = {rule.mode or ModeName.FALLBACK: rule for rule in reversed(rules)}
    return next((by_mode[step] for step in MODE_CHAIN[mode] if step in by_mode), None)
