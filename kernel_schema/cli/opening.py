"""The files and models that commands name: checked, or opened unless something is in the way."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kernel_schema.cli.exits import FINDINGS, USAGE, Stop, complain, say
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.text import render
from kernel_schema.diagnostics import Diagnostic, KernelSchemaError, Route
from kernel_schema.files.document import Document, Format
from kernel_schema.files.read import FileAccessError, loads_document, read_text

if TYPE_CHECKING:
    from kernel_schema.model.types import Module


def check_files(
    files: Sequence[str],
    *,
    format: Format | None = None,
    max_bytes: int,
    at: Route | None = None,
    **asked: Any,
) -> CheckResult:
    """Read, validate and check files; takes what `ks.read` and, in `asked`, `ks.check` do.

    Each is checked by itself: one that is wrong keeps no other from being checked.
    """
    diagnostics: list[Diagnostic] = []
    refused: list[Diagnostic] = []
    documents: list[Document] = []
    texts: dict[str, str] = {}
    for file in files:
        wrong: Sequence[Diagnostic] = ()
        try:
            texts[file], file_format = read_text(file, format=format, max_bytes=max_bytes)
            document = loads_document(texts[file], format=file_format, file=file, at=at)
            documents.append(document)
            # Imported here: a file that holds no valid config needs none of it.
            from kernel_schema.lowering.check import check

            wrong = check(document, **asked)
        except FileAccessError as error:
            refused += error.diagnostics
        except KernelSchemaError as error:
            wrong = error.diagnostics
        if wrong:
            from kernel_schema.cli.withheld import discreet, has_excerpts

            diagnostics += discreet(file, wrong)
            if not has_excerpts(file):
                texts.pop(file, None)
    checked = len(files) - len({diagnostic.file for diagnostic in refused})
    return CheckResult(diagnostics, texts, checked, documents, refused)


def open_document(file: str, options: argparse.Namespace) -> Document:
    """Read a config file; raises `Stop` if it cannot be had, or holds no valid config."""
    result = check_files(
        [file], select=(), format=options.format, max_bytes=options.max_bytes, at=options.at
    )
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
