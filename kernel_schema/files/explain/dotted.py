"""A layer name with dots in TOML: without quotes each dot opens a table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import Edit, Fix
from kernel_schema.schema.alternatives import alternative
from kernel_schema.schema.meant.keys import LAYER_DEPTH
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.typeguards import is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.parsed import Parsed

_BEFORE = re.compile(r"(?<![\w\"'-])")


def with_quotes(diagnostic: Diagnostic, parsed: Parsed) -> Diagnostic:
    """What to say of a table that stands for a layer, if it came of dots: `model.norm = ...`."""
    steps = diagnostic.route.steps
    part = parsed.sub(steps) if len(steps) == LAYER_DEPTH else None
    if part is None or not is_table(part.value):
        return diagnostic
    names = list(_names(part.value, steps[-1:]))
    if None in names:
        return diagnostic
    keys = [name for name in names if name is not None]
    text = parsed.whole.written
    edits: list[Edit] = []
    for key in keys:
        written = ".".join(key)
        node = parsed.node((*steps[:-1], *key))
        start = node.key_end - len(written)
        if text[max(start, 0) : node.key_end] == written and _BEFORE.match(text, start):
            span = parsed.locate((*steps[:-1], *key)).key
            if span is not None:
                first = replace(span, column=span.end_column - len(written))
                edits.append(Edit(first, json.dumps(written)))
    if not edits:
        return diagnostic
    fix = Fix(tuple(edits), safe=False) if len(edits) == len(keys) else None
    help_text = f"a name with dots needs quotes: {quote(json.dumps('.'.join(keys[0])))}"
    return replace(diagnostic, help=help_text, repair=None, fix=fix)


def _names(table: Mapping[str, Any], above: tuple[Any, ...]) -> Iterator[tuple[str, ...] | None]:
    """The keys that lead to entries; None for a way that leads to anything else."""
    for key, value in table.items():
        name = (*above, key)
        if isinstance(value, str):
            yield name if value == ORIGINAL or read_kernel_ref(value) else None
        elif not is_table(value) or not value:
            yield None
        elif alternative(value) == "other":
            yield from _names(value, name)
        else:
            yield name
