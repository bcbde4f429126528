"""`kernel-schema explain`: what will run, and why not something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, complain
from kernel_schema.cli.inputs import open_document, open_model, say
from kernel_schema.cli.layout import paragraph
from kernel_schema.cli.matrix import matrix_shape, matrix_text
from kernel_schema.cli.plans import inherited_text, plan_shape, plan_text
from kernel_schema.cli.shapes import diagnostic_shape, file_shape
from kernel_schema.cli.terminal import write_json, write_lines
from kernel_schema.diagnostics import KernelSchemaError, Severity
from kernel_schema.lowering.explain import explain, plan_matrix
from kernel_schema.model.inspect import inspect_model
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from kernel_schema.choice.plan import Plan
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.document import Document
    from kernel_schema.schema.rules import Rule

VERSION: Final = 1
"""Version of the JSON shapes: raised when a key changes its meaning or goes."""


def run_explain(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `file`, `model`, `trust_remote_code`, `device`, `capability`, `mode`, `all_modes`,
            `layer`, `defaults`, `output_format`, `format`, `max_bytes`.

    Returns:
        0 if the plan could be made and nothing is wrong with the config, 1 for errors in it, 2 if
        the file or the model cannot be had or the target cannot be told.
    """
    target = (options.device, options.capability, options.mode, options.all_modes or None)
    if options.layer is not None and any(one is not None for one in target):
        return complain("--layer shows every device and mode: it goes with none of them")
    if options.all_modes and options.mode is not None:
        return complain("--all-modes shows every mode: leave --mode out")
    document = open_document(options.file, options)
    model = open_model(options)
    try:
        inherited = _defaults(options.defaults)
        if options.layer is not None:
            return _show_matrix(document, model, options, inherited)
        plans = [
            explain(
                document,
                model,
                device=options.device,
                capability=options.capability,
                mode=mode,
                inherited=inherited,
            )
            for mode in (MODE_CHAIN if options.all_modes else [options.mode])
        ]
    except KernelSchemaError as error:
        say(error.diagnostics)
        return USAGE
    diagnostics = _by_severity(plans)
    if options.output_format == "json":
        shape = {
            "version": VERSION,
            "file": file_shape(document.file),
            "diagnostics": [diagnostic_shape(diagnostic) for diagnostic in diagnostics],
            "plans": [plan_shape(plan, document) for plan in plans],
        }
        write_json(shape)
    else:
        _show(plans, diagnostics, document)
    return FINDINGS if any(one.severity is Severity.ERROR for one in diagnostics) else OK


def _defaults(name: str | None) -> tuple[Rule, ...] | None:
    if name is None:
        return None
    from kernel_schema.integrations.transformers import default_rules

    return default_rules()


def _by_severity(plans: Iterable[Plan]) -> list[Diagnostic]:
    """What was found, each thing once, errors first."""
    found = dict.fromkeys(one for plan in plans for one in plan.diagnostics)
    return sorted(found, key=lambda one: one.severity is not Severity.ERROR)


def _show(plans: list[Plan], diagnostics: list[Diagnostic], document: Document) -> None:
    parts = ["\n".join(map(paragraph, str(found).split("\n"))) for found in diagnostics]
    parts += [plan_text(plan, document) for plan in plans]
    inherited = inherited_text(plans[0])
    if inherited is not None:
        parts.append(inherited)
    write_lines("\n\n".join(parts), painted=True)


def _show_matrix(
    document: Document, model: Any, options: argparse.Namespace, inherited: tuple[Rule, ...] | None
) -> int:
    layers = inspect_model(model)
    layer = layers.get(options.layer)
    if layer is None:
        nearest = Suggester(layers).closest(options.layer)
        meant = f"did you mean {quote(nearest)}? " if nearest is not None else ""
        there = f"it has {listing(list(layers), 'and')}" if layers else "it has none at all"
        return complain(f"the model registers no layer {quote(options.layer)}: {meant}{there}")
    rows = plan_matrix(document, layer, inherited=inherited)
    if options.output_format == "json":
        shape = {
            "version": VERSION,
            "file": file_shape(document.file),
            "layer_name": layer.layer_name,
            "rows": matrix_shape(rows, document),
        }
        write_json(shape)
    else:
        write_lines(matrix_text(layer.layer_name, rows, document), painted=True)
    return OK
