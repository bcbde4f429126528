"""The files and models that commands name, or the end of the command with the reason why not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kernel_schema.cli.check import check_files, renderer
from kernel_schema.cli.exits import FINDINGS, USAGE, Stop, complain
from kernel_schema.cli.terminal import tell
from kernel_schema.wording import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.document import Document
    from kernel_schema.model.types import Module


def open_document(file: str, options: argparse.Namespace) -> Document:
    """Read a config file.

    Args:
        file: Its path, or `-`.
        options: `format`, `max_bytes`.

    Raises:
        Stop: If it cannot be had, or holds no valid config; what is wrong has been said.
    """
    outcome = check_files(
        [file], None, select=(), format=options.format, max_bytes=options.max_bytes
    )
    if outcome.refused:
        say(outcome.refused)
        raise Stop(USAGE)
    if outcome.result.diagnostics:
        renderer("text", sys.stderr)(outcome.result)
        raise Stop(FINDINGS)
    return outcome.documents[0]


def open_model(options: argparse.Namespace) -> Module:
    """Build the model that a call names.

    Args:
        options: `model`, `trust_remote_code`.

    Raises:
        Stop: If it cannot be built; why has been said.
    """
    from kernel_schema.integrations.models import ModelSpecError, build_model

    try:
        return build_model(options.model, trust_remote_code=options.trust_remote_code)
    except ModelSpecError as error:
        raise Stop(complain(f"--model {options.model}: {error}")) from None


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Say on standard error why a command cannot do its work.

    Args:
        diagnostics: What is in the way; one that has no place in a file is about the call.
    """
    for diagnostic in diagnostics:
        if diagnostic.file is not None:
            tell(str(diagnostic))
            continue
        complain(diagnostic.message)
        if diagnostic.help is not None:
            tell(printable(f"  help: {diagnostic.help}"))
