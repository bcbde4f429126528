"""Comments that leave findings out: `# kernel-schema: ignore[code]`, behind a line or above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile

from kernel_schema.checks.selection import NOT_ALWAYS_ASKED, OF_THE_HUB, fitting, unknown
from kernel_schema.codes import Code
from kernel_schema.diagnostics import Diagnostic, Edit, Fix, Severity, Span
from kernel_schema.files.text.comments import Comment
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.wording import quote

_MARK = re.compile(r"#[ \t]*kernel-schema[ \t]*:[ \t]*ignore(?![\w-])")
# What people write in its place, and in that of the codes.
_NEAR = re.compile(
    r"#[ \t]*kernel[-_ ]?schemas?(?:[ \t]*[:=][ \t]*(?:ignor|noqa|disabl|off|skip|suppress)[\w-]*"
    r"|[ \t]+(?:ignor|disabl)[\w-]*(?=[\[(]))",
    re.IGNORECASE,
)
_LISTED = re.compile(r"[ \t:=]*[\[(\"']*(?P<codes>[\w*?-]+(?:[, \t\"']+[\w*?-]+)*)?[\"'\])]*")
_CODES = re.compile(r"[ \t]*\[(?P<codes>[^\[\]#]*)\]")
_WORD = re.compile(r"[^\s,]+")
_BLANKS = " \t"


@dataclass
class Ignore:
    """One code, or pattern, of a comment: where it stands, and the line that it is for.

    `without` is what takes it away: the whole comment, if it says nothing else.
    """

    name: str
    codes: tuple[Code, ...]
    span: Span
    line: int
    without: Fix
    used: bool = False


class Ignores:
    """The comments of one file that leave findings out.

    Args:
        file: The name of the file.
        comments: All comments of its text, in their order.
        text: The text.
    """

    def __init__(self, file: str, comments: Iterable[Comment], text: str) -> None:
        self._file = file
        self._wrong: list[Diagnostic] = []
        self._by_line: dict[int, list[Ignore]] = {}
        listed = list(comments)
        alone = {comment.span.line for comment in listed if comment.alone}
        self._lines = lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        # For each line, the first from there on with something else than comments.
        following = [*range(len(lines) + 2)]
        for line in range(len(lines), 0, -1):
            if line in alone or not lines[line - 1].strip():
                following[line] = following[line + 1]
        for comment in listed:
            line = comment.span.line
            self._read(comment, following[line + 1] if comment.alone else line)

    def _read(self, comment: Comment, line: int) -> None:
        for near in _NEAR.finditer(comment.text):
            mark = _MARK.match(comment.text, near.start())
            stated = _CODES.match(comment.text, mark.end()) if mark else None
            words = list(_WORD.finditer(stated["codes"])) if stated else []
            if mark is None or stated is None or not words:
                self._tell_near(comment, near)
                continue
            for word in words:
                span = _within(comment, *(stated.start("codes") + at for at in word.span()))
                codes = fitting(word[0])
                if codes:
                    if len(words) == 1:
                        gone = self._whole(comment, mark.start())
                    else:
                        gone = _within(comment, *_item(stated, word))
                    without = Fix((Edit(gone, ""),), safe=True)
                    ignore = Ignore(word[0], codes, span, line, without)
                    self._by_line.setdefault(line, []).append(ignore)
                    continue
                if len(self._wrong) == MAX_PROBLEMS:  # comparing takes long
                    return
                message, meant = unknown(word[0])
                help_text = f"did you mean {quote(meant)}?" if meant else None
                guess = Fix((Edit(span, meant),), safe=False) if meant else None
                self._tell("unknown-code", message, help_text, span, guess)

    def _tell_near(self, comment: Comment, near: re.Match[str]) -> None:
        """Tell of what was to be a mark with codes, with what to write."""
        listed = _LISTED.match(comment.text, near.end())
        codes = takewhile(fitting, re.findall(r"[\w*?-]+", (listed and listed["codes"]) or ""))
        meant = ", ".join(codes)
        end = near.end() if listed is None or not meant else listed.end()
        span, guess = _within(comment, near.start(), end), None
        message = "this comment names no code, and leaves nothing out"
        help_text = "write `# kernel-schema: ignore[code]`"
        if meant:
            written = f"# kernel-schema: ignore[{meant}]"
            message, help_text = "this comment leaves nothing out", f"write {quote(written)}"
            guess = Fix((Edit(span, written),), safe=False)
        self._tell("unused-ignore", message, help_text, span, guess)

    def _whole(self, comment: Comment, start: int) -> Span:
        """What a mark fills in a comment, with its reason, up to the next `#`."""
        line, column = comment.span.line, comment.span.column
        end = comment.text.find("#", start + 1) % (len(comment.text) + 1)
        if end < len(comment.text):
            return _within(comment, start, end)
        if start == 0 and comment.alone:
            if line < len(self._lines):
                return Span(line, 1, line + 1, 1)
            return Span(line, 1, line, comment.span.end_column)
        before = self._lines[line - 1][: column - 1 + start].rstrip(_BLANKS)
        return Span(line, len(before) + 1, line, comment.span.end_column)

    def _tell(
        self, code: Code, message: str, help_text: str | None, span: Span, fix: Fix | None = None
    ) -> None:
        if len(self._wrong) < MAX_PROBLEMS:
            self._wrong.append(
                Diagnostic(
                    code,
                    message,
                    help=help_text,
                    severity=Severity.WARNING,
                    file=self._file,
                    span=span,
                    fix=fix,
                )
            )

    def left(self, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """The findings that no comment leaves out."""
        for diagnostic in diagnostics:
            if not self._leaves_out(diagnostic):
                yield diagnostic

    def _leaves_out(self, diagnostic: Diagnostic) -> bool:
        # What a base says is silenced there.
        is_here = diagnostic.span is not None and diagnostic.file == self._file
        line = diagnostic.span.line if diagnostic.span is not None and is_here else 0
        ignores = self._by_line.get(line, ())
        fitting_ones = [ignore for ignore in ignores if diagnostic.code in ignore.codes]
        for ignore in fitting_ones:
            ignore.used = True
        return bool(fitting_ones)

    def complaints(
        self,
        unusable: Iterable[Diagnostic],
        forbidden: Iterable[Diagnostic],
        off: frozenset[Code],
        unasked: frozenset[Code],
        *,
        overridden: bool = False,
    ) -> Iterator[Diagnostic]:
        """What is wrong with the comments themselves, once all findings went through `left`.

        Args:
            unusable: What makes the config unusable, and is never left out.
            forbidden: What a policy does not allow: neither is that.
            off: Codes that are not wanted.
            unasked: Codes that nobody looked for.
            overridden: Whether other things hold than the file says: no comment is unused then.
        """
        unusable = list(unusable)
        never = _reasons(unusable, "makes a config unusable")
        never |= _reasons(forbidden, "is a matter of the policy")
        for ignore in chain.from_iterable(self._by_line.values()):
            if overridden or ignore.used or off.issuperset(ignore.codes):
                continue
            kept: list[Code] = [code for code in ignore.codes if (ignore.line, code) in never]
            if not kept and not unasked.isdisjoint(ignore.codes):
                continue
            message = f"nothing in line {ignore.line} is {quote(ignore.name)}"
            if ignore.line > len(self._lines):
                message = "nothing stands below this comment"
            if kept:
                reason = never[ignore.line, kept[0]]
                message = f"{quote(kept[0])} {reason}: it cannot be left out"
            # What is wrong with a line that cannot be used comes to light when it can.
            without = ignore.without if kept or not unusable else None
            self._tell("unused-ignore", message, "take it away", ignore.span, without)
        yield from self._wrong


def _reasons(diagnostics: Iterable[Diagnostic], reason: str) -> dict[tuple[int, Code], str]:
    return {(each.span.line, each.code): reason for each in diagnostics if each.span is not None}


def unasked(*, of_model: bool, of_hub: bool) -> frozenset[Code]:
    """The codes that nobody looked for, by whether there was a model, and the Hub was asked."""
    never = frozenset[Code]() if of_model else NOT_ALWAYS_ASKED
    return never if of_hub else never | OF_THE_HUB


def _within(comment: Comment, start: int, end: int) -> Span:
    line, column = comment.span.line, comment.span.column
    return Span(line, column + start, line, column + end)


def _item(stated: re.Match[str], word: re.Match[str]) -> tuple[int, int]:
    """Where a code stands in a comment, with what parts it from the next, or from the one before.

    >>> stated = _CODES.match("[a, b]")
    >>> [_item(stated, word) for word in _WORD.finditer("a, b")]
    [(1, 4), (2, 5)]
    """
    codes, at = stated["codes"], stated.start("codes")
    start, end = word.span()
    if codes[end:].strip(" \t,"):
        end = len(codes) - len(codes[end:].lstrip(" \t,"))
    else:
        start = len(codes[:start].rstrip(" \t,"))
    return at + start, at + end
