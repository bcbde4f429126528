"""`kernel-schema codes` and `kernel-schema check --explain CODE`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.codes import catalogue
from kernel_schema.wording import Suggester, quote


def run(_: argparse.Namespace) -> int:
    """List every code with its severity and what it means in one line."""
    codes = catalogue()
    widest = max(map(len, codes))
    for name, code in codes.items():
        write_lines(f"{name:<{widest}}  {code.severity:<7}  {code.summary}")
    return OK


def explain(name: str) -> int:
    """Print what a code means, with a wrong and a right example."""
    problem = unknown_code([name])
    if problem is not None:
        return complain(problem)
    code = catalogue()[name]
    write_lines(f"{code.severity}[{name}]: {code.summary}\n\n{code.explanation}")
    for title, example in (("Wrong", code.wrong), ("Right", code.right)):
        write_lines(f"\n{title}:\n")
        write_lines("\n".join(f"    {line}".rstrip() for line in example.splitlines()))
    return OK


def unknown_code(names: Iterable[str]) -> str | None:
    """What to say of the first of `names` that is no code; None if all are."""
    codes = catalogue()
    for name in names:
        if name not in codes:
            nearest = Suggester(codes).closest(name)
            hint = f"did you mean {quote(nearest)}? " if nearest else ""
            return f"there is no code {quote(name)}: {hint}`kernel-schema codes` lists them"
    return None
