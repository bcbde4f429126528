"""The line by which editors find the JSON Schema of a config file, in each format."""

from __future__ import annotations

import json
import re
from typing import Final

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.document import Format
from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.text.lines import LineIndex

_MARK: Final = "\ufeff"
# Before the content only: editors look no further.
_YAML_HEADER: Final = re.compile(
    r"^#[^\S\r\n]*yaml-language-server[^\S\r\n]*:[^\r\n]*?\$schema=(?P<uri>[^\s]*)", re.MULTILINE
)
_TOML_HEADER: Final = re.compile(r"^#:schema[^\S\r\n]+(?P<uri>[^\s]*)", re.MULTILINE)
_COMMENTS: Final = re.compile(r"(?:[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r(?!\n)|\Z))*")
_DIRECTIVES: Final = re.compile(r"(?:[^\S\r\n]*(?:[#%][^\r\n]*)?(?:\r\n|\n|\r(?!\n)|\Z))*")


def header_of(text: str, format: Format) -> tuple[int, str] | None:
    r"""The number of the line, from 1, and what it refers to; None if it says anything else too.

    >>> header_of("# mine\n# yaml-language-server: $schema=./k.json\na: 1\n", "yaml")
    (2, './k.json')
    """
    header = None if format == "json" else _search(text, format)
    if header is None or text[header.end() :].partition("\n")[0].strip():
        return None
    return LineIndex(text).point(header.start())[0], header["uri"]


def header_line(format: Format, uri: str) -> str:
    """That line; JSON has none."""
    return f"# yaml-language-server: $schema={uri}" if format == "yaml" else f"#:schema {uri}"


def with_header(text: str, format: Format, uri: str) -> str:
    r"""A config file with the line added, or brought up to date: nothing else is changed.

    Raises:
        ReadError: If the text is no object of JSON; the header of JSON is a key.

    >>> print(with_header("kernel_mapping: {}\n", "yaml", "./k.json"), end="")
    # yaml-language-server: $schema=./k.json
    kernel_mapping: {}
    >>> with_header('{"kernel_mapping": {}}', "json", "./k.json")
    '{"$schema": "./k.json", "kernel_mapping": {}}'
    """
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    if format == "json":
        return mark + _with_key(body, json.dumps(uri))
    header = _search(body, format)
    if header is not None:
        return mark + body[: header.start("uri")] + uri + body[header.end("uri") :]
    line_break = re.search(r"\r\n|\n|\r", body)
    return mark + header_line(format, uri) + (line_break[0] if line_break else "\n") + body


def _search(text: str, format: Format) -> re.Match[str] | None:
    yaml = format == "yaml"
    above = (_DIRECTIVES if yaml else _COMMENTS).match(text)
    header = _YAML_HEADER if yaml else _TOML_HEADER
    return header.search(text, 0, above.end() if above else 0)


def _with_key(text: str, value: str) -> str:
    parsed = read_json(text)
    if not isinstance(parsed.value, dict):
        message = "a config is a table with the key `kernel_mapping`"
        raise ReadError([Diagnostic("invalid-entry", message, span=parsed.locate(()).value)])
    if "$schema" in parsed.value:
        span, lines = parsed.locate(("$schema",)).value, LineIndex(text)
        end = lines.offset(span.end_line, span.end_column)
        return text[: lines.offset(span.line, span.column)] + value + text[end:]
    opened = text.index("{") + 1
    key = f'"$schema": {value}'
    if not parsed.value:
        return text[:opened] + key + text[opened:]
    rest = text[opened:].lstrip()
    between = text[opened : len(text) - len(rest)]
    return f"{text[:opened]}{between}{key},{between or ' '}{rest}"
