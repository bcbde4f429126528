"""From the table of commands and a command line to options."""

from __future__ import annotations

import argparse
import sys

from kernel_schema import __version__
from kernel_schema.cli.exits import complain
from kernel_schema.cli.table import COMMANDS
from kernel_schema.paths import is_there
from kernel_schema.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final, NoReturn

    from kernel_schema.cli.table.options import Argument

_END: Final = "--"
# Begins what stands behind `--` until all is parsed: no word of a command line can hold it.
_FILE: Final = "\0"
_STOP: Final = f"--{_FILE}"
_AMBIGUOUS: Final = (
    "`{0}` is an option, and the name of a file here: write `./{0}` for the file, or `--` between "
    "options and files"
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line: nothing behind `--` is an option, and no file is one."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if _END in words:
        end = words.index(_END)
        # argparse forgets `--` where options may stand between files.
        words[end:] = [_STOP, *(f"{_FILE}{word}" for word in words[end + 1 :])]
    else:
        for word in words:
            if word.startswith("-") and word != "-" and is_there(word):
                sys.exit(complain(_AMBIGUOUS.format(word)))
    return _build(words[0] if words else None)[0].parse_args(words)


def whole_parser() -> tuple[argparse.ArgumentParser, list[argparse.Action]]:
    """A parser to look into, with the arguments of every command; those are given beside it."""
    parser, commands = _build()
    return parser, [action for command in commands for action in command.take()]


def _build(first: str | None = None) -> tuple[_Parser, list[_Parser]]:
    """The parser, and those of the commands, which take their arguments once they are needed.

    Of one command, if the first word names it: making a parser takes far longer than using it.
    """
    parser = _Parser(
        prog="kernel-schema",
        description="Check, convert and apply configs that run a model's layers on custom kernels.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"kernel-schema {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    rows = [
        commands.add_parser(
            row.name, help=row.summary, description=row.description, arguments=row.arguments
        )
        for row in [row for row in COMMANDS if row.name == first] or COMMANDS
    ]
    return parser, rows


class _Parser(argparse.ArgumentParser):
    """Takes options by their full names, and wherever they stand between files."""

    def __init__(self, *, arguments: Sequence[Argument] = (), **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)
        self._waiting = arguments

    def error(self, message: str) -> NoReturn:
        # Arguments are in it, as they came.
        super().error(printable(message.replace(_FILE, "").replace(repr(_FILE)[1:-1], "")))

    def parse_known_args(self, *words: Any, **options: Any) -> Any:
        if not self._waiting:
            return super().parse_known_args(*words, **options)
        self.take()
        # An option where `--` stood, so that none before it takes a file for its value.
        self.add_argument(_STOP, action="store_true", help=argparse.SUPPRESS)
        self.register("type", None, _as_given)
        # It calls this method in its turn.
        parsed, unknown = self.parse_known_intermixed_args(*words, **options)
        if unknown:
            # Imported here: most calls are right.
            from kernel_schema.cli.table import suggestions

            hint = suggestions.for_options(unknown, self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            from kernel_schema.cli.table import suggestions

            choices = [*(action.choices or ())]
            error.message += suggestions.for_value(str(value), action.dest, choices)
            raise

    def take(self) -> list[argparse.Action]:
        """Add the arguments that have waited until somebody needs them."""
        exclude = any(argument.exclusive for argument in self._waiting)
        group = self.add_mutually_exclusive_group() if exclude else self
        waiting, self._waiting = self._waiting, ()
        return [
            (group if argument.exclusive else self).add_argument(
                *argument.names, **argument.options
            )
            for argument in waiting
        ]


def _as_given(word: str) -> str:
    return word.removeprefix(_FILE)
