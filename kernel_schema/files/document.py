"""A config with the text it was read from: routes become positions here, and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route, Span, in_file_order
from kernel_schema.files.inner import further_in, nothing_there
from kernel_schema.files.local_paths import anchor
from kernel_schema.files.parsed import ReadError, items
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.limits import MAX_KEY
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.schema.vocabulary import is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kernel_schema.files.composition.overrides import Override
    from kernel_schema.files.parsed import Parsed
    from kernel_schema.files.text.comments import Comment
    from kernel_schema.routes import Step

Format = Literal["yaml", "json", "toml"]


@dataclass(frozen=True)
class Document:
    r"""A config file that was read.

    Args:
        file: Its path, as given; what messages name it by.
        text: What it holds, without a byte order mark.
        format: In which format.
        config: The config it states, with what it extends; paths as written, those of bases from
            the folder of this file.
        at: The route to that config, where other things are in the file too.
        bases: What it extends.
        origins: Which document states what of a layer and a device, if it extends any.
        stated: How many files away `inherit_mapping` and `lockfile` are stated, and where.
        overrides: What holds in the place of what it says.

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
    _reading: Reading
    bases: tuple[Document, ...] = ()
    origins: Mapping[tuple[str, str | None], Origin] = field(
        default_factory=dict[tuple[str, str | None], "Origin"], repr=False, compare=False
    )
    stated: Mapping[str, tuple[int, Document]] = field(
        default_factory=dict[str, "tuple[int, Document]"], repr=False, compare=False
    )
    overrides: tuple[Override, ...] = ()

    @property
    def anchored(self) -> KernelConfig:
        """The config with relative local kernels and lock files made absolute.

        They start at the directory of the file, or at the working directory without one.
        """
        return anchor(self.config, self.directory)

    @property
    def directory(self) -> str:
        """The directory of the file, absolute; the working directory without one."""
        return os.path.dirname(os.path.abspath(self.file))  # noqa: PTH100, PTH120 (of `-` too)

    def locate(self, route: Route) -> Span:
        """Where a route leads in the text.

        Args:
            route: A route into the config, as a `Rule` has it: it begins at `at`.

        Returns:
            The span of the value, or of its key where the route says so. Where the route leads
            nowhere, that of the nearest key above; where a value fills several lines, that of its
            key.
        """
        origin, steps = self._owner(route)
        span = origin._part.span_of(replace(route, steps=steps))  # noqa: SLF001 (of our own class)
        return span if self._is(origin) else replace(span, file=origin.file)

    def steps_at(self, line: int, column: int) -> tuple[Step, ...]:
        """The way from the top of the file to what stands at a line and column of the text."""
        # Imported here: only editors ask.
        from kernel_schema.files.text.cursor import steps_at

        return steps_at(self._reading.whole, LineIndex(self.text).offset(line, column))

    @property
    def extends(self) -> tuple[str, ...]:
        """The paths of its bases, as it names them."""
        stated: Any = items(self._part.value).get("extends", ())
        return (stated,) if isinstance(stated, str) else tuple(stated)

    @property
    def free_keys(self) -> tuple[str, ...]:
        """Its keys that mean nothing: they are in no config."""
        return tuple(key for key in map(str, items(self._part.value)) if is_free(key))

    @property
    def lists_bases(self) -> bool:
        """Whether they stand in a list."""
        return not isinstance(items(self._part.value).get("extends"), str)

    def origin(self, layer_name: str, device: str | None) -> Origin:
        """Which document states what a layer has on a device; None for an entry without devices."""
        return self.origins.get((layer_name, device)) or Origin(self)

    def _is(self, origin: Document) -> bool:
        """Whether a document is the text of this one, with or without its bases."""
        return origin._part is self._part

    def _owner(self, route: Route) -> tuple[Document, tuple[Step, ...]]:
        """The document that states what is at a route, and the way to it there."""
        steps = route.steps
        for override in reversed(self.overrides):
            if steps[: len(override.steps)] == override.steps:
                return override.document, override.document.nearest(steps)
        origin, steps = self._file_of(steps)
        inside = [each for each in self.overrides if each.steps[:2] == steps[:2]]
        nearest = origin.nearest(steps) if inside else steps
        # Above what is set now was less written; or the override brings all of it.
        deeper = [each for each in inside if each.steps[: len(steps)] == steps]
        if nearest != steps and deeper:
            return deeper[-1].document, steps
        return origin, nearest

    def nearest(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The way to a place that the text states, or to the nearest above it."""
        while self._part.sub(steps) is None:
            steps = steps[:-1]
        return steps

    def _file_of(self, steps: tuple[Step, ...]) -> tuple[Document, tuple[Step, ...]]:
        """The file that states what is at a route, this one or a base, and the way to it there."""
        if not self.bases or not steps:
            return self, steps
        if len(steps) == 1 and (stated := self.stated.get(str(steps[0]))):
            return stated[1], steps
        if steps[0] != "kernel_mapping" or len(steps) == 1:
            return self, steps
        name = str(steps[1])
        owners = {key[1]: origin for key, origin in self.origins.items() if key[0] == name}
        origin = owners.get(str(steps[2]) if len(steps) > 2 else None) or owners.get(None)
        if origin is None:  # the layer as a whole: this file comes first
            own = [each for each in owners.values() if self._is(each.document)]
            origin = next(iter([*own, *owners.values()]), Origin(self))
        elif origin.for_every_device:
            steps = (*steps[:2], *steps[3:])
        return origin.document, steps

    @property
    def comments(self) -> list[Comment]:
        """The comments of the text, in its order."""
        from kernel_schema.files.text.comments import comments

        return comments(self._part, self.text, self.format)

    @property
    def first_key(self) -> Span:
        """Where the first key of the config stands."""
        keys: Any = self._part.value  # a table, or it would be no config
        located = self._part.locate([*keys][:1])
        return located.key or located.value

    def carry_comments(
        self, to: Document, changed: Mapping[Comment, str] = MappingProxyType({})
    ) -> tuple[str, int]:
        """The text of another document of this config with the comments of this one in it.

        Args:
            to: One without comments, as `dumps` writes it.
            changed: Comments that say something else there; they stand at its top.

        Returns:
            The text, and how many comments have no place in it.
        """
        from kernel_schema.files.text.carried import carry, placed

        about = placed(self.comments, self._part, self.text, self.at.steps, changed)
        return (to.text, len(about)) if to.format == "json" else carry(about, to._part, to.text)

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """The same diagnostic with file and span, its route from the top of the file.

        Its help is in the file's format. One that has a file stays as it is.
        """
        if diagnostic.file is not None:
            return diagnostic
        origin, steps = self._owner(diagnostic.route)
        diagnostic = replace(diagnostic, route=replace(diagnostic.route, steps=steps))
        if self._is(origin):
            return _place(diagnostic, self.file, self.format, self._part, self.at)
        # Whoever mends this file must not write what belongs into another.
        placed = origin.place(diagnostic)
        return replace(placed, repair=None, fix=None)

    def place_all(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Diagnostics as `place` makes them, with the edits for what can be repaired."""
        several = self._part.shared or bool(self.bases or self.overrides)
        placed = _once(map(self.place, diagnostics), shared=several)
        return _with_fixes(tuple(placed), self.text, self.format, self._reading)


@dataclass(frozen=True)
class Origin:
    """The document that states something; `for_every_device` if it names no device there."""

    document: Document
    for_every_device: bool = False


class Reading(NamedTuple):
    """What was read of a text as a whole, and how another one is read in the same way."""

    whole: Parsed
    read: Callable[[str], Parsed]


def validated(file: str, text: str, format: Format, at: Route, reading: Reading) -> Document:
    """Validate what a file says at a route; ConfigError with every mistake, in file order."""
    whole = reading.whole
    part = whole.sub(at.steps)
    if part is None:
        raise ConfigError([replace(nothing_there(whole, at), file=file)])
    if "kernel_mapping" not in items(part.value):
        inner = further_in(lambda: whole, at)
        if inner is not None:
            raise ConfigError([replace(inner, file=file)])
    try:
        part.refuse_keys(MAX_KEY)
    except ReadError as error:
        raise from_read_error(error, file) from None

    def document(config: KernelConfig) -> Document:
        return Document(file, text.removeprefix("\ufeff"), format, config, at, part, reading)

    value, misstated = part.value, list[Diagnostic]()
    if isinstance(value, dict) and "extends" in value:
        # Imported here: most files extend none.
        from kernel_schema.files.composition.stated import extends_problems

        value = dict(value)
        misstated = extends_problems(value.pop("extends"))
    config = read_config(value)
    if isinstance(config, KernelConfig) and not misstated:
        return document(config)
    wrong = [*misstated, *([] if isinstance(config, KernelConfig) else config)]
    placed = _once(
        (_place(diagnostic, file, format, part, at) for diagnostic in wrong), shared=part.shared
    )
    placed = in_file_order(_with_fixes(tuple(placed), text, format, reading))
    if misstated:
        raise ConfigError(placed)

    def valid() -> Part | None:
        # Imported here: a good file needs none of it.
        from kernel_schema.files.composition.valid_part import valid_part

        found = valid_part(value, wrong)
        return None if found is None else Part(document(found.config), found.incomplete)

    raise InvalidConfigError(placed, valid)


class Part(NamedTuple):
    """The document of what is right of a file, and the layers of which something is not there.

    Where a base is not there, that may be any: None.
    """

    document: Document
    incomplete: frozenset[Step] | None


class InvalidConfigError(ConfigError):
    """A file that could be read and is no valid config, or extends what is none.

    Args:
        diagnostics: What is wrong, with places.
        part: What is right of it and its bases, if anything is.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], part: Callable[[], Part | None]) -> None:
        super().__init__(diagnostics)
        self.part = part

    def __reduce__(self) -> Any:
        return ConfigError, (self.diagnostics,)  # the rest is asked for at once, or never


def from_read_error(error: ReadError, file: str) -> ConfigError:
    """The error for a text that could not be read."""
    return ConfigError(replace(problem, file=file) for problem in error.problems)


def _place(
    diagnostic: Diagnostic, file: str, format: Format, part: Parsed, at: Route
) -> Diagnostic:
    # Imported here: a good file needs none of it.
    from kernel_schema.files.explain.snippets import as_written, in_format

    diagnostic = as_written(diagnostic, format, part)
    route = diagnostic.route
    return replace(
        diagnostic,
        route=replace(route, steps=(*at.steps, *route.steps)),
        help=in_format(diagnostic.help, format, at),
        file=file,
        span=part.span_of(route),
    )


def _with_fixes(
    placed: tuple[Diagnostic, ...], text: str, format: Format, reading: Reading
) -> tuple[Diagnostic, ...]:
    if not placed:
        return ()
    # Imported here: a good file needs none of it.
    from kernel_schema.files.repair import with_fixes

    return with_fixes(placed, text, format, *reading)


def _once(placed: Iterable[Diagnostic], *, shared: bool) -> Iterable[Diagnostic]:
    """The diagnostics; of a value that counts in several places all that is said is said once."""
    if not shared:
        return placed
    firsts: dict[Any, Diagnostic] = {}
    for diagnostic in placed:
        said = diagnostic.code, diagnostic.message, diagnostic.file, diagnostic.span
        firsts.setdefault(said, diagnostic)
    return firsts.values()
