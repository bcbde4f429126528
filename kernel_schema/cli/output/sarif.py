"""For code scanning: SARIF 2.1.0, the OASIS standard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import quote

from kernel_schema import __version__
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_json
from kernel_schema.codes import catalogue
from kernel_schema.diagnostics import Diagnostic

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: CheckResult, stream: TextIO) -> None:
    """Write one SARIF log with one run."""
    codes = list(dict.fromkeys(diagnostic.code for diagnostic in result.diagnostics))
    rules = [
        {
            "id": code,
            "shortDescription": {"text": catalogue()[code].summary},
            "fullDescription": {"text": catalogue()[code].explanation},
            "defaultConfiguration": {"level": catalogue()[code].severity},
        }
        for code in codes
    ]
    driver = {"name": "kernel-schema", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes) for diagnostic in result.diagnostics],
    }
    write_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, stream)


def _result(diagnostic: Diagnostic, codes: list[str]) -> dict[str, Any]:
    message = diagnostic.message
    if diagnostic.help:
        message += f"\nhelp: {diagnostic.help}"
    shown: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity.value,
        "message": {"text": message},
    }
    if diagnostic.file is not None:
        shown["locations"] = [{"physicalLocation": _location(diagnostic)}]
    return shown


def _location(diagnostic: Diagnostic) -> dict[str, Any]:
    path = Path(diagnostic.file or "")
    uri = path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if (span := diagnostic.span) is not None:
        location["region"] = {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }
    return location
