"""The two parsers of PyYAML, brought to agree.

The one in C is libyaml's. The one in Python differs from it in how it takes tabs between tokens,
which are valid YAML, and in what it does with impossible escapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError

if TYPE_CHECKING:
    from collections.abc import Iterator

Engine: TypeAlias = Literal["c", "python"]

DEFAULT_ENGINE: Engine = "c" if yaml.__with_libyaml__ else "python"
"""The parser that is used where none is asked for: the one in C where there is one."""

_END = "\0"
_BREAKS = "\r\n"


class Mark(Protocol):
    """A place in the text."""

    @property
    def index(self) -> int:
        """The offset, in code points."""
        ...


class Event(Protocol):
    """What a parser reports; which of the attributes there are depends on the class."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool


class _PythonParser(Reader, Scanner, Parser):
    """PyYAML's parser in Python, with libyaml's idea of blanks."""

    # PyYAML says nothing of the types of these.
    flow_level: int
    allow_simple_key: bool
    column: int
    peek: Any
    prefix: Any
    forward: Any
    get_mark: Any
    scan_line_break: Any

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip blanks and comments; a tab is a blank where it cannot be taken for indentation."""
        while True:
            while self.peek() == " " or (self.peek() == "\t" and self._tab_is_blank()):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in _END + _BREAKS:
                    self.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def _tab_is_blank(self) -> bool:
        return bool(self.flow_level) or not self.allow_simple_key

    def scan_plain_spaces(self, indent: int, start_mark: Mark) -> list[str] | None:
        """The blanks inside a plain scalar, line breaks folded; None where the document ends."""
        blanks = self._take_blanks()
        if self.peek() not in _BREAKS:
            return [blanks] if blanks else []
        self.scan_line_break()
        self.allow_simple_key = True
        more: list[str] = []
        while not self._at_document_marker():
            if self.peek() == " " or (self.peek() == "\t" and self.column >= indent):
                self.forward()
            elif self.peek() in _BREAKS:
                more.append(cast("str", self.scan_line_break()))
            elif self.peek() == "\t":
                problem = "found a tab character that violates indentation"
                context = "while scanning a plain scalar"
                raise ScannerError(context, cast("Any", start_mark), problem, self.get_mark())
            else:
                return more or [" "]
        return None

    def _take_blanks(self) -> str:
        taken: list[str] = []
        while self.peek() in " \t":
            taken.append(self.peek())
            self.forward()
        return "".join(taken)

    def _at_document_marker(self) -> bool:
        return (
            self.column == 0
            and self.prefix(3) in ("---", "...")
            and self.peek(3) in _END + " \t" + _BREAKS
        )

    def scan_flow_scalar(self, style: str) -> object:
        """A quoted scalar; an escape for what is no character is an error with a place."""
        start = self.get_mark()
        try:
            return cast("object", cast("Any", super()).scan_flow_scalar(style))
        except (OverflowError, ValueError):
            problem = "found invalid Unicode character escape code"
            raise ScannerError(
                "while scanning a quoted scalar", start, problem, self.get_mark()
            ) from None


def parse_events(text: str, engine: Engine) -> Iterator[Event]:
    """The events of a YAML text.

    Raises:
        yaml.YAMLError: while iterating, where the text is not YAML.
    """
    loader: Any = yaml.CBaseLoader if engine == "c" else _PythonParser
    parser: Any = loader(text)
    return iter(parser.get_event, None)
