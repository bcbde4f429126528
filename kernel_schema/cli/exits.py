"""Exit codes, and the way in which a command says that it was called wrongly."""

from __future__ import annotations

from kernel_schema.cli.terminal import tell
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
    """The end of a command that has said why.

    Args:
        code: The exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def complain(message: str, *, severity: str = "error") -> int:
    """Say on standard error what is in the way.

    Args:
        message: What is wrong.
        severity: `error` or `warning`.

    Returns:
        The exit code of a wrong call.
    """
    tell(printable(f"kernel-schema: {severity}: {message}"))
    return USAGE


def refuse(diagnostics: Iterable[Diagnostic]) -> None:
    """Say on standard error which files cannot be had, and why."""
    for diagnostic in diagnostics:
        tell(str(diagnostic))
