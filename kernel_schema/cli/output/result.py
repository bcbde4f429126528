"""What was found in files, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kernel_schema.diagnostics import Diagnostic, Severity
from kernel_schema.files.document import Document


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
        return sum(each.severity is Severity.ERROR for each in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many warnings there are."""
        return len(self.diagnostics) - self.errors
