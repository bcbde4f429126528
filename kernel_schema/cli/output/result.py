"""What was found in files, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kernel_schema.diagnostics import Diagnostic, Severity
from kernel_schema.files.document import Document


class CheckResult(NamedTuple):
    """What was found in files.

    Args:
        diagnostics: Everything that was found, by file and place.
        texts: The text of each file of which something is told, if it may be shown.
        files: How many files could be had.
        documents: Those that hold a valid config, where they were kept.
        refused: Why others could not be had.
        forbidden: Those of the diagnostics by which a policy forbids something.
    """

    diagnostics: Sequence[Diagnostic]
    texts: Mapping[str, str]
    files: int
    documents: Sequence[Document] = ()
    refused: Sequence[Diagnostic] = ()
    forbidden: Sequence[Diagnostic] = ()

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(each.severity is Severity.ERROR for each in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many warnings there are."""
        return len(self.diagnostics) - self.errors
