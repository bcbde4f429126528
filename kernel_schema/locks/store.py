"""The files of locked kernels on this machine: where they are, and whether they are what is locked.

The hash of a build is that of the lines `<algorithm>:<id> <path>`, in order, one for each of its
files. The ids are those that the Hub lists, so that every build is locked without downloading any:
git's id of the file, or the SHA-256 of one in LFS or Xet.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.cache import repository_folder
from kernel_schema.builds.variants import choose_build
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.locks.pins import is_commit
from kernel_schema.locks.progress import SILENT
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.locks.lock import Lock, LockedKernel
    from kernel_schema.locks.pins import Pin
    from kernel_schema.locks.progress import Progress

_CHUNK: Final = 1 << 20
_BYTECODE: Final = "__pycache__"
_LARGE: Final = 10_000_000
"""Bytes of a file that the Hub takes into LFS whatever its name is."""


def build_hash(files: Iterable[tuple[str, str]]) -> str:
    """The hash of a build: of the paths of its files, from its folder, each with its id.

    >>> build_hash([("a.py", "git-sha1:1")]) == build_hash([("a.py", "git-sha1:2")])
    False
    """
    lines = sorted(f"{oid} {path}\n" for path, oid in files)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def is_bytecode(path: str) -> bool:
    """Whether a file of a repository is Python's bytecode, which kernels never downloads."""
    return path.endswith(".pyc") or _BYTECODE in path.split("/")


def file_id(path: Path, *, in_lfs: bool, progress: Progress = SILENT) -> str:
    """The id of a file on disk, as the Hub would list it."""
    algorithm = "sha256" if in_lfs else "git-sha1"
    hashed = hashlib.sha256() if in_lfs else hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as stream:
        if not in_lfs:
            hashed.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
            progress.advance("verifying", len(chunk))
    return f"{algorithm}:{hashed.hexdigest()}"


@dataclass(frozen=True)
class LockedBuild:
    """The build of a locked kernel that a machine takes, in a cache.

    Args:
        locked: The kernel.
        variant: The name of the build.
        folder: Where its files are, or will be.
    """

    locked: LockedKernel
    variant: str
    folder: Path

    @classmethod
    def of(cls, locked: LockedKernel, variant: str, cache: Path) -> LockedBuild:
        """A build of a locked kernel in a cache, be it there or not."""
        repository = repository_folder(cache, locked.pin.repo_id)
        return cls(locked, variant, repository / "snapshots" / locked.commit / "build" / variant)

    @property
    def prefix(self) -> str:
        """The folder of the build in its repository."""
        return f"build/{self.variant}"

    def is_there(self) -> bool:
        """Whether any file of it is; a process may be in the middle of fetching it."""
        return (self.folder / "metadata.json").is_file()

    def is_as_locked(self, progress: Progress = SILENT) -> bool:
        """Whether its files are exactly those that are locked, byte by byte."""
        return _is_as_locked(self.folder, self.locked.variants[self.variant], progress)

    def refusal(self, *, verify: bool = True) -> Diagnostic | None:
        """Why it cannot be loaded: `kernel-not-fetched` or `kernel-changed`."""
        pin, commit = self.locked.pin, self.locked.short_commit
        if not self.is_there():
            return Diagnostic(
                "kernel-not-fetched",
                f"`{pin}` is locked to {commit}, and its build `{self.variant}` is not in the "
                f"cache {quote(str(self.folder.parents[4]), longest=1000)}",
                help="fetch it where there is a network: `kernel-schema fetch FILE`",
            )
        if not verify or self.is_as_locked():
            return None
        return Diagnostic(
            "kernel-changed",
            f"the files of `{pin}` in {quote(str(self.folder), longest=1000)} are not those that "
            "are locked",
            help="`kernel-schema fetch FILE` repairs them; if they change again, find out who "
            "writes there",
        )


def locked_builds(
    lock: Lock, pin: Pin, target: BuildTarget, cache: Path
) -> list[LockedBuild] | Diagnostic:
    """The builds that a machine takes of a kernel and of those it depends on; or why it has none.

    Raises:
        KeyError: With the pin that is not locked.
    """
    builds: list[LockedBuild] = []
    for locked in lock.with_dependencies(pin):
        fitting, against = choose_build(locked.variants, target)
        if not fitting:
            through = "" if locked.pin == pin else f", on which `{pin}` depends,"
            reasons = [f"{quote(name)} {why}" for name, why in list(against.items())[:3]]
            there = f": {'; '.join(reasons)}" if reasons else ""
            message = f"`{locked.pin}`{through} has no build for {target}{there}"
            return Diagnostic("no-kernel-build", message)
        builds.append(LockedBuild.of(locked, fitting[0].name, cache))
    return builds


def _is_as_locked(folder: Path, expected: str, progress: Progress) -> bool:
    files = list(_files(folder))
    if None in files:
        return False
    paths = [path for path in files if path is not None]
    try:
        sizes = [path.stat().st_size for path in paths]
        progress.begin("verifying", sum(sizes))
        kinds = [_kind_by_link(path) for path in paths]
        if None not in kinds:
            return _hash(folder, paths, [bool(kind) for kind in kinds], progress) == expected
        # A copy without links: binary files are those that are kept in LFS, or only large ones.
        large = [size > _LARGE for size in sizes]
        binary = [each or _is_binary(path) for path, each in zip(paths, large, strict=True)]
        # The second is rarely asked for.
        guesses = {tuple(binary): progress, tuple(large): SILENT}
        return any(
            _hash(folder, paths, list(guess), seen) == expected for guess, seen in guesses.items()
        )
    except OSError:
        return False


def _hash(folder: Path, paths: list[Path], in_lfs: list[bool], progress: Progress) -> str:
    return build_hash(
        (path.relative_to(folder).as_posix(), file_id(path, in_lfs=kind, progress=progress))
        for path, kind in zip(paths, in_lfs, strict=True)
    )


def _files(folder: Path) -> Iterator[Path | None]:
    """The files below a folder, without bytecode; None for a folder that is a link, or unreadable.

    Python would import from such a folder too.
    """
    failures: list[OSError] = []
    for above, folders, names in os.walk(folder, onerror=failures.append):
        if _BYTECODE in folders:
            folders.remove(_BYTECODE)
        if failures or any(Path(above, name).is_symlink() for name in folders):
            yield None
        yield from (Path(above, name) for name in names)
    if failures:
        yield None


def _kind_by_link(path: Path) -> bool | None:
    """Whether a file is in LFS: a link leads to a blob that is named by its id; None for others."""
    if not path.is_symlink():
        return None
    blob = path.resolve().name
    if is_commit(blob):
        return len(blob) == 64
    return None


def _is_binary(path: Path) -> bool:
    """As git tells: by a null among its first bytes."""
    with path.open("rb") as stream:
        return b"\0" in stream.read(8000)
