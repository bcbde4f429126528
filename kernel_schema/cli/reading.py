"""The options that say how a config file is read."""

from __future__ import annotations

from kernel_schema.limits import MAX_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Final

FORMATS: Final = ("yaml", "json", "toml")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add `--format` and `--max-bytes`."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="the format to read, if the ending of the file does not tell it",
    )
    parser.add_argument(
        "--max-bytes",
        type=_size,
        default=MAX_BYTES,
        metavar="N",
        help=f"refuse larger files (default: {MAX_BYTES})",
    )


def _size(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


# What argparse calls it, should it be none.
_size.__name__ = "number of bytes"
