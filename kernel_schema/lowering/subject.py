"""What is checked: rules, what they inherit, and the model they are for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kernel_schema.schema.rules import Rule, by_layer

if TYPE_CHECKING:
    from kernel_schema.lowering.registry import RegisteredLayers
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Args:
        rules: What the config says.
        inherited: What the mapping under the config says; empty where it is not inherited.
        layers: What the model registers; None where no model is given.
        device: Where the model runs; None where nothing tells.
        mode: How it runs; None where nothing is given.
    """

    rules: tuple[Rule, ...]
    inherited: tuple[Rule, ...] = ()
    layers: RegisteredLayers | None = None
    device: DeviceType | None = None
    mode: ModeName | None = None

    @cached_property
    def by_layer(self) -> dict[str, list[Rule]]:
        """The rules of the config by layer."""
        return by_layer(self.rules)
