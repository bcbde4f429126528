"""A document with overrides: what it comes to, and which of them brings a mistake."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, Route
from kernel_schema.files.composition.overrides import MAPPING, OverrideError, read_overrides
from kernel_schema.files.composition.replaced import Misfit, put
from kernel_schema.files.local_paths import told_from
from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.schema.parts import plain
from kernel_schema.schema.references import is_local
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.files.composition.overrides import Override
    from kernel_schema.files.document import Document
    from kernel_schema.files.parsed import Value
    from kernel_schema.routes import Step


def with_overrides(document: Document, texts: Iterable[str]) -> Document:
    """A document with overrides, each on top of those before it.

    Raises:
        OverrideError: With what is wrong with them, alone or with what the document says.
    """
    overrides = read_overrides(texts)
    if not overrides:
        return document
    stated, layers = _applied(document.config, overrides, document.file)
    try:
        read = _read(stated, overrides, document.file)
    except OverrideError as error:
        told = (_as_one_name(each, overrides, document.config) for each in error.diagnostics)
        raise OverrideError(told, error.texts) from None
    folder = _folder(document)
    moved = [replace(each, value=_moved(each.value, each.steps[-1], folder)) for each in overrides]
    if moved != overrides:
        stated, layers = _applied(document.config, moved, document.file)
        read = _read(stated, overrides, document.file)
    fields = {name: getattr(document.config, name) for name in document.config.model_fields_set}
    fields |= {name: getattr(read, name) for name in read.model_fields_set}
    entries = {name: read.kernel_mapping.get(name, entry) for name, entry in layers.items()}
    fields[MAPPING] = FrozenDict({**entries, **read.kernel_mapping})
    return replace(document, config=KernelConfig.of_read(fields), overrides=tuple(overrides))


def _applied(
    config: KernelConfig, overrides: Iterable[Override], file: str
) -> tuple[dict[str, Any], FrozenDict[str, Any]]:
    """What the overrides come to as the data of a config, and the layers that stay below it."""
    layers: FrozenDict[str, Any] = config.kernel_mapping
    stated: dict[str, Any] = {MAPPING: {}}
    problems: list[Diagnostic] = []
    for override in overrides:
        key, *rest = override.steps
        name = rest[0] if key == MAPPING and rest else None
        below: Any = None if name is None else stated[MAPPING].get(name)
        if name is not None and below is None and name in layers:
            below = plain(layers[str(name)])
        try:
            if name is not None:
                entry = put(below, rest[1:], override.value)
                stated[MAPPING] = {**stated[MAPPING], name: entry}
            else:
                stated[str(key)] = put(None, rest, override.value)
        except Misfit as misfit:
            depth = len(override.steps) - misfit.left
            route = Route(override.steps[:depth], at_key=True)
            message = f"{misfit}, in {quote(file, longest=1000)}"
            problem = Diagnostic("invalid-override", message, route, misfit.help)
            problems.append(override.document.place(problem))
        if override.steps == (MAPPING,):
            layers = FrozenDict({})
            if not is_table(override.value):
                break
    if problems:
        raise OverrideError(problems, _texts(overrides))
    return stated, layers


def _read(stated: dict[str, Any], overrides: list[Override], file: str) -> KernelConfig:
    read = read_config(stated)
    if isinstance(read, KernelConfig):
        return read
    inside = [
        override.document.place(_together(problem, file))
        for problem in read
        if (override := _owner(problem, overrides)) is not None
    ]
    # A mistake in a value may leave more behind around it.
    blamed = inside or [_blamed(problem, overrides, file) for problem in read]
    told = dict.fromkeys(replace(each, repair=None, fix=None) for each in blamed)
    raise OverrideError(told, _texts(overrides))


def _texts(overrides: Iterable[Override]) -> list[str]:
    return [override.document.text for override in overrides]


def _owner(problem: Diagnostic, overrides: list[Override]) -> Override | None:
    """The override in whose value a problem is."""
    steps = problem.route.steps
    inside = (each for each in reversed(overrides) if steps[: len(each.steps)] == each.steps)
    return next(inside, None)


def _as_one_name(
    problem: Diagnostic, overrides: Iterable[Override], config: KernelConfig
) -> Diagnostic:
    """A problem at a route through a layer that may have been meant for one with dots."""
    route = next(each.steps for each in overrides if each.document.file == problem.file)
    if problem.code not in _WRONG_KEYS or len(route) < 3:
        return problem
    ways = {".".join(map(str, route[1:end])): route[end:] for end in range(len(route), 2, -1)}
    name = next((name for name in ways if name in config.kernel_mapping), None)
    if name is not None:
        meant = quote(str(Route((MAPPING, name, *ways[name]))))
        return replace(problem, help=f"did you mean {meant}?")
    if problem.help is None:
        meant = quote(str(Route((MAPPING, ".".join(map(str, route[1:]))))))
        return replace(problem, help=f"a name with dots is written {meant}")
    return problem


_WRONG_KEYS: Final = {"unknown-device", "unknown-key", "unknown-mode"}
_WITH_OTHERS: Final = {"conflicting-pins", "overlapping-capability"}


def _together(problem: Diagnostic, file: str) -> Diagnostic:
    """A problem that may be one with what the file says alone."""
    if problem.code not in _WITH_OTHERS:
        return problem
    message = f"{problem.message} (with what {quote(file, longest=1000)} says)"
    return replace(problem, message=message, help="set what is above it as a whole")


def _blamed(problem: Diagnostic, overrides: list[Override], file: str) -> Diagnostic:
    """A problem beside what is set, at the override that brings it: none was there before."""
    steps = problem.route.steps
    brings = next(_about(steps, overrides), overrides[-1])
    message = problem.message
    if problem.route.at_key and brings.steps[: len(steps)] == steps:
        return brings.document.place(problem)  # a key of its route
    if steps[:1] == (MAPPING,):
        message += f" (with what {quote(file, longest=1000)} says)"
    placed = brings.document.place(replace(problem, route=Route(brings.steps, at_key=True)))
    return replace(placed, message=message, route=problem.route)


def _about(steps: tuple[Step, ...], overrides: list[Override]) -> Iterator[Override]:
    """The overrides inside of a place, the last first; then those of its layer."""
    for shared in (len(steps), 2):
        yield from (each for each in reversed(overrides) if each.steps[:shared] == steps[:shared])


def _folder(document: Document) -> str:
    """The working directory, where relative paths of overrides start, from the document's."""
    try:
        return os.path.relpath(os.curdir, document.directory)
    except ValueError:  # another drive
        return os.getcwd()


def _moved(value: Value, key: Step, folder: str) -> Any:
    """A value with its relative paths told from a folder, which is none for most of them."""
    if folder == os.curdir:
        return value
    if isinstance(value, str):
        is_path = key == "lockfile" or (key not in {"revision", "$schema"} and is_local(value))
        return told_from(folder, value) if is_path else value
    if is_table(value):
        return {step: _moved(item, step, folder) for step, item in value.items()}
    return [_moved(item, key, folder) for item in value] if is_list(value) else value
