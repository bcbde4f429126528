"""Exit codes, and the way in which a command says why it ends."""

from __future__ import annotations

from kernel_schema.cli.output.terminal import tell
from kernel_schema.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from kernel_schema.diagnostics import Diagnostic

OK: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2


class Stop(Exception):  # noqa: N818 (an end, not an error)
    """The end of a command that has said why, with its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def complain(message: str, *, severity: str = "error") -> int:
    """Say on standard error what is in the way; gives the exit code of a wrong call."""
    tell(printable(f"kernel-schema: {severity}: {message}"))
    return USAGE


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Say on standard error what is in the way; what has no place in a file is about the call."""
    for diagnostic in diagnostics:
        if diagnostic.file is not None:
            tell(str(diagnostic))
            continue
        complain(diagnostic.message)
        if diagnostic.help is not None:
            tell(printable(f"  help: {diagnostic.help}"))
