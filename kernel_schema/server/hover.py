"""What is told of an entry: what runs here, in the model or wherever one may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.choice.plan import Status
from kernel_schema.diagnostics import KernelSchemaError, Route
from kernel_schema.lowering.explain import explain, plan_matrix
from kernel_schema.model.inspect import RegisteredLayer
from kernel_schema.schema.rules import expand
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from kernel_schema.choice.plan import Candidate, LayerPlan
    from kernel_schema.files.document import Document
    from kernel_schema.model.types import Module
    from kernel_schema.schema.ranges import Capabilities
    from kernel_schema.schema.rules import Rule

OWN: Final = "the model's own forward"


def told(document: Document, layer_name: str, model: Module | None = None) -> str:
    """What an entry comes to, as Markdown: for a model, or everywhere without one."""
    if layer_name not in document.config.kernel_mapping:
        return ""
    kernels = {rule.route: str(rule.kernel) for rule in expand(document.config) if rule.kernel}
    if model is None:
        return _everywhere(document, layer_name, kernels)
    try:
        plan = explain(document, model)
    except KernelSchemaError as error:
        reasons = "\n".join(f"- {printable(each.message)}" for each in error.diagnostics)
        return f"{_code(layer_name)}: what runs cannot be told\n\n{reasons}"
    capability = f", capability {plan.capability}" if plan.capability is not None else ""
    where = f"on {plan.device}{capability}, in {plan.mode}"
    layer = next((each for each in plan.layers if each.layer_name == layer_name), None)
    if layer is None:
        return f"{_code(layer_name)}: nothing, since the model registers no such layer"
    heading = f"{_code(layer_name)} {where}: {layer.replaced} of {layer.total} run a kernel"
    return "\n".join((heading, "", *_reasons(layer, kernels)))


def _reasons(layer: LayerPlan, kernels: dict[Route, str]) -> list[str]:
    chosen = layer.chosen
    lines = [
        f"- {used.count} by {_code(_kernel(chosen, kernels) if chosen else str(used))}"
        for used in layer.kernels
    ]
    lines += [f"- {kept.count} kept: {printable(kept.reason)}" for kept in layer.kept]
    if layer.own_forward is not None:
        lines.append(f"- its own forward: {printable(layer.own_forward)}")
    lines += [f"- gap: no range holds {gap}" for gap in layer.gaps]
    lines += [
        f"- not {_code(_kernel(each, kernels))} {_place(each)}: {printable(each.reason)}"
        for each in layer.candidates
        if each.status not in {Status.CHOSEN, Status.OTHER_DEVICE}
    ]
    return lines


def _kernel(candidate: Candidate, kernels: dict[Route, str]) -> str:
    return _stated(candidate.rule, kernels)


def _stated(rule: Rule, kernels: dict[Route, str]) -> str:
    """A kernel as it is written; a plan has the paths of local ones absolute."""
    return ORIGINAL if rule.kernel is None else kernels.get(rule.route, str(rule.kernel))


def _place(candidate: Candidate) -> str:
    if candidate.span is None:
        return "(inherited)"
    file = f"{printable(candidate.span.file)}:" if candidate.span.file is not None else "line "
    return f"({file}{candidate.span.line})"


def _everywhere(document: Document, layer_name: str, kernels: dict[Route, str]) -> str:
    """What runs on each device that the entry names, by mode where that makes a difference."""
    # One module that is there, of which nothing more is known.
    layer = RegisteredLayer(layer_name, 1, 0, (), (), 0)
    lines = [f"{_code(layer_name)}, wherever it runs", ""]
    rows: dict[str, list[str]] = {}
    for (device, capabilities), plans in plan_matrix(document, layer, inherited=()).items():
        by_mode = {mode: _runs(plan, kernels) for mode, plan in plans.items()}
        outcomes = set(by_mode.values())
        what = f"{_code_or_own(outcomes.pop())}"
        if len(set(by_mode.values())) > 1:
            what = "; ".join(f"{mode}: {_code_or_own(each)}" for mode, each in by_mode.items())
        rows.setdefault(what, []).append(f"{device}{_range(capabilities)}")
    lines += [f"- {', '.join(devices)}: {what}" for what, devices in rows.items()]
    return "\n".join(lines)


def _runs(plan: LayerPlan, kernels: dict[Route, str]) -> str:
    return _kernel(plan.chosen, kernels) if plan.kernels and plan.chosen else OWN


def _range(capabilities: Capabilities | None) -> str:
    return "" if capabilities is None or not capabilities.bounded else f", {capabilities}"


def _code_or_own(text: str) -> str:
    return text if text == OWN else _code(text)


def _code(text: str) -> str:
    """A text as code of Markdown, whatever is in it."""
    text = printable(text)
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"
