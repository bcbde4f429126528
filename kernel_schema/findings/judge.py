"""What is shown of what was found in a file: by the command line, settings and comments in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.document import Document
from kernel_schema.findings.settings import Settings, SettingsAround, is_excluded
from kernel_schema.findings.verdicts import Verdicts, Wishes
from kernel_schema.paths import is_device_path

if TYPE_CHECKING:
    from kernel_schema.hub.live_policy import LivePolicy
    from kernel_schema.policies.policy import Policy

_SILENT = frozenset(("missing-table",))
"""What makes a config unusable and may be left out: a `pyproject.toml` need not hold a config."""


_MARK = "kernel-schema"
# The name as people write it in comments.
_NAME = re.compile("kernel[-_ ]?schema", re.IGNORECASE)
"""What stands in every comment that leaves something out."""


class Judge:
    """Decides which files are checked, and what is shown of what is found in them.

    Args:
        wishes: What the command line says of codes.
        exclude: Its patterns of files and folders, which start at the working directory.
        comments: Whether comments in the files count.
        policies: What the files are held against; nothing that they say, nor options or settings,
            leaves out what these forbid.
        live: What asks the Hub for what of the policies only it can tell; None to ask nothing.
    """

    def __init__(
        self,
        wishes: Wishes,
        exclude: Sequence[str] = (),
        *,
        comments: bool = True,
        policies: Sequence[Policy] = (),
        live: LivePolicy | None = None,
    ) -> None:
        self._policies = policies
        self._live = live
        self._wishes = wishes
        self._exclude = exclude
        self._comments = comments
        self._around = SettingsAround()
        self._in_folders: dict[str, Settings | None] = {}
        self._verdicts: dict[str, Verdicts] = {}

    def excludes(self, path: str) -> bool:
        """Whether a file or folder is not to be checked."""
        if self._exclude and is_excluded(os.path.abspath(path), os.getcwd(), self._exclude):
            return True
        # A file must not keep a policy away by settings that lie beside it.
        return self._is_set_aside(path) and not self._policies

    def _is_set_aside(self, path: str) -> bool:
        """Whether settings leave a file or folder out."""
        settings = self._settings(path)
        return settings is not None and settings.excludes(os.path.abspath(path))

    def forbidden(self, document: Document | None) -> tuple[Diagnostic, ...]:
        """What policies do not allow of a file, or of the valid part of it."""
        if document is None or not self._policies:
            return ()
        # Imported here: mostly there is no policy.
        from kernel_schema.policies.judgement import case_of, forbidden

        case = case_of(document)
        found = forbidden(case, self._policies)
        if self._live is not None:
            found += self._live.forbidden(case)
        return document.place_all(found)

    def verdicts(self, path: str) -> Verdicts:
        """What counts for a file."""
        settings = self._settings(path)
        folder = settings.folder if settings is not None else ""
        if folder not in self._verdicts:
            around = () if settings is None else (settings.wishes,)
            self._verdicts[folder] = Verdicts(self._wishes, *around)
        return self._verdicts[folder]

    def _settings(self, path: str) -> Settings | None:
        folder = os.path.dirname(path)
        # By the folder as it is spelt: asking the system for each file takes longer.
        if folder not in self._in_folders:
            # What comes through a pipe is as if it lay in the working directory.
            around = "" if is_device_path(path) else folder
            self._in_folders[folder] = self._around.of(os.path.abspath(around or os.curdir))
        return self._in_folders[folder]

    def shown(
        self,
        file: str,
        unusable: Iterable[Diagnostic],
        rest: Iterable[Diagnostic],
        document: Document | None,
        forbidden: Iterable[Diagnostic] = (),
        *,
        of_model: bool,
        of_hub: bool,
    ) -> Iterator[Diagnostic]:
        """What is shown of a file: what makes it unusable, and of the rest what is wanted.

        `document` is the file, or the valid part of it; `forbidden` is shown in any case, and not
        here. `of_model` and `of_hub` say whether a model was checked against, and the Hub asked.
        """
        if self._policies and self._is_set_aside(file):
            return
        verdicts = self.verdicts(file)
        unusable = list(unusable)
        for each in unusable:
            yield from verdicts.shown([each]) if each.code in _SILENT else [each]
        rest = verdicts.shown(rest)
        if not self._comments or document is None:
            yield from rest
            return
        if document.bases:
            rest = _left_in(_bases_of(document), rest)
        if _NAME.search(document.text) is None:
            yield from rest
            return
        # Imported here: few files have such comments.
        from kernel_schema.findings.ignores import Ignores, unasked

        never = unasked(of_model=of_model, of_hub=of_hub)
        ignores = Ignores(file, document.comments, document.text)
        yield from list(ignores.left(rest))
        overridden = bool(document.overrides)
        yield from verdicts.shown(
            ignores.complaints(unusable, forbidden, verdicts.off, never, overridden=overridden)
        )


def _bases_of(document: Document) -> Iterator[Document]:
    for base in document.bases:
        yield base
        yield from _bases_of(base)


def _left_in(bases: Iterable[Document], found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What was found, without what comments of the base leave out in which it stands.

    Whether a comment of a base is used is told where that base is checked.
    """
    # Imported here: few files have such comments.
    from kernel_schema.findings.ignores import Ignores

    left = list(found)
    named = {each.file for each in left}
    for base in {each.file: each for each in bases if each.file in named}.values():
        if _MARK in base.text:
            left = list(Ignores(base.file, base.comments, base.text).left(left))
    return left
