"""What is told in the words of a file: what only its text says, and what to write in its format."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, Repair, Route
from kernel_schema.schema.meant.keys import MOVE_UP, UP_TO_LAYERS
from kernel_schema.schema.references import is_revision, read_kernel_ref
from kernel_schema.typeguards import is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.files.document import Format
    from kernel_schema.files.parsed import Parsed

# Our messages say what to write in YAML.
# A table, a list or a key with a value, and nothing else, between backticks. What comes from a
# file is quoted in full, and begins otherwise; so do headers of TOML.
_SNIPPET: Final = re.compile(r"`(?!\{\{|\[\[?[\w.\"-]+\]\]?`)(?=[{[]|[\w$.-]+: )([^`]*)`")
_KEY: Final = r"(?P<key>[\w$.-]+): "
_TEXT: Final = r"(?P<text>[^\s,\[\]{}\"]+)"
_PARTS: Final = re.compile(rf"{_KEY}|\{{ *(?P<empty>\}})|(?P<brace>[{{}}])|{_TEXT}")
_BARE: Final = re.compile(r"\.\.\.|true|false|[0-9]+")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOP: Final = Route()
# What stands below a header of TOML belongs to it: by help, at the top of a file and elsewhere.
_OF_HEADERS: Final = {
    MOVE_UP: (
        "move it up, above the first header",
        "move it up, right below the header `[{at}]`",
    ),
    UP_TO_LAYERS: (
        "if it is a layer, move it up, right below the header `[kernel_mapping]`",
        "if it is a layer, move it up, right below the header `[{at}.kernel_mapping]`",
    ),
}


def in_format(help_text: str | None, format: Format, at: Route = _TOP) -> str | None:
    """A help with its snippets as a file of the format has them, for a config at a route.

    >>> in_format("write `{kernel: org/repo:L, version: 1}`", "json")
    'write `{"kernel": "org/repo:L", "version": 1}`'
    >>> in_format("name the device: `cuda: [{min_capability: 90, kernel: ...}]`", "toml")
    'name the device: `cuda = [{ min_capability = 90, kernel = ... }]`'
    """
    if format == "toml" and help_text in _OF_HEADERS:
        return _OF_HEADERS[help_text][bool(at.steps)].format(at=_dotted(at))
    # A key of the file can look like a snippet.
    if help_text is None or format == "yaml" or help_text.startswith("did you mean"):
        return help_text
    return _SNIPPET.sub(lambda found: f"`{_written(found[1], format, at)}`", help_text)


def _written(snippet: str, format: Format, at: Route) -> str:
    if format == "toml" and snippet == "kernel_mapping: {}":
        return f"[{_dotted(at.child('kernel_mapping'))}]"

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


def _dotted(route: Route) -> str:
    """A route as a header of TOML has it."""
    steps = map(str, route.steps)
    return ".".join(step if _BARE_KEY.fullmatch(step) else json.dumps(step) for step in steps)


def as_written(diagnostic: Diagnostic, format: Format, parsed: Parsed) -> Diagnostic:
    """What only the text tells: a number meant as text, and a colon without a blank behind it."""
    steps = diagnostic.route.steps
    if format != "json":
        diagnostic = _of_tables(diagnostic, format, parsed)
    part = parsed.sub(steps) if diagnostic.code in _TELLING else None
    if part is None:
        return diagnostic
    if is_table(part.value):
        return _in_table(diagnostic, part.value)
    if diagnostic.code == "invalid-revision":
        number = part.written
        is_number = isinstance(part.value, (int, float, date)) and number[:1].isdigit()
        # One of few digits may as well be a version (`unlikely-revision`).
        safe = len(number) > 3 or not number.isdigit()
        is_meant = is_number and is_revision(number)
        repair = Repair("replace", number, safe=safe) if is_meant else None
        help_text = diagnostic.help or ("put it between quotes" if repair else None)
        return replace(diagnostic, help=help_text, repair=repair or diagnostic.repair)
    if raw := _of_backslashes(part):
        help_text = f"in double quotes a backslash is written twice: {quote(json.dumps(raw))}"
        return replace(diagnostic, help=help_text, repair=Repair("replace", raw, safe=False))
    # Between quotes it is text for sure.
    if format != "yaml" or part.written[:1] in {*"\"'"}:
        return diagnostic
    # Imported here: few files need it.
    from kernel_schema.files.explain import pairs

    if part.value is None:
        return pairs.above_blanks(diagnostic, part)
    is_text = isinstance(part.value, str)
    return pairs.as_pairs(diagnostic, parsed, part) if is_text else diagnostic


def _of_tables(diagnostic: Diagnostic, format: Format, parsed: Parsed) -> Diagnostic:
    """What is told of headers, dots and indentation, which make tables."""
    # Imported here: few files need them.
    from kernel_schema.files.explain import brackets, dotted, pairs

    if format == "toml" and diagnostic.code in _OF_LISTS:
        return brackets.with_header(diagnostic, parsed)
    if diagnostic.code != "unknown-key":
        return diagnostic
    if format == "toml":
        return dotted.with_quotes(diagnostic, parsed)
    return pairs.with_spaces(diagnostic, parsed)


def _of_backslashes(part: Parsed) -> str | None:
    """The path that was meant where backslashes have made control characters of letters."""
    written, value = part.written, part.value
    if written[:1] != '"' or not isinstance(value, str) or not _CONTROL.search(value):
        return None
    raw = written[1:-1]
    return raw if _BACKSLASHES.match(raw) and read_kernel_ref(raw) is not None else None


_BACKSLASHES: Final = re.compile(r"(?:[A-Za-z]:|\.{1,2}|~)\\[^\r\n]*\Z")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_OF_LISTS: Final = {"misplaced-list", "misplaced-capability", "invalid-kernel-mapping"}
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
