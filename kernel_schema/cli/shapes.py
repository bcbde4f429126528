"""The parts that the JSON output of several commands has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.schema.ranges import Capabilities


def file_shape(file: str) -> str:
    r"""The name of a file for JSON.

    One that is no UTF-8 holds halves of surrogate pairs in Python, at which other readers of JSON
    stop: it is shown as messages show it.

    >>> file_shape("k.yaml"), file_shape(chr(0xDCFF))
    ('k.yaml', '\\udcff')
    """
    return file.encode(errors="backslashreplace").decode()


def diagnostic_shape(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic, as `check --output-format json` has it."""
    span = diagnostic.span
    return {
        "file": None if diagnostic.file is None else file_shape(diagnostic.file),
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
