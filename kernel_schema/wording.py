"""Words for messages: what is printable, suggestions, quoted values and lists of names."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from datetime import date, time
from enum import Enum
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What Python calls printable and nobody sees: the letters and marks among the code points that
# Unicode's DerivedCoreProperties.txt lists as Default_Ignorable_Code_Point.
_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef"
)
_INVISIBLE = re.compile(f"[{_IGNORABLE}]")
# What CI systems take for commands: `::` where a line starts, `##[` and `##vso[` anywhere. Source:
# ActionCommand.cs of GitHub's runner, and the logging commands of Azure Pipelines.
_COMMAND = re.compile(r"(?:^ *:(?=:)|#(?=#\w*\[)).")
_SUSPECT = re.compile(f"{_INVISIBLE.pattern}|{_COMMAND.pattern}")


def is_visible(char: str) -> bool:
    """Whether a character shows that it is there, and moves none of its neighbours."""
    return char.isprintable() and _INVISIBLE.match(char) is None


def printable(text: str) -> str:
    r"""A text from anywhere as one line that can be printed: what a terminal, or CI, gets of it.

    Control characters, line breaks, what turns the direction of writing, what is invisible and
    halves of surrogate pairs become escapes that YAML and TOML read too. So does U+200D, which
    joins emoji: a sequence shows its parts, since the same character makes two names that look
    alike. The second character of what CI takes for a command becomes one as well.

    >>> print(printable("a\n::error::b\u202e"))
    a\n::error::b\u202e
    >>> print(printable("::error::"), printable("##[error]"))
    :\u003aerror:: #\u0023[error]
    """
    if text.isprintable() and _SUSPECT.search(text) is None:
        return text
    return "".join(printable_characters(text))


def printable_characters(text: str) -> list[str]:
    """The parts of `printable`, one for each character."""
    shown = [char if is_visible(char) else _escape(char) for char in text]
    for command in _COMMAND.finditer(text):
        shown[command.end() - 1] = _escape(text[command.end() - 1])
    return shown


def printable_lines(text: str) -> str:
    """`printable` for a text whose line feeds are our own."""
    return "\n".join(map(printable, text.split("\n")))


_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT_ESCAPES.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


class Suggester:
    """Finds what a misspelt word probably meant; `aliases` are words with a fixed answer.

    >>> suggester = Suggester(["cuda", "cpu"], {"nvidia": "cuda"})
    >>> suggester.closest("NVIDIA"), suggester.closest("cdua"), suggester.closest("banana")
    ('cuda', 'cuda', None)
    """

    def __init__(self, candidates: Iterable[str], aliases: dict[str, str] | None = None) -> None:
        self._answers = {normalise_word(candidate): candidate for candidate in candidates}
        self._words = list(self._answers)
        self._answers.update(aliases or {})
        # A comparison takes some 200 microseconds, and one mistake is often made many times.
        self._nearest = lru_cache(maxsize=1000)(self._compare)

    def closest(self, word: str) -> str | None:
        """The candidate nearest to `word`, or None when nothing is near."""
        word = normalise_word(word)
        if word in self._answers:
            return self._answers[word]
        return self._nearest(word) if len(word) <= _LONGEST_WORD else None

    def _compare(self, word: str) -> str | None:
        # Imported here: what is spelt rightly needs no comparison.
        from difflib import get_close_matches

        near = get_close_matches(word, self._words, n=1, cutoff=0.66)
        return self._answers[near[0]] if near else None


# Comparing costs the square of the length, and nothing longer is a typo of anything.
_LONGEST_WORD = 200


def normalise_word(word: str) -> str:
    """Fold what never distinguishes two names: case, and `-` or blank for `_`."""
    return word.strip().lower().replace("-", "_").replace(" ", "_")


# Characters of a value that a message shows.
_SHOWN = 80


def quote(text: object, mark: str = "`", *, longest: int = _SHOWN) -> str:
    r"""Show a value inside a message: on one line, between quote marks.

    >>> print(
    ...     quote("a\nb"), quote("a`b")
    ... )  # the latter as in CommonMark, so that its end can be told
    `a\nb` ``a`b``
    """
    if isinstance(text, Enum):
        text = text.value
    shown = text[: longest + 1] if isinstance(text, str) else _short_repr(text)
    if not shown.isprintable() or _INVISIBLE.search(shown):
        shown = "".join(char if is_visible(char) else _escape(char) for char in shown)
    if len(shown) > longest:
        shown = shown[: longest - 3] + "..."
    if mark == "`" and mark in shown:
        mark *= max(map(len, _BACKTICKS.findall(shown))) + 1
        shown = f" {shown} " if "`" in {shown[0], shown[-1]} else shown
    return f"{mark}{shown}{mark}"


_BACKTICKS = re.compile("`+")

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _SHOWN
# Python refuses to print integers of more than 4300 digits.
_PRINTABLE_INTEGER = 10**_SHOWN


def show(value: object) -> str:
    """Show a value where its type matters: strings in quotes, lists and tables by their kind.

    >>> show("1"), show(1), show(True), show(None), show([1]), show({})
    ('`"1"`', '`1`', '`true`', '`null`', 'a list', '`{}`')
    """
    if isinstance(value, str):
        return quote(quote(value, '"'))
    if value:
        for kind, name in _KINDS.items():
            if isinstance(value, kind):
                return name
    if isinstance(value, (date, time)):
        return quote(value.isoformat())
    if value is None or isinstance(value, bool):
        return quote({None: "null", True: "true", False: "false"}[value])
    return quote(value)


_KINDS = {list: "a list", tuple: "a tuple", Mapping: "a table"}


def _short_repr(value: object) -> str:
    if isinstance(value, int) and abs(value) >= _PRINTABLE_INTEGER:
        return f"an integer of {value.bit_length()} bits"
    try:
        return _REPR.repr(value)
    except ValueError:  # such an integer, inside a list or a table
        return f"a {type(value).__name__}"


def listing(words: Sequence[str], conjunction: str = "or") -> str:
    """Join words for a message.

    >>> listing(["cuda", "rocm"]), listing(["a", "b", "c"], "and")
    ('`cuda` or `rocm`', '`a`, `b` and `c`')
    """
    quoted = [quote(word) for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"


def in_one_line(error: BaseException) -> str:
    """What kind of error it is, and what it says."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
