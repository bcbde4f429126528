"""What differs between two plans of one model: for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.cli.output.plans import OWN

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from kernel_schema.choice.plan import LayerPlan, Plan


class Change(NamedTuple):
    """A layer that runs something else; None is the model's own forward."""

    layer_name: str
    total: int
    old: str | None
    new: str | None


def changes(before: Plan, after: Plan, *, leave_out: Container[str] = ()) -> list[Change]:
    """The layers that run something else, in the order of the model."""
    pairs = zip(before.layers, after.layers, strict=True)
    both = [Change(new.layer_name, new.total, _runs(old), _runs(new)) for old, new in pairs]
    return [each for each in both if each.old != each.new and each.layer_name not in leave_out]


def _runs(layer: LayerPlan) -> str | None:
    return str(layer.kernels[0].kernel) if layer.kernels else None


def changes_text(plan: Plan, changed: Sequence[Change]) -> Iterator[str]:
    """What changes for the target of a plan, in lines."""
    capability = f", capability {plan.capability}" if plan.capability is not None else ""
    what = "what changes" if changed else "nothing changes"
    yield f"For the model on {plan.device}{capability}, in {plan.mode}: {what}"
    for name, total, old, new in changed:
        yield f"  {name} ({total}): {old or OWN} -> {new or OWN}"


def changes_json(plan: Plan, changed: Sequence[Change]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "device": plan.device,
        "capability": plan.capability,
        "mode": plan.mode,
        "changes": [change._asdict() for change in changed],
    }
