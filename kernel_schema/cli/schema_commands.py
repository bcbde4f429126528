"""The arguments of the commands for editors: `schema` and `attach`."""

from __future__ import annotations

from kernel_schema.cli.model_commands import add_model
from kernel_schema.cli.parsers import add_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from kernel_schema.cli.parsers import Commands, Parser


def add_schema_commands(commands: Commands) -> None:
    """Add `schema` and `attach` to the commands."""
    add_command(
        commands,
        "schema",
        "write the JSON Schema of config files",
        _schema,
        _schema_arguments,
        description="Write the JSON Schema of config files, for editors and validators. Exit code "
        "1: with --check, the file is another one; 2: it or the model cannot be had.",
    )
    add_command(
        commands,
        "attach",
        "tell editors where the JSON Schema of a config file is",
        _attach,
        _attach_arguments,
        description="Write the JSON Schema beside a config file, and a header into the file that "
        "editors follow to it. What else the file holds stays as it is, byte by byte.",
    )


def _schema_arguments(schema: Parser) -> None:
    add_model(schema, "allow the layers of this model only")
    schema.add_argument(
        "--profile",
        choices=("editor", "plain"),
        default="editor",
        help="editor (default): with messages and completion; plain: for strict validators",
    )
    schema.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    schema.add_argument(
        "--force", action="store_true", help="replace a file that is no schema of ours"
    )
    schema.add_argument(
        "--check", action="store_true", help="write nothing: tell whether FILE is up to date"
    )


def _attach_arguments(attach: Parser) -> None:
    attach.add_argument("file", metavar="FILE", help="a config file")
    source = attach.add_mutually_exclusive_group()
    add_model(attach, "a schema with the layers of this model only", group=source)
    source.add_argument(
        "--schema", metavar="PATH_OR_URL", help="refer to this schema, and write none"
    )


# Each command is imported when it is run.


def _schema(options: argparse.Namespace) -> int:
    from kernel_schema.cli.schema import run_schema

    return run_schema(options)


def _attach(options: argparse.Namespace) -> int:
    from kernel_schema.cli.attach import run_attach

    return run_attach(options)
