"""For people and for editors that read lines: each problem in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.cli.output.terminal import write_lines

if TYPE_CHECKING:
    from typing import TextIO

    from kernel_schema.cli.checking import CheckResult


def render(result: CheckResult, stream: TextIO) -> None:
    """Write the headline of each problem."""
    for diagnostic in result.diagnostics:
        write_lines(diagnostic.headline, stream)
