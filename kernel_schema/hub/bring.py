"""The files of locked builds: from the Hub into the cache, each held against what is locked."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.cache import repository_folder
from kernel_schema.diagnostics import Diagnostic, HubError, LockError
from kernel_schema.files.atomic import replace_file
from kernel_schema.files.read import FileAccessError
from kernel_schema.hub.coming import Coming
from kernel_schema.hub.resolve import dependencies
from kernel_schema.locks.pins import is_commit
from kernel_schema.locks.progress import SILENT
from kernel_schema.locks.store import LockedBuild, build_hash, file_id, is_bytecode
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Route
    from kernel_schema.hub.answers import RepositoryFile
    from kernel_schema.hub.client import Hub
    from kernel_schema.locks.pins import Pin
    from kernel_schema.locks.progress import Progress

_AT_ONCE: Final = 8
"""Files under way at once."""


@dataclass
class Run:
    """The work of the process whose turn it is; builds in the folders of `done` are left alone."""

    cache: Path
    hub: Hub
    done: set[Path]
    progress: Progress = SILENT
    files: int = 0
    repaired: list[str] = field(default_factory=list[str])
    _problems: dict[Diagnostic, None] = field(default_factory=dict[Diagnostic, None])

    def bring(self, builds: Iterable[LockedBuild], routes: Iterable[Route]) -> None:
        """Bring some builds here, and note what is wrong where they are asked for."""
        for build in builds:
            if build.folder in self.done:
                continue
            self.done.add(build.folder)
            try:
                self._bring(build)
            except (HubError, LockError) as error:
                for problem in error.diagnostics:
                    self._problems |= {replace(problem, route=route): None for route in routes}
                if any(problem.code == "hub-unreachable" for problem in error.diagnostics):
                    self.refuse()

    def refuse(self) -> None:
        """Raise what was noted, if anything was."""
        problems = list(self._problems)
        if any(problem.code in _OF_THE_HUB for problem in problems):
            raise HubError(problems)
        if problems:
            raise LockError(problems)

    def _bring(self, build: LockedBuild) -> None:
        listed = self._listed(build)
        self._clear(build, {file.path for file in listed})
        self._download(build, listed)
        self._hold_dependencies(build)
        write_ref(self.cache, build)

    def _listed(self, build: LockedBuild) -> list[RepositoryFile]:
        """What the Hub lists of a build, which has to be what is locked."""
        pin, commit = build.locked.pin, build.locked.commit
        try:
            every = self.hub.files(pin.repo_id, commit, build.prefix)
        except HubError as error:
            refusal = build.refusal()
            if refusal is not None and refusal.code == "kernel-changed":
                raise LockError([refusal]) from error
            raise HubError(where_it_is_gone(error.diagnostics, pin)) from error
        listed = [file for file in every if not is_bytecode(file.path)]
        below = len(build.prefix) + 1
        ids = ((file.path[below:], file.oid) for file in listed)
        if build_hash(ids) != build.locked.variants[build.variant]:
            raise _lock_error(
                "kernel-changed",
                f"the Hub lists other files for `{pin}` at {build.locked.short_commit} than are "
                "locked",
                "a commit never changes: find out who answers at HF_ENDPOINT, or wrote the lock",
            )
        return listed

    def _clear(self, build: LockedBuild, paths: set[str]) -> None:
        """Remove what does not belong into the folder of a build: Python would import it."""
        for above, folders, names in os.walk(build.folder):
            links = [name for name in folders if Path(above, name).is_symlink()]
            for name in (*names, *links):
                path = Path(above, name)
                below = path.relative_to(build.folder).as_posix()
                if f"{build.prefix}/{below}" not in paths and "__pycache__" not in path.parts:
                    path.unlink()
                    self.repaired.append(f"{path} did not belong there, and was removed")

    def _download(self, build: LockedBuild, listed: list[RepositoryFile]) -> None:
        pin, commit = build.locked.pin, build.locked.commit
        root = build.folder.parents[1]
        self.progress.begin("fetching", sum(file.size for file in listed))

        def bring(file: RepositoryFile, coming: Coming) -> tuple[int, bool, bool]:
            """How often it came, whether it is right, and whether another was in its place."""
            path = root / file.path
            is_right = _clear_place(path, file)
            if is_right:
                return 0, True, False
            changed = is_right is not None
            # Its content may have been in the cache already, and wrong there: then once more.
            tries = (True,) if changed else (False, True)
            for anew in tries:
                path = self.hub.download(
                    pin.repo_id, commit, file.path, self.cache, coming, anew=anew
                )
                if _is_listed(path, file):
                    return 1 + (anew and not changed), True, anew
            with suppress(OSError):
                path.resolve().unlink()
            path.unlink(missing_ok=True)
            return len(tries), False, changed

        def bring_counted(file: RepositoryFile) -> tuple[int, bool, bool]:
            with Coming(self.progress, file.size) as coming:
                return bring(file, coming)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(bring_counted, listed))
        wrong: list[str] = []
        for file, (came, is_right, changed) in zip(listed, outcomes, strict=True):
            self.files += came
            if not is_right:
                wrong.append(file.path)
            elif changed:
                self.repaired.append(f"{root / file.path} was changed, and was fetched anew")
        if wrong:
            raise _lock_error(
                "kernel-changed",
                f"files of `{pin}` came with other bytes than the Hub lists, and were removed: "
                f"{listing(wrong[:3], 'and')}",
                "a proxy or mirror changes them, or the transfer broke: fetch again, or elsewhere",
            )

    def _hold_dependencies(self, build: LockedBuild) -> None:
        """Hold what a build depends on against the lock, which has read another build's."""
        pin = build.locked.pin
        # Read as it is when it is locked: what is not UTF-8 is no error of reading.
        text = (build.folder / "metadata.json").read_text(encoding="utf-8", errors="replace")
        lacking = sorted(map(str, dependencies(pin, text) - {*build.locked.kernel_depends}))
        if lacking:
            raise _lock_error(
                "lock-out-of-step",
                f"the build `{build.variant}` of `{pin}` depends on {listing(lacking, 'and')}, "
                "which is not in the lock file",
                "it was not made by kernel-builder: pin a build that depends on what others do",
            )


_OF_THE_HUB: Final = {
    "hub-access",
    "hub-unreachable",
    "unknown-kernel-repository",
    "unknown-kernel-revision",
    "cannot-write",
}


def _is_listed(path: Path, file: RepositoryFile) -> bool:
    return file_id(path, in_lfs=file.oid.startswith("sha256:")) == file.oid


def _clear_place(path: Path, file: RepositoryFile) -> bool | None:
    """Whether a file is as it is listed, else removed; None if there was none.

    A link that leads nowhere, or to other bytes, is nothing to go on from. What was not there stays
    if it is there now: where locks do nothing another process may have brought it.
    """
    is_link, is_there = path.is_symlink(), path.is_file()
    if is_there and _is_listed(path, file):
        return True
    if is_link or is_there:
        path.unlink(missing_ok=True)
    return False if is_there else None


def where_it_is_gone(problems: Iterable[Diagnostic], pin: Pin) -> list[Diagnostic]:
    """The problems with a locked commit, with what to do where it is on the Hub no more."""
    gone = {"unknown-kernel-revision", "unknown-kernel-repository"}
    help_text = (
        "it was there when it was locked: take the cache from a machine that has it, or lock what "
        f"is there now: `kernel-schema lock FILE --upgrade {pin.repo_id}`"
    )
    return [
        replace(problem, help=help_text) if problem.code in gone else problem
        for problem in problems
    ]


def write_ref(cache: Path, build: LockedBuild) -> None:
    """Name the commit as the Hub does: so kernels itself finds the version offline.

    Where the cache cannot be written, it is as it is: our own loading needs no name.
    """
    pin, commit = build.locked.pin, build.locked.commit
    if is_commit(pin.ref) or _NO_NAME.search(pin.ref):
        return
    ref = repository_folder(cache, pin.repo_id) / "refs" / pin.ref
    with suppress(OSError, FileAccessError):
        if not ref.is_file() or ref.read_bytes() != commit.encode():
            ref.parent.mkdir(parents=True, exist_ok=True)
            replace_file(str(ref), commit)


# What git takes for no name, and a path would lead elsewhere by.
_NO_NAME: Final = re.compile(r"\.\.|^[/.]|//|/\.|[/.]$|\.lock(?:/|$)")


def _lock_error(code: Code, message: str, help_text: str) -> LockError:
    return LockError([Diagnostic(code, message, help=help_text)])
