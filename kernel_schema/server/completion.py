"""What can stand where somebody writes: layer names of the model, and what a schema would say."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_schema.files.alone import parse
from kernel_schema.files.document import Format
from kernel_schema.files.parsed import ReadError, items
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
)

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Value
    from kernel_schema.routes import Step

# Stands where the cursor is, to see what a reader makes of it.
_MARK: Final = "kernelSchemaCursor"
_WORD: Final = r"[^\s\"'{}\[\],:=#]*"
_TOML_WORD: Final = r"[^\s\"'{}\[\],:=#.]*"
_PIECES: Final = re.compile(r"\"(?:\\.|[^\"\\\n])*\"?|#[^\n]*|[\[\]{}]")
_CLOSING: Final = {"{": "}", "[": "]"}
_PLAIN: Final = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where somebody writes.

    Args:
        steps: The way to the table or the value that is being written.
        is_key: Whether it is a key of that table.
        taken: The keys that the table has above.
        start: Where the word begins in the text.
        stop: Where it ends, behind the cursor.
        quoted: Whether it stands in quotes.
        followed: Whether what belongs behind a key is there.
    """

    steps: tuple[Step, ...]
    is_key: bool
    taken: frozenset[str]
    start: int
    stop: int
    quoted: bool
    followed: bool


def place_in(text: str, offset: int, format: Format) -> Place | None:
    r"""Where an offset of a text is, as its reader takes a word there; None if that is nowhere.

    What stands behind counts for nothing: it may be half written.

    >>> place = place_in("kernel_mapping:\n  RMS", 21, "yaml")
    >>> place.steps, place.is_key, place.start
    (('kernel_mapping',), True, 18)
    """
    word = re.compile(_TOML_WORD if format == "toml" else _WORD)
    line_start = text.rfind("\n", 0, offset) + 1
    start = offset
    while start > line_start and word.fullmatch(text, start - 1, offset):
        start -= 1
    rest = word.match(text, offset)
    stop = offset if rest is None else rest.end()
    mark = text[start - 1 : start] if text[start - 1 : start] in {'"', "'"} else ""
    behind = re.compile(r"[\"']?[ \t]*[:=]" if format != "toml" else r"[\"']?[ \t]*[].=]")
    head = text[:start]
    line = head[head.rfind("\n") + 1 :].lstrip()
    for tail in _tails(format, mark, line):
        try:
            parsed = parse(f"{head}{tail}{_closing(head)}", format, None, allow_empty=True)
        except ReadError:
            continue
        found = _find(parsed.value, ())
        if found is not None:
            steps, is_key, taken = found
            # A table of TOML is named between brackets, which nothing follows.
            named = format == "toml" and line.startswith("[")
            followed = named or behind.match(text, stop) is not None
            return Place(steps, is_key, taken, start, stop, bool(mark), followed)
    return None


def _tails(format: Format, mark: str, line: str) -> Iterator[str]:
    """What to write at the cursor so that a word there is a key, or else a value."""
    if format == "toml":
        if line.startswith("["):
            yield f"{_MARK}{mark}"  # its brackets are closed as all others are
            return
        yield f"{_MARK}{mark} = 0"
        yield f"{_MARK}{mark}" if mark else f'"{_MARK}"'
        return
    if format == "json" and not mark:
        yield f'"{_MARK}": 0'
        yield f'"{_MARK}"'
        return
    yield f"{_MARK}{mark}: 0"
    yield f"{_MARK}{mark}"


def _closing(head: str) -> str:
    """What closes all brackets that are open."""
    opened: list[str] = []
    for piece in _PIECES.finditer(head):
        if piece[0] in _CLOSING:
            opened.append(_CLOSING[piece[0]])
        elif opened and piece[0] == opened[-1]:
            opened.pop()
    return "".join(reversed(opened))


_Found = tuple["tuple[Step, ...]", bool, frozenset[str]]


def _find(value: Value, steps: tuple[Step, ...]) -> _Found | None:
    """Where the mark is: the way to the table of which it is a key, or to the value that it is."""
    if value == _MARK:
        return steps, False, frozenset()
    inner = items(value)
    if _MARK in inner:
        return steps, True, frozenset(map(str, inner)) - {_MARK}
    for step, item in inner.items():
        if (found := _find(item, (*steps, step))) is not None:
            return found
    return None


def words_at(
    steps: tuple[Step, ...], layer_names: Collection[str], *, is_key: bool, has_schema: bool
) -> tuple[str, ...]:
    """What can stand at a place of a config, best first; what a schema says, if there is none.

    >>> words_at(("kernel_mapping",), ["RMSNorm"], is_key=True, has_schema=True)
    ('RMSNorm',)
    >>> words_at(("kernel_mapping", "A", "cuda", "training"), [], is_key=True, has_schema=False)
    ('kernel', 'version', 'revision', 'lockfile', 'trust_remote_code')
    """
    if is_key and steps == ("kernel_mapping",):
        return tuple(layer_names)
    if has_schema:
        return ()
    return _keys(steps) if is_key else _values(steps)


def _keys(steps: tuple[Step, ...]) -> tuple[str, ...]:
    if not steps:
        return CONFIG_KEYS
    if steps[0] != "kernel_mapping":
        return ()
    last = steps[-1]
    if len(steps) == 2:
        return (*DEVICE_NAMES, *MODE_NAMES, *SPEC_KEYS)
    if isinstance(last, int):
        return (*RANGE_KEYS, *SPEC_KEYS, *MODE_NAMES)
    if last in DEVICE_NAMES:
        return (*MODE_NAMES, *SPEC_KEYS)
    return SPEC_KEYS if last in MODE_NAMES else ()


def _values(steps: tuple[Step, ...]) -> tuple[str, ...]:
    last = steps[-1] if steps else ""
    if last in {"inherit_mapping", "trust_remote_code"}:
        return ("true", "false")
    is_entry = steps[:1] == ("kernel_mapping",) and len(steps) > 1
    if is_entry and (len(steps) == 2 or last in DEVICE_NAMES or last == "kernel"):
        return (ORIGINAL,)
    return ()


def written(word: str, place: Place, format: Format) -> str:
    """A word as it has to be written at a place: with its quotes, and what follows on a key.

    >>> place = Place((), True, frozenset(), 0, 0, quoted=False, followed=False)
    >>> written("kernel_mapping", place, "json"), written("a b", place, "yaml")
    ('"kernel_mapping": ', '"a b": ')
    """
    if place.quoted:
        # The editor writes what closes the quotes.
        return json.dumps(word, ensure_ascii=False)[1:-1]
    is_word = not place.is_key and word in {"true", "false"}
    plain = _PLAIN.fullmatch(word) is not None and (format == "yaml" or place.is_key)
    if not is_word and (format == "json" or not plain):
        word = json.dumps(word, ensure_ascii=False)
    if not place.is_key or place.followed:
        return word
    return f"{word} = " if format == "toml" else f"{word}: "
