"""Comments of one text in another text of the same config, each at the entry where it stood."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from kernel_schema.files.parsed import items
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from kernel_schema.files.parsed import Parsed, Value
    from kernel_schema.files.text.comments import Comment
    from kernel_schema.files.text.nodes import Node
    from kernel_schema.routes import Step

    _Steps: TypeAlias = tuple[Step, ...]

Side: TypeAlias = Literal["above", "behind", "below"]


class Placed(NamedTuple):
    """A comment with what it is about: an entry, the text as a whole, or None for its end.

    `gap` says that an empty line stands before it.
    """

    text: str
    about: _Steps | None
    side: Side = "above"
    gap: bool = False


def placed(
    comments: Sequence[Comment],
    parsed: Parsed,
    text: str,
    at: _Steps,
    changed: Mapping[Comment, str],
) -> list[Placed]:
    """What each comment of a text is about, without those that are about something beside a part.

    One alone in its line is about the entry that follows, unless it is indented as what is before
    it, or an empty line stands between it and what follows and none before it; one behind an entry
    is about that. What stands before the first entry and an empty line is about the whole.

    Args:
        comments: The comments, in the order of the text.
        parsed: The text, or a part of it, as it was read.
        text: The text.
        at: The steps to the part; what is told of is told from there on.
        changed: Comments that are about the whole, as all before them are, with other words.
    """
    return list(_Source(parsed, text, at).placed(comments, changed))


def carry(comments: Iterable[Placed], parsed: Parsed, text: str) -> tuple[str, int]:
    r"""A text of ours with comments in it, and how many have no place there.

    Above an entry that has no line of its own, and behind one whose line has a comment already, a
    comment goes above that line. What is about an entry that is not there, nor a part of one that
    is, is left out.

    >>> from kernel_schema.files.toml import read_toml
    >>> text = "[kernel_mapping]\nA = 'o/r:L'\n"
    >>> behind = Placed("# why", ("kernel_mapping", "A"), "behind")
    >>> carry([behind], read_toml(text), text)
    ("[kernel_mapping]\nA = 'o/r:L'  # why\n", 0)
    """
    to = _Target(parsed, text)
    lost = sum(not to.take(comment) for comment in comments)
    return to.text(), lost


class _Target:
    """The lines of a text, and the comments that come to them."""

    def __init__(self, parsed: Parsed, text: str) -> None:
        index = LineIndex(text)
        self._lines = text.removesuffix("\n").split("\n")
        self._of_route = {
            entry.route: (index.point(entry.begin)[0] - 1, index.point(entry.end)[0] - 1)
            for entry in _entries(parsed.node(), parsed.value)
        }
        self._head: list[Placed] = []
        self._above: defaultdict[int, list[Placed]] = defaultdict(list)
        self._behind: dict[int, str] = {}
        self._below: defaultdict[int, list[tuple[Placed, int]]] = defaultdict(list)
        self._tail: list[Placed] = []

    def take(self, comment: Placed) -> bool:
        """Give a comment its place, if there is one."""
        if not comment.about:
            (self._tail if comment.about is None else self._head).append(comment)
            return True
        route = _nearest(comment.about, self._of_route)
        if not route:
            return False
        first, last = self._of_route[route]
        if comment.side == "below":
            self._below[last].append((comment, first))
        elif comment.side == "above" or first in self._behind:
            self._above[first].append(comment)
        else:
            self._behind[first] = f"  {_shown(comment.text)}"
        return True

    def text(self) -> str:
        """The lines with their comments."""
        written: list[str] = []

        def put(comment: Placed, beside: str = "") -> None:
            # Below an entry, an empty line would make it one above what follows.
            if comment.gap and comment.side != "below" and written and written[-1]:
                written.append("")
            indent = beside[: len(beside) - len(beside.lstrip())]
            written.append(indent + _shown(comment.text))

        for comment in self._head:
            put(comment)
        written += [""] * bool(self._head)
        for number, line in enumerate(self._lines):
            for comment in self._above[number]:
                put(comment, line)
            written.append(line + self._behind.get(number, ""))
            # The innermost first, or the next reader would take them for something else.
            for comment, first in sorted(self._below[number], key=lambda each: -each[1]):
                put(comment, self._lines[first])
        for comment in self._tail:
            put(comment)
        return "\n".join(written) + "\n"


def _shown(comment: str) -> str:
    """A comment in a line of ours: it may be printed, and ends where the line does."""
    return "\t".join(map(printable, comment.rstrip().split("\t")))


def _nearest(route: _Steps, known: Container[_Steps]) -> _Steps:
    """The entry at a route, or else the nearest one that it is in; nothing if there is none."""
    while route and route not in known:
        route = route[:-1]
    return route


class _Entry(NamedTuple):
    """Where a key with its value, or an item, begins, where the value does, and where it ends."""

    begin: int
    value: int
    end: int
    route: _Steps
    single: bool


def _entries(node: Node, value: Value) -> list[_Entry]:
    """All entries of a text; what aliases stand for is where its anchor is only."""
    listed: list[_Entry] = []
    seen: set[int] = set()

    def walk(node: Node, value: Value, route: _Steps) -> int:
        end = node.end
        if node.identity in seen:
            return end
        seen.add(node.identity)
        for step, item in items(value).items():
            below = node.under(step)
            if below is None:
                continue
            spot = len(listed)
            start, stop = below.written
            begin = start if below.key_start < 0 else min(below.key_start, start)
            listed.append(_Entry(begin, start, stop, (*route, step), not items(item)))
            if (start, stop) == (below.start, below.end):
                # A table of TOML may go on behind others.
                stop = max(stop, walk(below, item, (*route, step)))
                listed[spot] = listed[spot]._replace(end=stop)
            end = max(end, stop)
        return end

    walk(node, value, ())
    return listed


class _Source:
    """Where the entries of a text begin and end."""

    def __init__(self, parsed: Parsed, text: str, at: _Steps) -> None:
        whole = parsed.whole
        entries = _entries(whole.node(), whole.value)
        self._text = text
        self._at = at
        self._lines = LineIndex(text)
        # A value that stands by itself below its key may have a comment above it.
        starts = {(entry.begin, entry.route) for entry in entries}
        starts |= {(entry.value, entry.route) for entry in entries if entry.single}
        self._of_route = {entry.route: entry for entry in entries}
        self._starts = sorted(starts, key=lambda start: (start[0], len(start[1])))
        self._offsets = [start for start, _ in self._starts]
        self._begun: defaultdict[int, list[_Entry]] = defaultdict(list)
        self._ended: defaultdict[int, list[_Entry]] = defaultdict(list)
        for entry in entries:
            self._begun[self._line(entry.begin)].append(entry)
            self._ended[self._line(entry.end)].append(entry)
        self._first = self._offsets[0] if self._offsets else len(text)

    def placed(
        self, comments: Sequence[Comment], changed: Mapping[Comment, str]
    ) -> Iterator[Placed]:
        """The comments, as `placed` has them."""
        head = max(map(self._end, changed), default=0)
        leading = [each for each in comments if self._start(each) < self._first]
        following = [*(each.span.line for each in leading[1:]), self._line(self._first)]
        for comment, line in zip(leading, following, strict=False):
            if line > comment.span.line + 1:
                head = max(head, self._end(comment))
        under = self._under(comments)
        for comment in comments:
            about, side = ((), "above")
            if self._end(comment) > head:
                about, side = self._place(comment, under=comment in under)
            inner = self._inner(about)
            if inner is not None or not self._at or self._ends_part(comment):
                words = changed.get(comment, comment.text)
                yield Placed(words, inner, side, self._gap(comment))

    def _inner(self, route: _Steps | None) -> _Steps | None:
        """A route from the part on; None if it is beside it."""
        depth = len(self._at)
        return route[depth:] if route is not None and route[:depth] == self._at else None

    def _start(self, comment: Comment) -> int:
        return self._lines.offset(comment.span.line, comment.span.column)

    def _end(self, comment: Comment) -> int:
        return self._lines.offset(comment.span.end_line, comment.span.end_column)

    def _gap(self, comment: Comment) -> bool:
        line = comment.span.line
        return comment.alone and line > 1 and not self._of_line(line - 1).strip()

    def _of_line(self, line: int) -> str:
        return self._text[self._lines.offset(line, 1) : self._lines.offset(line + 1, 1)]

    def _under(self, comments: Sequence[Comment]) -> set[Comment]:
        """The comments right below something, with an empty line between them and what follows."""
        under: set[Comment] = set()
        block: list[Comment] = []
        for comment, following in zip(comments, [*comments[1:], None], strict=True):
            if comment.alone:
                block.append(comment)
            line = comment.span.line + 1
            if following is None or not following.alone or following.span.line > line:
                if block and not self._gap(block[0]) and not self._of_line(line).strip():
                    under.update(block)
                block = []
        return under

    def _place(self, comment: Comment, *, under: bool) -> tuple[_Steps | None, Side]:
        """The entry that a comment is about, and on which side of it it is; None for the end."""
        behind = None if comment.alone else self._behind(comment)
        if behind is not None:
            return behind, "behind"
        start = self._start(comment)
        column = self._column(start)
        following = bisect_right(self._offsets, start)
        at_end = following == len(self._starts)
        far = column > (1 if at_end else self._column(self._offsets[following]))
        before = self._starts[following - 1][1] if following else ()
        if (far or (under and not at_end)) and before and self._of_route[before].end <= start:
            while before and self._column(self._of_route[before].begin) > column:
                before = before[:-1]
            if before:
                return before, "below"
        if at_end:
            return None, "above"
        innermost = bisect_right(self._offsets, self._offsets[following]) - 1
        return self._starts[innermost][1], "above"

    def _line(self, offset: int) -> int:
        return self._lines.point(offset)[0]

    def _column(self, offset: int) -> int:
        return self._lines.point(offset)[1]

    def _ends_part(self, comment: Comment) -> bool:
        """Whether a comment is at the end of the part, with an empty line below, or nothing."""
        following = bisect_right(self._offsets, self._start(comment))
        if not following or self._inner(self._starts[following - 1][1]) is None:
            return False
        begin = self._offsets[following] if following < len(self._offsets) else len(self._text)
        if begin == len(self._text):
            return True
        end = self._end(comment)
        following_comment = self._text.find("#", end, begin)
        below = self._text[end : begin if following_comment < 0 else following_comment]
        return len(below.splitlines()) > 2

    def _behind(self, comment: Comment) -> _Steps | None:
        """The entry that a comment in its line is behind; None if there is but a bracket."""
        start, line = self._start(comment), comment.span.line
        begun = [entry for entry in self._begun[line] if entry.begin < start]
        done = [entry for entry in begun if entry.end <= start]
        if done:
            return max(done, key=lambda entry: (entry.end, -entry.begin, len(entry.route))).route
        if begun:
            return max(begun, key=lambda entry: (entry.begin, len(entry.route))).route
        ended = [entry for entry in self._ended[line] if entry.end <= start]
        return max(ended, key=attrgetter("end", "begin")).route if ended else None
