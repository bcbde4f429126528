"""The files that a config extends: each is read once, however many lead to it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import ConfigError, Diagnostic, Repair, Route
from kernel_schema.files.alone import read_alone
from kernel_schema.files.composition.merge import merged
from kernel_schema.files.document import InvalidConfigError, Part
from kernel_schema.files.read import NO_FILE, FileAccessError, read_text
from kernel_schema.paths import is_directory, is_file, status_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.codes import Code
    from kernel_schema.files.document import Document
    from kernel_schema.routes import Step

MAX_CHAIN: Final = 8
"""How many files may extend one another in a row, the first and the last included."""

MAX_FILES: Final = 64
"""How many bases a config may have in all."""

_HELP: Final = "paths of bases start at the folder of the file that names them"
_ENDINGS: Final = "bases end in `.yaml`, `.yml`, `.json` or `.toml`"


def with_bases(document: Document, directory: str | None, max_bytes: int) -> Document:
    """A document with what its bases say; their paths start at a directory, or at its file.

    No base may be larger than `max_bytes`.

    Raises:
        InvalidConfigError: With everything that is wrong with the bases.
    """
    bases = _Bases(max_bytes)
    composed = bases.under(document, directory)
    if bases.problems:
        part = Part(composed, bases.incomplete)
        problems = document.place_all(dict.fromkeys(bases.problems))
        raise InvalidConfigError(problems, lambda: part)
    return composed


def beside_bases(
    error: InvalidConfigError, directory: str | None, max_bytes: int
) -> InvalidConfigError:
    """The error of a file with what is wrong with its bases too, and its valid part on them."""
    part = error.part()
    if part is None or not part.document.extends:
        return error
    bases = _Bases(max_bytes)
    bases.lack(part.incomplete)
    whole = Part(bases.under(part.document, directory), bases.incomplete)
    return InvalidConfigError((*error.diagnostics, *dict.fromkeys(bases.problems)), lambda: whole)


class _Bases:
    """Reads the bases of one config."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.problems: list[Diagnostic] = []
        self.incomplete: frozenset[Step] | None = frozenset()
        # By the file that is meant, whatever path leads to it: the document, and how many files
        # are in its longest chain. None for one that is no config.
        self._read: dict[str, tuple[Document, int] | None] = {}

    def under(self, document: Document, directory: str | None) -> Document:
        """A document with those of its bases that can be had."""
        if directory is None and document.file == NO_FILE:
            message = "a text has no folder at which the path of a base could start"
            problem = Diagnostic("missing-base", message, Route(("extends",)), "pass `directory=`")
            self.problems.append(document.place(problem))
            self.lack(None)
            return document
        return self.compose(document, directory, ())[0]

    def lack(self, layers: frozenset[Step] | None) -> None:
        """Note the layers of which something is not there; None: that may be any."""
        known = self.incomplete
        self.incomplete = None if known is None or layers is None else known | layers

    def compose(
        self, document: Document, directory: str | None, chain: tuple[str, ...]
    ) -> tuple[Document, int]:
        """A document with its bases, and how many files are in its longest chain."""
        folder = os.path.dirname(document.file) if directory is None else directory
        chain = (*chain, os.path.realpath(document.file))
        bases: list[tuple[Document, str]] = []
        longest = 0
        for index, path in enumerate(document.extends):
            found = self._base(document, index, os.path.normpath(os.path.join(folder, path)), chain)
            if found is not None:
                base, length = found
                longest = max(longest, length)
                bases.append((base, path))
        return merged(document, bases), longest + 1

    def _base(
        self, document: Document, index: int, file: str, chain: tuple[str, ...]
    ) -> tuple[Document, int] | None:
        def refuse(
            code: Code, message: str, help_text: str | None, repair: Repair | None = None
        ) -> None:
            route = Route(("extends", index) if document.lists_bases else ("extends",))
            problem = Diagnostic(code, message, route, help_text, repair=repair)
            self.problems.append(document.place(problem))
            self.lack(None)

        target, name = os.path.realpath(file), quote(file, longest=1000)
        if target in chain:
            if target == chain[-1]:
                message = f"{name} is this file: no file can be its own base"
                return refuse("invalid-extends", message, "leave it out")
            message = f"{name} extends this file: no file can be its own base"
            return refuse("invalid-extends", message, "remove it here or there")
        if target not in self._read:
            if len(chain) >= MAX_CHAIN:
                return refuse("invalid-extends", _TOO_LONG, _SHORTER)
            if len(self._read) >= MAX_FILES:
                message = f"more than {MAX_FILES} bases in all"
                return refuse("invalid-extends", message, "put several of them into one file")
            if not is_file(file):
                message = f"the base {name} {_why_no_file(file)}"
                return refuse("missing-base", message, *_near_base(file, chain))
            try:
                self._read[target] = self._composed(file, chain)
            except FileAccessError as error:
                problem = error.diagnostics[0]
                reason = problem.message.removeprefix("it cannot be read: ")
                help_text = _ENDINGS if problem.code == "unknown-format" else None
                return refuse(
                    "missing-base", f"the base {name} cannot be read: {reason}", help_text
                )
        read = self._read[target]
        if read is not None and len(chain) + read[1] > MAX_CHAIN:
            return refuse("invalid-extends", _TOO_LONG, _SHORTER)
        return read

    def _composed(self, file: str, chain: tuple[str, ...]) -> tuple[Document, int] | None:
        try:
            text, written = read_text(file, max_bytes=self._max_bytes)
            document = read_alone(text, format=written, file=file)
        except FileAccessError:
            raise
        except ConfigError as error:
            # Whoever mends the file that extends it must not write that here.
            self.problems += (replace(each, repair=None, fix=None) for each in error.diagnostics)
            part = error.part() if isinstance(error, InvalidConfigError) else None
            self.lack(None if part is None else part.incomplete)
            if part is None:
                return None
            document = part.document
        return self.compose(document, None, chain)


def _why_no_file(file: str) -> str:
    try:
        status_of(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "is missing: there is no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return f"cannot be read: this is {'a directory' if is_directory(file) else 'no file'}"


def _near_base(file: str, chain: tuple[str, ...]) -> tuple[str, Repair | None]:
    """What to do about a base that is not there: it may have another name."""
    # Imported here: a base that is there needs none of it.
    from kernel_schema.near_paths import near_path

    folder = os.path.dirname(chain[-1])
    near = near_path(os.path.abspath(file), folder, lambda path: _is_base(path, chain))
    if near is None:
        return _HELP, None
    return f"did you mean {quote(near)}?", Repair("replace", near, safe=False)


def _is_base(path: str, chain: tuple[str, ...]) -> bool:
    """Whether a path is that of a file that may be a config, and none of those that lead to it."""
    is_config = path.endswith((".yaml", ".yml", ".json", ".toml")) and is_file(path)
    return is_config and os.path.realpath(path) not in chain


_TOO_LONG: Final = f"more than {MAX_CHAIN} files extend one another in a row"
_SHORTER: Final = "let a file name the bases that it needs itself"
