"""`kernel-schema check`: read, validate and check files, then show what was found."""

from __future__ import annotations

import argparse
import os
import sys

from kernel_schema.cli.discover import discover
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain, say
from kernel_schema.cli.findings.judge import Judge
from kernel_schema.cli.findings.policy import Wishes
from kernel_schema.cli.opening import check_files, open_model
from kernel_schema.cli.output import show, show_statistics
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import counted, write_lines
from kernel_schema.files.read import STANDARD_INPUT


def run(options: argparse.Namespace) -> int:
    """2 if a file or the model cannot be had, else 1 if there are errors, else 0."""
    patterns: list[str] = [*options.error, *options.warn, *options.off, *options.ignore]
    patterns += options.select or ()
    if options.explain is not None or patterns:
        from kernel_schema.cli.commands.codes import explain, unknown_code

        if options.explain is not None:
            return explain(options.explain)
        problem = unknown_code(patterns)
        if problem is not None:
            return complain(problem)
    if options.statistics and options.output_format in {"github", "sarif"}:
        return complain(f"--statistics does not go with --output-format {options.output_format}")
    named = _named_files(options)
    judge = Judge(
        Wishes(options.error, options.warn, options.off, options.ignore, options.select),
        options.exclude,
        comments=not options.no_ignore_comments,
    )
    files, unsearched = discover(
        named, options.max_bytes, judge.excludes, stdin_name=options.stdin_filename
    )
    if not files and not unsearched:
        complain("no config file was found there", severity="warning")
    model = open_model(options) if options.model is not None else None
    result = check_files(
        files,
        format=options.format,
        max_bytes=options.max_bytes,
        at=options.at,
        stdin_name=options.stdin_filename,
        judge=judge,
        model=model,
        device=options.device,
        mode=options.mode,
        capability=options.capability,
        target=options.target,
    )
    refused = [*unsearched, *result.refused]
    say(refused)
    if options.statistics:
        show_statistics(result, options.output_format, sys.stdout)
    else:
        show(result, options.output_format, sys.stdout)
    for_people = options.output_format in {"text", "concise"} and not options.quiet
    if for_people and (result.files or not refused):
        write_lines(_summary(result))
    if refused:
        return USAGE
    failing = result.errors or (options.strict and result.warnings)
    return FINDINGS if failing and not options.exit_zero else OK


def _named_files(options: argparse.Namespace) -> list[str]:
    """What is to be checked: the working directory, or standard input, if nothing is named."""
    if options.stdin_filename is None:
        return options.files or [os.curdir]
    if options.files not in ([], [STANDARD_INPUT]):
        raise Stop(complain("--stdin-filename goes with `-`, and with no other file"))
    return [STANDARD_INPUT]


def _summary(result: CheckResult) -> str:
    counts = ((result.errors, "error"), (result.warnings, "warning"))
    listed = " and ".join(counted(number, word) for number, word in counts if number)
    outcome = f"found {listed}." if listed else "no problems."
    return f"Checked {counted(result.files, 'file')}: {outcome}"
