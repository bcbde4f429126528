"""What differs between two plans of one model: for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.cli.output.plans import OWN

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from kernel_schema.choice.parity import Pair, Running
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
    what = "what changes" if changed else "nothing changes"
    yield f"For the model {_where(plan)}: {what}"
    for name, total, old, new in changed:
        yield f"  {name} ({total}): {old or OWN} -> {new or OWN}"


def _where(plan: Plan) -> str:
    capability = f", capability {plan.capability}" if plan.capability is not None else ""
    return f"on {plan.device}{capability}, in {plan.mode}"


def sides_text(plans: tuple[Plan, Plan], differing: Sequence[Pair], *, same: bool) -> Iterator[str]:
    """Which layers run something else in two places, in lines; that all run the `same`, if so."""
    yield f"OLD: the model {_where(plans[0])}"
    yield f"NEW: the model {_where(plans[1])}"
    for pair in differing:
        yield f"  {pair.layer_name} ({pair.total}): {_shown(pair.old)} -> {_shown(pair.new)}"
    if same and not differing:
        yield "Both run the same kernels."


def _shown(parts: Running) -> str:
    counts = (f" ({part.forwards})" if part.forwards is not None else "" for part in parts)
    return ", ".join(f"{part.name}{count}" for part, count in zip(parts, counts, strict=True))


def sides_json(plans: tuple[Plan, Plan], differing: Sequence[Pair]) -> dict[str, Any]:
    """The same for programs."""

    def running(parts: Running, total: int) -> list[dict[str, Any]]:
        return [
            {
                "kernel": None if part.layer_class is None else part.kernel,
                "commit": part.commit,
                "count": total if part.forwards is None else part.forwards,
            }
            for part in parts
        ]

    layers = [
        {
            "layer_name": pair.layer_name,
            "total": pair.total,
            "old": running(pair.old, pair.total),
            "new": running(pair.new, pair.total),
        }
        for pair in differing
    ]
    old, new = (
        {"device": plan.device, "capability": plan.capability, "mode": plan.mode} for plan in plans
    )
    return {"old": old, "new": new, "layers": layers}


def changes_json(plan: Plan, changed: Sequence[Change]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "device": plan.device,
        "capability": plan.capability,
        "mode": plan.mode,
        "changes": [change._asdict() for change in changed],
    }
