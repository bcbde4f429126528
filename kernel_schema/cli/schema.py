"""`kernel-schema schema`: the JSON Schema of config files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_schema.cli.exits import FINDINGS, OK, complain
from kernel_schema.cli.terminal import write, write_lines
from kernel_schema.lowering.json_schema import json_schema
from kernel_schema.paths import exists, read_at_most
from kernel_schema.schema.json_schema import render
from kernel_schema.wording import printable

if TYPE_CHECKING:
    import argparse

    from kernel_schema.schema.nodes import Profile


def run_schema(options: argparse.Namespace) -> int:
    """Run the command.

    Args:
        options: `model`, `trust_remote_code`, `profile`, `output`, `check`.

    Returns:
        2 if the model cannot be built or the file cannot be had, 1 if it is checked and is another
        one, else 0.
    """
    if options.check and options.output is None:
        return complain("--check needs the file to check: --output FILE")
    text = schema_text(options, options.profile)
    if options.output is None:
        write(text)
        return OK
    target = Path(options.output)
    try:
        if not options.check:
            target.write_text(text, encoding="utf-8", newline="\n")
            return OK
        current = read_at_most(target, len(text.encode())) if exists(target) else b""
    except OSError as error:
        return complain(f"{options.output}: {error.strerror}")
    if current == text.encode():
        return OK
    write_lines(printable(f"{options.output} is not up to date: run `{_command(options)}`"))
    return FINDINGS


def schema_text(options: argparse.Namespace, profile: Profile = "editor") -> str:
    """The text of a schema file.

    Args:
        options: `model`, which may be None, and `trust_remote_code`.
        profile: `editor` or `plain`.

    Raises:
        Stop: If the model cannot be built; why has been said.
    """
    if options.model is None:
        return render(json_schema(profile=profile))
    from kernel_schema.cli.inputs import open_model

    return render(json_schema(open_model(options), profile=profile))


def _command(options: argparse.Namespace) -> str:
    """The command that brings a file up to date."""
    words = ["kernel-schema", "schema"]
    if options.model is not None:
        words += ["--model", options.model]
    if options.trust_remote_code:
        words.append("--trust-remote-code")
    words += ["--profile", options.profile, "--output", options.output]
    return shlex.join(words)
