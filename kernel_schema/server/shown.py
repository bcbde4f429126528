"""From our diagnostics to those of the language server protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from lsprotocol import types

from kernel_schema.addresses import page_of
from kernel_schema.diagnostics import ConfigError, Diagnostic, Severity, Span
from kernel_schema.files.read import read_text
from kernel_schema.server.positions import EditedText, Point
from kernel_schema.server.texts import OpenText, uri_of
from kernel_schema.wording import printable

SOURCE: Final = "kernel-schema"
_SEVERITIES: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
}
# Where a file names its bases: what is wrong with one is told there.
_EXTENDS: Final = re.compile(r"^[ \t{]*[\"']?(extends)[\"']?[ \t]*[:=]", re.MULTILINE)


def shown(text: OpenText, diagnostics: Iterable[Diagnostic]) -> Iterator[types.Diagnostic]:
    """Diagnostics of a text, in its positions."""
    for each in diagnostics:
        related = None
        if each.file is not None and each.file != text.file:
            related = [_elsewhere(each, each.file, text.edited.encoding)]
        yield types.Diagnostic(
            range=range_of(text, each),
            message=_message(each),
            severity=_SEVERITIES[each.severity],
            code=each.code,
            code_description=types.CodeDescription(page_of(each.code)),
            source=SOURCE,
            tags=[types.DiagnosticTag.Unnecessary] if each.code == "unused-ignore" else None,
            related_information=related,
        )


def range_of(text: OpenText, diagnostic: Diagnostic) -> types.Range:
    """Where a diagnostic is shown: what is about another file at the key that names that."""
    edited = text.edited
    if diagnostic.file in {None, text.file}:
        span = diagnostic.span
        return as_range(*(edited.points(span) if span is not None else ((0, 0), (0, 0))))
    naming = _EXTENDS.search(edited.text)
    if naming is None:
        return as_range((0, 0), (0, 0))
    return as_range(edited.point(naming.start(1)), edited.point(naming.end(1)))


def as_range(start: Point, end: Point) -> types.Range:
    """The range between two points."""
    return types.Range(types.Position(*start), types.Position(*end))


def location(path: str, span: Span | None, encoding: str) -> types.Location:
    """A place in a file on disk."""
    span = span or Span(1, 1, 1, 1)
    text = ""
    with suppress(ConfigError):  # it may be gone by now, or no text
        text = read_text(path, format="yaml")[0]
    return types.Location(uri_of(path), as_range(*EditedText(text, encoding).points(span)))


def _message(diagnostic: Diagnostic) -> str:
    message = printable(diagnostic.message)
    return message if not diagnostic.help else f"{message}\n{printable(f'help: {diagnostic.help}')}"


def _elsewhere(
    diagnostic: Diagnostic, file: str, encoding: str
) -> types.DiagnosticRelatedInformation:
    where = location(file, diagnostic.span, encoding)
    return types.DiagnosticRelatedInformation(where, printable(diagnostic.message))
