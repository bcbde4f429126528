"""What stands at the head of YAML with a `%`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Findings

# A break is taken whole: two ways to take `\r\n` would be tried in all combinations.
_BREAK = r"(?:\r\n|\n|\r(?!\n))"
# Behind empty lines and comments.
_DIRECTIVE = re.compile(rf"(?:[ \t]*(?:#[^\r\n]*)?{_BREAK})*(%[^\r\n]*){_BREAK}?")
_VERSION = re.compile(r"%YAML +1\.2 *(?: #.*)?")


def without_directives(text: str, findings: Findings) -> str:
    """Report what starts with `%` at the head, and put blanks in its place."""
    # Imported here: mostly there is none.
    from kernel_schema.files.explain.yaml import refuse

    position = 0
    while "%" in text and (match := _DIRECTIVE.match(text, position)):
        if not _VERSION.fullmatch(match[1]):
            refuse(findings, "%", *match.span(1))
            text = text[: match.start(1)] + " " * len(match[1]) + text[match.end(1) :]
        position = match.end()
    return text
