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


def flag(name: str, purpose: str) -> Argument:
    """An option without a value."""
    return argument(name, action="store_true", help=purpose)


def model(
    purpose: str = "", *, required: bool = False, exclusive: bool = False
) -> tuple[Argument, Argument]:
    """`--model` and `--trust-remote-code`: where the one stands, so does the other."""
    spec = "module:attribute, a directory with a config.json, or a Hub id"
    described = f"{purpose}: {spec}" if purpose else spec
    trust = "run the code that comes with a model of a directory or the Hub"
    return (
        argument("--model", metavar="SPEC", required=required, help=described, exclusive=exclusive),
        flag("--trust-remote-code", trust),
    )


def output_format(default: str, *others: str) -> Argument:
    """`--output-format`."""
    choices = (default, *others)
    return argument("--output-format", choices=choices, default=default, help=f"default: {default}")


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


# A test holds it against `Format`, whose module takes longer to import than all of `--help`.
FORMATS: Final[tuple[Format, ...]] = ("yaml", "json", "toml")
# `fallback` is no mode that a model runs in.
_MODES: Final = tuple(mode.value for mode in ModeName if mode is not ModeName.FALLBACK)
_READ_AS: Final = "the format to read, if the ending of the file does not tell it"
_AT_MOST: Final = f"refuse larger files (default: {MAX_BYTES})"

READING: Final = (
    argument("--format", choices=FORMATS, help=_READ_AS),
    argument("--max-bytes", type=_size, default=MAX_BYTES, metavar="N", help=_AT_MOST),
)
TARGET: Final = (
    argument("--device", choices=DEVICE_NAMES, help="default: that of the model's parameters"),
    argument("--capability", type=int, metavar="N", help="compute capability: 90 means 9.0"),
    argument("--mode", choices=_MODES, help="default: by the model's training state"),
)
OUTPUT: Final = argument("-o", "--output", metavar="FILE", help="default: standard output")
