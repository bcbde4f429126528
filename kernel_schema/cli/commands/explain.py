"""`kernel-schema explain`: what will run, and why not something else."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.cli.exits import FINDINGS, OK, complain
from kernel_schema.cli.opening import open_document, open_model
from kernel_schema.cli.output.json import (
    diagnostics_json,
    file_json,
    matrix_json,
    plan_json,
    write_object,
)
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.matrix import matrix_text
from kernel_schema.cli.output.plans import Stated, inherited_text, plan_text
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.diagnostics import Severity
from kernel_schema.files.document import Document
from kernel_schema.lowering.explain import explain, plan_matrix
from kernel_schema.model.inspect import RegisteredLayers, inspect_model
from kernel_schema.schema.rules import Rule
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from kernel_schema.choice.plan import Plan
    from kernel_schema.model.types import Module


def run(options: argparse.Namespace) -> int:
    """1 for errors, or with `--against` for changes; 2 if something cannot be had; else 0."""
    target = (options.device, options.capability, options.mode)
    if options.layer is not None and (options.all_modes or target != (None, None, None)):
        return complain("--layer shows every device and mode: it goes with none of them")
    if options.all_modes and options.mode is not None:
        return complain("--all-modes shows every mode: leave --mode out")
    if options.against is not None and (options.layer or options.defaults):
        return complain("--against compares default tables: it goes with no --layer, no --defaults")
    document = open_document(options.file, options)
    modes = list(MODE_CHAIN) if options.all_modes else [options.mode]
    if options.against is not None:
        # Imported here: most calls compare nothing.
        from kernel_schema.cli.against import read_against, show_against

        table = read_against(options.against)
        plan_of = _planner(document, open_model(options), options)
        return show_against(table, document, plan_of, modes, options.output_format)
    model = open_model(options)
    inherited: tuple[Rule, ...] | None = None
    if options.defaults is not None:
        from kernel_schema.integrations.transformers import default_rules

        inherited = default_rules()
    if options.layer is not None:
        return _show_layer(document, inspect_model(model), options, inherited)
    plan_of = _planner(document, model, options)
    plans = [plan_of(mode=mode, inherited=inherited) for mode in modes]
    stated = Stated(document)
    # Each thing once, errors first.
    diagnostics = sorted(
        dict.fromkeys(diagnostic for plan in plans for diagnostic in plan.diagnostics),
        key=lambda diagnostic: diagnostic.severity is not Severity.ERROR,
    )
    if options.output_format == "json":
        write_object(
            file=file_json(document.file),
            diagnostics=diagnostics_json(diagnostics),
            plans=[plan_json(plan, stated) for plan in plans],
        )
    else:
        parts = ["\n".join(map(paragraph, str(each).split("\n"))) for each in diagnostics]
        parts += [plan_text(plan, stated) for plan in plans]
        parts += filter(None, [inherited_text(plans[0])])
        write_lines("\n\n".join(parts), painted=True)
    return FINDINGS if any(each.severity is Severity.ERROR for each in diagnostics) else OK


def _planner(document: Document, model: Module, options: argparse.Namespace) -> Callable[..., Plan]:
    """Explains a document for a model and the device of the options; takes the rest."""
    return partial(explain, document, model, device=options.device, capability=options.capability)


def _show_layer(
    document: Document,
    layers: RegisteredLayers,
    options: argparse.Namespace,
    inherited: tuple[Rule, ...] | None,
) -> int:
    layer = layers.get(options.layer)
    if layer is None:
        nearest = Suggester(layers).closest(options.layer)
        meant = f"did you mean {quote(nearest)}? " if nearest is not None else ""
        there = f"it has {listing(list(layers), 'and')}" if layers else "it has none at all"
        return complain(f"the model registers no layer {quote(options.layer)}: {meant}{there}")
    matrix = plan_matrix(document, layer, inherited=inherited)
    stated = Stated(document)
    if options.output_format == "json":
        write_object(
            file=file_json(document.file),
            layer_name=layer.layer_name,
            rows=matrix_json(matrix, stated),
        )
    else:
        write_lines(matrix_text(layer.layer_name, matrix, stated), painted=True)
    return OK
