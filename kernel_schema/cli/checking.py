"""Files, checked: each by itself, so that one that is wrong keeps no other from being checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import KernelSchemaError, Severity
from kernel_schema.files.read import FileAccessError, loads_document, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.document import Document, Format
    from kernel_schema.model.types import Module


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found in files.

    Args:
        diagnostics: Everything that was found, by file and place.
        texts: The text of each file that could be read and may be shown.
        files: How many files could be had.
        documents: Those that hold a valid config.
        refused: Why others could not be had.
    """

    diagnostics: Sequence[Diagnostic]
    texts: Mapping[str, str]
    files: int
    documents: Sequence[Document] = ()
    refused: Sequence[Diagnostic] = ()

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(one.severity is Severity.ERROR for one in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many warnings there are."""
        return len(self.diagnostics) - self.errors


def check_files(
    files: Sequence[str],
    model: Module | None = None,
    *,
    ignore: Sequence[str] = (),
    select: Sequence[str] | None = None,
    format: Format | None = None,
    max_bytes: int,
) -> CheckResult:
    """Read, validate and check files; takes what `ks.check` and `ks.read` do."""
    diagnostics: list[Diagnostic] = []
    refused: list[Diagnostic] = []
    documents: list[Document] = []
    texts: dict[str, str] = {}
    for file in files:
        wrong: Sequence[Diagnostic] = ()
        try:
            texts[file], file_format = read_text(file, format=format, max_bytes=max_bytes)
            document = loads_document(texts[file], format=file_format, file=file)
            documents.append(document)
            # Imported here: a file that holds no valid config needs none of it.
            from kernel_schema.lowering.check import check

            wrong = check(document, model, ignore=ignore, select=select)
        except FileAccessError as error:
            refused += error.diagnostics
        except KernelSchemaError as error:
            wrong = error.diagnostics
        if wrong:
            from kernel_schema.cli.withheld import discreet, has_excerpts

            diagnostics += discreet(file, wrong)
            if not has_excerpts(file):
                texts.pop(file, None)
    checked = len(files) - len({diagnostic.file for diagnostic in refused})
    return CheckResult(diagnostics, texts, checked, documents, refused)
