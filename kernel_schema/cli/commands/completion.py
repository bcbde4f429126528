"""`kernel-schema completion`: a script by which a shell completes this command."""

from __future__ import annotations

import argparse
from typing import Any, Final

from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.output.terminal import write
from kernel_schema.cli.table.parser import whole_parser
from kernel_schema.codes import catalogue

FILES: Final = frozenset(
    {"FILE", "NEW", "OLD", "PATH", "PATH_OR_URL", "PATTERN", "POLICY", "WHEEL"}
)
"""What the arguments are called that take files: words behind them are completed as paths."""
DIRECTORIES: Final = frozenset({"DIR", "SPEC"})
CODES: Final = frozenset({"CODE", "CODE,..."})


def run(options: argparse.Namespace) -> int:
    """2 without the extra, else 0."""
    try:
        import shtab
    except ImportError:
        return complain(
            "completion needs shtab: run `pip install 'kernel-schema[completion]'`, or `uv tool "
            "install 'kernel-schema[completion]'`"
        )
    parser, actions = whole_parser()
    for action in actions:
        _describe(action, shtab)
    write(shtab.complete(parser, options.shell) + "\n")
    return OK


def _describe(action: Any, shtab: Any) -> None:
    """Tell shtab what a word may be."""
    if action.metavar in FILES:
        action.complete = shtab.FILE
    elif action.metavar in DIRECTORIES:
        action.complete = shtab.DIRECTORY
    elif action.metavar in CODES:
        action.choices = list(catalogue())
