"""`kernel-schema convert`: the same config in another format, on standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kernel_schema.cli.check import check_files, renderer
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, refuse
from kernel_schema.cli.terminal import write
from kernel_schema.files.write import dumps

if TYPE_CHECKING:
    import argparse


def run_convert(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `file`, `to`, `format`, `max_bytes`.

    Returns:
        2 if the file cannot be had, 1 if it holds no valid config, else 0. Paths stay as written.
    """
    outcome = check_files(
        [options.file], None, select=(), format=options.format, max_bytes=options.max_bytes
    )
    if outcome.refused:
        refuse(outcome.refused)
        return USAGE
    if outcome.result.diagnostics:
        renderer("text", sys.stderr)(outcome.result)
        return FINDINGS
    write(dumps(outcome.documents[0].config, format=options.to))
    return OK
