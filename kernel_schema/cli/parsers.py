"""Parsers of arguments that cost only what is used: a call pays for one command, not for all."""

from __future__ import annotations

import argparse
from functools import cache

from kernel_schema.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn, Protocol

    class Commands(Protocol):
        """What `Parser.add_subparsers` returns, of which argparse says nothing in public."""

        def add_parser(self, name: str, **options: Any) -> Parser:
            """Add the parser of a command."""
            ...


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int],
    fill: Callable[[Parser], None] | None = None,
    *,
    description: str | None = None,
) -> None:
    """Add a command.

    Args:
        commands: What takes it.
        name: Its name.
        summary: What it does, in one line of the list of commands.
        run: Does it; gets the arguments, and returns the exit code.
        fill: Adds its arguments.
        description: What its own help begins with.
    """
    parser = commands.add_parser(name, help=summary, description=description, fill=fill)
    parser.set_defaults(run=run)


class Parser(argparse.ArgumentParser):
    """A parser that takes options by their full names, and gets its arguments when first used.

    Args:
        fill: Adds the arguments.
        options: As for `argparse.ArgumentParser`.
    """

    def __init__(self, *, fill: Callable[[Parser], None] | None = None, **options: Any) -> None:
        self._fill = fill
        super().__init__(**options, allow_abbrev=False, formatter_class=_formatter)

    def error(self, message: str) -> NoReturn:
        """End the command: arguments are in the message, as they came."""
        super().error(printable(message))

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] (overloads of the same)
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse, with all arguments there, and options between them wherever they stand."""
        if self._fill is None:
            return super().parse_known_args(args, namespace)
        self._fill(self)
        # It calls this method in its turn.
        self._fill = None
        return self.parse_known_intermixed_args(args, namespace)


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse makes a formatter for each argument that is added, and each would ask for the width.
    return argparse.HelpFormatter(prog, width=_width())


@cache
def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns - 2
