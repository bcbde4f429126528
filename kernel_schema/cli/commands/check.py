"""`kernel-schema check`: read, validate and check files, then show what was found."""

from __future__ import annotations

import argparse
import sys

from kernel_schema.cli.discover import discover
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, complain, say
from kernel_schema.cli.opening import check_files, open_model
from kernel_schema.cli.output import show
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import counted, write_lines


def run(options: argparse.Namespace) -> int:
    """2 if a file or the model cannot be had, else 1 if there are errors, else 0."""
    if options.explain is not None or options.ignore or options.select:
        from kernel_schema.cli.commands.codes import explain, unknown_code

        if options.explain is not None:
            return explain(options.explain)
        problem = unknown_code([*options.ignore, *(options.select or ())])
        if problem is not None:
            return complain(problem)
    if not options.files:
        return complain("name at least one file or directory to check")
    files, unsearched = discover(options.files, options.max_bytes)
    if not files and not unsearched:
        complain("no config file was found there", severity="warning")
    model = open_model(options) if options.model is not None else None
    result = check_files(
        files,
        format=options.format,
        max_bytes=options.max_bytes,
        at=options.at,
        model=model,
        device=options.device,
        mode=options.mode,
        capability=options.capability,
        target=options.target,
        ignore=options.ignore,
        select=options.select,
    )
    refused = [*unsearched, *result.refused]
    say(refused)
    show(result, options.output_format, sys.stdout)
    for_people = options.output_format in {"text", "concise"} and not options.quiet
    if for_people and (result.files or not refused):
        write_lines(_summary(result))
    if refused:
        return USAGE
    return FINDINGS if result.errors else OK


def _summary(result: CheckResult) -> str:
    counts = ((result.errors, "error"), (result.warnings, "warning"))
    listed = " and ".join(counted(number, word) for number, word in counts if number)
    outcome = f"found {listed}." if listed else "no problems."
    return f"Checked {counted(result.files, 'file')}: {outcome}"
