"""What the Hub answers, as data: names of commits, files, and how long it asks to wait."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.diagnostics import Diagnostic, HubError
from kernel_schema.locks.pins import is_commit
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator


class Refs(NamedTuple):
    """The names that a repository has for commits."""

    branches: dict[str, str]
    tags: dict[str, str]

    @property
    def versions(self) -> list[int]:
        """The versions of the kernel, lowest first: branches such as `v1`."""
        matches = (re.fullmatch(r"v(0|[1-9][0-9]{0,8})", name) for name in self.branches)
        return sorted(int(match[1]) for match in matches if match)


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file of a repository: its path, its size in bytes, and its id as `locks.store` has it."""

    path: str
    size: int
    oid: str


class Understood:
    """Turns an answer that is none of the Hub's into words."""

    def __init__(self, about: str) -> None:
        self._about = about

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (ValueError, TypeError, KeyError, AttributeError)) and not isinstance(
            error, HubError
        ):
            message = f"what answers for {quote(self._about)} is not the Hub"
            help_text = "look at HF_ENDPOINT, and at proxies on the way"
            raise HubError([Diagnostic("hub-unreachable", message, help=help_text)]) from error


def commit_id(value: object) -> str:
    """A commit; ValueError if it is none."""
    if not isinstance(value, str) or not is_commit(value):
        raise ValueError
    return value


def files_of(page: Any, folder: str) -> Iterator[RepositoryFile]:
    """The files below a folder, of one page of a listing; ValueError if a path leads elsewhere."""
    for entry in page:
        if entry["type"] != "file":
            continue
        path, lfs = str(entry["path"]), entry.get("lfs")
        parts = path.split("/")
        # It becomes a path on this machine.
        if not path.startswith(f"{folder}/") or {"", ".", ".."} & {*parts} or "\\" in path:
            raise ValueError
        oid = f"sha256:{lfs['oid']}" if lfs else f"git-sha1:{entry['oid']}"
        yield RepositoryFile(path, int(entry["size"]), oid)


def folders_of(page: Any, folder: str) -> Iterator[str]:
    """The names of the folders in a folder, of one page of a listing."""
    for entry in page:
        path = str(entry["path"])
        name = path.removeprefix(f"{folder}/")
        if entry["type"] == "directory" and name != path and "/" not in name:
            yield name


def wanted_wait(headers: Any) -> float | None:
    """Seconds that a server asks to wait: `Retry-After`, or what is left in `RateLimit`."""
    stated = headers.get("retry-after")
    if stated is not None:
        if stated.isdecimal():
            return float(stated)
        try:
            return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
        except ValueError:
            return None
    left = re.search(r"\bt\s*=\s*(\d+)", headers.get("ratelimit") or "")
    return float(left[1]) if left else None
