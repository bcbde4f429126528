"""Where a situation is made: the config, the model and what is active in kernels, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.choice.situation import Situation
from kernel_schema.lowering.upstream import active_mapping, is_mapping_disabled
from kernel_schema.schema.rules import expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.model.target import Target
    from kernel_schema.model.types import Module
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


def situate(
    config: KernelConfig,
    model: Module | None,
    *,
    target: Target | None = None,
    device: DeviceType | None = None,
    stated_mode: ModeName | None = None,
    inherited: Iterable[Rule] | None = None,
) -> Situation:
    """Everything that a decision needs.

    Args:
        config: What is wanted.
        model: The model; None where none is given.
        target: What kernels are chosen for, where they are to be chosen.
        device: Where the model runs, as far as that is known; told by the target if there is one.
        stated_mode: How the caller says that it runs.
        inherited: What the config would inherit; the mapping that is active in kernels if left out.

    Raises:
        LoweringError: With code `unsupported-by-kernels`, if kernels does not have what is read.
    """
    outer: tuple[Rule, ...] = ()
    if config.inherit_mapping:
        outer = _active_rules() if inherited is None else tuple(inherited)
    layers = None
    if model is not None:
        # What only a model needs is imported with it: not to check a file alone.
        from kernel_schema.model.inspect import inspect_model

        layers = inspect_model(model)
    return Situation(
        expand(config),
        outer,
        layers,
        device if target is None else target.device,
        stated_mode,
        target,
        is_mapping_disabled(),
    )


def _active_rules() -> tuple[Rule, ...]:
    if not active_mapping():
        return ()
    from kernel_schema.lowering.inherited import inherited_rules

    return inherited_rules()
