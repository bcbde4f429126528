"""Arguments in, exit code out."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from kernel_schema import __version__
from kernel_schema.cli.exits import USAGE, Stop, complain
from kernel_schema.cli.model_commands import add_model, add_model_commands
from kernel_schema.cli.parsers import Parser, add_command
from kernel_schema.cli.reading import FORMATS, add_reading
from kernel_schema.cli.schema_commands import add_schema_commands
from kernel_schema.cli.terminal import replace_closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Final

OUTPUT_FORMATS: Final = ("text", "concise", "json", "github", "sarif")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What follows the name of the command; taken from the process if left out.

    Returns:
        0 if all is well, 1 if there are findings, 2 for a wrong call; 130 if interrupted, 141 if
        whoever reads the output went away.
    """
    replace_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters that a terminal cannot show are no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    if getattr(options, "trust_remote_code", False) and options.model is None:
        return complain("--trust-remote-code goes with --model")
    try:
        code = options.run(options)
        sys.stdout.flush()
    except Stop as stop:
        return stop.code
    except BrokenPipeError:
        # Whoever read our output has enough. That is no success: what was found may be lost.
        _drop_output()
        return _BROKEN_PIPE
    except OSError as error:
        # Commands say themselves what is wrong with files: what is left is what they write.
        _drop_output()
        what = "the output cannot be written" if error.filename is None else error.filename
        return complain(f"{what}: {error.strerror or error}")
    except KeyboardInterrupt:
        complain("interrupted")
        return _INTERRUPTED
    return code


# As a shell tells of a process that a signal has ended: SIGINT, SIGPIPE.
_INTERRUPTED: Final = 128 + 2
_BROKEN_PIPE: Final = 128 + 13


def _drop_output() -> None:
    """Send what is left in the buffer nowhere: Python would try again to write it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="kernel-schema",
        description="Check, convert and apply configs that run a model's layers on custom kernels.",
    )
    parser.add_argument("--version", action="version", version=f"kernel-schema {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_command(
        commands,
        "check",
        "check config files",
        _check,
        _check_arguments,
        description="Check config files. Exit code 0: clean, warnings at most; 1: errors; 2: a "
        "file or the model cannot be had.",
    )
    add_command(
        commands,
        "convert",
        "write a config in another format",
        _convert,
        _convert_arguments,
        description="Write a config in another format, to standard output.",
    )
    add_model_commands(commands)
    add_schema_commands(commands)
    add_command(commands, "codes", "list the codes of all problems", _codes)
    add_command(
        commands,
        "demo",
        "run a small model with a real kernel, end to end",
        _demo,
        description="Validate, check, lower and kernelize a small model with a real local kernel "
        "for the CPU, and compare the outputs. Needs no network.",
    )
    return parser


def _check_arguments(check: Parser) -> None:
    check.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="files, `-` for standard input, or directories to search for kernels.*, *.kernels.* "
        "and a pyproject.toml with [tool.kernel-schema]",
    )
    add_model(check, "check against a model too")
    check.add_argument(
        "--ignore",
        type=_codes_list,
        action="extend",
        default=[],
        metavar="CODE,...",
        help="leave these findings out; what makes a config unusable is always reported",
    )
    check.add_argument(
        "--select",
        type=_codes_list,
        action="extend",
        metavar="CODE,...",
        help="report only these findings",
    )
    check.add_argument(
        "--output-format", choices=OUTPUT_FORMATS, default="text", help="default: text"
    )
    check.add_argument("--quiet", action="store_true", help="print findings, and nothing else")
    check.add_argument("--explain", metavar="CODE", help="print what a code means, and exit")
    add_reading(check)


def _convert_arguments(convert: Parser) -> None:
    convert.add_argument("file", metavar="FILE", help="a file, or `-` for standard input")
    convert.add_argument("--to", choices=FORMATS, required=True, help="the format to write")
    add_reading(convert)


def _codes_list(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(",") if code.strip()]
    if not codes:
        raise ValueError(text)
    return codes


# What argparse calls it, should it name no code.
_codes_list.__name__ = "list of codes"


# Each command is imported when it is run: `--help` and `--version` load none of them.


def _check(options: argparse.Namespace) -> int:
    if options.explain is not None:
        from kernel_schema.cli.codes import run_explain

        return run_explain(options.explain)
    if not options.files:
        return complain("name at least one file or directory to check") or USAGE
    from kernel_schema.cli.check import run_check

    return run_check(options)


def _convert(options: argparse.Namespace) -> int:
    from kernel_schema.cli.convert import run_convert

    return run_convert(options)


def _codes(options: argparse.Namespace) -> int:
    from kernel_schema.cli.codes import run_codes

    return run_codes(options)


def _demo(options: argparse.Namespace) -> int:
    from kernel_schema.cli.demo import run_demo_command

    return run_demo_command(options)
