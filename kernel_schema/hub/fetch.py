"""Bringing what is locked to this machine: file by file, held against the lock, and repaired."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.builds.cache import cache_folder
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.builds.variants import BuildTarget, parse_target
from kernel_schema.diagnostics import Diagnostic, HubError, LockError
from kernel_schema.files.read import opened
from kernel_schema.hub.bring import Run, write_ref
from kernel_schema.hub.client import Hub
from kernel_schema.hub.in_turn import Turn
from kernel_schema.hub.resolve import resolve
from kernel_schema.hub.together import on_all_ranks
from kernel_schema.locks.pins import pins_of
from kernel_schema.locks.progress import SILENT
from kernel_schema.locks.state import lock_of
from kernel_schema.locks.step import (
    INHERITING,
    inherited_pins,
    locked_rules,
    unlocked,
    unlocked_inheritance,
)
from kernel_schema.locks.store import LockedBuild, locked_builds
from kernel_schema.lowering.pinned import is_locked
from kernel_schema.lowering.situate import placing
from kernel_schema.model.ranks import Ranks
from kernel_schema.policies.in_force import enforce
from kernel_schema.schema.rules import expand
from kernel_schema.schema.vocabulary import DeviceType
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from kernel_schema.choice.plan import Plan
    from kernel_schema.codes import Code
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.lock import Lock
    from kernel_schema.locks.pins import Pin
    from kernel_schema.locks.progress import Progress
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule

ALL: Final = "all"
"""The target that stands for every build there is."""


def fetch(
    config: ConfigSource,
    plan: Plan | None = None,
    *,
    targets: Sequence[str] = (),
    cache_dir: str | os.PathLike[str] | None = None,
    group: Any = None,
) -> Lock:
    """Bring the kernels of a config to this machine, and those they depend on.

    Every process of a job may call it: of those that share a cache one asks, the others wait for
    it, and raise the error that it raises. Where all is there nothing is asked. Every file is held
    against the lock, what was changed is fetched anew, and what does not belong there is removed.
    No code of a kernel runs.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives errors
            their positions. Without a lock it is resolved first, as `lock` does: where several
            processes do so, a branch may move between them: name their `group`.
        plan: Fetch only what it chooses, as `explain` gives it.
        targets: The machines to fetch for, such as `torch2.13-cu130-x86_64-linux`, or `all` for
            every build; this machine if left out. Entries for other devices are left aside.
        cache_dir: The cache; where kernels looks for it if left out.
        group: A `torch.distributed.ProcessGroup`, for a config without a lock: then this is a
            collective that every rank of it has to call. The first resolves the config for all,
            one process a cache fetches, and what went wrong on a rank is raised on all.
            `torch.distributed.group.WORLD` names all ranks.

    Returns:
        The lock that was followed; `kernelize` takes it as `lock` where the config names none.

    Raises:
        LockError: If the lock cannot be used or lacks a kernel, a kernel has no build for a
            target, or files came with other bytes than are locked.
        HubError: If the Hub does not have what is locked, or cannot be asked.
        PolicyError: If the policy that KERNEL_SCHEMA_POLICY names does not allow it, or cannot be
            read; then nothing is asked.
        ConfigError: If a path or a mapping is given that is no config.
        KernelSchemaError: If a rank of `group` does not take part (`rank-missing`).

    >>> fetch({"A": "./disk:Layer"}).kernels
    ()
    """

    def bring(lock: Lock | None) -> Lock:
        with placing(opened(config)) as wanted:
            return Fetching(wanted, plan, targets, cache_dir, lock).fetch().lock

    def resolve_here() -> Lock:
        with placing(opened(config)) as wanted:
            return _lock_for(wanted, expand(wanted))

    ranks = None if group is None else Ranks.of(group)
    if ranks is not None:
        return on_all_ranks(ranks, resolve_here, bring)
    return bring(None)


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    Args:
        lock: The lock that was followed.
        builds: The builds that are there now.
        files: How many files came.
        repaired: What was not as locked, in words.
    """

    lock: Lock
    builds: tuple[LockedBuild, ...]
    files: int = 0
    repaired: tuple[str, ...] = ()


class Fetching:
    """One call of `fetch`: what is to be there, and how it comes there."""

    def __init__(
        self,
        config: KernelConfig,
        plan: Plan | None = None,
        targets: Sequence[str] = (),
        cache_dir: str | os.PathLike[str] | None = None,
        lock: Lock | None = None,
        *,
        progress: Progress = SILENT,
    ) -> None:
        self._progress = progress
        cache = cache_folder(cache_dir)
        if cache is None:
            raise _lock_error(
                "cannot-write", "no home and no working directory tell where the cache is"
            )
        self._cache = cache
        self._targets = [_target(target) for target in targets] or [_here()]
        rules = expand(config)
        self._lock = _lock_for(config, rules, lock, alone=True, progress=progress)
        chosen = rules if plan is None else _chosen(plan)
        self._wanted = pins_of(chosen)
        # Which devices they are for the lock does not say: what has builds for a target is brought.
        self._inherited = (
            inherited_pins(rules, self._lock) if plan is None else pins_of(_inherited(plan))
        )

    def fetch(self) -> Fetched:
        """Bring everything here that is not here yet."""
        builds = self._builds()
        every = tuple(dict.fromkeys(build for listed in builds.values() for build in listed))
        # What was right once is not read again: builds are large.
        right: set[Path] = set()

        def ready() -> Fetched | None:
            for build in every:
                if build.folder not in right and build.is_as_locked(self._progress):
                    right.add(build.folder)
                    write_ref(self._cache, build)
            return Fetched(self._lock, every) if len(right) == len(every) else None

        def work() -> Fetched:
            run = Run(self._cache, Hub(), right, self._progress)
            for pin, listed in builds.items():
                asking = [rule.route for rule in self._wanted.get(pin, ())]
                run.bring(listed, asking or [INHERITING])
            run.refuse()
            return Fetched(self._lock, every, run.files, tuple(run.repaired))

        folders = "\n".join(sorted(str(build.folder) for build in every))
        return Turn(self._cache, hashlib.sha256(folders.encode()).hexdigest()[:16]).take(
            ready, work
        )

    def _builds(self) -> dict[Pin, tuple[LockedBuild, ...]]:
        """The builds that the targets take, by what the config asks for; every problem at once."""
        problems: list[Diagnostic] = []
        found: dict[Pin, dict[LockedBuild, None]] = {pin: {} for pin in self._wanted}
        for pin, rules in self._wanted.items():
            for target in self._targets:
                if target is None:
                    found[pin].update(dict.fromkeys(self._every_build(pin)))
                    continue
                meant = [rule for rule in rules if rule.device in (None, target.device)]
                # Of what torch is built for, a build serves models on the CPU too.
                on_cpu = [rule for rule in rules if rule.device is DeviceType.CPU]
                builds = locked_builds(self._lock, pin, target, self._cache)
                if not isinstance(builds, Diagnostic):
                    found[pin].update(dict.fromkeys(builds) if meant or on_cpu else {})
                else:
                    problems += (replace(builds, route=rule.route) for rule in meant)
        if problems:
            raise LockError(problems)
        for pin in self._inherited:
            for target in self._targets:
                builds = self._every_build(pin)
                if target is not None:
                    builds = locked_builds(self._lock, pin, target, self._cache)
                if not isinstance(builds, Diagnostic):
                    found.setdefault(pin, {}).update(dict.fromkeys(builds))
        return {pin: tuple(builds) for pin, builds in found.items() if builds}

    def _every_build(self, pin: Pin) -> Iterable[LockedBuild]:
        for locked in self._lock.with_dependencies(pin):
            for variant in locked.variants:
                yield LockedBuild.of(locked, variant, self._cache)


def _lock_for(
    config: KernelConfig,
    rules: tuple[Rule, ...],
    lock: Lock | None = None,
    *,
    alone: bool = False,
    progress: Progress = SILENT,
) -> Lock:
    """The lock that is given, else that of the config; or what the Hub says, asked `alone` or not.

    Raises:
        LockError, HubError: If there is none, or a kernel is not in it.
    """
    lock = lock or lock_of(config, network=True)
    locked = rules if lock is None else locked_rules(rules, lock)
    enforce(locked, lock, inherits=config.inherit_mapping)
    if lock is None:
        if alone and os.environ.get("WORLD_SIZE", "1") not in {"", "0", "1"}:
            warnings.warn(_EACH_BY_ITSELF, stacklevel=5)
        lock, problems = resolve(rules, progress=progress)
        if problems:
            raise HubError(problems)
    elif problems := [*unlocked(rules, lock), *unlocked_inheritance(rules, lock)]:
        raise LockError(problems)
    return lock


_EACH_BY_ITSELF: Final = (
    "this config has no lock: each of several processes asks the Hub what its kernels are, and a "
    "branch that moves meanwhile gives them different code; write a lock with `kernel-schema "
    "lock`, or hand over `group=`"
)


def _target(text: str) -> BuildTarget | None:
    if text == ALL:
        return None
    try:
        return parse_target(text)
    except ValueError as error:
        raise _lock_error("unknown-target", f"{quote(text)} is no target", str(error)) from None


def _here() -> BuildTarget:
    here = this_machine()
    if here is None:
        message = "torch is not installed: which builds this machine takes cannot be told"
        help_text = "name a target: `--target torch2.13-cu130-x86_64-linux`, or install torch"
        raise _lock_error("missing-dependency", message, help_text)
    return here


def _chosen(plan: Plan) -> list[Rule]:
    """The rules of the config that it chooses."""
    rules = (layer.rule for layer in plan.layers if layer.kernels)
    return [rule for rule in rules if rule is not None and not rule.is_inherited]


def _inherited(plan: Plan) -> list[Rule]:
    """The rules that it inherits and that are locked."""
    rules = (layer.rule for layer in plan.layers if layer.kernels)
    return [
        rule for rule in rules if rule is not None and rule.is_inherited and is_locked(rule.kernel)
    ]


def _lock_error(code: Code, message: str, help_text: str | None = None) -> LockError:
    return LockError([Diagnostic(code, message, help=help_text)])
