"""Keys that are no names: every problem and every rule below one would repeat it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from kernel_schema.files.source import ReadError, ReadProblem
from kernel_schema.limits import MAX_KEY, MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.diagnostics import Step
    from kernel_schema.files.source import Parsed, Value


def refuse_long_keys(parsed: Parsed) -> None:
    """Refuse a text that was read with a key of more than `MAX_KEY` characters: `key-too-long`.

    Raises:
        ReadError: With every such key, but for those below another.

    >>> from kernel_schema.files.json import read_json
    >>> refuse_long_keys(read_json('{"a": {"%s": 1}}' % ("b" * 1001)))
    Traceback (most recent call last):
    kernel_schema.files.source.ReadError: 1:8: the key `bbb...` has 1001 characters: 1000 are ...
    """
    routes = islice(_long(parsed.value), MAX_PROBLEMS + 1)
    problems = [_problem(parsed, route) for route in routes]
    if len(problems) > MAX_PROBLEMS:
        span = problems.pop().span
        problems.append(ReadProblem("too-many-problems", TOO_MANY_PROBLEMS, span))
    if problems:
        raise ReadError(problems)


def _long(value: Value, route: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    items: Iterable[tuple[Step, Value]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for step, item in items:
        if isinstance(step, str) and len(step) > MAX_KEY:
            yield (*route, step)
        elif isinstance(item, (dict, list)):
            yield from _long(item, (*route, step))


def _problem(parsed: Parsed, route: tuple[Step, ...]) -> ReadProblem:
    key, located = str(route[-1]), parsed.locate(route)
    message = f"the key {quote(key)} has {len(key)} characters: {MAX_KEY} are the most"
    return ReadProblem("key-too-long", message, located.key or located.value, "shorten it")
