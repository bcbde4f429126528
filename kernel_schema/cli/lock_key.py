"""The key `lockfile` in a config file: written before the other keys, the rest byte by byte."""

from __future__ import annotations

import json
import re
from typing import Final

from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.document import Document
from kernel_schema.files.parsed import LineIndex
from kernel_schema.files.read import loads_document
from kernel_schema.wording import printable

_KEY: Final = "lockfile"
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FIRST: Final = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)


def with_lockfile(document: Document, name: str) -> str | None:
    r"""The text of a config with its lock named first, before its other keys.

    None where that cannot be written there so that the rest still means what it did.

    >>> document = loads_document("kernel_mapping: {}\n", format="yaml")
    >>> print(with_lockfile(document, "kernels.yaml.lock"), end="")
    lockfile: kernels.yaml.lock
    kernel_mapping: {}
    """
    changed = _inserted(document, name)
    at = document.at if document.at.steps else None
    try:
        read = loads_document(changed, format=document.format, file=document.file, at=at)
    except ConfigError:
        return None
    wanted = document.config.model_copy(update={_KEY: name})
    return changed if read.config == wanted else None


def _inserted(document: Document, name: str) -> str:
    text, quoted = document.text, printable(json.dumps(name, ensure_ascii=False))
    line_break = match[0] if (match := re.search(r"\r\n|\n|\r", text)) else "\n"
    if document.format == "toml":
        return _in_toml(document, f"{_KEY} = {quoted}", line_break)
    span = document.first_key
    start = LineIndex(text).offset(span.line, span.column)
    before, behind = text[:start], text[start:]
    if document.format == "json":
        between = before[len(before.rstrip()) :] or " "
        return f'{before}"{_KEY}": {quoted},{between}{behind}'
    indent = before[before.rfind("\n") + 1 :]
    if indent.strip():  # between brackets
        return f"{before}{_KEY}: {quoted}, {behind}"
    value = name if _PLAIN.fullmatch(name) else quoted
    return f"{before}{_KEY}: {value}{line_break}{indent}{behind}"


def _in_toml(document: Document, line: str, line_break: str) -> str:
    text, steps = document.text, [str(step) for step in document.at.steps]
    if not steps:
        start = match.start() if (match := _FIRST.search(text)) else len(text)
        gap = line_break if text[start:].lstrip().startswith("[") else ""
        return f"{text[:start]}{line}{line_break}{gap}{text[start:]}"
    parts = (rf"[ \t]*['\"]?{re.escape(step)}['\"]?[ \t]*" for step in steps)
    name = r"\.".join(parts)
    header = re.search(rf"^[ \t]*\[{name}\][^\r\n]*", text, re.MULTILINE)
    if header is not None:
        return f"{text[: header.end()]}{line_break}{line}{text[header.end() :]}"
    below = re.search(rf"^[ \t]*\[\[?{name}\.", text, re.MULTILINE)
    start = below.start() if below else len(text)
    shown = ".".join(step if re.fullmatch("[\\w-]+", step) else json.dumps(step) for step in steps)
    return f"{text[:start]}[{shown}]{line_break}{line}{line_break}{line_break}{text[start:]}"
