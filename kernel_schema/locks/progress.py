"""How far work has come that takes a while: told by those who do it, shown by whoever wants to."""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

Work: TypeAlias = Literal["asking", "fetching", "verifying", "measuring"]
"""Asking the Hub, counted in kernels; fetching and verifying, in bytes; measuring, in steps."""


class Progress(Protocol):
    """Is told of work, from several threads at once."""

    def begin(self, work: Work, total: int) -> None:
        """So much more is to be done."""
        ...

    def advance(self, work: Work, amount: int) -> None:
        """So much more of it is done; less than nothing where some has to be done again."""
        ...


class _Silent:
    def begin(self, work: Work, total: int) -> None:
        pass

    def advance(self, work: Work, amount: int) -> None:
        pass


SILENT: Final[Progress] = _Silent()
"""Shows nothing."""
