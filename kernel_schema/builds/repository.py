"""Kernel repositories on disk and in the cache of the Hub: where their builds are, what they hold.

Source of the layouts: `resolve_local_kernel`, `resolve_hub_cache_kernel` in `kernels.resolver` and
`_import_from_path` in `kernels.importer` of kernels 0.17.2.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.cache import cached_repository
from kernel_schema.builds.contents import Contents, read_contents
from kernel_schema.builds.metadata import Metadata, parse_metadata
from kernel_schema.builds.variants import choose_build, parse_variant
from kernel_schema.paths import is_directory, is_file, read_at_most, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_schema.builds.variants import BuildTarget

LARGEST: Final = 250_000
"""Bytes of a file of a build that is read; code that is longer is not looked into."""
_MOST: Final = 1000
"""Python files of a build that are read."""


@dataclass(frozen=True)
class Build:
    """One build of a kernel.

    Args:
        folder: Where it is.
    """

    folder: Path

    @cached_property
    def metadata(self) -> Metadata:
        """What its `metadata.json` says."""
        return parse_metadata(self.read("metadata.json"))

    @cached_property
    def contents(self) -> Contents:
        """What its code binds."""
        return read_contents(self.read, self.metadata.name)

    def sources(self) -> dict[str, str | None]:
        """Its Python files, by path from its folder; None what cannot be read."""
        return {path: self.read(path) for path in sorted(islice(self._python_files(), _MOST))}

    def _python_files(self) -> Iterator[str]:
        for folder, _, files in os.walk(self.folder):
            for file in files:
                if file.endswith(".py"):
                    yield Path(folder, file).relative_to(self.folder).as_posix()

    def read(self, path: str) -> str | None:
        """The text of a file by its path from the folder; None if it cannot be had."""
        file = self.folder / path
        if not is_file(file) or size_of(file) > LARGEST:
            return None
        try:
            return read_at_most(file, LARGEST).decode()
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class Builds:
    """The builds that a repository has for a machine.

    Args:
        fitting: Those that fit, the one that kernels takes first.
        against: Why each of the others does not, by name.
    """

    fitting: tuple[Build, ...]
    against: Mapping[str, str]


def local_builds(path: Path, target: BuildTarget) -> Builds:
    """The builds of a repository on disk.

    Args:
        path: The repository, its folder `build`, or one build.
        target: The machine.
    """
    against: dict[str, str] = {}
    for base in (path, path / "build"):
        fitting, reasons = choose_build(_folders(base), target)
        against |= reasons
        if fitting:
            return Builds(tuple(Build(base / variant.name) for variant in fitting), against)
    if is_file(path / "metadata.json"):
        return Builds((Build(path),), against)
    return Builds((), against)


def every_build(path: Path) -> tuple[Build, ...]:
    """The builds of a repository on disk, for whatever machine they are."""
    found = [Build(base / name) for base in (path, path / "build") for name in _builds_in(base)]
    return (*found, Build(path)) if is_file(path / "metadata.json") else tuple(found)


def is_repository(path: Path) -> bool:
    """Whether kernels would look for builds there, for whatever machine: it may find none."""
    return is_directory(path / "build") or bool(_builds_in(path)) or is_file(path / "metadata.json")


def _builds_in(path: Path) -> list[str]:
    return [name for name in _folders(path) if parse_variant(name) is not None]


def cached_builds(repo_id: str, revision: str, target: BuildTarget) -> Builds | None:
    """The builds of a repository of the Hub that are in the cache.

    Args:
        repo_id: `org/repo`.
        revision: A commit, or a branch that was resolved before; version 1 is the branch `v1`.
        target: The machine.

    Returns:
        None where the cache does not hold that revision.
    """
    if ".." in revision.split("/") or revision.startswith("/"):
        return None
    repository = cached_repository(repo_id)
    if repository is None:
        return None
    commit = _text(repository / "refs" / revision) or revision
    build = repository / "snapshots" / commit / "build"
    if _COMMIT.fullmatch(commit) is None or not is_directory(build):
        return None
    fitting, against = choose_build(_folders(build), target)
    return Builds(tuple(Build(build / variant.name) for variant in fitting), against)


_COMMIT: Final = re.compile("[0-9a-f]{40}")


def _folders(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.iterdir() if is_directory(entry))
    except OSError:
        return []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() if is_file(path) else None
    except (OSError, ValueError):
        return None
