"""Lock files of the kernels library, which are named beside a kernel: what they lock it to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.limits import MAX_LOCK_BYTES
from kernel_schema.locks.pins import is_commit
from kernel_schema.paths import home_path, read_at_most
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


def locked_commit(path: str, repo_id: str) -> str | Diagnostic | None:
    """The commit of a repository in a lock file of kernels; None if there is no such file.

    As kernels has it, the first entry of a repository counts. Read is the format of kernels 0.17
    (`dependency` and `lock`) and that before it (`repo_id` and `sha`).

    Returns:
        The commit, or `unusable-lockfile`.
    """
    try:
        raw = read_at_most(home_path(path), MAX_LOCK_BYTES)
        entries: Any = json.loads(raw) if len(raw) <= MAX_LOCK_BYTES else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        entries = None
    if not is_list(entries):
        return _unusable(path, "it is no list of locked kernels")
    for entry in filter(is_table, entries):
        if repo_id in (entry.get("repo_id"), _table(entry, "dependency").get("repo-id")):
            commit = str(entry.get("sha") or _table(entry, "lock").get("commit")).lower()
            if is_commit(commit):
                return commit
    return _unusable(path, f"{quote(repo_id)} is not locked in it")


def _table(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if is_table(value) else {}


def _unusable(path: str, why: str) -> Diagnostic:
    message = f"the lock file {quote(path, longest=1000)} cannot be used: {why}"
    return Diagnostic("unusable-lockfile", message, help="write it with `kernels lock`")
