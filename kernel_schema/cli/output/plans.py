"""A plan for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kernel_schema.choice.plan import Candidate, LayerPlan, Plan, Standing, Status
from kernel_schema.choice.report import LayerOutcome
from kernel_schema.cli.output.layout import paragraph, table, terminal_width
from kernel_schema.cli.output.terminal import counted
from kernel_schema.diagnostics import Route, Span
from kernel_schema.files.document import Document
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.model.inspect import RegisteredLayer
from kernel_schema.schema.rules import Rule, expand
from kernel_schema.schema.vocabulary import ORIGINAL, ModeName

OWN: Final = "its own forward"


class Stated:
    """What a document says in its own words: a plan has the paths of local kernels absolute."""

    def __init__(self, document: Document) -> None:
        self._document = document
        rules = expand(document.config)
        self._kernels = {rule.route: str(rule.kernel) for rule in rules if rule.kernel is not None}

    def kernel(self, rule: Rule) -> str:
        """The kernel of a rule, as written; with the commit that it is locked to."""
        if getattr(rule.kernel, "commit", None) is not None:
            return str(rule.kernel)
        return self._kernels.get(rule.route, str(rule.kernel))

    def span_of(self, layer_name: str) -> Span:
        """Where the name of a layer stands."""
        return self._document.locate(Route(("kernel_mapping", layer_name), at_key=True))


def plan_text(plan: Plan, stated: Stated) -> str:
    """A headline, a table, and for each layer why; first what was meant and will not run."""
    capability = f", capability {plan.capability}" if plan.capability is not None else ""
    headline = (
        f"{plan.device}{capability}, {plan.mode}: {plan.replaced} of {plan.total} modules and "
        "functions run a kernel"
    )
    if not plan.layers:
        headline = f"{plan.device}, {plan.mode}: the model registers no layer"
    layers = sorted(plan.layers, key=_urgency)
    rows = [_row(layer, stated) for layer in layers]
    urgent = sum(_urgency(layer) == 0 for layer in layers)
    rows[urgent:urgent] = [
        (name, "-", "nothing: the model has no such layer", _line(stated.span_of(name)))
        for name in plan.unregistered[:MAX_PROBLEMS]  # of no more than these it was told above
    ]
    parts = [paragraph(headline)]
    if rows:
        header = ("layer", "replaced", "runs", "stated")
        parts.append(table(header, [_folded(row) for row in rows], right=("replaced",)))
    parts += ["\n".join(_section(layer, stated)) for layer in layers]
    return "\n\n".join(parts)


def _urgency(layer: LayerPlan) -> int:
    meant = layer.candidates and (layer.rule is None or layer.rule.kernel is not None)
    if meant and not layer.replaced:
        return 0
    if layer.replaced:
        return 1 if layer.kept else 2
    return 3 if layer.candidates else 4


def _row(layer: LayerPlan, stated: Stated) -> tuple[str, str, str, str]:
    runs = stated.kernel(layer.rule) if layer.kernels and layer.rule else OWN
    where = place_of(layer.chosen) if layer.chosen is not None else ""
    if not layer.candidates:
        where = "nowhere"
    return layer.layer_name, f"{layer.replaced} of {layer.total}", runs, where


def _folded(row: tuple[str, str, str, str]) -> tuple[str | Sequence[str], ...]:
    """Where a row is too wide for the terminal, the layer of the kernel goes on its own line."""
    width = terminal_width()
    layer, replaced, runs, where = row
    if width is not None and runs != OWN and sum(map(len, row)) + 9 > width:
        head, colon, tail = runs.rpartition(":")
        if head:
            return layer, replaced, (f"{head}{colon}", tail), where
    return row


def _section(layer: LayerPlan, stated: Stated) -> Iterator[str]:
    """Counts and classes of a layer, what it keeps and why, and what became of each rule."""
    of_or_in = "of" if layer.modules else "in"
    classes = ", ".join(layer.classes)
    yield paragraph(f"{layer.layer_name}: {carriers_text(layer)} {of_or_in} {classes}")
    for kept in layer.kept:
        how_many = f"{kept.count} of {layer.total}" if layer.kernels else OWN
        yield _item(f"{how_many} kept: {kept.reason}")
    if layer.own_forward is not None:
        yield _item(f"{OWN}: {layer.own_forward}")
    for gap in layer.gaps:
        yield _item(f"gap: no range holds {gap}")
    if len(layer.steps) > 1 and any(map(_names_mode, layer.candidates)):
        nothing = "" if layer.rule is not None else ": none is there"
        yield _item(f"looked for {', then '.join(layer.steps)}{nothing}")
    elsewhere: dict[str, None] = {}
    for candidate in layer.candidates:
        if candidate.status is Status.OTHER_DEVICE:
            if candidate.standing is None:
                elsewhere[f"{candidate.rule.device} ({place_of(candidate)})"] = None
        elif candidate.status is not Status.CHOSEN:
            yield _item(f"not {_described(candidate, stated)}: {candidate.reason}")
    if elsewhere:
        yield _item(f"other devices: {', '.join(elsewhere)}")


def _item(text: str) -> str:
    return paragraph(f"- {text}", indent="  ")


def _names_mode(candidate: Candidate) -> bool:
    """Whether it is for this device, and for some modes only."""
    relevant = (Status.CHOSEN, Status.OTHER_MODE, Status.LATER_MODE)
    return candidate.status in relevant and candidate.rule.mode not in (None, ModeName.FALLBACK)


def _described(candidate: Candidate, stated: Stated) -> str:
    rule = candidate.rule
    kernel = stated.kernel(rule) if rule.kernel is not None else ORIGINAL
    mode = f" for {rule.mode}" if rule.mode is not None else ""
    return f"{kernel}{mode} ({place_of(candidate)})"


def place_of(candidate: Candidate) -> str:
    """Where a rule is stated: a line of the file, or that it is inherited."""
    if candidate.standing is not None:
        return "inherited"
    return str(candidate.rule.route) if candidate.span is None else _line(candidate.span)


def _line(span: Span) -> str:
    """A line of the file, or of another one that it extends."""
    return f"line {span.line}" if span.file is None else f"{span.file}:{span.line}"


def carriers_text(layer: LayerOutcome | RegisteredLayer) -> str:
    """How many modules and functions carry a name."""
    counts = ((layer.modules, "module"), (layer.functions, "function"))
    return " and ".join(counted(number, word) for number, word in counts if number)


def inherited_text(plan: Plan) -> str | None:
    """Every entry that is inherited for a layer of the model, and what the config makes of it.

    Device and mode of the plan make no difference. None if nothing is inherited.
    """
    entries: dict[tuple[Standing, str, str], list[str]] = {}
    for layer in plan.layers:
        for candidate in layer.candidates:
            if candidate.standing is not None:
                rule = candidate.rule
                bounds = f", {rule.capabilities}" if rule.capabilities.bounded else ""
                where = f"{layer.layer_name}, {rule.device}{bounds}"
                modes = entries.setdefault((candidate.standing, where, str(rule.kernel or OWN)), [])
                modes.append(rule.mode or ModeName.FALLBACK)
    if not entries:
        return None
    lines = [paragraph(_INHERITED)]
    for first in (Standing.SHADOWED, Standing.REPLACED, Standing.INHERITED):
        lines += [
            _item(f"{standing}: {where}, {' and '.join(modes)}: {kernel}")
            for (standing, where, kernel), modes in entries.items()
            if standing is first
        ]
    return "\n".join(lines)


_INHERITED: Final = (
    "What is inherited (shadowed: the config hides it and has nothing for some of what it serves; "
    "replaced: the config has its own):"
)
