"""`kernel-schema codes` and `kernel-schema check --explain CODE`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from kernel_schema.addresses import page_of
from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.codes import catalogue
from kernel_schema.wording import quote


def run(_: argparse.Namespace) -> int:
    """List every code with its severity and what it means in one line."""
    codes = catalogue()
    widest = max(map(len, codes))
    for name, code in codes.items():
        write_lines(f"{name:<{widest}}  {code.severity:<7}  {code.summary}")
    return OK


def explain(name: str) -> int:
    """Print what a code means, with a wrong and a right example."""
    code = catalogue().get(name)
    if code is None:
        return complain(unknown_code([name]) or f"{quote(name)} means several codes: name one")
    write_lines(f"{code.severity}[{name}]: {code.summary}\n\n{code.explanation}")
    for title, example in (("Wrong", code.wrong), ("Right", code.right)):
        write_lines(f"\n{title}:\n")
        write_lines("\n".join(f"    {line}".rstrip() for line in example.splitlines()))
    write_lines(f"\n{page_of(name)}")
    return OK


def unknown_code(patterns: Iterable[str]) -> str | None:
    """What to say of the first of `patterns` that means no code; None if all do."""
    # Imported here: the list of codes needs none of it.
    from kernel_schema.checks.selection import fitting, unknown

    for pattern in patterns:
        if not fitting(pattern):
            message, meant = unknown(pattern)
            hint = f"did you mean {quote(meant)}? " if meant else ""
            return f"{message}: {hint}`kernel-schema codes` lists them"
    return None
