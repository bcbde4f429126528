"""The arguments of the commands that look at models, environments and differences."""

from __future__ import annotations

from kernel_schema.cli.parsers import add_command
from kernel_schema.cli.reading import add_reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Final

    from kernel_schema.cli.parsers import Commands, Parser

DEVICES: Final = ("cpu", "cuda", "mps", "neuron", "npu", "rocm", "tpu", "xpu")
MODES: Final = ("inference", "training", "inference_torch_compile", "training_torch_compile")
_MODEL: Final = "module:attribute, a directory with a config.json, or a Hub id"
_SHAPES: Final = ("text", "json")


def add_model_commands(commands: Commands) -> None:
    """Add `explain`, `layers`, `init`, `diff` and `env` to the commands."""
    for name, summary, run, fill in (
        ("explain", "tell what will run in a model, and why not", _explain, _explain_arguments),
        ("layers", "list the layer names that a model registers", _layers, _layers_arguments),
        ("init", "write a config to start from", _init, _init_arguments),
        ("diff", "tell what two configs say differently", _diff, _diff_arguments),
        ("env", "show versions and variables that decide what runs", _env, _add_shape),
    ):
        description = f"{summary[0].upper()}{summary[1:]}."
        add_command(commands, name, summary, run, fill, description=description)


def add_model(
    parser: Parser,
    purpose: str = "",
    *,
    required: bool = False,
    group: Any = None,
) -> None:
    """Add `--model` and `--trust-remote-code`: where the one stands, so does the other.

    Args:
        parser: What takes them.
        purpose: What the command does with the model.
        required: Whether there is nothing to do without one.
        group: What takes `--model`, if it goes with no other of these.
    """
    (group or parser).add_argument(
        "--model",
        metavar="SPEC",
        required=required,
        help=f"{purpose}: {_MODEL}" if purpose else _MODEL,
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the code that comes with a model of a directory or the Hub",
    )


def _explain_arguments(explain: Parser) -> None:
    explain.add_argument("file", metavar="FILE", help="a config file, or `-`")
    add_model(explain, required=True)
    _add_target(explain)
    explain.add_argument("--all-modes", action="store_true", help="one table for each mode")
    explain.add_argument(
        "--layer", metavar="NAME", help="one layer on every device and in every mode"
    )
    explain.add_argument(
        "--defaults",
        choices=("transformers",),
        help="take it that the config inherits this table of kernels",
    )
    _add_shape(explain)
    add_reading(explain)


def _layers_arguments(layers: Parser) -> None:
    add_model(layers, required=True)
    _add_shape(layers)


def _init_arguments(init: Parser) -> None:
    add_model(init, required=True)
    init.add_argument(
        "--device", action="append", choices=DEVICES, help="only for this device; may be repeated"
    )
    init.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    init.add_argument("--force", action="store_true", help="replace a file that exists")


def _diff_arguments(diff: Parser) -> None:
    diff.add_argument("old", metavar="OLD")
    diff.add_argument("new", metavar="NEW")
    add_model(diff, "what changes for a model")
    _add_target(diff)
    add_reading(diff)


def _add_target(parser: Parser) -> None:
    parser.add_argument("--device", choices=DEVICES, help="default: that of the model's parameters")
    parser.add_argument(
        "--capability", type=int, metavar="N", help="compute capability: 90 means 9.0"
    )
    parser.add_argument("--mode", choices=MODES, help="default: by the model's training state")


def _add_shape(parser: Parser) -> None:
    parser.add_argument("--output-format", choices=_SHAPES, default="text", help="default: text")


# Each command is imported when it is run.


def _explain(options: argparse.Namespace) -> int:
    from kernel_schema.cli.explain import run_explain

    return run_explain(options)


def _layers(options: argparse.Namespace) -> int:
    from kernel_schema.cli.layers import run_layers

    return run_layers(options)


def _init(options: argparse.Namespace) -> int:
    from kernel_schema.cli.init import run_init

    return run_init(options)


def _diff(options: argparse.Namespace) -> int:
    from kernel_schema.cli.diff import run_diff

    return run_diff(options)


def _env(options: argparse.Namespace) -> int:
    from kernel_schema.cli.env import run_env

    return run_env(options)
