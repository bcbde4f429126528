"""The files and models that commands name: checked, or opened unless something is in the way."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain, say
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.text import render
from kernel_schema.diagnostics import (
    ConfigError,
    Diagnostic,
    KernelSchemaError,
    PolicyError,
    Route,
    Severity,
    in_file_order,
)
from kernel_schema.files.document import Document, Format
from kernel_schema.files.read import (
    STANDARD_INPUT,
    FileAccessError,
    format_of,
    read_text,
)
from kernel_schema.findings.found import Found, found
from kernel_schema.limits import MAX_BYTES

if TYPE_CHECKING:
    from kernel_schema.cli.mending import Mending
    from kernel_schema.findings.judge import Judge
    from kernel_schema.model.types import Module
    from kernel_schema.policies.policy import Policy


def check_files(
    files: Sequence[str],
    *,
    format: Format | None = None,
    max_bytes: int,
    at: Route | None = None,
    stdin_name: str | None = None,
    judge: Judge | None = None,
    mending: Mending | None = None,
    keep: bool = True,
    overrides: Sequence[str] = (),
    **asked: Any,
) -> CheckResult:
    """Read, validate and check files; takes what `ks.read` and, in `asked`, `Asked` do.

    Each is checked by itself: one that is wrong keeps no other from being checked. Messages call
    standard input `stdin_name`. All that is found is shown, unless a `judge` leaves some out; with
    `mending`, what it mends first is gone. The documents are kept unless `keep` is false: those of
    a large tree would fill the memory. A mistake in an override is about no file: it raises `Stop`.
    """
    by_override = texts_of(overrides)
    diagnostics: list[Diagnostic] = []
    refused: list[Diagnostic] = []
    forbidden: list[Diagnostic] = []
    documents: list[Document] = []
    texts: dict[str, str] = {}
    for path in files:
        file = stdin_name if path == STANDARD_INPUT and stdin_name is not None else path
        wrong: Sequence[Diagnostic] = ()
        known = by_override
        try:
            text, file_format = read_text(
                path, format=format or format_of(file), max_bytes=max_bytes
            )
            find = partial(
                _found,
                file=file,
                format=file_format,
                max_bytes=max_bytes,
                at=at,
                overrides=overrides,
                judge=judge,
                asked=asked,
            )
            if mending is not None:
                text = mending.text(path, file, text, lambda text, find=find: find(text).shown)
            known = {**by_override, file: text}
            looked_at = find(text)
            wrong = looked_at.shown
            if keep and looked_at.document is not None:
                documents.append(looked_at.document)
            if looked_at.forbidden:
                forbidden += _as_told(path, file, known, looked_at.forbidden)[0]
        except FileAccessError as error:
            refused += _named(error, path, file)
        except ConfigError as error:  # no text at all
            wrong = _named(error, path, file)
        if wrong:
            told, quoted = _as_told(path, file, known, wrong, max_bytes)
            diagnostics += told
            texts |= quoted
    diagnostics = _told_once(diagnostics)
    checked = len(files) - len({diagnostic.file for diagnostic in refused})
    return CheckResult(diagnostics, texts, checked, documents, refused, forbidden)


def _told_once(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """What was found, each once: what is wrong with a base is found in all that extend it."""
    if len(diagnostics) < 2:
        return diagnostics
    once: dict[object, Diagnostic] = {}
    for each in diagnostics:
        file = None if each.file is None else os.path.normpath(each.file)
        said = (file, each.span, each.code, each.message, each.help) if each.span else id(each)
        # Where the base itself is checked, it can be mended.
        if said not in once or once[said].fix is None:
            once[said] = each
    return list(once.values())


def show_problems(document: Document, problems: Iterable[Diagnostic]) -> int:
    """Show what is in the way of a command on standard error; gives the exit code for it."""
    problems = list(problems)
    known = {
        each.file: each.text for each in (document, *(each.document for each in document.overrides))
    }
    told, texts = _as_told(document.file, document.file, known, problems)
    render(CheckResult(told, texts, 1, [document]), sys.stderr)
    if has_what_is_not_to_be_had(problems):
        return USAGE
    return FINDINGS if any(each.severity is Severity.ERROR for each in problems) else OK


def has_what_is_not_to_be_had(problems: Iterable[Diagnostic]) -> bool:
    """Whether an error says that the Hub, the disk or a package is not to be had."""
    return any(each.code in _NOT_TO_BE_HAD and each.severity is Severity.ERROR for each in problems)


_NOT_TO_BE_HAD: Final = {"cannot-write", "hub-unreachable", "missing-dependency"}


def _as_told(
    path: str,
    file: str,
    known: Mapping[str, str],
    wrong: Sequence[Diagnostic],
    max_bytes: int = MAX_BYTES,
) -> tuple[list[Diagnostic], dict[str, str]]:
    """What is wrong with a file and its bases, as it may be told, and the texts to quote.

    `known` are the texts of the file, if it has one, and of overrides, which hide nothing.
    """
    # Imported here: a file with nothing wrong needs none of it.
    from kernel_schema.cli.withheld import discreet, discreet_of_bases

    own = [each for each in wrong if each.file == file]
    told, has_excerpts = discreet(path, own)
    texts = {name: text for name, text in known.items() if name != file or has_excerpts}
    if len(own) == len(wrong):
        return told, texts
    elsewhere = [each for each in wrong if each.file != file]
    of_overrides = [each for each in elsewhere if each.file in known]
    from_bases = (each for each in elsewhere if each.file not in known)
    of_bases, shown = discreet_of_bases(path, from_bases)
    texts.update(_texts_of(shown, max_bytes))
    return [*told, *in_file_order((*of_bases, *of_overrides))], texts


def _found(text: str, *, file: str, overrides: Sequence[str], **reading: Any) -> Found:
    """What `found` gives; raises `Stop` for a mistake in an override, which is about no file."""
    try:
        return found(text, file=file, overrides=overrides, **reading)
    except FileAccessError:
        raise
    except KernelSchemaError as error:
        if overrides:
            _stop_if_override(error, overrides, file)
        raise


def _texts_of(bases: Iterable[str], max_bytes: int) -> Iterator[tuple[str, str]]:
    """The texts of bases, read once more to show lines of them."""
    for base in bases:
        with suppress(ConfigError):
            yield base, read_text(base, max_bytes=max_bytes)[0]


def texts_of(overrides: Sequence[str]) -> dict[str, str]:
    """The texts of overrides, by what messages call them; raises `Stop` if one is none."""
    if not overrides:
        return {}
    # Imported here: most calls have none.
    from kernel_schema.files.composition.overrides import OverrideError, name_of, read_overrides

    try:
        read_overrides(overrides)
    except OverrideError as error:
        _stop_if_override(error, overrides)
    return {name_of(number): text for number, text in enumerate(overrides, 1)}


def _stop_if_override(
    error: KernelSchemaError, overrides: Sequence[str], file: str | None = None
) -> None:
    """Say what is wrong with overrides, if it is that, alone or with a file; raises `Stop`."""
    from kernel_schema.cli.withheld import discreet
    from kernel_schema.files.composition.overrides import OverrideError, name_of

    if isinstance(error, OverrideError):
        texts = {name_of(number): text for number, text in enumerate(overrides, 1)}
        told = error.diagnostics if file is None else discreet(file, error.diagnostics)[0]
        render(CheckResult(told, texts, 0), sys.stderr)
        raise Stop(USAGE)


def _named(error: KernelSchemaError, path: str, file: str) -> Sequence[Diagnostic]:
    """What an error tells of a file that messages call something else than its path."""
    if path == file:
        return error.diagnostics
    return [replace(each, file=file) if each.file == path else each for each in error.diagnostics]


def open_document(file: str, options: argparse.Namespace) -> Document:
    """Read a config file; raises `Stop` if it cannot be had, or holds no valid config."""
    result = check_files(
        [file],
        select=(),
        format=options.format,
        max_bytes=options.max_bytes,
        at=options.at,
        overrides=options.overrides,
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


def open_policies(stated: Sequence[str] = ()) -> tuple[Policy, ...]:
    """The policies that count; raises `Stop` if one of them cannot be read."""
    from kernel_schema.policies.in_force import policies_in_force

    try:
        return policies_in_force(*stated)
    except PolicyError as error:
        say(error.diagnostics)
        raise Stop(USAGE) from None
