"""The table of commands is held against the sources of what it repeats."""

from __future__ import annotations

from importlib import import_module
from inspect import isfunction
from typing import Any, get_args

import pytest

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.cli import commands, output
from kernel_schema.cli.output import OUTPUT_FORMATS
from kernel_schema.cli.table import COMMANDS
from kernel_schema.files.document import Format
from kernel_schema.json_schemas.shipped import Profile
from kernel_schema.schema.vocabulary import DeviceType


def choices(command: str, option: str) -> list[str]:
    """What an option of a command may be."""
    (row,) = (row for row in COMMANDS if row.name == command)
    (argument,) = (argument for argument in row.arguments if option in argument.names)
    return list(argument.options["choices"])


@pytest.mark.parametrize(
    ("command", "option", "source"),
    [
        ("check", "--format", get_args(Format)),
        ("convert", "--to", get_args(Format)),
        ("schema", "--profile", get_args(Profile)),
        ("explain", "--mode", MODE_CHAIN),
        ("explain", "--device", DeviceType),
        ("init", "--device", DeviceType),
    ],
)
def test_choices_are_those_of_their_source(command: str, option: str, source: Any) -> None:
    assert choices(command, option) == [str(choice) for choice in source]


@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_a_row_has_its_module(command: str) -> None:
    if command in {"demo", "explain", "init", "layers"}:
        pytest.importorskip("kernels", reason="the command looks into a model")
    assert isfunction(import_module(f"{commands.__name__}.{command}").run)


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS)
def test_an_output_format_has_its_module(output_format: str) -> None:
    assert isfunction(import_module(f"{output.__name__}.{output_format}").render)
