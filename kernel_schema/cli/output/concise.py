"""For people and for editors that read lines: each problem in one."""

from __future__ import annotations

from typing import TextIO

from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.wording import printable


def render(result: CheckResult, stream: TextIO) -> None:
    """Write the headline of each problem, and its help in parentheses."""
    for diagnostic in result.diagnostics:
        help_text = printable(f" ({diagnostic.help})") if diagnostic.help else ""
        write_lines(f"{diagnostic.headline}{help_text}", stream)
