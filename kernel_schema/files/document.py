"""A config with the text it was read from: routes become positions here, and nowhere else."""

from __future__ import annotations

import os
import re
import shlex
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast

from pydantic import BaseModel

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route, Span, in_file_order
from kernel_schema.files.parsed import NAMELESS, ReadError, items
from kernel_schema.limits import MAX_KEY, MAX_PROBLEMS
from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.models import (
    CapabilityEntry,
    DeviceMapping,
    KernelConfig,
    KernelSpec,
    ModeMapping,
    read_config,
)
from kernel_schema.schema.references import LocalRef, read_kernel_ref
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import Suggester, listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kernel_schema.diagnostics import Step
    from kernel_schema.files.parsed import Parsed, Value

Format = Literal["yaml", "json", "toml"]


@dataclass(frozen=True)
class Document:
    r"""A config file that was read.

    Args:
        file: Its path, as given; what messages name it by.
        text: What it holds, without a byte order mark.
        format: In which format.
        config: The config it states, with paths as written.
        at: The route to that config, where other things are in the file too.

    >>> from kernel_schema import Route, loads_document
    >>> document = loads_document("kernel_mapping:\n  SiLU: org/repo:SiLU\n", format="yaml")
    >>> document.locate(Route(("kernel_mapping", "SiLU")))
    Span(line=2, column=9, end_line=2, end_column=22)
    """

    file: str
    text: str
    format: Format
    config: KernelConfig
    at: Route
    _part: Parsed

    @property
    def anchored(self) -> KernelConfig:
        """The config with relative local kernels and lock files made absolute.

        They start at the directory of the file, or at the working directory without one.
        """
        directory = os.path.dirname(os.path.abspath(self.file))  # noqa: PTH100, PTH120 (of `-` too)
        return anchor(self.config, directory)

    def locate(self, route: Route) -> Span:
        """Where a route leads in the text.

        Args:
            route: A route into the config, as a `Rule` has it: it begins at `at`.

        Returns:
            The span of the value, or of its key where the route says so. Where the route leads
            nowhere, that of the nearest key above; where a value fills several lines, that of its
            key.
        """
        return _locate(self._part, route)

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """The same diagnostic with file and span, its route from the top of the file.

        Its help is in the file's format. One that has a file stays as it is.
        """
        return _place(diagnostic, self.file, self.format, self._part, self.at)


def validated(file: str, text: str, format: Format, whole: Parsed, at: Route) -> Document:
    """Validate what a file says at a route; ConfigError with every mistake, in file order."""
    part = whole.sub(at.steps)
    if part is None:
        raise ConfigError([replace(_nothing_there(whole, at), file=file)])
    if (inner := further_in(whole, at)) is not None:
        raise ConfigError([replace(inner, file=file)])
    try:
        part.refuse_keys(MAX_KEY)
    except ReadError as error:
        raise from_read_error(error, file) from None
    config = read_config(part.value)
    if not isinstance(config, KernelConfig):
        placed = (_place(diagnostic, file, format, part, at) for diagnostic in config)
        raise ConfigError(in_file_order(placed))
    return Document(file, text.removeprefix("\ufeff"), format, config, at, part)


_MOST_SHOWN: Final = 5


def further_in(whole: Parsed, at: Route) -> Diagnostic | None:
    """What to say if no config stands at a route, but some do further in; where the first does."""
    at_route = whole.sub(at.steps)
    part = {} if at_route is None else items(at_route.value)
    if "kernel_mapping" in part:
        return None
    inner = [Route(steps) for steps in islice(_configs_in(part, at.steps), _MOST_SHOWN + 1)]
    if not inner:
        return None
    shown = list(map(str, inner[:_MOST_SHOWN]))
    more = " and elsewhere" if len(inner) > _MOST_SHOWN else ""
    message = f"a config needs the key `kernel_mapping`: it is in {listing(shown, 'and')}{more}"
    options = listing([f"--at {shlex.quote(route)}" for route in shown])
    help_text = f"pass {options} (in Python `at=`)"
    route = inner[0].key()
    return Diagnostic("missing-key", message, route, help_text, span=_locate(whole, route))


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


def _nothing_there(whole: Parsed, at: Route) -> Diagnostic:
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
    located = whole.locate(above.steps)
    start = located.value.line, located.value.column
    return Diagnostic(
        "nothing-there",
        f"there is no {quote(str(above.child(step)))}",
        above,
        help_text,
        span=located.key or Span(*start, *start),
    )


def from_read_error(error: ReadError, file: str) -> ConfigError:
    """The error for a text that could not be read."""
    return ConfigError(replace(problem, file=file) for problem in error.problems)


def _place(
    diagnostic: Diagnostic, file: str, format: Format, part: Parsed, at: Route
) -> Diagnostic:
    if diagnostic.file is not None:
        return diagnostic
    glued = _glued_colon(diagnostic, part) if format == "yaml" else None
    route = diagnostic.route
    return replace(
        diagnostic,
        route=replace(route, steps=(*at.steps, *route.steps)),
        help=glued or _in_format(diagnostic.help, format),
        file=file,
        span=_locate(part, route),
    )


_GLUED: Final = re.compile(r"([A-Za-z_][\w.-]*):(\S+)")


def _glued_colon(diagnostic: Diagnostic, parsed: Parsed) -> str | None:
    """What to say of `RMSNorm:org/repo:Layer`, which YAML takes for text instead of a key."""
    if diagnostic.code not in {"invalid-kernel-mapping", "invalid-kernel-reference"}:
        return None
    part = parsed.sub(diagnostic.route.steps)
    glued = _GLUED.fullmatch(part.value) if part and isinstance(part.value, str) else None
    if glued is None or not (read_kernel_ref(glued[2]) or glued[2] == ORIGINAL):
        return None
    return f"put a blank after the first colon: {quote(f'{glued[1]}: {glued[2]}')}"


def _locate(parsed: Parsed, route: Route) -> Span:
    located = parsed.locate(route.steps)
    elsewhere = parsed.sub(route.steps) is None
    many_lines = located.value.line != located.value.end_line
    if located.key is not None and (route.at_key or elsewhere or many_lines):
        return located.key
    return located.value


# What our messages tell people to write is YAML.
_SNIPPETS: Final[dict[str, dict[Format, str]]] = {
    "`kernel_mapping: {}`": {"json": '`"kernel_mapping": {}`', "toml": "`[kernel_mapping]`"},
    "`kernel: org/repo:layer_name`": {
        "json": '`"kernel": "org/repo:layer_name"`',
        "toml": '`kernel = "org/repo:layer_name"`',
    },
    "`kernel: original`": {"json": '`"kernel": "original"`', "toml": '`kernel = "original"`'},
    "`{kernel: org/repo:layer_name, version: 1}`": {
        "json": '`{"kernel": "org/repo:layer_name", "version": 1}`',
        "toml": '`{ kernel = "org/repo:layer_name", version = 1 }`',
    },
    "`{cuda: [...]}`": {"json": '`{"cuda": [...]}`', "toml": "`{ cuda = [...] }`"},
    "`[{min_capability: 90, kernel: ...}]`": {
        "json": '`[{"min_capability": 90, "kernel": ...}]`',
        "toml": "`[{ min_capability = 90, kernel = ... }]`",
    },
}


def _in_format(help_text: str | None, format: Format) -> str | None:
    """A help with the snippet in it, if there is one, as a file of the format has it."""
    for snippet, forms in _SNIPPETS.items():
        if help_text and snippet in help_text:
            return help_text.replace(snippet, forms.get(format, snippet))
    return help_text


# Paths inside a config: absolute where a file is read, relative where one is written.

_ROOTED = re.compile(r"~|[/\\]|[A-Za-z]:[/\\]")


def anchor(config: KernelConfig, directory: str | os.PathLike[str]) -> KernelConfig:
    """The same config with relative local kernels and lock files made absolute.

    >>> from kernel_schema import KernelConfig
    >>> config = anchor(KernelConfig({"A": "./norm:Layer"}), "/kernels")
    >>> str(config.kernel_mapping["A"])
    '/kernels/norm:Layer'
    """
    base = str(directory).rstrip(os.sep)

    def absolute(path: str) -> str:
        return path if _ROOTED.match(path) else os.path.normpath(f"{base}{os.sep}{path}")

    return _map_paths(config, absolute)


def detach(config: KernelConfig, directory: str | os.PathLike[str]) -> KernelConfig:
    """The same config with absolute paths below a directory made relative: undoes `anchor`."""
    prefix = os.path.normpath(str(directory)).rstrip(os.sep) + os.sep

    def relative(path: str) -> str:
        below = path.removeprefix(prefix)
        return path if below == path or os.path.normpath(path) != path else f"./{below}"

    return _map_paths(config, relative)


def stated_paths(config: KernelConfig) -> list[str]:
    """The paths of all local kernels and lock files."""
    paths: list[str] = []

    def note(path: str) -> str:
        paths.append(path)
        return path

    _map_paths(config, note)
    return paths


def _map_paths(config: KernelConfig, change: Callable[[str], str]) -> KernelConfig:
    layers = {name: _entry(entry, change) for name, entry in config.kernel_mapping.items()}
    return _changed(config, {"kernel_mapping": FrozenDict(layers)})


_Model = TypeVar("_Model", bound=BaseModel)


def _changed(model: _Model, update: dict[str, Any]) -> _Model:
    # Not the copy of our own models, which validates: what was right is right with other paths.
    return cast("_Model", BaseModel.model_copy(model, update=update))


def _entry(entry: Any, change: Callable[[str], str]) -> Any:
    if isinstance(entry, LocalRef):
        # Not checked once more: what the folders above are called need not be text.
        moved = copy(entry)
        object.__setattr__(moved, "path", change(entry.path))
        return moved
    if isinstance(entry, KernelSpec):
        changed: dict[str, Any] = {"kernel": _entry(entry.kernel, change)}
        if entry.lockfile is not None:
            changed["lockfile"] = change(entry.lockfile)
        return _changed(entry, changed)
    if isinstance(entry, CapabilityEntry):
        return _changed(entry, {"entry": _entry(entry.entry, change)})
    if isinstance(entry, (DeviceMapping, ModeMapping)):
        items = {key: _entry(value, change) for key, value in entry.items()}
        return _changed(entry, {"root": FrozenDict(items)})
    if is_tuple(entry):
        return tuple(_entry(ranged, change) for ranged in entry)
    return entry
