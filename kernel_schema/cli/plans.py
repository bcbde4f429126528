"""A plan as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema.choice.plan import Standing, Status
from kernel_schema.cli.layout import paragraph, table, terminal_width
from kernel_schema.cli.shapes import range_shape
from kernel_schema.diagnostics import Route
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.schema.rules import expand
from kernel_schema.schema.vocabulary import ORIGINAL, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kernel_schema.choice.plan import Candidate, LayerPlan, Plan
    from kernel_schema.files.document import Document
    from kernel_schema.schema.rules import Rule

OWN: Final = "its own forward"


Written: TypeAlias = "Mapping[Route, str]"
"""How a document writes the kernel of each rule: a plan has the paths of local ones absolute."""


def written_in(document: Document) -> Written:
    """The kernels of a document, as written, by the route of their rule."""
    return {
        rule.route: str(rule.kernel) for rule in expand(document.config) if rule.kernel is not None
    }


def kernel_text(rule: Rule, written: Written) -> str:
    """The kernel of a rule, as written."""
    return written.get(rule.route, str(rule.kernel))


def plan_text(plan: Plan, document: Document) -> str:
    """A plan for people: a headline, a table, and for each layer why.

    What matters most comes first: a kernel that was meant and will not run.

    Args:
        plan: The plan.
        document: The config that was explained.
    """
    written = written_in(document)
    capability = f", capability {plan.capability}" if plan.capability is not None else ""
    headline = (
        f"{plan.device}{capability}, {plan.mode}: {plan.replaced} of {plan.total} modules and "
        "functions run a kernel"
    )
    if not plan.layers:
        headline = f"{plan.device}, {plan.mode}: the model registers no layer"
    layers = sorted(plan.layers, key=_urgency)
    missing = "nothing: the model has no such layer"
    rows = [_row(layer, written) for layer in layers]
    urgent = sum(_urgency(layer) == 0 for layer in layers)
    rows[urgent:urgent] = [
        (name, "-", missing, f"line {document.locate(key_of(name)).line}")
        for name in plan.unregistered[:MAX_PROBLEMS]  # of no more than these it was told above
    ]
    parts = [paragraph(headline)]
    if rows:
        header = ("layer", "replaced", "runs", "stated")
        parts.append(table(header, [_folded(row) for row in rows], right=("replaced",)))
    parts += ["\n".join(_section(layer, written)) for layer in layers]
    return "\n\n".join(parts)


def key_of(layer_name: str) -> Route:
    """The route to the name of a layer in a config."""
    return Route(("kernel_mapping", layer_name), at_key=True)


def _urgency(layer: LayerPlan) -> int:
    """What matters most comes first."""
    meant = layer.candidates and (layer.rule is None or layer.rule.kernel is not None)
    if meant and not layer.replaced:
        return 0
    if layer.replaced:
        return 1 if layer.kept else 2
    return 3 if layer.candidates else 4


def _row(layer: LayerPlan, written: Written) -> tuple[str, str, str, str]:
    runs = kernel_text(layer.rule, written) if layer.kernels and layer.rule else OWN
    stated = place_of(layer.chosen) if layer.chosen is not None else ""
    if not layer.candidates:
        stated = "nowhere"
    return layer.layer_name, f"{layer.replaced} of {layer.total}", runs, stated


def _folded(row: tuple[str, str, str, str]) -> tuple[str | Sequence[str], ...]:
    """Where a row is too wide for the terminal, the layer of the kernel goes on its own line."""
    width = terminal_width()
    layer, replaced, runs, stated = row
    if width is not None and runs != OWN and sum(map(len, row)) + 9 > width:
        head, colon, tail = runs.rpartition(":")
        if head:
            return layer, replaced, (f"{head}{colon}", tail), stated
    return row


def _section(layer: LayerPlan, written: Written) -> Iterator[str]:
    """Counts and classes of a layer, what it keeps and why, and what became of each rule."""
    yield paragraph(f"{layer.layer_name}: {carriers_text(layer)}")
    for kept in layer.kept:
        how_many = f"{kept.count} of {layer.total}" if layer.kernels else "its own forward"
        yield _item(f"{how_many} kept: {kept.reason}")
    for gap in layer.gaps:
        yield _item(f"gap: no range holds {gap}")
    if len(layer.steps) > 1 and any(_names_mode(one) for one in layer.candidates):
        found = layer.rule is not None
        yield _item(f"looked for {', then '.join(layer.steps)}{'' if found else ': none is there'}")
    elsewhere: dict[str, None] = {}
    for candidate in layer.candidates:
        if candidate.status is Status.OTHER_DEVICE:
            if candidate.standing is None:
                elsewhere[f"{candidate.rule.device} ({place_of(candidate)})"] = None
        elif candidate.status is not Status.CHOSEN:
            yield _item(f"not {_described(candidate, written)}: {candidate.reason}")
    if elsewhere:
        yield _item(f"other devices: {', '.join(elsewhere)}")


def _item(text: str) -> str:
    return paragraph(f"- {text}", indent="  ")


def _names_mode(candidate: Candidate) -> bool:
    """Whether it is for this device, and for some modes only."""
    relevant = (Status.CHOSEN, Status.OTHER_MODE, Status.LATER_MODE)
    return candidate.status in relevant and candidate.rule.mode not in (None, ModeName.FALLBACK)


def _described(candidate: Candidate, written: Written) -> str:
    rule = candidate.rule
    kernel = kernel_text(rule, written) if rule.kernel is not None else ORIGINAL
    mode = f" for {rule.mode}" if rule.mode is not None else ""
    return f"{kernel}{mode} ({place_of(candidate)})"


def place_of(candidate: Candidate) -> str:
    """Where a rule is stated: a line of the file, or that it is inherited."""
    if candidate.standing is not None:
        return "inherited"
    return str(candidate.rule.route) if candidate.span is None else f"line {candidate.span.line}"


def carriers_text(layer: LayerPlan) -> str:
    """How many modules and functions carry a name, and on which classes."""
    counts = ((layer.modules, "module"), (layer.functions, "function"))
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n]
    classes = ", ".join(layer.classes)
    return f"{' and '.join(parts)}{' of ' if layer.modules else ' in '}{classes}"


def inherited_text(plan: Plan) -> str | None:
    """Every entry that is inherited for a layer of the model, and what the config makes of it.

    Args:
        plan: The plan; its device and mode make no difference.

    Returns:
        None if nothing is inherited.
    """
    entries: dict[tuple[Standing, str, str], list[str]] = {}
    for layer in plan.layers:
        for one in layer.candidates:
            if one.standing is not None:
                kernel = str(one.rule.kernel or OWN)
                key = one.standing, f"{layer.layer_name}, {_where(one.rule)}", kernel
                entries.setdefault(key, []).append(one.rule.mode or ModeName.FALLBACK)
    if not entries:
        return None
    order = [Standing.SHADOWED, Standing.REPLACED, Standing.INHERITED]
    lines = [paragraph(_INHERITED)]
    for (standing, where, kernel), modes in sorted(
        entries.items(), key=lambda entry: order.index(entry[0][0])
    ):
        lines.append(_item(f"{standing}: {where}, {' and '.join(modes)}: {kernel}"))
    return "\n".join(lines)


_INHERITED: Final = (
    "What is inherited (shadowed: the config hides it and has nothing for some of what it serves; "
    "replaced: the config has its own):"
)


def _where(rule: Rule) -> str:
    return f"{rule.device}, {rule.capabilities}" if rule.capabilities.bounded else str(rule.device)


def plan_shape(plan: Plan, document: Document) -> dict[str, Any]:
    """A plan for programs; the README says what its keys mean."""
    written = written_in(document)
    return {
        "device": plan.device.value,
        "capability": plan.capability,
        "mode": plan.mode.value,
        "replaced": plan.replaced,
        "total": plan.total,
        "layers": [_layer_shape(layer, written) for layer in plan.layers],
        "unregistered": [
            {"layer_name": name, "line": document.locate(key_of(name)).line}
            for name in plan.unregistered
        ],
        "unmapped": list(plan.unmapped),
    }


def _layer_shape(layer: LayerPlan, written: Written) -> dict[str, Any]:
    rule = layer.rule
    return {
        "layer_name": layer.layer_name,
        "modules": layer.modules,
        "functions": layer.functions,
        "classes": list(layer.classes),
        "kernels": [
            {"kernel": kernel_text(rule, written), "count": one.count}
            for one in layer.kernels
            if rule is not None
        ],
        "kept": [{"reason": kept.reason, "count": kept.count} for kept in layer.kept],
        "steps": [step.value for step in layer.steps],
        "gaps": [range_shape(gap) for gap in layer.gaps],
        "candidates": [_candidate_shape(one, written) for one in layer.candidates],
    }


def _candidate_shape(candidate: Candidate, written: Written) -> dict[str, Any]:
    rule, span = candidate.rule, candidate.span
    return {
        "kernel": kernel_text(rule, written) if rule.kernel is not None else None,
        "device": rule.device and rule.device.value,
        "capability": range_shape(rule.capabilities),
        "mode": rule.mode and rule.mode.value,
        "line": None if span is None or rule.is_inherited else span.line,
        "status": candidate.status.value,
        "reason": candidate.reason,
        "standing": candidate.standing and candidate.standing.value,
    }
