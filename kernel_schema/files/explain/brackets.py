"""Headers of TOML: `[[name]]` where a table was meant, and `[name]` where a list was."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.parsed import Parsed

_HEADER = re.compile(r"(?P<open>\[\[?)[ \t]*(?P<name>[^\]\r\n]*?)[ \t]*\]")


def with_header(diagnostic: Diagnostic, parsed: Parsed) -> Diagnostic:
    """What to say of a value with a header of its own that has to be a list, or no list."""
    repair = diagnostic.repair
    if repair is None or repair.action != "replace":
        return diagnostic
    steps = diagnostic.route.steps
    part = parsed.sub(steps[: len(steps) - repair.up])
    header = _HEADER.match(part.written) if part is not None and _has_header(part) else None
    if part is None or header is None:
        return diagnostic
    name, value = header["name"], repair.value
    if is_table(value) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if inner in (part.value, [part.value]):
            name, value = f"{name}.{key}", inner
    if is_list(value) and value in (part.value, [part.value]):
        return replace(diagnostic, help=f"write {quote(f'[[{name}]]')}: its rows are of a list")
    merged = [entry for item in _tables(part.value) for entry in item.items()]
    if header["open"] == "[[" and is_table(value) and dict(merged) == value:
        return replace(diagnostic, help=f"write {quote(f'[{name}]')}, in single brackets")
    return diagnostic


def _has_header(part: Parsed) -> bool:
    node = part.node()
    return node.start < node.key_start


def _tables(value: object) -> list[Any]:
    return [item for item in value if is_table(item)] if is_list(value) else []
