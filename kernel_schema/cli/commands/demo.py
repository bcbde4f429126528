"""`kernel-schema demo`: the whole job, on a small model with a real kernel."""

from __future__ import annotations

import argparse

from kernel_schema.cli.exits import FINDINGS, OK
from kernel_schema.cli.output.terminal import tell, write_lines
from kernel_schema.demo.run import run_demo
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.measure.results import Comparison


def _table(comparison: Comparison) -> str:
    # Imported here: it comes last.
    from kernel_schema.cli.output.comparisons import comparison_text

    return comparison_text(comparison)


def run(_: argparse.Namespace) -> int:
    """0 only if the kernel really ran."""
    try:
        ran = run_demo(write_lines, _table)
    except KernelSchemaError as error:
        tell(str(error))
        return FINDINGS
    write_lines("The kernel ran." if ran else "The kernel did not run as it should.")
    return OK if ran else FINDINGS
