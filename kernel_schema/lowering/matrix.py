"""One layer on every device and in every mode, to read a config for a mixed fleet at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.lowering.candidates import pieces_of
from kernel_schema.lowering.explain import plan_layer
from kernel_schema.lowering.inference import Target
from kernel_schema.lowering.inherited import inherited_rules
from kernel_schema.lowering.plan import LayerPlan
from kernel_schema.lowering.selection import MODE_CHAIN, for_device
from kernel_schema.lowering.source import ConfigSource, located, placing
from kernel_schema.schema.capability import Capabilities
from kernel_schema.schema.rules import Rule, by_layer, expand
from kernel_schema.schema.vocabulary import DeviceType, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_schema.diagnostics import Span
    from kernel_schema.lowering.registry import RegisteredLayer

Matrix: TypeAlias = dict[tuple[DeviceType, Capabilities | None], dict[ModeName, LayerPlan]]


def plan_matrix(
    config: ConfigSource,
    layer: RegisteredLayer,
    *,
    inherited: Iterable[Rule] | None = None,
) -> Matrix:
    """What runs for one layer everywhere: by device and range of capability, then by mode.

    Args:
        config: What is wanted.
        layer: What carries the name, from `inspect_model`.
        inherited: As for `explain`.

    Returns:
        A row for each device that any rule of the layer names, split where a range begins or ends;
        None stands for a device without ranges. A plain entry makes a row for every device.
        Whether a `kernel_condition` holds is left aside: that is a matter of the single modules.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig, inspect_model
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> config = KernelConfig({"RMSNorm": {"cuda": [{"min_capability": 90, "kernel": "o/r:L"}]}})
    >>> rows = plan_matrix(config, inspect_model(Norm())["RMSNorm"])
    >>> for (device, capabilities), plans in rows.items():
    ...     print(device, capabilities, plans[ModeName.TRAINING].replaced)
    cuda capability 0 to 89 0
    cuda capability 90 and above 1
    """
    with placing(config) as wanted:
        own = by_layer(expand(wanted)).get(layer.layer_name, [])
        outer: Iterable[Rule] = ()
        if wanted.inherit_mapping:
            outer = inherited_rules() if inherited is None else inherited
        others = by_layer(outer).get(layer.layer_name, [])
    rows: Matrix = {}

    def locate(rule: Rule) -> Span | None:
        return located(config, rule.route)

    for device in _devices_of((*own, *others)):
        here = for_device(own, layer.layer_name, device)
        here = here or for_device(others, layer.layer_name, device)
        for piece in _pieces(here):
            capability = None if piece is None else piece.lowest
            rows[device, piece] = {
                mode: plan_layer(
                    layer, own, others, Target(device, mode, capability), locate=locate
                )
                for mode in MODE_CHAIN
            }
    return rows


def _devices_of(rules: Sequence[Rule]) -> list[DeviceType]:
    named = {rule.device for rule in rules}
    return [device for device in DeviceType if device in named or None in named]


def _pieces(rules: Sequence[Rule]) -> Sequence[Capabilities | None]:
    """The stretches of capability within which one and the same rule decides."""
    ranges = [rule.capabilities for rule in rules]
    return pieces_of(ranges) if any(one.bounded for one in ranges) else [None]
