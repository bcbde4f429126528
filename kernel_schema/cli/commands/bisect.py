"""`kernel-schema bisect`: which kernel makes a command fail?"""

from __future__ import annotations

import argparse
from typing import Any

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain
from kernel_schema.cli.opening import open_document, open_model, show_problems
from kernel_schema.cli.output.json import diagnostics_json, file_json, write_object
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import tell, write_lines
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.files.document import Document
from kernel_schema.files.read import config_of
from kernel_schema.measure.bisecting.bisection import (
    Bisection,
    Conclusion,
    Suspect,
    Trial,
    conclude,
    summary,
)
from kernel_schema.measure.bisecting.command import CommandError, commanded
from kernel_schema.measure.bisecting.suspects import plans_of, suspects_of
from kernel_schema.wording import printable, quote


def run(options: argparse.Namespace) -> int:
    """0 if it is good with every kernel, 1 for what is named, 2 if nothing can be."""
    try:
        document = open_document(options.file, options)
    except Stop:
        raise Stop(USAGE) from None  # 1 says that a kernel is guilty
    try:
        suspects = _suspects(document, options)
    except KernelSchemaError as error:
        show_problems(document, document.place_all(error.diagnostics))
        return USAGE
    try:
        bisection = _bisect(document, suspects, options)
    except CommandError as error:
        return complain(f"{quote(options.words[0])} cannot be run: {error}")
    bisection = bisection.placed(document.place_all)
    if options.output_format == "json":
        write_object(**_json(bisection, document.file))
    else:
        if not options.quiet:
            write_lines(paragraph(summary(bisection)))
        show_problems(document, bisection.diagnostics)
    if bisection.conclusion not in {Conclusion.GOOD, Conclusion.GUILTY}:
        if options.quiet or options.output_format == "json":
            complain(summary(bisection))
        return USAGE
    return FINDINGS if bisection.diagnostics else OK


def _suspects(document: Document, options: argparse.Namespace) -> list[Suspect]:
    """What is switched: in every mode, unless one is stated, since the command chooses it."""
    inherited = None
    model = open_model(options)
    if options.defaults is not None:
        from kernel_schema.integrations.transformers import default_rules

        inherited = default_rules()
    plans = plans_of(
        document,
        model,
        list(MODE_CHAIN) if options.mode is None else [options.mode],
        device=options.device,
        capability=options.capability,
        inherited=inherited,
    )
    return suspects_of(plans)


def _bisect(document: Document, suspects: list[Suspect], options: argparse.Namespace) -> Bisection:
    config = config_of(document)
    names = [suspect.layer_name for suspect in suspects]
    taken = 0

    def progress(trial: Trial) -> None:
        nonlocal taken
        taken += 1
        if not options.quiet:
            tell(
                printable(f"trial {taken}: {trial.answer} ({trial.reason}) {_which(trial, names)}")
            )

    with commanded(options.words, timeout=options.timeout, quiet=options.quiet) as command:
        return conclude(
            suspects,
            lambda on: command.run(config, names, on),
            repeat=options.repeat,
            progress=progress,
        )


def _which(trial: Trial, names: list[str]) -> str:
    """With which kernels, the shorter way."""
    off = [name for name in names if name not in trial.on]
    if not off:
        return "with every kernel"
    if not trial.on:
        return "with none"
    if len(trial.on) <= len(off):
        return f"with {len(trial.on)} of {len(names)}: {', '.join(trial.on)}"
    return f"with {len(trial.on)} of {len(names)}: without {', '.join(off)}"


def _json(bisection: Bisection, file: str) -> dict[str, Any]:
    """For programs; `line` and `file` are null for what is inherited."""
    return {
        "file": file_json(file),
        "conclusion": bisection.conclusion,
        "guilty": [_suspect_json(suspect) for suspect in bisection.guilty],
        "more": bisection.more,
        "among": bisection.among,
        "never_called": [suspect.layer_name for suspect in bisection.never_called],
        "suspects": [_suspect_json(suspect) for suspect in bisection.suspects],
        "trials": [
            {
                "on": trial.on,
                "answer": trial.answer,
                "reason": trial.reason,
                "calls": trial.calls,
            }
            for trial in bisection.trials
        ],
        "diagnostics": diagnostics_json(bisection.diagnostics),
    }


def _suspect_json(suspect: Suspect) -> dict[str, Any]:
    span = None if suspect.is_inherited else suspect.span
    return {
        "layer_name": suspect.layer_name,
        "kernel": printable(str(suspect.kernel)),
        "inherited": suspect.is_inherited,
        "file": None if span is None or span.file is None else file_json(span.file),
        "line": None if span is None else span.line,
    }
