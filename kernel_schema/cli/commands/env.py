"""`kernel-schema env`: what decides what runs here."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from kernel_schema.cli.exits import OK
from kernel_schema.cli.output.json import write_object
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.integrations.survey import survey


def run(options: argparse.Namespace) -> int:
    """Always 0."""
    facts = survey()
    if options.output_format == "json":
        write_object(facts=[asdict(fact) for fact in facts])
        return OK
    for fact in facts:
        value = "not set" if fact.name.isupper() else "none"
        write_lines(paragraph(f"{fact.name} {fact.value if fact.value is not None else value}"))
        write_lines(paragraph(fact.effect, indent="  "))
        if fact.fix is not None:
            write_lines(paragraph(f"help: {fact.fix}", indent="  "))
    return OK
