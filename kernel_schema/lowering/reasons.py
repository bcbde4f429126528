"""Why the rules leave a layer its own forward, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.lowering.inherited import is_inherited
from kernel_schema.lowering.selection import for_capability, for_device
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_schema.lowering.inference import Target
    from kernel_schema.schema.rules import Rule


def why_not(
    layer_name: str,
    rules: Sequence[Rule],
    inherited: Sequence[Rule],
    target: Target,
    chosen: Rule | None,
) -> str:
    """Why no kernel is meant for a layer here.

    Args:
        layer_name: The registered name.
        rules: What the config says.
        inherited: What it inherits.
        target: What kernels are chosen for.
        chosen: What `select` gave: None, or a rule for `original`.
    """
    if chosen is not None and is_inherited(chosen):
        return "what is inherited for it names no kernel"
    if chosen is not None:
        return f"`original`, says {chosen.route}"
    own = for_device(rules, layer_name, target.device)
    here = own or for_device(inherited, layer_name, target.device)
    if not here:
        named = [rule for rule in (*rules, *inherited) if rule.layer_name == layer_name]
        if not named:
            return "nothing in the config or inherited names it"
        devices = dict.fromkeys(str(rule.device) for rule in named)
        return f"there are only entries for {listing(list(devices), 'and')}"
    holding = for_capability(here, target.device, target.capability)
    if not holding:
        ranges = ", ".join(dict.fromkeys(str(rule.capabilities) for rule in here))
        return f"no range holds capability {target.capability} (there are: {ranges})"
    reason = f"no kernel serves {quote(target.mode)}, only {_modes(holding)}"
    best, capability = holding[0].capabilities, target.capability or 0
    if any(rule.capabilities != best and rule.capabilities.holds(capability) for rule in here):
        reason += f": {best} wins whole, being the narrowest"
    return reason


def _modes(rules: Iterable[Rule]) -> str:
    return listing([str(rule.mode) for rule in rules if rule.mode is not None], "and")
