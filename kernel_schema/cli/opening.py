"""The file and the model that a command names, or its end, with the reason."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kernel_schema.cli.checking import check_files
from kernel_schema.cli.exits import FINDINGS, USAGE, Stop, complain, say
from kernel_schema.cli.output.text import render

if TYPE_CHECKING:
    import argparse

    from kernel_schema.files.document import Document
    from kernel_schema.model.types import Module


def open_document(file: str, options: argparse.Namespace) -> Document:
    """Read a config file; raises `Stop` if it cannot be had, or holds no valid config."""
    result = check_files([file], select=(), format=options.format, max_bytes=options.max_bytes)
    if result.refused:
        say(result.refused)
        raise Stop(USAGE)
    if result.diagnostics:
        render(result, sys.stderr)
        raise Stop(FINDINGS)
    return result.documents[0]


def open_model(options: argparse.Namespace) -> Module:
    """Build the model that `--model` names; raises `Stop` if it cannot be built."""
    from kernel_schema.integrations.models import ModelSpecError, build_model

    try:
        return build_model(options.model, trust_remote_code=options.trust_remote_code)
    except ModelSpecError as error:
        raise Stop(complain(f"--model {options.model}: {error}")) from None
