"""Everything that a decision needs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.schema.rules import HubKernel, LocalKernel, Rule, RuntimeChoice, by_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.locks.lock import Lock
    from kernel_schema.model.inspect import RegisteredLayers
    from kernel_schema.model.target import Target
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


class LayerRules(NamedTuple):
    """The rules that speak of one layer: the config's own, and what it inherits."""

    own: Sequence[Rule] = ()
    outer: Sequence[Rule] = ()

    def in_force(self, device: DeviceType) -> list[Rule]:
        """The rules that count on a device: the config's if it names the device, else inherited.

        >>> from kernel_schema import DeviceType, KernelConfig, expand
        >>> own = expand(KernelConfig({"A": {"cuda": "org/own:L"}}))
        >>> outer = expand(KernelConfig({"A": {"cuda": "org/outer:L", "cpu": "org/outer:L"}}))
        >>> rules = LayerRules(own, outer)
        >>> [str(rules.in_force(device)[0].kernel) for device in (DeviceType.CUDA, DeviceType.CPU)]
        ['org/own@v1:L', 'org/outer@v1:L']
        """
        return _on(device, self.own) or _on(device, self.outer)


def _on(device: DeviceType, rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.device in (None, device)]


@dataclass(frozen=True)
class Situation:
    """Everything that a decision needs; None and empty where it is not known or plays no part."""

    rules: tuple[Rule, ...]
    inherited: tuple[Rule, ...] = ()
    layers: RegisteredLayers | None = None
    device: DeviceType | None = None
    stated_mode: ModeName | None = None  # as the caller says, not as the model does
    target: Target | None = None
    disabled: bool = False
    capability: int | None = None
    build_target: BuildTarget | None = None
    directory: str | None = None  # where relative paths of the config start
    carried_at: Mapping[str, str] = field(default_factory=dict[str, str])  # names by module paths
    lock: Lock | None = None
    lock_problems: tuple[Diagnostic, ...] = ()
    reads_cache: bool = True  # whether kernels of the Hub are looked for in its cache

    @property
    def on_hub(self) -> list[tuple[Rule, HubKernel]]:
        """The rules of the config whose kernels are on the Hub, each with its kernel."""
        return self._by_home[0]

    @property
    def on_disk(self) -> list[tuple[Rule, LocalKernel]]:
        """The rules of the config whose kernels are local, each with its kernel."""
        return self._by_home[1]

    @cached_property
    def _by_home(self) -> tuple[list[tuple[Rule, HubKernel]], list[tuple[Rule, LocalKernel]]]:
        on_hub: list[tuple[Rule, HubKernel]] = []
        on_disk: list[tuple[Rule, LocalKernel]] = []
        for rule in self.rules:
            kernel = rule.kernel
            if isinstance(kernel, HubKernel):
                on_hub.append((rule, kernel))
            elif isinstance(kernel, LocalKernel):
                on_disk.append((rule, kernel))
        return on_hub, on_disk

    @cached_property
    def ranged(self) -> list[Rule]:
        """The rules of the config that hold for a range of capabilities."""
        return [rule for rule in self.rules if rule.capabilities.bounded]

    @cached_property
    def by_layer(self) -> dict[str, list[Rule]]:
        """The rules of the config by layer."""
        return by_layer(self.rules)

    @cached_property
    def inherited_by_layer(self) -> dict[str, list[Rule]]:
        """What the config inherits by layer."""
        return by_layer(self.inherited)

    def registered_on(self, device: DeviceType) -> list[Rule]:
        """The config's rules to register: where a callable of kernels decides, it goes on so."""
        return [
            rule
            for rule in self.rules
            if not any(
                isinstance(inherited.kernel, RuntimeChoice)
                for inherited in self.of_layer(rule.layer_name).in_force(device)
            )
        ]

    def inherited_on(self, device: DeviceType) -> tuple[Rule, ...]:
        """What is inherited and counts on a device, of the layers that the model registers."""
        return tuple(
            rule
            for layer_name in self.layers or self.inherited_by_layer
            for rule in self.of_layer(layer_name).in_force(device)
            if rule.is_inherited
        )

    def of_layer(self, layer_name: str) -> LayerRules:
        """The rules that speak of one layer."""
        own, outer = self.by_layer, self.inherited_by_layer
        return LayerRules(own.get(layer_name, ()), outer.get(layer_name, ()))
