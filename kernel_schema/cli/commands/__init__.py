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
    model,
    output_format,
)
from kernel_schema.cli.output import OUTPUT_FORMATS
from kernel_schema.schema.vocabulary import DEVICE_NAMES


class Command(NamedTuple):
    """A command: its name, what the list of commands and its own help say of it, its arguments."""

    name: str
    summary: str
    description: str | None
    arguments: tuple[Argument, ...] = ()


COMMANDS: Final = (
    Command(
        "check",
        "check config files",
        "Check config files. Exit code 0: clean, warnings at most; 1: errors; 2: a file or the "
        "model cannot be had.",
        (
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
            argument("--quiet", action="store_true", help="print findings, and nothing else"),
            argument("--explain", metavar="CODE", help="print what a code means, and exit"),
            *READING,
        ),
    ),
    Command(
        "convert",
        "write a config in another format",
        "Write a config in another format, to standard output.",
        (
            argument("file", metavar="FILE", help="a file, or `-` for standard input"),
            argument("--to", choices=FORMATS, required=True, help="the format to write"),
            *READING,
        ),
    ),
    Command(
        "explain",
        "tell what will run in a model, and why not",
        "Tell what will run in a model, and why not.",
        (
            argument("file", metavar="FILE", help="a config file, or `-`"),
            *model(required=True),
            *TARGET,
            argument("--all-modes", action="store_true", help="one table for each mode"),
            argument("--layer", metavar="NAME", help="one layer on every device and in every mode"),
            argument(
                "--defaults",
                choices=("transformers",),
                help="take it that the config inherits this table of kernels",
            ),
            output_format("text", "json"),
            *READING,
        ),
    ),
    Command(
        "layers",
        "list the layer names that a model registers",
        "List the layer names that a model registers.",
        (*model(required=True), output_format("text", "json")),
    ),
    Command(
        "init",
        "write a config to start from",
        "Write a config to start from.",
        (
            *model(required=True),
            argument(
                "--device",
                action="append",
                choices=DEVICE_NAMES,
                help="only for this device; may be repeated",
            ),
            OUTPUT,
            argument("--force", action="store_true", help="replace a file that exists"),
        ),
    ),
    Command(
        "diff",
        "tell what two configs say differently",
        "Tell what two configs say differently.",
        (
            argument("old", metavar="OLD"),
            argument("new", metavar="NEW"),
            *model("what changes for a model"),
            *TARGET,
            *READING,
        ),
    ),
    Command(
        "env",
        "show versions and variables that decide what runs",
        "Show versions and variables that decide what runs.",
        (output_format("text", "json"),),
    ),
    Command(
        "schema",
        "write the JSON Schema of config files",
        "Write the JSON Schema of config files, for editors and validators. Exit code 1: with "
        "--check, the file is another one; 2: it or the model cannot be had.",
        (
            *model("allow the layers of this model only"),
            argument(
                "--profile",
                choices=("editor", "plain"),
                default="editor",
                help="editor (default): with messages and completion; plain: for strict validators",
            ),
            OUTPUT,
            argument(
                "--force", action="store_true", help="replace a file that is no schema of ours"
            ),
            argument(
                "--check",
                action="store_true",
                help="write nothing: tell whether FILE is up to date",
            ),
        ),
    ),
    Command(
        "attach",
        "tell editors where the JSON Schema of a config file is",
        "Write the JSON Schema beside a config file, and a header into the file that editors "
        "follow to it. What else the file holds stays as it is, byte by byte.",
        (
            argument("file", metavar="FILE", help="a config file"),
            *model("a schema with the layers of this model only", exclusive=True),
            argument(
                "--schema",
                metavar="PATH_OR_URL",
                exclusive=True,
                help="refer to this schema, and write none",
            ),
        ),
    ),
    Command("codes", "list the codes of all problems", None),
    Command(
        "demo",
        "run a small model with a real kernel, end to end",
        "Validate, check, lower and kernelize a small model with a real local kernel for the CPU, "
        "and compare the outputs. Needs no network.",
    ),
)
