"""The arguments of commands as data; what several commands take stands here once."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.limits import MAX_BYTES
from kernel_schema.schema.vocabulary import DEVICE_NAMES, ModeName

if TYPE_CHECKING:
    from kernel_schema.files.document import Format


class Argument(NamedTuple):
    """What `add_argument` of argparse takes; of a command's `exclusive` ones only one may stand."""

    names: tuple[str, ...]
    options: dict[str, Any]
    exclusive: bool


def argument(*names: str, exclusive: bool = False, **options: Any) -> Argument:
    """An argument as `add_argument` takes it."""
    return Argument(names, options, exclusive)


def model(
    purpose: str = "", *, required: bool = False, exclusive: bool = False
) -> tuple[Argument, Argument]:
    """`--model` and `--trust-remote-code`: where the one stands, so does the other."""
    spec = "module:attribute, a directory with a config.json, or a Hub id"
    return (
        argument(
            "--model",
            metavar="SPEC",
            required=required,
            exclusive=exclusive,
            help=f"{purpose}: {spec}" if purpose else spec,
        ),
        argument(
            "--trust-remote-code",
            action="store_true",
            help="run the code that comes with a model of a directory or the Hub",
        ),
    )


def codes(text: str) -> list[str]:
    """The codes of a list with commas; at least one."""
    listed = [code.strip() for code in text.split(",") if code.strip()]
    if not listed:
        raise ArgumentTypeError(f"invalid list of codes value: {text!r}")
    return listed


def _size(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise ArgumentTypeError(f"invalid number of bytes value: {text!r}")
    return number


# Held against their source by a test: importing it takes ten times as long as `--help`.
FORMATS: Final[tuple[Format, ...]] = ("yaml", "json", "toml")
# A model runs in a mode; `fallback` is none, but what serves in all of them.
_MODES: Final = tuple(mode.value for mode in ModeName if mode is not ModeName.FALLBACK)

READING: Final = (
    argument(
        "--format",
        choices=FORMATS,
        help="the format to read, if the ending of the file does not tell it",
    ),
    argument(
        "--max-bytes",
        type=_size,
        default=MAX_BYTES,
        metavar="N",
        help=f"refuse larger files (default: {MAX_BYTES})",
    ),
)
TARGET: Final = (
    argument("--device", choices=DEVICE_NAMES, help="default: that of the model's parameters"),
    argument("--capability", type=int, metavar="N", help="compute capability: 90 means 9.0"),
    argument("--mode", choices=_MODES, help="default: by the model's training state"),
)
OUTPUT: Final = argument("-o", "--output", metavar="FILE", help="default: standard output")


def output_format(*choices: str) -> Argument:
    """`--output-format`, of which the first choice is the default."""
    return argument(
        "--output-format", choices=choices, default=choices[0], help=f"default: {choices[0]}"
    )
