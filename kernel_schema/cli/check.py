"""`kernel-schema check`: read, validate and check files, then show what was found."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.cli.discover import discover
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, complain, refuse
from kernel_schema.cli.result import CheckResult
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.files.read import FileAccessError, loads_document, read_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.document import Document, Format
    from kernel_schema.model.types import Module


def run_check(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `files`, `model`, `trust_remote_code`, `ignore`, `select`, `output_format`,
            `quiet`, `format`, `max_bytes`.

    Returns:
        2 if a file or the model cannot be had, else 1 if there are errors, else 0.
    """
    if options.ignore or options.select:
        from kernel_schema.cli.codes import unknown_code

        problem = unknown_code([*options.ignore, *(options.select or ())])
        if problem is not None:
            return complain(problem)
    files, unsearched = discover(options.files, options.max_bytes)
    if not files and not unsearched:
        complain("no config file was found there", severity="warning")
    model = None
    if options.model is not None:
        from kernel_schema.cli.inputs import open_model

        model = open_model(options)
    outcome = check_files(
        files,
        model,
        ignore=options.ignore,
        select=options.select,
        format=options.format,
        max_bytes=options.max_bytes,
    )
    refused = [*unsearched, *outcome.refused]
    refuse(refused)
    summary = not options.quiet and bool(outcome.result.files or not refused)
    renderer(options.output_format, sys.stdout, summary=summary)(outcome.result)
    if refused:
        return USAGE
    return FINDINGS if outcome.result.errors else OK


class Outcome(NamedTuple):
    """What became of files.

    Args:
        result: What was found in those that could be had.
        documents: Those that hold a valid config.
        refused: Why others could not be had.
    """

    result: CheckResult
    documents: list[Document]
    refused: list[Diagnostic]


def check_files(
    files: Sequence[str],
    model: Module | None,
    *,
    ignore: Sequence[str] = (),
    select: Sequence[str] | None = None,
    format: Format | None = None,
    max_bytes: int,
) -> Outcome:
    """Check files, each by itself: one that is wrong keeps no other from being checked."""
    found: list[Diagnostic] = []
    refused: list[Diagnostic] = []
    documents: list[Document] = []
    texts: dict[str, str] = {}
    for file in files:
        wrong: Sequence[Diagnostic] = ()
        try:
            texts[file], known = read_text(file, format=format, max_bytes=max_bytes)
            document = loads_document(texts[file], format=known, file=file)
            documents.append(document)
            # Imported here: a file that holds no valid config needs none of it.
            from kernel_schema.lowering.check import check

            wrong = check(document, model, ignore=ignore, select=select)
        except FileAccessError as error:
            refused += error.diagnostics
        except KernelSchemaError as error:
            wrong = error.diagnostics
        if wrong:
            from kernel_schema.cli.withheld import discreet, has_excerpts

            found += discreet(file, wrong)
            if not has_excerpts(file):
                texts.pop(file, None)
    checked = len(files) - len({diagnostic.file for diagnostic in refused})
    return Outcome(CheckResult(tuple(found), texts, checked), documents, refused)


def renderer(
    output_format: str, stream: TextIO, *, summary: bool = False
) -> Callable[[CheckResult], None]:
    """What shows a result in an output format; each is loaded only when it is asked for."""
    if output_format == "json":
        from kernel_schema.cli.json import render
    elif output_format == "github":
        from kernel_schema.cli.github import render
    elif output_format == "sarif":
        from kernel_schema.cli.sarif import render
    else:
        from kernel_schema.cli.text import render_concise, render_text

        show = render_text if output_format == "text" else render_concise
        return partial(show, stream=stream, summary=summary)
    return partial(render, stream=stream)
