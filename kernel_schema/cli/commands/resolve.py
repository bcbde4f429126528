"""`kernel-schema resolve`: what counts in the end, and which file and line states it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from kernel_schema.cli.commands.convert import refuse_output, relocated, save
from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.opening import open_document
from kernel_schema.cli.output.json import file_json, write_object
from kernel_schema.cli.output.terminal import write
from kernel_schema.diagnostics import Route
from kernel_schema.files.document import Document, Format
from kernel_schema.files.read import format_of, loads_document
from kernel_schema.files.write import dumps
from kernel_schema.routes import Step
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import printable


def run(options: argparse.Namespace) -> int:
    """2 if the config cannot be had or written, 1 if it is no valid one, else 0."""
    output: str | None = options.output
    if options.output_format == "json" and (output is not None or options.to is not None):
        return complain("--output-format json prints what is found: it goes with no -o and no --to")
    document = open_document(options.file, options)
    by_ending = None if output is None else format_of(output)
    # JSON has no comments, in which places could stand.
    own = "yaml" if options.provenance and document.format == "json" else document.format
    format: Format = options.to or by_ending or own
    config = relocated(document, output)
    if options.output_format == "json":
        _write_json(document, config.model_dump())
        return OK
    if options.provenance and format == "json":
        return complain("JSON has no comments: --output-format json tells where entries stand")
    if output is not None:
        refuse_output(output, format, force=options.force)
    text = dumps(config, format=format)
    if options.provenance:
        text = _with_places(text, format, document, config.model_dump())
    if output is None:
        write(text)
    else:
        save(output, text, force=options.force)
    return OK


def _entries(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Every single value in the data of a config, by its route."""
    if not is_table(value) and not is_list(value):
        yield steps, value
        return
    for step, below in value.items() if is_table(value) else enumerate(value):
        yield from _entries(below, (*steps, step))


def _with_places(text: str, format: Format, document: Document, data: dict[str, Any]) -> str:
    """A text with a comment behind each line: where what it says is stated."""
    written = loads_document(text, format=format)
    by_line: dict[int, dict[str, None]] = {}
    for steps, _ in _entries(data):
        stated = document.locate(Route(steps))
        place = printable(f"{stated.file or document.file}:{stated.line}")
        by_line.setdefault(written.locate(Route(steps)).line, {})[place] = None
    lines = text.split("\n")
    for number, places in by_line.items():
        lines[number - 1] += f"  # {', '.join(places)}"
    return "\n".join(lines)


def _write_json(document: Document, data: dict[str, Any]) -> None:
    listed: list[dict[str, Any]] = []
    for steps, value in _entries(data):
        stated = document.locate(Route(steps))
        file = None if stated.file is None else file_json(stated.file)
        listed.append({"route": steps, "value": value, "line": stated.line, "file": file})
    write_object(file=file_json(document.file), config=data, entries=listed)
