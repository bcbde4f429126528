"""What a check found, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one `kernel-schema check`.

    Args:
        diagnostics: Everything that was found, by file and place.
        texts: The text of each file that could be read and may be shown.
        files: How many files could be had.
    """

    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    files: int

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(found.severity is Severity.ERROR for found in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many warnings there are."""
        return len(self.diagnostics) - self.errors
