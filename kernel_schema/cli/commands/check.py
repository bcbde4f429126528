"""`kernel-schema check`: read, validate and check files, then show what was found."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from kernel_schema.cli.discover import discover
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain, say
from kernel_schema.cli.opening import (
    check_files,
    has_what_is_not_to_be_had,
    open_model,
    open_policies,
    texts_of,
)
from kernel_schema.cli.output import show, show_statistics
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import counted, show_progress, write_lines
from kernel_schema.diagnostics import HubError
from kernel_schema.files.read import STANDARD_INPUT
from kernel_schema.findings.judge import Judge
from kernel_schema.findings.verdicts import Wishes

if TYPE_CHECKING:
    from kernel_schema.cli.mending import Mending
    from kernel_schema.hub.check_hub import HubQuestions
    from kernel_schema.hub.live_policy import LivePolicy
    from kernel_schema.policies.policy import Policy


def run(options: argparse.Namespace) -> int:
    """2 if a file or the model cannot be had, else 1 if there are errors, else 0."""
    if options.explain is not None:
        from kernel_schema.cli.commands.codes import explain

        return explain(options.explain)
    _refuse_wrong_calls(options)
    named = _named_files(options)
    texts_of(options.overrides)
    policies = open_policies(options.policy)
    hub = _hub_questions() if options.hub else None
    judge = Judge(
        Wishes(options.error, options.warn, options.off, options.ignore, options.select),
        options.exclude,
        comments=not options.no_ignore_comments,
        policies=policies,
        live=_live(policies, hub),
    )
    files, unsearched = discover(
        named, options.max_bytes, judge.excludes, stdin_name=options.stdin_filename
    )
    if not files and not unsearched:
        complain("no config file was found there", severity="warning")
    model = open_model(options) if options.model is not None else None
    mending = _mending(options)
    with nullcontext() if hub is None else _shown(hub, quiet=options.quiet):
        result = check_files(
            files,
            format=options.format,
            max_bytes=options.max_bytes,
            at=options.at,
            stdin_name=options.stdin_filename,
            judge=judge,
            mending=mending,
            keep=False,
            overrides=options.overrides,
            model=model,
            device=options.device,
            mode=options.mode,
            capability=options.capability,
            targets=options.target,
            further=hub,
        )
    refused = [*unsearched, *result.refused]
    say(refused)
    # Where standard output is for what is mended, what is found goes beside it.
    stream = sys.stderr if mending is not None and mending.prints(files) else sys.stdout
    if options.diff and result.forbidden:
        show(result._replace(diagnostics=result.forbidden), options.output_format, sys.stderr)
    if not options.diff:
        output = show_statistics if options.statistics else show
        output(result, options.output_format, stream)
    for_people = options.output_format in {"text", "concise"} and not options.quiet
    if for_people and (result.files or not refused):
        if mending is not None and (mending.problems or options.diff):
            write_lines(mending.summary(), stream)
        if not options.diff:
            write_lines(_summary(result), stream)
    if refused or (hub is not None and has_what_is_not_to_be_had(result.diagnostics)):
        return USAGE
    return _outcome(result, options, mending)


def _live(policies: Sequence[Policy], hub: HubQuestions | None) -> LivePolicy | None:
    if hub is None or not policies:
        return None
    # Imported here: most calls have no policy.
    from kernel_schema.hub.live_policy import LivePolicy

    return LivePolicy(policies, hub.hub)


def _hub_questions() -> HubQuestions:
    # Imported here: most calls ask nobody.
    from kernel_schema.hub.check_hub import HubQuestions

    try:
        return HubQuestions()
    except HubError as error:
        say(error.diagnostics)
        raise Stop(USAGE) from None


@contextmanager
def _shown(hub: HubQuestions, *, quiet: bool) -> Generator[None]:
    """Show how far the questions are while a block runs."""
    with show_progress(quiet=quiet) as progress:
        hub.progress = progress
        yield


def _outcome(result: CheckResult, options: argparse.Namespace, mending: Mending | None) -> int:
    if result.forbidden:
        return FINDINGS
    if options.diff and mending is not None:
        return FINDINGS if mending.problems and not options.exit_zero else OK
    failing = result.errors or (options.strict and result.warnings)
    return FINDINGS if failing and not options.exit_zero else OK


def _refuse_wrong_calls(options: argparse.Namespace) -> None:
    patterns: list[str] = [*options.error, *options.warn, *options.off, *options.ignore]
    patterns += options.select or ()
    if patterns:
        from kernel_schema.cli.commands.codes import unknown_code

        if (problem := unknown_code(patterns)) is not None:
            raise Stop(complain(problem))
    if options.statistics and options.output_format in {"github", "sarif"}:
        problem = f"--statistics does not go with --output-format {options.output_format}"
        raise Stop(complain(problem))
    if options.overrides and (options.fix or options.diff):
        problem = "--set does not go with --fix or --diff: no override is written into a file"
        raise Stop(complain(problem))
    if options.unsafe_fixes and not (options.fix or options.diff):
        raise Stop(complain("--unsafe-fixes goes with --fix or --diff"))


def _named_files(options: argparse.Namespace) -> list[str]:
    """What is to be checked: the working directory, or standard input, if nothing is named."""
    if options.stdin_filename is None:
        return options.files or [os.curdir]
    if options.files not in ([], [STANDARD_INPUT]):
        raise Stop(complain("--stdin-filename goes with `-`, and with no other file"))
    return [STANDARD_INPUT]


def _mending(options: argparse.Namespace) -> Mending | None:
    if not (options.fix or options.diff):
        return None
    # Imported here: most calls mend nothing.
    from kernel_schema.cli.mending import Mending

    return Mending(unsafe=options.unsafe_fixes, shown=options.diff)


def _summary(result: CheckResult) -> str:
    counts = ((result.errors, "error"), (result.warnings, "warning"))
    listed = " and ".join(counted(number, word) for number, word in counts if number)
    outcome = f"found {listed}." if listed else "no problems."
    summary = f"Checked {counted(result.files, 'file')}: {outcome}"
    fixes = [each.fix.safe for each in result.diagnostics if each.fix is not None]
    safe = sum(fixes)
    if safe:
        summary += f" `--fix` mends {safe}."
    if len(fixes) > safe:
        summary += f" `--unsafe-fixes` guesses {len(fixes) - safe}{' more' if safe else ''}."
    return summary
