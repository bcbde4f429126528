"""For people and for editors that read lines: each problem in one."""

from __future__ import annotations

from typing import TextIO

from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_lines


def render(result: CheckResult, stream: TextIO) -> None:
    """Write the headline of each problem."""
    for diagnostic in result.diagnostics:
        write_lines(diagnostic.headline, stream)
