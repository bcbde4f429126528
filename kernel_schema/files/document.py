"""A config with the text it was read from: routes become positions here, and nowhere else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route, Span, in_file_order
from kernel_schema.schema.anchors import anchor
from kernel_schema.schema.config import KernelConfig
from kernel_schema.schema.references import is_kernel
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.wording import quote, split_quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.files.source import Parsed, ReadError

Format = Literal["yaml", "json", "toml"]


@dataclass(frozen=True)
class Document:
    r"""A config file that was read.

    Args:
        file: Its path, as given; what messages name it by.
        text: What it holds, without a byte order mark.
        format: In which format.
        config: The config it states, with paths as written.

    >>> from kernel_schema import Route, loads_document
    >>> document = loads_document("kernel_mapping:\n  SiLU: org/repo:SiLU\n", format="yaml")
    >>> document.locate(Route(("kernel_mapping", "SiLU")))
    Span(line=2, column=9, end_line=2, end_column=22)
    """

    file: str
    text: str
    format: Format
    config: KernelConfig
    _parsed: Parsed

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
            route: A route into the config.

        Returns:
            The span of the value, or of its key where the route says so. Where the route leads
            nowhere, that of the nearest key above; where a value fills several lines, that of its
            key.
        """
        return _locate(self._parsed, route)

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """The same diagnostic with file and span, in the words of the file's format."""
        return place(diagnostic, self.file, self.format, self._parsed)


def validated(file: str, text: str, format: Format, parsed: Parsed) -> Document:
    """Validate what a file says.

    Raises:
        ConfigError: With every mistake and its place, in the order of the file.
    """
    try:
        config = KernelConfig.model_validate(parsed.value)
    except ValidationError as error:
        found = ConfigError.from_validation_error(error).diagnostics
        placed = (place(diagnostic, file, format, parsed) for diagnostic in found)
        raise ConfigError(in_file_order(placed)) from None
    return Document(file, text.removeprefix("\ufeff"), format, config, parsed)


def from_read_error(error: ReadError, file: str) -> ConfigError:
    """The error for a text that could not be read."""
    return ConfigError(
        Diagnostic(problem.code, problem.message, help=problem.help, file=file, span=problem.span)
        for problem in error.problems
    )


def place(diagnostic: Diagnostic, file: str, format: Format, parsed: Parsed) -> Diagnostic:
    """Give a diagnostic its file and span, in the words of the format."""
    if diagnostic.file is not None:
        return diagnostic
    help_text = (_glued_colon(diagnostic, parsed) if format == "yaml" else None) or diagnostic.help
    return Diagnostic(
        diagnostic.code,
        _reword(diagnostic.message, format),
        diagnostic.route,
        help_text and _reword(help_text, format),
        diagnostic.severity,
        file,
        _locate(parsed, diagnostic.route),
    )


_GLUED: Final = re.compile(r"([A-Za-z_][\w.-]*):(\S+)")


def _glued_colon(diagnostic: Diagnostic, parsed: Parsed) -> str | None:
    """What to say of `RMSNorm:org/repo:Layer`, which YAML takes for text instead of a key."""
    if diagnostic.code not in {"invalid-kernel-mapping", "invalid-kernel-reference"}:
        return None
    here = parsed.sub(diagnostic.route.steps)
    glued = _GLUED.fullmatch(here.value) if here and isinstance(here.value, str) else None
    if glued is None or not (is_kernel(glued[2]) or glued[2] == ORIGINAL):
        return None
    return f"put a blank after the first colon: {quote(f'{glued[1]}: {glued[2]}')}"


def _locate(parsed: Parsed, route: Route) -> Span:
    steps = route.steps
    while steps and parsed.sub(steps) is None:
        steps = steps[:-1]
    located = parsed.locate(steps)
    elsewhere = len(steps) < len(route.steps)
    many_lines = located.value.line != located.value.end_line
    if located.key is not None and (route.at_key or elsewhere or many_lines):
        return located.key
    return located.value


# Our own messages speak of tables and lists. Each format has its own words for them.
_WORDS: Final[dict[Format, dict[str, str]]] = {
    "yaml": {"table": "mapping"},
    "json": {"table": "object", "list": "array"},
    "toml": {"list": "array"},
}
# What our messages tell people to write is YAML.
_PIECES: Final[dict[Format, dict[str, str]]] = {
    "yaml": {},
    "json": {
        "`kernel_mapping: {}`": '`"kernel_mapping": {}`',
        "`kernel: org/repo:layer_name`": '`"kernel": "org/repo:layer_name"`',
        "`kernel: original`": '`"kernel": "original"`',
        "`{kernel: org/repo:layer_name, version: 1}`": (
            '`{"kernel": "org/repo:layer_name", "version": 1}`'
        ),
        "`{cuda: [...]}`": '`{"cuda": [...]}`',
        "`[{min_capability: 90, kernel: ...}]`": '`[{"min_capability": 90, "kernel": ...}]`',
    },
    "toml": {
        "`kernel_mapping: {}`": "`[kernel_mapping]`",
        "`kernel: org/repo:layer_name`": '`kernel = "org/repo:layer_name"`',
        "`kernel: original`": '`kernel = "original"`',
        "`{kernel: org/repo:layer_name, version: 1}`": (
            '`{ kernel = "org/repo:layer_name", version = 1 }`'
        ),
        "`{cuda: [...]}`": "`{ cuda = [...] }`",
        "`[{min_capability: 90, kernel: ...}]`": "`[{ min_capability = 90, kernel = ... }]`",
    },
}
_LIST_OF_ONE = re.compile(r"\[([^\]\"]+)\]")


def _swap(word: str, better: str) -> Callable[[str], str]:
    """What puts one word in the place of another, with its article and its plural."""
    article = "an" if better[0] in "aeiou" else "a"
    pattern = re.compile(rf"\b(?:(an?) )?((?:empty )?){word}(s?)\b")

    def swap(found: re.Match[str]) -> str:
        start = ("an" if found[2] else article) + " " if found[1] else ""
        return f"{start}{found[2]}{better}{found[3]}"

    return lambda text: pattern.sub(swap, text) if word in text else text


@cache
def _swaps(format: Format) -> tuple[Callable[[str], str], ...]:
    swaps = tuple(_swap(word, better) for word, better in _WORDS[format].items())
    if format == "yaml":
        return swaps
    return (*swaps, lambda text: _LIST_OF_ONE.sub(r'["\1"]', text))


def _reword(text: str, format: Format) -> str:
    """Put a message in the words of a format, leaving what the user wrote as it is."""
    parts = split_quoted(text)
    parts[::2] = [_in_words_of(format, part) for part in parts[::2]]
    parts[1::2] = [_PIECES[format].get(part, part) for part in parts[1::2]]
    return "".join(parts)


# What messages say around the user's own words is the same for each mistake of one kind.
@lru_cache(maxsize=1000)
def _in_words_of(format: Format, text: str) -> str:
    for swap in _swaps(format):
        text = swap(text)
    return text
