"""Locked kernels for the kernels library: from this machine, nothing asked of the network."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.builds.cache import cache_folder
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.diagnostics import Diagnostic, LockError
from kernel_schema.locks.lock import Lock
from kernel_schema.locks.pins import pin_of
from kernel_schema.locks.step import INHERITING
from kernel_schema.locks.store import LockedBuild, locked_builds
from kernel_schema.lowering.upstream import load_locked_layer
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import TypeIs

    from kernel_schema.choice.plan import Plan
    from kernel_schema.schema.rules import HubKernel, Rule

_LOADED: Final[dict[Path, tuple[Path, ...]]] = {}
"""The builds that were loaded here, each with those it was loaded with."""


@dataclass
class PinnedKernels:
    """The locked kernels of a config, as they are on this machine.

    Args:
        lock: The lock.
        verify: Whether the bytes of a build are held against the lock before it is loaded.
    """

    lock: Lock
    verify: bool = True
    _builds: dict[HubKernel, tuple[LockedBuild, ...] | Diagnostic] = field(
        default_factory=dict["HubKernel", "tuple[LockedBuild, ...] | Diagnostic"]
    )

    @classmethod
    def of(
        cls, lock: Lock | None, problems: tuple[Diagnostic, ...], *, verify: bool
    ) -> PinnedKernels:
        """Those of a lock, if there is one; a LockError if it cannot be used, or lacks a kernel."""
        if problems:
            raise LockError(problems)
        return cls(lock or Lock(), verify)

    def builds(self, kernel: HubKernel) -> tuple[LockedBuild, ...]:
        """The build of a kernel that this machine takes, and those it depends on.

        Raises:
            LockError: Why it cannot be loaded.
        """
        # Looked at once: bytes are read for that.
        if kernel not in self._builds:
            self._builds[kernel] = self._find(kernel)
        builds = self._builds[kernel]
        if isinstance(builds, Diagnostic):
            raise LockError([builds])
        return builds

    def of_inheritance(self, rules: Iterable[Rule], *, may_fail: bool = False) -> list[Rule]:
        """The inherited rules to register in the place of what is active: all that a lock has.

        If they may fail, what has no build for this machine stands for the model's own forward.
        """
        if self.lock.inherits is None:
            return []
        return [
            replace(rule, kernel=None, mode=None) if may_fail and self._has_no_build(rule) else rule
            for rule in rules
        ]

    def _has_no_build(self, rule: Rule) -> bool:
        if not is_locked(rule.kernel):
            return False
        try:
            self.builds(rule.kernel)
        except LockError as error:
            return error.diagnostics[0].code == "no-kernel-build"
        return False

    def refuse(self, plan: Plan, *, inherited_may_fail: bool = False) -> None:
        """Raise a LockError with all that keeps the locked kernels of a plan from being loaded.

        That what is inherited has no build for this machine is no matter, if it may fail.
        """
        problems: list[Diagnostic] = []
        for layer in plan.layers:
            rule = layer.rule
            if rule is not None and layer.kernels and is_locked(rule.kernel):
                if inherited_may_fail and rule.is_inherited and self._has_no_build(rule):
                    continue
                route = INHERITING if rule.is_inherited else rule.route
                try:
                    self.builds(rule.kernel)
                except LockError as error:
                    problems += (replace(each, route=route) for each in error.diagnostics)
        if problems:
            raise LockError(problems)

    def _find(self, kernel: HubKernel) -> tuple[LockedBuild, ...] | Diagnostic:
        pin, target, cache = pin_of(kernel), this_machine(), cache_folder()
        if pin is None or target is None or cache is None:
            message = f"there is no cache of the Hub, or no torch, to load `{kernel}` from"
            return Diagnostic("kernel-not-fetched", message)
        builds = locked_builds(self.lock, pin, target, cache)
        if isinstance(builds, Diagnostic):
            return builds
        untrusted = (_untrusted(kernel, build) for build in builds)
        if (refused := next(filter(None, untrusted), None)) is not None:
            return refused
        if _LOADED.get(builds[0].folder) == tuple(build.folder for build in builds):
            return tuple(builds)  # kernels does not load it again
        refusals = (build.refusal(verify=self.verify) for build in builds)
        return next(filter(None, refusals), None) or _loaded_before(kernel, builds) or tuple(builds)


def is_locked(kernel: object) -> TypeIs[HubKernel]:
    """Whether a kernel is locked, and so loaded from this machine alone."""
    return getattr(kernel, "commit", None) is not None


def _untrusted(kernel: HubKernel, build: LockedBuild) -> Diagnostic | None:
    """The rule of kernels, the lock in place of a request: a lock never widens trust."""
    locked, trust = build.locked, kernel.trust_remote_code
    repo_id = locked.pin.repo_id
    if locked.trusted_publisher or (repo_id in trust if is_tuple(trust) else trust):
        return None
    through = "" if repo_id == kernel.repo_id else f", on which `{kernel}` depends,"
    return Diagnostic(
        "untrusted-publisher",
        f"`{locked.pin}`{through} is of a publisher whom the Hub did not call trusted when it was "
        "locked",
        help=f"if you trust it, set `trust_remote_code: [{repo_id}]` beside `kernel`",
    )


def _loaded_before(kernel: HubKernel, builds: list[LockedBuild]) -> Diagnostic | None:
    """Code that this process has loaded from there without the lock: kernels would give it again.

    Its dependencies need not be those that are locked, nor its bytes.
    """
    first, *needed = (build.folder for build in builds)
    strangers = [first, *(folder for folder in needed if folder not in _LOADED)]
    # As texts: thousands of modules are loaded, and a path is slow to make.
    inside = tuple(f"{folder}{os.sep}" for folder in strangers)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(inside):
            return Diagnostic(
                "kernel-loaded-before",
                f"this process has loaded {quote(name)} of `{kernel}` already, and not by this "
                "lock: kernels gives the same code again",
                help="start a new process, and kernelize with the lock before anything else loads "
                "this kernel",
            )
    return None


class PinnedLayerRepository:
    """A layer of a locked kernel: what mappings of kernels take (its `LayerRepositoryProtocol`).

    Args:
        kernel: The kernel, with its commit.
        pinned: What is locked.
    """

    def __init__(self, kernel: HubKernel, pinned: PinnedKernels) -> None:
        self.kernel = kernel
        self.layer_name = kernel.layer_name
        self._pinned = pinned

    def load(self) -> Any:
        """The class of the layer.

        Raises:
            LockError: If its files are not here, or not as locked, or its publisher not trusted.
        """
        builds = self._pinned.builds(self.kernel)
        folders = {build.locked.pin: build.folder for build in builds}
        lock = self._pinned.lock
        _LOADED.update(
            (folder, tuple(folders[needed.pin] for needed in lock.with_dependencies(pin)))
            for pin, folder in folders.items()
        )
        try:
            return load_locked_layer(self.kernel, folders)
        except BaseException:
            _LOADED.pop(builds[0].folder)
            raise

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PinnedLayerRepository) and self.kernel == other.kernel

    def __hash__(self) -> int:
        return hash(self.kernel)

    def __str__(self) -> str:
        return f"`{self.kernel}`"
