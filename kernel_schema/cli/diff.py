"""`kernel-schema diff`: what two configs say differently, sugar left aside."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from kernel_schema.cli.exits import FINDINGS, OK, USAGE, complain
from kernel_schema.cli.inputs import open_document, open_model, say
from kernel_schema.cli.layout import paragraph
from kernel_schema.cli.terminal import write_lines
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.schema.compare import diff

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kernel_schema.choice.plan import LayerPlan, Plan
    from kernel_schema.files.document import Document
    from kernel_schema.model.types import Module
    from kernel_schema.schema.compare import Change


def run_diff(options: argparse.Namespace) -> int:
    """Run the command.

    Paths of local kernels and lock files are compared as written: two checkouts of one
    repository say the same.

    Args:
        options: `old`, `new`, `model`, `trust_remote_code`, `device`, `capability`, `mode`,
            `format`, `max_bytes`.

    Returns:
        0 if both mean the same, 1 if they differ, 2 if a file or the model cannot be had, or the
        target cannot be told.
    """
    if options.old == options.new == "-":
        return complain("standard input can be one of the two configs only")
    target = options.device, options.capability, options.mode
    if options.model is None and any(one is not None for one in target):
        return complain("--device, --capability and --mode go with --model")
    old, new = (open_document(file, options) for file in (options.old, options.new))
    changes = diff(old.config, new.config)
    inherits = [str(document.config.inherit_mapping).lower() for document in (old, new)]
    inherited = [] if len(set(inherits)) == 1 else [f"inherit_mapping: {' -> '.join(inherits)}"]
    differs = bool(changes or inherited)
    for_model: list[str] = []
    if options.model is not None:
        try:
            for_model = ["", *_for_model(old, new, options)]
        except KernelSchemaError as error:
            say(error.diagnostics)
            return USAGE
    told = (_told(change, old, new) for change in changes)
    same = [] if differs else ["Both mean the same."]
    # One by one: each line names its layer, however long that is.
    for line in chain(told, inherited, same, for_model):
        write_lines(paragraph(line))
    return FINDINGS if differs else OK


def _told(change: Change, old: Document, new: Document) -> str:
    sides = ((old, change.old), (new, change.new))
    places = (
        f"{document.file}:{document.locate(rule.route).line}"
        for document, rule in sides
        if rule is not None
    )
    return f"{change} ({', '.join(places)})"


def _for_model(old: Document, new: Document, options: argparse.Namespace) -> Iterator[str]:
    model = open_model(options)
    before, after = (_plan(document, model, options) for document in (old, new))
    capability = f", capability {after.capability}" if after.capability is not None else ""
    lines = list(_differences(before, after))
    what = "what changes" if lines else "nothing changes"
    yield f"For the model on {after.device}{capability}, in {after.mode}: {what}"
    yield from lines


def _plan(document: Document, model: Module, options: argparse.Namespace) -> Plan:
    from kernel_schema.lowering.explain import explain

    target = {"device": options.device, "mode": options.mode}
    try:
        return explain(document.config, model, capability=options.capability, **target)
    except KernelSchemaError as error:
        raise type(error)(
            document.place(found) if found.route.steps else found for found in error.diagnostics
        ) from None


def _differences(before: Plan, after: Plan) -> Iterator[str]:
    for old, new in zip(before.layers, after.layers, strict=True):
        if _runs(old) != _runs(new):
            yield f"  {new.layer_name} ({new.total}): {_runs(old)} -> {_runs(new)}"


def _runs(layer: LayerPlan) -> str:
    return str(layer.kernels[0].kernel) if layer.kernels else "its own forward"
