"""Parsers of arguments that cost only what is used: a call pays for one command, not for all."""

from __future__ import annotations

import argparse
import sys
from functools import cache

from kernel_schema.cli.exits import complain
from kernel_schema.paths import is_there
from kernel_schema.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final, NoReturn, Protocol

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

    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride] (overloads of the same)
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Parse a command line: nothing behind `--` is an option, and no file is one."""
        words = list(sys.argv[1:] if args is None else args)
        end = words.index(_END) if _END in words else None
        if end is None:
            for word in words:
                if word.startswith("-") and word != "-" and is_there(word):
                    self.exit(complain(_AMBIGUOUS.format(word)))
        else:
            # argparse forgets `--` where options may stand between files.
            words[end:] = [_STOP, *(f"{_FILE}{word}" for word in words[end + 1 :])]
        options = super().parse_args(words, namespace)
        for name, value in vars(options).items():
            setattr(options, name, _as_given(value))
        return options

    def error(self, message: str) -> NoReturn:
        """End the command: arguments are in the message, as they came."""
        super().error(printable(message.replace(_FILE, "").replace(repr(_FILE)[1:-1], "")))

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] (overloads of the same)
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse, with all arguments there, and options between them wherever they stand."""
        if self._fill is None:
            return super().parse_known_args(args, namespace)
        self._fill(self)
        # An option where `--` stood, so that none before it takes a file for its value.
        self.add_argument(_STOP, action="store_true", dest="stop", help=argparse.SUPPRESS)
        # It calls this method in its turn.
        self._fill = None
        return self.parse_known_intermixed_args(args, namespace)


_END: Final = "--"
# Begins what stands behind `--` until all is parsed: no word of a command line can hold it.
_FILE: Final = "\0"
_STOP: Final = f"--{_FILE}"
_AMBIGUOUS: Final = (
    "`{0}` is an option, and the name of a file here: write `./{0}` for the file, or `--` between "
    "options and files"
)


def _as_given(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_given(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value.removeprefix(_FILE) if isinstance(value, str) else value


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse makes a formatter for each argument that is added, and each would ask for the width.
    return argparse.HelpFormatter(prog, width=_width())


@cache
def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns - 2
