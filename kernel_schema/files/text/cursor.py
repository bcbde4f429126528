"""From a place in a text to the way that leads there: the inverse of locating a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.files.parsed import items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.files.parsed import Parsed, Value
    from kernel_schema.files.text.nodes import Node
    from kernel_schema.routes import Step


def steps_at(parsed: Parsed, offset: int) -> tuple[Step, ...]:
    """The way to the innermost value that stands at an offset, or whose key does.

    Of a value that counts in several places, through aliases, it is the first.

    >>> from kernel_schema.files.json import read_json
    >>> steps_at(read_json('{"a": {"b": [10, 20]}}'), 17)
    ('a', 'b', 1)
    """
    # All are looked at: what is in a table of TOML stands in no one stretch of the text.
    return max(_around(parsed.value, parsed.node(), (), offset), key=len, default=())


def _around(
    value: Value, node: Node, steps: tuple[Step, ...], offset: int
) -> Iterator[tuple[Step, ...]]:
    for step, item in items(value).items():
        child = node.under(step)
        if child is None:
            continue
        start, end = child.written
        start = start if child.key_start < 0 else min(start, child.key_start)
        if start <= offset <= max(end, child.key_end):
            yield (*steps, step)
        if (child.start, child.end) == child.written:  # else it is an alias
            yield from _around(item, child, (*steps, step), offset)
