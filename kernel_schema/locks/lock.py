"""The lock: what each kernel of a config is, down to its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.schema.grammar import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.locks.pins import Pin

DEFAULTS: Final = "transformers"
"""Whose table of kernels a lock can hold beside what a config names."""
LOCK_FORMAT: Final = 1
"""The `lock_format` that is written, and the newest that is read."""


@dataclass(frozen=True)
class LockedKernel:
    """One kernel repository at one commit.

    Args:
        pin: What the config, or another kernel, asks for.
        commit: The commit that it is locked to.
        license: What its metadata says, several joined by `AND`; None if it says nothing.
        trusted_publisher: Whether the Hub called its publisher trusted when it was locked.
        layers: The layers of it that the config names; none where only kernels depend on it.
        kernel_depends: The kernels that it depends on.
        variants: Its builds, each with the hash of all files in it.
    """

    pin: Pin
    commit: str
    license: str | None = None
    trusted_publisher: bool = False
    layers: tuple[str, ...] = ()
    kernel_depends: tuple[Pin, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        object.__setattr__(self, "variants", FrozenDict(self.variants))

    @property
    def short_commit(self) -> str:
        """As much of the commit as is shown."""
        return self.commit[:12]


@dataclass(frozen=True)
class Lock:
    """What every kernel of a config is, and of those they depend on.

    Args:
        kernels: One for each pin, in their order.
        inherits: `transformers` where the kernels of its default table are locked too, as far as
            the config inherits them; None where only what the config names is.

    >>> from kernel_schema.locks.pins import Pin
    >>> from kernel_schema.locks.lock_files import parse_lock
    >>> lock = Lock((LockedKernel(Pin("org/repo", 1), "0" * 40, layers=("Norm",)),))
    >>> parse_lock(lock.dumps()) == lock
    True
    """

    kernels: tuple[LockedKernel, ...] = ()
    inherits: str | None = None

    def __post_init__(self) -> None:
        ordered = sorted(self.kernels, key=lambda locked: locked.pin.order)
        object.__setattr__(self, "kernels", tuple(ordered))

    @cached_property
    def by_pin(self) -> dict[Pin, LockedKernel]:
        """The locked kernels by what is asked for."""
        return {locked.pin: locked for locked in self.kernels}

    def with_dependencies(self, pin: Pin) -> tuple[LockedKernel, ...]:
        """A locked kernel, and those it depends on, however far away.

        Raises:
            KeyError: With the pin that is not locked.
        """
        needed: dict[Pin, LockedKernel] = {}
        waiting = [pin]
        while waiting:
            following = waiting.pop()
            if following not in needed:
                needed[following] = self.by_pin[following]
                waiting += reversed(needed[following].kernel_depends)
        return tuple(needed.values())

    def lacking(self, pin: Pin) -> Pin | None:
        """The first that is not locked of a kernel and those it depends on; None if all are."""
        try:
            self.with_dependencies(pin)
        except KeyError as error:
            return error.args[0]
        return None

    def dumps(self) -> str:
        """The text of a lock file: the same for equal locks, one line for each build."""
        kernels = [_entry(locked) for locked in self.kernels]
        inherits = {} if self.inherits is None else {"inherits": self.inherits}
        lock = {"lock_format": LOCK_FORMAT, **inherits, "kernels": kernels}
        return json.dumps(lock, indent=2) + "\n"

    def as_kernels_lock(self) -> str:
        """The same commits in the format of the kernels library, which knows nothing else.

        For `kernels download` and `kernels.LockedLayerRepository`; several versions of one
        repository are told apart by neither.
        """
        entries = [
            {"dependency": _stated(locked.pin, "repo-id"), "lock": {"commit": locked.commit}}
            for locked in self.kernels
        ]
        return json.dumps(entries, indent=2)


def _stated(pin: Pin, key: str = "repo_id") -> dict[str, Any]:
    stated = {"version": pin.version} if pin.revision is None else {"revision": pin.revision}
    return {key: pin.repo_id, **stated}


def _entry(locked: LockedKernel) -> dict[str, Any]:
    entry = {**_stated(locked.pin), "commit": locked.commit}
    if locked.license is not None:
        entry["license"] = locked.license
    entry["trusted_publisher"] = locked.trusted_publisher
    if locked.layers:
        entry["layers"] = sorted(locked.layers)
    if locked.kernel_depends:
        ordered = sorted(locked.kernel_depends, key=lambda pin: pin.order)
        entry["kernel_depends"] = list(map(_stated, ordered))
    return {**entry, "variants": dict(sorted(locked.variants.items()))}
