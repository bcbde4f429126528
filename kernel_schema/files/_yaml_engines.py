"""The two parsers of PyYAML, brought to agree.

The one in C is libyaml's. The one in Python differs from it in how it takes tabs, `?` inside the
texts of a list, the line of a `|`, and impossible escapes. `_PythonParser` takes away what it can;
the builder refuses what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken

if TYPE_CHECKING:
    from collections.abc import Iterator

Engine: TypeAlias = Literal["c", "python"]

DEFAULT_ENGINE: Engine = "c" if yaml.__with_libyaml__ else "python"
"""The parser that is used where none is asked for: the one in C where there is one."""

_END = "\0"
_BREAKS = "\r\n"
_BLANKS = " \t"
_FLOW = ",[]{}"


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
    indent: int
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
        while self.peek() in _BLANKS:
            taken.append(self.peek())
            self.forward()
        return "".join(taken)

    def _at_document_marker(self) -> bool:
        return (
            self.column == 0
            and self.prefix(3) in ("---", "...")
            and self.peek(3) in _END + _BLANKS + _BREAKS
        )

    def scan_plain(self) -> ScalarToken:
        """A plain scalar; `?` inside it is a character like any other, in lists and braces too."""
        start = end = self.get_mark()
        indent = self.indent + 1
        parts: list[str] = []
        blanks: list[str] | None = []
        while self.peek() != "#" and (length := self._plain_length()):
            self.allow_simple_key = False
            parts += [*(blanks or ()), self.prefix(length)]
            self.forward(length)
            end = self.get_mark()
            blanks = self.scan_plain_spaces(indent, start)
            if not blanks or (not self.flow_level and self.column < indent):
                break
        return ScalarToken(value="".join(parts), plain=True, start_mark=start, end_mark=end)

    def _plain_length(self) -> int:
        """How many characters from here on belong to a plain scalar, up to a blank."""
        flow = _FLOW if self.flow_level else ""
        length = 0
        while (char := self.peek(length)) not in _END + _BLANKS + _BREAKS + flow:
            if char == ":":
                after = self.peek(length + 1)
                if after in _END + _BLANKS + _BREAKS:
                    break
                if flow and after in flow + "?":
                    self.forward(length)
                    problem = "found unexpected ':'"
                    raise ScannerError(
                        "while scanning a plain scalar", None, problem, self.get_mark()
                    )
            length += 1
        return length

    def scan_block_scalar_indicators(self, start_mark: Mark) -> tuple[bool | None, int | None]:
        """What stands right behind a `|` or `>`: whether to keep breaks, and the indentation."""
        chomping: bool | None = None
        increment: int | None = None
        while (char := self.peek()) not in _END + _BLANKS + _BREAKS:
            if char in "+-" and chomping is None:
                chomping = char == "+"
            elif char in "123456789" and increment is None:
                increment = int(char)
            else:
                raise _block_error(start_mark, "found another indicator", self.get_mark())
            self.forward()
        return chomping, increment

    def scan_block_scalar_ignored_line(self, start_mark: Mark) -> None:
        """The rest of the line of a `|` or `>`: blanks, tabs among them, and a comment."""
        self._take_blanks()
        if self.peek() == "#":
            while self.peek() not in _END + _BREAKS:
                self.forward()
        if self.peek() not in _END + _BREAKS:
            raise _block_error(start_mark, "found no line break", self.get_mark())
        self.scan_line_break()

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Mark]:
        """The blank lines before the first line of text, and how far it is indented."""
        start = self.get_mark()
        found = cast(
            "tuple[list[str], int, Mark]", cast("Any", super()).scan_block_scalar_indentation()
        )
        if self.peek() == "\t":
            raise _block_error(start, "found a tab", self.get_mark())
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Mark]:
        """The blank lines before the next line of text."""
        start = self.get_mark()
        found = cast(
            "tuple[list[str], Mark]", cast("Any", super()).scan_block_scalar_breaks(indent)
        )
        if self.column < indent and self.peek() == "\t":
            raise _block_error(start, "found a tab", self.get_mark())
        return found

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


def _block_error(start: Mark, problem: str, mark: Mark) -> ScannerError:
    return ScannerError(
        "while scanning a block scalar", cast("Any", start), problem, cast("Any", mark)
    )


def parse_events(text: str, engine: Engine) -> Iterator[Event]:
    """The events of a YAML text.

    Raises:
        yaml.YAMLError: while iterating, where the text is not YAML.
    """
    loader: Any = yaml.CBaseLoader if engine == "c" else _PythonParser
    parser: Any = loader(text)
    return iter(parser.get_event, None)
