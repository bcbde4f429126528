"""Overrides: what holds in the place of what a config file says, each as a text of its own.

`kernel_mapping.RMSNorm=original` is a route into the config, and a value in YAML. It becomes a
document, so that a message can point into it as into a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route
from kernel_schema.files.document import Document, Reading, from_read_error
from kernel_schema.files.parsed import Parsed, ReadError, prepare
from kernel_schema.files.text.excerpt import pointed_at
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.files.text.nodes import Node
from kernel_schema.files.yaml import read_yaml
from kernel_schema.limits import MAX_KEY
from kernel_schema.routes import RouteError, steps_of
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.vocabulary import CONFIG_KEYS, FREE_PREFIX, is_free
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import Suggester, quote

if TYPE_CHECKING:
    from kernel_schema.codes import Code
    from kernel_schema.routes import Step

MAX_OVERRIDES: Final = 1000
"""How many overrides a config may have."""

MAX_LENGTH: Final = 100_000
"""How many characters one may have."""

MAX_STEPS: Final = 20
"""How many steps its route may have: no place of a config is so deep."""

MAPPING: Final = "kernel_mapping"
"""The key under which layers stand."""

_FORM: Final = "`kernel_mapping.RMSNorm=original`"
# Up to the first `=` that does not stand in a key in quotes.
_ROUTE: Final = re.compile(r'(?:[^="]|"(?:[^"\\]|\\.)*")*(?==)', re.DOTALL)
_KEYS: Final = Suggester(CONFIG_KEYS)


class OverrideError(ConfigError):
    """An override that is none, or one that no config can have; its text points into it.

    Args:
        diagnostics: What is wrong.
        texts: The overrides, in their order.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], texts: Iterable[str] = ()) -> None:
        super().__init__(diagnostics)
        self.texts = tuple(texts)
        named = {name_of(number): text for number, text in enumerate(self.texts, 1)}
        shown = [
            pointed_at(each, named[each.file]) if each.file in named else str(each)
            for each in self.diagnostics
        ]
        self.args = ("\n".join(shown),)

    def __reduce__(self) -> Any:
        return type(self), (self.diagnostics, self.texts)


@dataclass(frozen=True)
class Override:
    """What stands in the place of what a config says at a route.

    Args:
        document: Its text, with the value at its route.
        steps: The route, from the top of the config.
        value: What holds there.
    """

    document: Document
    steps: tuple[Step, ...]
    value: Any


def name_of(number: int) -> str:
    """What messages call an override, by its number from 1: no file that is there."""
    return f"<override {number}>"


def read_overrides(texts: Iterable[str]) -> list[Override]:
    """The overrides that texts state.

    Raises:
        OverrideError: With what is wrong with any of them.
        TypeError: If it is no list of texts.

    >>> (override,) = read_overrides(['kernel_mapping["a.b"].cuda=original'])
    >>> override.steps, override.value
    (('kernel_mapping', 'a.b', 'cuda'), 'original')
    """
    wanted = f"a list of texts such as {_FORM}"
    given: Any = texts
    is_none = isinstance(given, str) or is_table(given) or not isinstance(given, Iterable)
    listed: list[Any] = [] if is_none else [*given]
    if not all(isinstance(text, str) for text in listed) or (is_none and texts):
        raise wrong_argument("overrides", texts, wanted)
    if len(listed) > MAX_OVERRIDES:
        message = f"{len(listed)} overrides: {MAX_OVERRIDES} are the most"
        raise OverrideError([Diagnostic("invalid-override", message, help="write a file")])
    read = [_read_one(text, name_of(number)) for number, text in enumerate(listed, 1)]
    problems = [each for problems in read if is_list(problems) for each in problems]
    if problems:
        raise OverrideError(problems, listed)
    return [override for override in read if isinstance(override, Override)]


def _read_one(text: str, name: str) -> Override | list[Diagnostic]:
    try:
        return _Text(text, name).override()
    except ConfigError as error:
        return [replace(each, repair=None, fix=None) for each in error.diagnostics]


class _Text:
    """Reads the text of one override."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._text = ""
        if len(text) > MAX_LENGTH:
            message = f"an override of {len(text)} characters: {MAX_LENGTH} are the most"
            self._refuse("invalid-override", 0, 0, message, "write a file")
        try:
            self._text = prepare(text)
        except ReadError as error:
            raise from_read_error(error, name) from None

    def override(self) -> Override:
        text = self._text
        match = _ROUTE.match(text)
        end = match.end() if match else text.find("=")
        if end < 0:
            help_text = f"write a route, `=` and a value in one word: {_FORM}"
            if text.lstrip().startswith("~"):
                help_text = "nothing is taken out: `original` keeps the model's own forward"
            message = f"{quote(text)} is no override: it has no `=`"
            self._refuse("invalid-override", 0, len(text), message, help_text)
        route = text[:end].strip()
        start = len(text[:end]) - len(text[:end].lstrip())
        try:
            steps = steps_of(route)
        except RouteError as error:
            at = start + error.offset
            self._refuse("invalid-override", at, max(end, at + 1), str(error), None)
        self._check_route([step for step, _, _ in steps], start, start + len(route))
        # Blanks in its place: what is told of the value points into the whole text.
        value = re.sub(r"[^\r\n]", " ", text[: end + 1]) + text[end + 1 :]
        try:
            parsed = read_yaml(value)
            parsed.refuse_keys(MAX_KEY)
        except ReadError as error:
            if [each.code for each in error.problems] != ["empty-document"]:
                raise from_read_error(error, self._name) from None
            message, help_text = "there is no value behind `=`", f"write one: {_FORM}"
            self._refuse("invalid-override", end, end + 1, message, help_text)
        places = [(step, start + first, start + last) for step, first, last in steps]
        return self._made(places, parsed)

    def _made(self, places: list[tuple[Step, int, int]], parsed: Parsed) -> Override:
        whole: Any = parsed.value
        for step, _, _ in reversed(places):
            whole = {step: whole}

        def scan() -> Node:
            node = parsed.node()
            for step, first, last in reversed(places):
                node.key_start, node.key_end = first, last
                node = Node(first, len(self._text), children={step: node})
            return node

        part = Parsed(whole, self._text, scan, shared=parsed.shared)
        reading = Reading(part, read_yaml)
        document = Document(self._name, self._text, "yaml", KernelConfig(), Route(), part, reading)
        return Override(document, tuple(step for step, _, _ in places), parsed.value)

    def _check_route(self, steps: list[Step], start: int, end: int) -> None:
        """Refuse a route that leads to no place of a config."""
        first = steps[0]
        if len(steps) > MAX_STEPS or any(len(str(step)) > MAX_KEY for step in steps):
            message = f"no place of a config is so deep: {MAX_STEPS} steps are the most"
            if len(steps) <= MAX_STEPS:
                message = f"a key of more than {MAX_KEY} characters"
            self._refuse("invalid-override", start, end, message, None)
        if first == "extends":
            message = "overrides come after the bases of a file: `extends` is none of them"
            self._refuse("invalid-override", start, end, message, "override what a base says")
        if is_free(first):
            message = f"{quote(first)} says nothing: keys with {quote(FREE_PREFIX)} are free"
            self._refuse("invalid-override", start, end, message, None)
        if first in CONFIG_KEYS:
            return
        route = self._text[start:end]
        nearest = _KEYS.closest(str(first))
        help_text = f"routes begin at a key of the config: {_FORM}"
        if MAPPING in steps[1:]:
            inner = Route(tuple(steps[steps.index(MAPPING) :]))
            help_text = f"a route begins in the config itself: {quote(str(inner))}"
        elif nearest is not None:
            help_text = f"did you mean {quote(nearest)}?"
        elif isinstance(first, str):
            help_text = f"a layer stands under {quote(MAPPING)}: {quote(f'{MAPPING}.{route}')}"
        message = f"{quote(str(Route((first,))))} is not a key of a config"
        self._refuse("unknown-key", start, end, message, help_text)

    def _refuse(
        self, code: Code, start: int, end: int, message: str, help_text: str | None
    ) -> NoReturn:
        span = LineIndex(self._text).span(start, end)
        raise ConfigError([Diagnostic(code, message, help=help_text, file=self._name, span=span)])
