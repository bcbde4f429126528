"""Keys that are no names: every problem and every rule below one would repeat it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.parsed import ReadError, items
from kernel_schema.limits import MAX_KEY, MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.diagnostics import Step
    from kernel_schema.files.parsed import Parsed, Value


def refuse_long_keys(parsed: Parsed) -> None:
    """Refuse a text that was read with a key of more than `MAX_KEY` characters: `key-too-long`.

    Raises:
        ReadError: With every such key, but for those below another.

    >>> from kernel_schema.files.json import read_json
    >>> refuse_long_keys(read_json('{"a": {"%s": 1}}' % ("b" * 1001)))
    Traceback (most recent call last):
    kernel_schema.files.parsed.ReadError: 1:8: the key `bbb...` has 1001 characters: 1000 are ...
    """
    routes = islice(_long(parsed.value), MAX_PROBLEMS + 1)
    problems = [_problem(parsed, route) for route in routes]
    if len(problems) > MAX_PROBLEMS:
        span = problems.pop().span
        problems.append(Diagnostic("too-many-problems", TOO_MANY_PROBLEMS, span=span))
    if problems:
        raise ReadError(problems)


def _long(value: Value, route: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    for step, item in items(value).items():
        if isinstance(step, str) and len(step) > MAX_KEY:
            yield (*route, step)
        elif isinstance(item, (dict, list)):
            yield from _long(item, (*route, step))


def _problem(parsed: Parsed, route: tuple[Step, ...]) -> Diagnostic:
    key, located = str(route[-1]), parsed.locate(route)
    message = f"the key {quote(key)} has {len(key)} characters: {MAX_KEY} are the most"
    span = located.key or located.value
    return Diagnostic("key-too-long", message, help="shorten it", span=span)
