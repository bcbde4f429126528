"""`kernel-schema compare`: is each kernel right, and is it faster?"""

from __future__ import annotations

import argparse

from kernel_schema.cli.exits import FINDINGS, OK, complain
from kernel_schema.cli.measuring import compared, open_measured
from kernel_schema.cli.opening import show_problems
from kernel_schema.cli.output.json import write_object
from kernel_schema.cli.output.terminal import show_progress, write_lines
from kernel_schema.diagnostics import KernelSchemaError


def run(options: argparse.Namespace) -> int:
    """1 for a kernel that is wrong, fails or is never called; 2 if something cannot be had."""
    if options.plot is not None:
        from kernel_schema.measure.plot import PlotError, need_plot

        try:
            need_plot(options.plot)
        except PlotError as error:
            return complain(f"--plot {options.plot}: {error}")
    measured = open_measured(options)
    try:
        with show_progress(quiet=options.quiet) as progress:
            comparison = compared(measured, measured.document, options, progress)
    except KernelSchemaError as error:
        return show_problems(measured.document, measured.document.place_all(error.diagnostics))
    # Imported here, with all that a comparison has loaded.
    from kernel_schema.cli.output.comparisons import comparison_json, comparison_text

    if options.output_format == "json":
        write_object(**comparison_json(comparison, measured.document.file))
    else:
        if not options.quiet:
            write_lines(comparison_text(comparison))
        show_problems(measured.document, comparison.diagnostics)
    if options.plot is not None:
        from kernel_schema.measure.plot import PlotError, plot

        try:
            plot(comparison, options.plot)
        except PlotError as error:
            return complain(f"--plot {options.plot}: {error}")
    return OK if comparison.ok else FINDINGS
