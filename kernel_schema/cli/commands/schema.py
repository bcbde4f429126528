"""`kernel-schema schema`: the JSON Schema of config files."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

from kernel_schema.cli.exits import FINDINGS, OK, complain
from kernel_schema.cli.opening import open_model
from kernel_schema.cli.output.terminal import write, write_lines
from kernel_schema.diagnostics import ConfigError, Route
from kernel_schema.files.atomic import create_file, replace_file
from kernel_schema.files.read import FileAccessError, read_text
from kernel_schema.json_schemas.export import json_schema
from kernel_schema.json_schemas.shipped import DIALECT, Profile, render
from kernel_schema.paths import exists, read_at_most
from kernel_schema.routes import RouteError
from kernel_schema.wording import printable


def run(options: argparse.Namespace) -> int:
    """2 if the model or the file cannot be had, 1 if it is checked and is another one, else 0."""
    if options.check and options.output is None:
        return complain("--check needs the file to check: --output FILE")
    try:
        text = schema_text(options, options.profile, options.at)
    except RouteError as error:
        return complain(f"--at {options.at}: {error}")
    if options.output is None:
        write(text)
        return OK
    if not options.check:
        try:
            save_schema(options.output, text, force=options.force)
        except FileExistsError:
            return complain(f"{options.output} exists and is no schema of ours: pass --force")
        return OK
    written = text.encode()
    try:
        if exists(options.output) and read_at_most(options.output, len(written)) == written:
            return OK
    except OSError as error:
        return complain(f"{options.output}: {error.strerror}")
    write_lines(printable(f"{options.output} is not up to date: run `{_command(options)}`"))
    return FINDINGS


def schema_text(
    options: argparse.Namespace, profile: Profile = "editor", at: Route | None = None
) -> str:
    """The text of a schema file, for one model if `--model` names one."""
    model = None if options.model is None else open_model(options)
    return render(json_schema(model, profile=profile, at=at))


def save_schema(file: str, text: str, *, force: bool = False) -> bool:
    """Write a schema file in the place of nothing, or of a schema of ours; of anything by force.

    False if it is there already; raises `FileExistsError` if there is something else.
    """
    if force:
        replace_file(file, text)
        return True
    try:
        create_file(file, text)
    except FileExistsError:
        # A link that leads nowhere is none of ours either.
        current = _schema_of_ours(file) if exists(file) else None
        if current is None:
            raise
        if current == text:
            return False
        replace_file(file, text, previous=current.encode())
    return True


def _schema_of_ours(file: str) -> str | None:
    try:
        text, _ = read_text(file, format="json")
        schema: Any = json.loads(text.removeprefix("\ufeff"))
    except FileAccessError:
        raise
    except (ConfigError, ValueError, RecursionError):
        return None
    match schema:
        case {"$schema": dialect, "definitions": {"layer": _, "capability_range": _}} if (
            dialect == DIALECT
        ):
            return text
        case _:
            return None


def _command(options: argparse.Namespace) -> str:
    """The command that brings a file up to date."""
    model = [] if options.model is None else ["--model", options.model]
    trust = ["--trust-remote-code"] if options.trust_remote_code else []
    at = [] if options.at is None else ["--at", str(options.at)]
    rest = ["--profile", options.profile, "--output", options.output]
    return shlex.join(["kernel-schema", "schema", *model, *trust, *at, *rest])
