"""Arguments in, exit code out."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from importlib import import_module

import kernel_schema as ks
from kernel_schema.cli import commands
from kernel_schema.cli.exits import USAGE, Stop, complain, say
from kernel_schema.cli.output.terminal import replace_closed
from kernel_schema.cli.table.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

# As a shell tells of a process that a signal has ended: SIGINT, SIGPIPE.
_INTERRUPTED: Final = 128 + 2
_BROKEN_PIPE: Final = 128 + 13


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
    options = parse(arguments)
    if getattr(options, "trust_remote_code", False) and options.model is None:
        return complain("--trust-remote-code goes with --model")
    try:
        # Imported only now: `--help` needs no command, and a command no other.
        code: int = import_module(f"{commands.__name__}.{options.command}").run(options)
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
    except ks.KernelSchemaError as error:
        say(error.diagnostics)
        return USAGE
    return code


def _drop_output() -> None:
    """Send what is left in the buffer nowhere: Python would try again to write it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
