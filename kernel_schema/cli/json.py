"""For programs: one JSON object with a version of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.cli.shapes import diagnostic_shape
from kernel_schema.cli.terminal import write_json

if TYPE_CHECKING:
    from typing import TextIO

    from kernel_schema.cli.result import CheckResult

VERSION: Final = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def render(result: CheckResult, stream: TextIO) -> None:
    """Write the result.

    Args:
        result: What was found.
        stream: Where to. `{"version", "files", "errors", "warnings", "diagnostics": [{"file",
            "line", "column", "end_line", "end_column", "severity", "code", "message", "help",
            "route"}]}`; places are 1-based, ends not included, and null where there is none.
    """
    shape = {
        "version": VERSION,
        "files": result.files,
        "errors": result.errors,
        "warnings": result.warnings,
        "diagnostics": [diagnostic_shape(diagnostic) for diagnostic in result.diagnostics],
    }
    write_json(shape, stream)
