"""For GitHub Actions: workflow commands that become annotations.

Source of the form: GitHub's documentation of workflow commands.
"""

from __future__ import annotations

from typing import TextIO

from kernel_schema.cli.grounds import from_root
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.wording import printable


def render(result: CheckResult, stream: TextIO) -> None:
    """Write one workflow command for each problem."""
    # As they are: these are the only lines that are meant as commands.
    stream.writelines(f"{_command(diagnostic)}\n" for diagnostic in result.diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties = {"title": f"kernel-schema[{diagnostic.code}]"}
    is_override = diagnostic.file is not None and diagnostic.file.startswith("<")
    if diagnostic.file is not None and not is_override:
        properties["file"] = from_root(diagnostic.file)
    if (span := diagnostic.span) is not None and not is_override:
        properties |= {"line": str(span.line), "endLine": str(span.end_line)}
        if span.line == span.end_line:
            # GitHub takes columns only within one line, and the last one as included.
            last = max(span.end_column - 1, span.column)
            properties |= {"col": str(span.column), "endColumn": str(last)}
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    place = f"{diagnostic.place}: " if is_override else ""  # no file of the repository
    message = _data(f"{place}{diagnostic.message}")
    if diagnostic.help:
        message += f"%0A{_data(f'help: {diagnostic.help}')}"
    return f"::{diagnostic.severity} {listed}::{message}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
