"""For GitHub Actions: workflow commands that become annotations.

Source of the form: GitHub's documentation of workflow commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.cli.terminal import printable_lines

if TYPE_CHECKING:
    from typing import TextIO

    from kernel_schema.cli.result import CheckResult
    from kernel_schema.diagnostics import Diagnostic


def render(result: CheckResult, stream: TextIO) -> None:
    """Write one workflow command for each problem.

    Args:
        result: What was found.
        stream: Where to.
    """
    for diagnostic in result.diagnostics:
        print(_command(diagnostic), file=stream)


def _command(diagnostic: Diagnostic) -> str:
    properties = {"title": f"kernel-schema[{diagnostic.code}]"}
    if diagnostic.file is not None:
        properties["file"] = diagnostic.file
    if (span := diagnostic.span) is not None:
        properties |= {"line": str(span.line), "endLine": str(span.end_line)}
        if span.line == span.end_line:
            # GitHub takes columns only within one line, and the last one as included.
            last = max(span.end_column - 1, span.column)
            properties |= {"col": str(span.column), "endColumn": str(last)}
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    message = diagnostic.message
    if diagnostic.help:
        message += f"\nhelp: {diagnostic.help}"
    return f"::{diagnostic.severity} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return printable_lines(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
