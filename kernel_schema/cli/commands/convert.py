"""`kernel-schema convert`: the same config in another format, on standard output."""

from __future__ import annotations

import argparse

from kernel_schema.cli.exits import OK
from kernel_schema.cli.opening import open_document
from kernel_schema.cli.output.terminal import write
from kernel_schema.files.write import dumps


def run(options: argparse.Namespace) -> int:
    """2 if the file cannot be had, 1 if it holds no valid config, else 0; paths stay as written."""
    write(dumps(open_document(options.file, options).config, format=options.to))
    return OK
