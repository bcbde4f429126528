"""`kernel-schema diff`: what two configs say differently, sugar left aside.

Paths of local kernels and lock files are compared as written: two checkouts of one repository say
the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from kernel_schema.choice.plan import Plan
from kernel_schema.cli.exits import FINDINGS, OK, complain
from kernel_schema.cli.opening import open_document, open_model
from kernel_schema.cli.output.changes import changes, changes_text
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.files.document import Document
from kernel_schema.schema.rules import Change, diff


def run(options: argparse.Namespace) -> int:
    """0 if both mean the same, 1 if they differ, 2 if something cannot be had."""
    if options.old == options.new == "-":
        return complain("standard input can be one of the two configs only")
    target = (options.device, options.capability, options.mode)
    if options.model is None and target != (None, None, None):
        return complain("--device, --capability and --mode go with --model")
    old, new = (open_document(file, options) for file in (options.old, options.new))
    lines = [_told(change, old, new) for change in diff(old.config, new.config)]
    inherits = [str(document.config.inherit_mapping).lower() for document in (old, new)]
    if len(set(inherits)) > 1:
        lines.append(f"inherit_mapping: {' -> '.join(inherits)}")
    code = FINDINGS if lines else OK
    if not lines:
        lines.append("Both mean the same.")
    if options.model is not None:
        lines += ["", *_for_model(old, new, options)]
    # One by one: each line names its layer, however long that is.
    for line in lines:
        write_lines(paragraph(line))
    return code


def _told(change: Change, old: Document, new: Document) -> str:
    places = (
        f"{document.file}:{document.locate(rule.route).line}"
        for document, rule in ((old, change.old), (new, change.new))
        if rule is not None
    )
    return f"{change} ({', '.join(places)})"


def _for_model(old: Document, new: Document, options: argparse.Namespace) -> Iterator[str]:
    # Imported here: most calls compare files alone.
    from kernel_schema.lowering.explain import explain

    model = open_model(options)

    def plan_of(document: Document) -> Plan:
        target = {"device": options.device, "mode": options.mode}
        try:
            return explain(document.config, model, capability=options.capability, **target)
        except KernelSchemaError as error:
            raise type(error)(
                document.place(diagnostic) if diagnostic.route.steps else diagnostic
                for diagnostic in error.diagnostics
            ) from None

    before, after = map(plan_of, (old, new))
    return changes_text(after, changes(before, after))
