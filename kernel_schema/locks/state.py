"""A config with its lock: which commit each of its kernels is, and what is wrong with that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.diagnostics import Diagnostic, LockError
from kernel_schema.locks.lock_files import read_lock
from kernel_schema.locks.step import ROUTE, locked_rules, unlocked
from kernel_schema.paths import home_path, is_network_path, names_a_user
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_schema.locks.lock import Lock
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule


class Locking(NamedTuple):
    """What a lock says of the rules of a config.

    Args:
        rules: The rules, each kernel with its commit where it is locked.
        lock: The lock; None where there is none, or none that can be used.
        problems: Why it cannot be used, and what it lacks.
    """

    rules: tuple[Rule, ...]
    lock: Lock | None = None
    problems: tuple[Diagnostic, ...] = ()


def locking(
    config: KernelConfig,
    rules: tuple[Rule, ...],
    lock: Lock | None = None,
    *,
    network: bool = False,
) -> Locking:
    """What the lock says that a config names, or the one that is given in its place.

    A lock file on another machine is looked at only if `network` is set.
    """
    if lock is None:
        try:
            lock = lock_of(config, network=network)
        except LockError as error:
            return Locking(rules, None, tuple(error.diagnostics))
    if lock is None:
        return Locking(rules)
    return Locking(locked_rules(rules, lock), lock, tuple(unlocked(rules, lock)))


def lock_of(config: KernelConfig, *, network: bool = False) -> Lock | None:
    """The lock that a config names; None if it names none, or one that is not looked at.

    Raises:
        LockError: If it is not there, or cannot be used; told where the config names it.
    """
    path = config.lockfile
    if path is None or (is_network_path(path) and not network):
        return None
    if names_a_user(path):
        message = f"the home directory of another user is not looked up: {quote(path)}"
        problem = Diagnostic("missing-lockfile", message, ROUTE, "write the folder out")
        raise LockError([problem])
    return lock_in(home_path(path))


def lock_in(path: Path) -> Lock:
    """What `read_lock` gives, its errors told where a config names the lock."""
    try:
        return read_lock(path)
    except LockError as error:
        problems = [replace(problem, route=ROUTE) for problem in error.diagnostics]
        raise LockError(problems) from None
