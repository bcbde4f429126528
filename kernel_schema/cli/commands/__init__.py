"""The table of commands: each is a module of its name here, with a function `run`."""

from __future__ import annotations

from typing import Final, NamedTuple

from kernel_schema.cli.options import (
    FORMATS,
    OUTPUT,
    READING,
    TARGET,
    Argument,
    argument,
    codes,
    flag,
    model,
    output_format,
)
from kernel_schema.cli.output import OUTPUT_FORMATS
from kernel_schema.schema.vocabulary import DEVICE_NAMES


class Command(NamedTuple):
    """A command: its name, what the list of commands and its own help say of it, its arguments."""

    name: str
    summary: str
    description: str
    arguments: tuple[Argument, ...]


def _command(name: str, summary: str, *arguments: Argument, description: str = "") -> Command:
    described = description or f"{summary[0].upper()}{summary[1:]}."
    return Command(name, summary, described, arguments)


COMMANDS: Final = (
    _command(
        "check",
        "check config files",
        argument(
            "files",
            nargs="*",
            metavar="FILE",
            help="files, `-` for standard input, or directories to search for kernels.*, "
            "*.kernels.* and a pyproject.toml with [tool.kernel-schema]",
        ),
        *model("check against a model too"),
        argument(
            "--ignore",
            type=codes,
            action="extend",
            default=[],
            metavar="CODE,...",
            help="leave these findings out; what makes a config unusable is always reported",
        ),
        argument(
            "--select",
            type=codes,
            action="extend",
            metavar="CODE,...",
            help="report only these findings",
        ),
        output_format(*OUTPUT_FORMATS),
        flag("--quiet", "print findings, and nothing else"),
        argument("--explain", metavar="CODE", help="print what a code means, and exit"),
        *READING,
        description="Check config files. Exit code 0: clean, warnings at most; 1: errors; 2: a "
        "file or the model cannot be had.",
    ),
    _command(
        "convert",
        "write a config in another format",
        argument("file", metavar="FILE", help="a file, or `-` for standard input"),
        argument("--to", choices=FORMATS, required=True, help="the format to write"),
        *READING,
        description="Write a config in another format, to standard output.",
    ),
    _command(
        "explain",
        "tell what will run in a model, and why not",
        argument("file", metavar="FILE", help="a config file, or `-`"),
        *model(required=True),
        *TARGET,
        flag("--all-modes", "one table for each mode"),
        argument("--layer", metavar="NAME", help="one layer on every device and in every mode"),
        argument(
            "--defaults",
            choices=("transformers",),
            help="take it that the config inherits this table of kernels",
        ),
        output_format("text", "json"),
        *READING,
    ),
    _command(
        "layers",
        "list the layer names that a model registers",
        *model(required=True),
        output_format("text", "json"),
    ),
    _command(
        "init",
        "write a config to start from",
        *model(required=True),
        argument(
            "--device",
            action="append",
            choices=DEVICE_NAMES,
            help="only for this device; may be repeated",
        ),
        OUTPUT,
        flag("--force", "replace a file that exists"),
    ),
    _command(
        "diff",
        "tell what two configs say differently",
        argument("old", metavar="OLD"),
        argument("new", metavar="NEW"),
        *model("what changes for a model"),
        *TARGET,
        *READING,
    ),
    _command(
        "env",
        "show versions and variables that decide what runs",
        output_format("text", "json"),
    ),
    _command(
        "schema",
        "write the JSON Schema of config files",
        *model("allow the layers of this model only"),
        argument(
            "--profile",
            choices=("editor", "plain"),
            default="editor",
            help="editor (default): with messages and completion; plain: for strict validators",
        ),
        OUTPUT,
        flag("--force", "replace a file that is no schema of ours"),
        flag("--check", "write nothing: tell whether FILE is up to date"),
        description="Write the JSON Schema of config files, for editors and validators. Exit code "
        "1: with --check, the file is another one; 2: it or the model cannot be had.",
    ),
    _command(
        "attach",
        "tell editors where the JSON Schema of a config file is",
        argument("file", metavar="FILE", help="a config file"),
        *model("a schema with the layers of this model only", exclusive=True),
        argument(
            "--schema",
            metavar="PATH_OR_URL",
            exclusive=True,
            help="refer to this schema, and write none",
        ),
        description="Write the JSON Schema beside a config file, and a header into the file that "
        "editors follow to it. What else the file holds stays as it is, byte by byte.",
    ),
    Command("codes", "list the codes of all problems", "", ()),
    _command(
        "demo",
        "run a small model with a real kernel, end to end",
        description="Validate, check, lower and kernelize a small model with a real local kernel "
        "for the CPU, and compare the outputs. Needs no network.",
    ),
)
