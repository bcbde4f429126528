"""Configs inside of bigger files: where they are, and what to say of a route that leads to none."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, Route, Span
from kernel_schema.files.parsed import NAMELESS, ReadError, items
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.paths import name_of, real_path
from kernel_schema.typeguards import is_table
from kernel_schema.wording import Suggester, listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kernel_schema.files.parsed import Parsed, Value
    from kernel_schema.routes import Step

PYPROJECT: Final = "pyproject.toml"
TABLE: Final = Route(("tool", "kernel-schema"))
"""Where a `pyproject.toml` states a config, unless another place is named."""
SETTINGS: Final = "check"
"""The table in that one which is no part of the config: it has settings for the command."""
MISNAMED: Final = re.compile(r"kernels?[-_. ]?schemas?", re.IGNORECASE)
"""What people call that table by mistake."""

_MOST_SHOWN: Final = 5


def is_pyproject(file: str) -> bool:
    """Whether a path leads to a `pyproject.toml`, by a link of another name too."""
    return PYPROJECT in {name_of(file), name_of(real_path(file))}


def further_in(read: Callable[[], Parsed], at: Route) -> Diagnostic | None:
    """What to say if no config stands at a route of what is read, but some do further in."""
    try:
        whole = read()
    except ReadError:
        return None
    at_route = whole.sub(at.steps)
    part = {} if at_route is None else items(at_route.value)
    if "kernel_mapping" in part:
        return None
    inner = [Route(steps) for steps in islice(_configs_in(part, at.steps), _MOST_SHOWN + 1)]
    up = whole.sub(at.steps[:-1])
    if not inner and at.steps[-1:] == ("kernel_mapping",) and up is not None:
        route = Route(at.steps[:-1])
        message = "these are the layers of a config, and not the config"
        help_text = f"pass `--at {route}` (in Python `at=`)" if route.steps else "leave `--at` out"
        return Diagnostic("missing-key", message, at.key(), help_text, span=whole.span_of(at.key()))
    if not inner:
        return None
    # Imported here: most configs stand where they are looked for.
    import shlex

    shown = list(map(str, inner[:_MOST_SHOWN]))
    more = " and elsewhere" if len(inner) > _MOST_SHOWN else ""
    message = f"a config needs the key `kernel_mapping`: it is in {listing(shown, 'and')}{more}"
    options = listing([f"--at {shlex.quote(route)}" for route in shown])
    help_text = f"pass {options} (in Python `at=`)"
    if inner[0].steps[-1] == "kernel_config":  # an argument of transformers, and no key of ours
        help_text = f"move `kernel_mapping` up, or {help_text}"
    route = inner[0].key()
    return Diagnostic("missing-key", message, route, help_text, span=whole.span_of(route))


def _configs_in(part: Mapping[Step, Value], steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """The routes to all tables with a `kernel_mapping`, without those inside of one."""
    for step, value in part.items():
        inner = items(value)
        if str(step).startswith(NAMELESS):
            continue
        if isinstance(inner.get("kernel_mapping"), dict):
            yield (*steps, step)
        else:
            yield from _configs_in(inner, (*steps, step))


def nothing_there(whole: Parsed, at: Route) -> Diagnostic:
    """What to say of a route that leads nowhere, at the key of the last thing on it."""
    depth, part = 0, whole
    while (below := part.sub(at.steps[depth : depth + 1])) is not None:
        depth, part = depth + 1, below
    above, step, value = Route(at.steps[:depth], at_key=True), at.steps[depth], part.value
    name = quote(str(above)) if depth else "the file"
    if isinstance(value, list):
        first = quote(str(above.child(0)))
        help_text = f"{name} is a list of {len(value)}, counted from {first} on"
    elif isinstance(value, dict) and value:
        keys = [key for key in islice(value, MAX_PROBLEMS) if not key.startswith(NAMELESS)]
        more = " and more" if len(value) > _MOST_SHOWN else ""
        help_text = f"{name} has {listing(keys[:_MOST_SHOWN], 'and') or 'no keys of text'}{more}"
        if "<<" in value:
            help_text += "; what `<<` brings in does not count: write it out"
        if (nearest := Suggester(keys).closest(str(step))) is not None:
            help_text = f"did you mean {quote(str(above.child(nearest)))}?"
    else:
        help_text = f"{name} is {show(value)}, and holds nothing"
    if (meant := _as_others_write(whole, at)) is not None:
        help_text = f"did you mean {quote(str(meant))}?"
    located = whole.locate(above.steps)
    start = located.value.line, located.value.column
    return Diagnostic(
        "nothing-there",
        f"there is no {quote(str(above.child(step)))}",
        above,
        help_text,
        span=located.key or Span(*start, *start),
    )


def _as_others_write(whole: Parsed, at: Route) -> Route | None:
    """The route that was meant by `/a/b`, `$.a.b`, `a:b` and the like, if something is there."""
    words = [word for word in re.split(r"[/:#$.]+", ".".join(map(str, at.steps))) if word]
    route = Route(tuple(int(word) if word.isdecimal() else word for word in words))
    return route if len(words) > 1 and whole.sub(route.steps) is not None else None


def drop_settings(project: Parsed) -> Parsed:
    """A `pyproject.toml` whose table of ours holds the config alone, or is not there."""
    tool, table = project.sub(TABLE.steps[:1]), project.sub(TABLE.steps)
    if tool is not None and table is not None and isinstance(table.value, dict):
        had_settings = table.value.pop(SETTINGS, None) is not None
        if had_settings and not table.value and isinstance(tool.value, dict):
            del tool.value[str(TABLE.steps[-1])]
    return project


def missing_table(project: Parsed, file: str) -> Diagnostic:
    """What to say of a `pyproject.toml` that states no config."""
    misnamed = misnamed_table(project) or _other_table(project)
    place = None if misnamed is None else project.locate(misnamed)
    is_mapping = misnamed is not None and misnamed[-1] == _LAYERS
    meant = TABLE.child(_LAYERS) if is_mapping else TABLE
    return Diagnostic(
        "missing-table",
        f"there is no table `[{TABLE}]` in it",
        help=f"did you mean `[{meant}]`?" if place else "add the table, or name another file",
        file=file,
        span=(place.key or place.value) if place else Span(1, 1, 1, 1),
    )


def misnamed_table(parsed: Parsed) -> tuple[Step, ...] | None:
    """Where a `pyproject.toml` has a table that was surely meant to be ours."""
    tables = _tables(parsed, *_ABOVE[:2])
    return next((place for place, _ in tables if MISNAMED.fullmatch(str(place[-1]))), None)


def _other_table(parsed: Parsed) -> tuple[Step, ...] | None:
    """Where it has one that probably was: by what is in it, or because it has nearly our name."""
    nearly = Suggester([str(TABLE.steps[-1])])
    for place, table in _tables(parsed, *_ABOVE):
        name = str(place[-1])
        if name == _LAYERS or is_table(table.get(_LAYERS)):
            return place
        # `[tool.kernels]` is of the kernels library.
        if len(name) > len("kernels") and nearly.closest(name):
            return place
    return None


def _tables(
    parsed: Parsed, *above: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Mapping[str, Any]]]:
    """The tables right below others, but for ours."""
    for steps in above:
        holder = parsed.sub(steps)
        for name in holder.value if holder is not None and is_table(holder.value) else ():
            place = (*steps, name)
            part = parsed.sub(place)
            if place != TABLE.steps and part is not None and is_table(part.value):
                yield place, part.value


_LAYERS: Final = "kernel_mapping"
_ABOVE: Final[tuple[tuple[Step, ...], ...]] = (TABLE.steps[:1], (), ("tools",), ("project",))
