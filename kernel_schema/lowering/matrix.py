"""One layer on every device and in every mode, to read a config for a mixed fleet at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.lowering.candidates import why_chosen, winners
from kernel_schema.lowering.inherited import inherited_rules, is_inherited
from kernel_schema.lowering.plan import Candidate, Standing, Status
from kernel_schema.lowering.selection import MODE_CHAIN, for_device, for_mode
from kernel_schema.lowering.source import ConfigSource, located, placing
from kernel_schema.schema.capability import Capabilities
from kernel_schema.schema.rules import Rule, by_layer, expand
from kernel_schema.schema.vocabulary import DeviceType, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_schema.lowering.registry import RegisteredLayer

Matrix: TypeAlias = dict[tuple[DeviceType, Capabilities | None], dict[ModeName, Candidate | None]]


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
        In it, for each mode, the candidate that decides; None where nothing is said, and the
        model's own forward stays, as it does where the candidate's rule has no kernel.
        Whether a `kernel_condition` holds is left aside: that is a matter of the single modules.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig, inspect_model
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> config = KernelConfig({"RMSNorm": {"cuda": [{"min_capability": 90, "kernel": "o/r:L"}]}})
    >>> rows = plan_matrix(config, inspect_model(Norm())["RMSNorm"])
    >>> for (device, capabilities), deciding in rows.items():
    ...     training = deciding[ModeName.TRAINING]
    ...     print(device, capabilities, training and str(training.rule.kernel))
    cuda capability 0 to 89 None
    cuda capability 90 and above o/r@v1:L
    """
    with placing(config) as wanted:
        own = by_layer(expand(wanted)).get(layer.layer_name, [])
        outer: Iterable[Rule] = ()
        if wanted.inherit_mapping:
            outer = inherited_rules() if inherited is None else inherited
        others = by_layer(outer).get(layer.layer_name, [])
    rows: Matrix = {}
    for device in _devices_of((*own, *others)):
        here = for_device(own, layer.layer_name, device)
        here = here or for_device(others, layer.layer_name, device)
        ranged = any(rule.capabilities.bounded for rule in here)
        # One candidate for each rule, however many rows it decides.
        candidates = {rule: _candidate(rule, config) for rule in here}
        for piece, narrowest in winners(here, device):
            deciding = {mode: for_mode(narrowest, mode) for mode in MODE_CHAIN}
            rows[device, piece if ranged else None] = {
                mode: None if rule is None else candidates[rule] for mode, rule in deciding.items()
            }
    return rows


def _candidate(rule: Rule, config: ConfigSource) -> Candidate:
    if is_inherited(rule):
        return Candidate(rule, Status.CHOSEN, why_chosen(rule), Standing.INHERITED)
    return Candidate(rule, Status.CHOSEN, why_chosen(rule), span=located(config, rule.route))


def _devices_of(rules: Sequence[Rule]) -> list[DeviceType]:
    named = {rule.device for rule in rules}
    return [device for device in DeviceType if device in named or None in named]
