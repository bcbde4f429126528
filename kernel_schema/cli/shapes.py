"""The parts that the JSON output of several commands has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.schema.ranges import Capabilities


def diagnostic_shape(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic, as `check --output-format json` has it."""
    span = diagnostic.span
    return {
        "file": diagnostic.file,
        "line": span and span.line,
        "column": span and span.column,
        "end_line": span and span.end_line,
        "end_column": span and span.end_column,
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "route": list(diagnostic.route.steps),
    }


def range_shape(capabilities: Capabilities | None) -> dict[str, int | None] | None:
    """A range of capability; null where there is none, and for the bound that it lacks."""
    if capabilities is None or not capabilities.bounded:
        return None
    highest = capabilities.highest if capabilities.bounded_above else None
    return {"min": capabilities.lowest, "max": highest}
