"""Read YAML: the plain part of YAML 1.2, from the event stream of PyYAML."""

from __future__ import annotations

import re

from yaml import YAMLError

from kernel_schema.files._yaml_build import Builder
from kernel_schema.files._yaml_engines import DEFAULT_ENGINE, Engine, parse_events
from kernel_schema.files._yaml_refusals import directive
from kernel_schema.files.positions import Positions
from kernel_schema.files.source import Findings, Parsed, prepare, report_matches

# YAML 1.2 takes these for text. The parsers take the first two for line breaks, so that a comment
# could hide a key, and the one in C ignores the third at the start of a line.
_MISREAD = re.compile("[\u2028\u2029\ufeff]")
# A break is taken whole: two ways to take `\r\n` would be tried in all combinations.
_BREAK = r"(?:\r\n|\n|\r(?!\n))"
# Behind empty lines and comments.
_DIRECTIVE = re.compile(rf"(?:[ \t]*(?:#[^\r\n]*)?{_BREAK})*(%[^\r\n]*){_BREAK}?")
_VERSION = re.compile(r"%YAML +1\.2 *(?: #.*)?")


def read_yaml(text: str, *, engine: Engine | None = None) -> Parsed:
    r"""Read a YAML text.

    Args:
        text: One document of YAML 1.2.
        engine: The parser of PyYAML to use, "c" or "python"; the one in C where there is one.

    Returns:
        Its value and positions. Plain scalars mean what the core schema of YAML 1.2 says: `yes`,
        `1_000` and `2020-01-01` are text, `010` is 10.

    Raises:
        ReadError: for anything that is not YAML, and for anchors, aliases, types stated with `!`,
            second documents, keys that are not text or not unique, too many levels, and numbers
            that are too large.

    >>> parsed = read_yaml("RMSNorm: org/repo:Layer\nversion: [1, on]")
    >>> parsed.value
    {'RMSNorm': 'org/repo:Layer', 'version': [1, 'on']}
    >>> parsed.locate(("version", 1)).value
    Span(line=2, column=14, end_line=2, end_column=16)
    >>> read_yaml("a: *b")
    Traceback (most recent call last):
        ...
    kernel_schema.files.source.ReadError: 1:4: aliases (`*`) are not supported
    """
    text = prepare(text)
    found = Findings(text)
    if not text.isascii():
        report_matches(found, _MISREAD, text, "write it as an escape, in double quotes")
        found.raise_if_any()
    builder = Builder(text, found)
    try:
        builder.run(parse_events(_without_directives(text, found), engine or DEFAULT_ENGINE))
    except YAMLError as error:
        # Imported here: a good file needs none of its patterns.
        from kernel_schema.files._yaml_errors import explain

        found.add(*explain(text, found.lines, error, builder.open_bracket()))
        raise found.error() from None
    if builder.is_empty() and not found:
        found.add("empty-document", 0, 0, "the file is empty: it holds no value")
    found.raise_if_any()
    return Parsed(builder.value, Positions(text, builder.positions))


def _without_directives(text: str, found: Findings) -> str:
    """Report what starts with `%` at the head, and put blanks in its place."""
    position = 0
    while "%" in text and (match := _DIRECTIVE.match(text, position)):
        if not _VERSION.fullmatch(match[1]):
            found.add(*directive(*match.span(1)))
            text = text[: match.start(1)] + " " * len(match[1]) + text[match.end(1) :]
        position = match.end()
    return text
