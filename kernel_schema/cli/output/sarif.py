"""For code scanning: SARIF 2.1.0, the OASIS standard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import quote

from kernel_schema import __version__
from kernel_schema.addresses import page_of
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_json
from kernel_schema.codes import catalogue
from kernel_schema.diagnostics import Diagnostic, Fix, Span

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: CheckResult, stream: TextIO) -> None:
    """Write one SARIF log with one run."""
    codes = list(dict.fromkeys(diagnostic.code for diagnostic in result.diagnostics))
    rules = [
        {
            "id": code,
            "helpUri": page_of(code),
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
        artifact = _artifact(diagnostic.file)
        location: dict[str, Any] = {"artifactLocation": artifact}
        if diagnostic.span is not None:
            location["region"] = _region(diagnostic.span)
        shown["locations"] = [{"physicalLocation": location}]
        if diagnostic.fix is not None:
            shown["fixes"] = [_fix(diagnostic, diagnostic.fix, artifact)]
    return shown


def _fix(diagnostic: Diagnostic, fix: Fix, artifact: dict[str, str]) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    return {
        "description": {"text": diagnostic.help or "mend it"},
        "artifactChanges": [{"artifactLocation": artifact, "replacements": replacements}],
    }


def _artifact(file: str) -> dict[str, str]:
    path = Path(file)
    return {"uri": path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
