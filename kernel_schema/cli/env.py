"""`kernel-schema env`: what decides what runs here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from kernel_schema.cli.exits import OK
from kernel_schema.cli.layout import paragraph
from kernel_schema.cli.terminal import write_json, write_lines

if TYPE_CHECKING:
    import argparse

VERSION: Final = 1
"""Version of the JSON shape: raised when a key changes its meaning or goes."""


def run_env(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `output_format`.
    """
    from kernel_schema.integrations.survey import survey

    facts = survey()
    if options.output_format == "json":
        shape = {"version": VERSION, "facts": [dataclasses.asdict(fact) for fact in facts]}
        write_json(shape)
        return OK
    for fact in facts:
        value = "not set" if fact.name.isupper() else "none"
        write_lines(paragraph(f"{fact.name} {fact.value if fact.value is not None else value}"))
        write_lines(paragraph(fact.effect, indent="  "))
        if fact.fix is not None:
            write_lines(paragraph(f"help: {fact.fix}", indent="  "))
    return OK
