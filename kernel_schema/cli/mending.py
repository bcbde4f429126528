"""`check --fix` and `--diff`: files are mended as they are read, or what would change is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import unified_diff

from kernel_schema.cli.exits import say
from kernel_schema.cli.output.terminal import counted, write
from kernel_schema.cli.withheld import leads_away
from kernel_schema.diagnostics import Diagnostic, Severity
from kernel_schema.files.atomic import replace_file
from kernel_schema.files.read import STANDARD_INPUT
from kernel_schema.fixing import mend
from kernel_schema.wording import printable


class Mending:
    """Mends the texts of files, and counts; `shown` says to print a diff and write nothing."""

    def __init__(self, *, unsafe: bool, shown: bool) -> None:
        self._unsafe = unsafe
        self._shown = shown
        self.problems = 0
        self.files = 0

    def text(
        self,
        path: str,
        file: str,
        text: str,
        find: Callable[[str], tuple[Diagnostic, ...]],
    ) -> str:
        """The text of a file once it is mended: that is written, or what would change is shown.

        `find` tells first what is wrong with a text; messages call the file `file`. Raises what
        writing it does.
        """
        if leads_away(path):
            message = "a link leads to it out of this directory or repository: it is not mended"
            say([Diagnostic("cannot-write", message, file=file, severity=Severity.WARNING)])
            return text
        fixed = mend(text, find, unsafe=self._unsafe)
        self.problems += len(fixed.mended)
        self.files += fixed.text != text
        if self._shown:
            write(_diff(file, text, fixed.text))
        elif path == STANDARD_INPUT:
            write(fixed.text)
        elif fixed.text != text:
            replace_file(path, fixed.text, previous=text.encode())
        return fixed.text

    def prints(self, files: Iterable[str]) -> bool:
        """Whether standard output is taken: by a diff, or the text that came from there."""
        return self._shown or STANDARD_INPUT in files

    def summary(self) -> str:
        """What was done, or would be, in a line."""
        if not self.problems:
            return "Nothing to mend."
        what = f"{counted(self.problems, 'problem')} in {counted(self.files, 'file')}"
        return f"Would mend {what}." if self._shown else f"Mended {what}."


_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def _diff(file: str, old: str, new: str) -> str:
    """The change of a file, as `diff -u` has it and `patch` takes it.

    A line that must not reach a terminal, or CI, as it is, is escaped.
    """
    before, after = map(_LINE.findall, (old, new))
    name = printable(file)
    return "".join(map(_printable_line, unified_diff(before, after, name, name)))


def _printable_line(line: str) -> str:
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    plain = body.replace("\t", " ")
    shown = body if printable(plain) == plain else printable(body)
    return f"{shown}{end}" if end else f"{shown}\n\\ No newline at end of file\n"
