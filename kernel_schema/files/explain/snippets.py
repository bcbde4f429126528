"""What is told in the words of a file: what only its text says, and what to write in its format."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, Repair
from kernel_schema.schema.references import is_revision, read_kernel_ref
from kernel_schema.typeguards import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.files.document import Format
    from kernel_schema.files.parsed import Parsed

# Our messages say what to write in YAML.
# A table, a list or a key with a value, and nothing else, between backticks. What comes from a
# file is quoted in full, and begins otherwise.
_SNIPPET: Final = re.compile(r"`(?!\{\{)(?=[{[]|[\w$.-]+: )([^`]*)`")
_KEY: Final = r"(?P<key>[\w$.-]+): "
_TEXT: Final = r"(?P<text>[^\s,\[\]{}\"]+)"
_PARTS: Final = re.compile(rf"{_KEY}|\{{ *(?P<empty>\}})|(?P<brace>[{{}}])|{_TEXT}")
_BARE: Final = re.compile(r"\.\.\.|true|false|[0-9]+")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_WHOLE: Final = {"kernel_mapping: {}": "[kernel_mapping]"}


def in_format(help_text: str | None, format: Format) -> str | None:
    """A help with its snippets as a file of the format has them.

    >>> in_format("write `{kernel: org/repo:L, version: 1}`", "json")
    'write `{"kernel": "org/repo:L", "version": 1}`'
    >>> in_format("name the device: `cuda: [{min_capability: 90, kernel: ...}]`", "toml")
    'name the device: `cuda = [{ min_capability = 90, kernel = ... }]`'
    """
    # A key of the file can look like a snippet.
    if help_text is None or format == "yaml" or help_text.startswith("did you mean"):
        return help_text
    return _SNIPPET.sub(lambda found: f"`{_written(found[1], format)}`", help_text)


def _written(snippet: str, format: Format) -> str:
    if format == "toml" and snippet in _WHOLE:
        return _WHOLE[snippet]

    def part(found: re.Match[str]) -> str:
        if found["empty"]:
            return "{}"
        if brace := found["brace"]:
            if format == "json":
                return brace
            return "{ " if brace == "{" else " }"
        if key := found["key"]:
            quoted = format == "json" or not _BARE_KEY.fullmatch(key)
            key = json.dumps(key) if quoted else key
            return f"{key}: " if format == "json" else f"{key} = "
        text = found["text"]
        return text if _BARE.fullmatch(text) else json.dumps(text)

    return _PARTS.sub(part, snippet)


def as_written(diagnostic: Diagnostic, format: Format, parsed: Parsed) -> Diagnostic:
    """What only the text tells: a number meant as text, and a colon without a blank behind it."""
    steps = diagnostic.route.steps
    if diagnostic.code == "unknown-key" and format == "toml":
        # Imported here: few files need it.
        from kernel_schema.files.explain.dotted import with_quotes

        return with_quotes(diagnostic, parsed)
    part = parsed.sub(steps) if diagnostic.code in _TELLING else None
    if part is None:
        return diagnostic
    if is_table(part.value):
        return _in_table(diagnostic, part.value)
    if diagnostic.code == "invalid-revision":
        number = part.written
        if isinstance(part.value, (int, float)) and is_revision(number) and number[:1].isdigit():
            # One of few digits may as well be a version (`unlikely-revision`).
            safe = len(number) > 3 or not number.isdigit()
            return replace(diagnostic, repair=Repair("replace", number, safe=safe))
        return diagnostic
    # Between quotes it is text for sure.
    if format != "yaml" or not isinstance(part.value, str) or part.written[:1] in {*"\"'"}:
        return diagnostic
    # Imported here: few files need it.
    from kernel_schema.files.explain.pairs import as_pairs

    return as_pairs(diagnostic, parsed, part)


_TELLING: Final = {
    *("ambiguous-kernel-reference", "unlikely-revision"),
    *("invalid-entry", "invalid-kernel-mapping", "invalid-kernel-reference", "invalid-revision"),
}


def _in_table(diagnostic: Diagnostic, table: Mapping[str, Any]) -> Diagnostic:
    """What is told of a reference, where that stands in a table with options."""
    repair = diagnostic.repair
    if repair is None:
        return diagnostic
    if diagnostic.code == "unlikely-revision" and "revision" in table:
        version = getattr(read_kernel_ref(str(repair.value)), "version", None)
        names = {"revision": "version"}
        mended = {names.get(key, key): value for key, value in table.items()}
        return replace(
            diagnostic,
            help=f"did you mean `version: {version}`?",
            repair=replace(repair, value=mended | {"version": version}),
        )
    return replace(diagnostic, route=diagnostic.route.child("kernel"))
