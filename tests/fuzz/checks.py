"""What must hold for a reader on any text; for the fuzz targets and for hypothesis.

Nothing but `ReadError` comes out; its problems lie inside the text and are fit to print; the reader
agrees with the library below it; and what stands at a span is the key or the value itself.
"""

from __future__ import annotations

import json
import math
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import MAX_DEPTH, Parsed, ReadError
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_schema.diagnostics import Span

    Route = tuple[str | int, ...]

# A text holds more routes than are worth the time to look at.
MAX_ROUTES = 300

# What our readers refuse although the format allows it.
OWN_REFUSALS = {
    "duplicate-key",
    "empty-document",
    "forbidden-character",
    "lone-surrogate",
    "not-a-number",
    "number-out-of-range",
    "too-deep",
    "too-many-problems",
}


def outcome(read: Callable[[str], Parsed], text: str) -> Parsed | ReadError:
    """What a reader makes of a text; anything but `ReadError` escapes."""
    try:
        return read(text)
    except ReadError as error:
        check_error(error, text)
        return error


def check_error(error: ReadError, text: str) -> None:
    """The problems of an error lie in the text, in order, and each is fit to print."""
    lines = LineIndex(text.removeprefix("\ufeff"))
    assert error.problems
    starts = []
    for problem in error.problems:
        assert problem.span is not None
        start, end = offsets(lines, problem.span)
        assert 0 <= start <= end <= lines.length
        assert lines.span(start, end) == problem.span, "no other name for the same place"
        starts.append(start)
        for words in (problem.code, problem.message, problem.help or "help"):
            assert words
            assert words.isprintable()
            assert len(words) < 300
    assert starts == sorted(starts)
    assert len(set(error.problems)) == len(error.problems), "one mistake, one problem"


def offsets(lines: LineIndex, span: Span) -> tuple[int, int]:
    """A span as offsets."""
    return (
        lines.offset(span.line, span.column),
        lines.offset(span.end_line, span.end_column),
    )


def routes(value: Any, route: Route = ()) -> Iterator[tuple[Route, Any]]:
    """Every value inside a value, with its route."""
    yield route, value
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in items:
            yield from routes(item, (*route, step))


def same(left: Any, right: Any) -> bool:
    """Equal, types included, and NaN equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return bool(left == right)


def located(parsed: Parsed, text: str) -> Iterator[tuple[Route, Any, str | None, str, Span]]:
    """Every route with its value, and the texts at the spans of the key and the value."""
    text = text.removeprefix("\ufeff")
    lines = LineIndex(text)
    for route, value in islice(routes(parsed.value), MAX_ROUTES):
        place = parsed.locate(route)
        start, end = offsets(lines, place.value)
        assert start <= end
        key = None
        if place.key is not None:
            key = text[slice(*offsets(lines, place.key))]
        assert (key is None) == (not route or isinstance(route[-1], int)), route
        yield route, value, key, text[start:end], place.value


def depth(value: Any) -> int:
    """How many lists and mappings stand inside one another."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def check_json(text: str) -> None:
    """`read_json` on any text."""
    result = outcome(read_json, text)
    theirs = _strict_json(text.removeprefix("\ufeff"))
    if isinstance(result, ReadError):
        own = any(problem.code in OWN_REFUSALS for problem in result.problems)
        assert own or isinstance(theirs, Exception), "refused without a reason"
        return
    assert not isinstance(theirs, Exception), theirs
    assert same(result.value, theirs)
    assert depth(result.value) <= MAX_DEPTH
    for route, value, key, written, _ in located(result, text):
        assert same(json.loads(written), value)
        assert key is None or json.loads(key) == route[-1]


def _strict_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("twice")
        return table

    def no_constant(word: str) -> None:
        raise ValueError(word)

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return error
    return value


def check_toml(text: str) -> None:
    """`read_toml` on any text."""
    result = outcome(read_toml, text)
    if isinstance(result, ReadError) and any(
        problem.code == "too-deep" for problem in result.problems
    ):
        return  # tomllib takes very long over some of these
    try:
        theirs: Any = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        theirs = error
    if isinstance(result, ReadError):
        own = any(problem.code in OWN_REFUSALS - {"duplicate-key"} for problem in result.problems)
        assert own or isinstance(theirs, Exception), "refused without a reason"
        if isinstance(theirs, Exception):
            twice = any(problem.code == "duplicate-key" for problem in result.problems)
            says_twice = str(theirs).startswith(("Cannot", "Duplicate"))
            assert own or not says_twice or twice or "not complete" in str(result)
            codes = {problem.code for problem in result.problems}
            assert says_twice or codes != {"duplicate-key"}, theirs
        return
    assert not isinstance(theirs, Exception), theirs
    assert same(result.value, theirs)
    assert depth(result.value) <= MAX_DEPTH
    for route, value, key, written, _ in located(result, text):
        if key is not None:
            name = tomllib.loads(f"{key} = 0")
            assert name == {route[-1]: 0}
        assert _toml_reads_as(written, value), (route, value, written)


def _toml_reads_as(written: str, value: Any) -> bool:
    """Whether a text is a value, or states a part of a table: its own lines."""
    for shown in (f"value = {written}", written):
        try:
            again: Any = tomllib.loads(shown)
        except ValueError:
            continue
        if shown == written:
            return isinstance(value, dict | list)
        if same(again["value"], value):
            return True
    if isinstance(value, list):
        # From the first of its headers to the last: other tables may stand between.
        return written.startswith("[[")
    return not written and value == {}


def check_yaml(text: str) -> None:
    """`read_yaml` on any text."""
    result = outcome(read_yaml, text)
    if isinstance(result, Parsed):
        check_yaml_positions(result, text)


def check_yaml_positions(parsed: Parsed, text: str) -> None:
    """The text at a span reads as the key or the value."""
    assert depth(parsed.value) <= MAX_DEPTH
    for route, value, key, written, span in located(parsed, text):
        if key is not None and key[0] not in "|>":
            assert _reads_as(key, route[-1], 1), (key, route)
        if not written:
            assert value is None
        elif "|" in written or ">" in written or written[0] == "?":
            continue  # the blanks behind a `|` text are no part of its span; `? ` wants its place
        else:
            assert _reads_as(written, value, span.column), (written, value)


def _reads_as(written: str, value: Any, column: int) -> bool:
    # A block needs its own indentation; a pair in a list, the list; a key, something to be key of.
    return any(
        same(part, value)
        for shown, parts in (
            (" " * (column - 1) + written, lambda read: [read]),
            (f"[{written}]", _elements),
            (f"[{written}: 0]", lambda read: _elements(read)[:1] and _elements(_elements(read)[0])),
            (f"{written}: 0", _elements),
        )
        if isinstance(result := outcome(read_yaml, shown), Parsed)
        for part in parts(result.value)[:1]
    )


def _elements(value: Any) -> list[Any]:
    """The items of a list or the keys of a mapping."""
    return list(value) if isinstance(value, dict | list) else []
