"""Builds of repositories that are on the Hub, read file by file without downloading any."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.contents import Contents, read_contents
from kernel_schema.builds.repository import Build

if TYPE_CHECKING:
    from kernel_schema.hub.client import Hub

_MOST: Final = 40
"""Files of one build that are asked for: what its code imports beyond them is not known."""


@dataclass(frozen=True)
class RemoteBuild(Build):
    """One build of a kernel on the Hub.

    Args:
        folder: Its name.
        hub: Whom to ask for its files.
        repo_id: `org/repo`.
        commit: The commit of the repository.
        wanted: The layers that are asked for: what is imported is looked up for these alone.
    """

    hub: Hub
    repo_id: str
    commit: str
    wanted: frozenset[str]
    _asked: set[str] = field(default_factory=set[str], repr=False, compare=False)

    @classmethod
    def of(
        cls, name: str, hub: Hub, repo_id: str, commit: str, wanted: frozenset[str]
    ) -> RemoteBuild:
        """A build by its name."""
        return cls(Path(name), hub, repo_id, commit, wanted)

    @cached_property
    def contents(self) -> Contents:
        """What its code binds; all of it where something that is wanted is not there."""
        package = self.metadata.name
        contents = read_contents(self.read, package, self.wanted)
        if self.wanted <= contents.layers.keys() or contents.broken is not None:
            return contents
        return read_contents(self.read, package)

    def read(self, path: str) -> str | None:
        """The text of a file by its path from the folder; None if it cannot be had."""
        if path not in self._asked and len(self._asked) == _MOST:
            return None
        self._asked.add(path)
        return self.hub.text(self.repo_id, self.commit, f"build/{self.folder.name}/{path}")
