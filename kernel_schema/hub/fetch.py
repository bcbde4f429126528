"""Bringing what is locked to this machine: file by file, held against the lock, and repaired."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.cache import cache_folder, repository_folder
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.builds.variants import BuildTarget, parse_target
from kernel_schema.diagnostics import Diagnostic, HubError, LockError
from kernel_schema.files.read import opened
from kernel_schema.hub.client import Hub
from kernel_schema.hub.in_turn import Turn
from kernel_schema.hub.resolve import dependencies, resolve
from kernel_schema.locks.pins import is_commit, pins_of
from kernel_schema.locks.state import lock_of
from kernel_schema.locks.step import unlocked
from kernel_schema.locks.store import (
    LockedBuild,
    build_hash,
    file_id,
    is_bytecode,
    locked_builds,
)
from kernel_schema.lowering.situate import placing
from kernel_schema.schema.rules import expand
from kernel_schema.schema.vocabulary import DeviceType
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_schema.choice.plan import Plan
    from kernel_schema.codes import Code
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.hub.client import RepositoryFile
    from kernel_schema.locks.lock import Lock
    from kernel_schema.locks.pins import Pin
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule

ALL: Final = "all"
"""The target that stands for every build there is."""
_AT_ONCE: Final = 8


def fetch(
    config: ConfigSource,
    plan: Plan | None = None,
    *,
    targets: Sequence[str] = (),
    cache_dir: str | os.PathLike[str] | None = None,
) -> Lock:
    """Bring the kernels of a config to this machine, and those they depend on.

    Every process of a job may call it: of those that share a cache one asks, the others wait for
    it, and raise the error that it raises. Where all is there nothing is asked. Every file is held
    against the lock, what was changed is fetched anew, and what does not belong there is removed.
    No code of a kernel runs.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives errors
            their positions. Without a lock it is resolved first, as `lock` does: where several
            processes do so, a branch may move between them.
        plan: Fetch only what it chooses, as `explain` gives it.
        targets: The machines to fetch for, such as `torch2.13-cu130-x86_64-linux`, or `all` for
            every build; this machine if left out. Entries for other devices are left aside.
        cache_dir: The cache; where kernels looks for it if left out.

    Returns:
        The lock that was followed; `kernelize` takes it as `lock` where the config names none.

    Raises:
        LockError: If the lock cannot be used or lacks a kernel, a kernel has no build for a
            target, or files came with other bytes than are locked.
        HubError: If the Hub does not have what is locked, or cannot be asked.
        ConfigError: If a path or a mapping is given that is no config.

    >>> fetch({"A": "./disk:Layer"}).kernels
    ()
    """
    with placing(opened(config)) as wanted:
        return Fetching(wanted, plan, targets, cache_dir).fetch().lock


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
    ) -> None:
        cache = cache_folder(cache_dir)
        if cache is None:
            raise _lock_error("cannot-write", "there is no home, and so no cache of the Hub in it")
        self._cache = cache
        self._targets = [_target(target) for target in targets] or [_here()]
        rules = expand(config)
        self._lock = self._lock_for(config, rules)
        chosen = rules if plan is None else _chosen(plan)
        self._wanted = pins_of(chosen)

    def fetch(self) -> Fetched:
        """Bring everything here that is not here yet."""
        builds = self._builds()
        every = tuple(dict.fromkeys(build for listed in builds.values() for build in listed))

        def ready() -> Fetched | None:
            if not all(build.is_as_locked() for build in every):
                return None
            for build in every:
                _write_ref(self._cache, build)
            return Fetched(self._lock, every)

        def work() -> Fetched:
            run = _Run(self._cache, Hub())
            for pin, listed in builds.items():
                run.bring(listed, self._wanted[pin])
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
        return {pin: tuple(builds) for pin, builds in found.items() if builds}

    def _every_build(self, pin: Pin) -> Iterable[LockedBuild]:
        for locked in self._lock.with_dependencies(pin):
            folder = (
                repository_folder(self._cache, locked.pin.repo_id) / "snapshots" / locked.commit
            )
            for variant in locked.variants:
                yield LockedBuild(locked, variant, folder / "build" / variant)

    def _lock_for(self, config: KernelConfig, rules: tuple[Rule, ...]) -> Lock:
        lock = lock_of(config, network=True)
        if lock is None:
            if int(os.environ.get("WORLD_SIZE", "1") or 1) > 1:
                warnings.warn(_EACH_BY_ITSELF, stacklevel=4)
            lock, problems = resolve(rules)
            if problems:
                raise HubError(problems)
        elif problems := list(unlocked(rules, lock)):
            raise LockError(problems)
        return lock


_EACH_BY_ITSELF: Final = (
    "this config has no lock: each of several processes asks the Hub what its kernels are, and a "
    "branch that moves meanwhile gives them different code; write a lock with `kernel-schema lock`"
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
    return [layer.rule for layer in plan.layers if layer.rule is not None and layer.kernels]


def _lock_error(code: Code, message: str, help_text: str | None = None) -> LockError:
    return LockError([Diagnostic(code, message, help=help_text)])


@dataclass
class _Run:
    """The work of the process whose turn it is."""

    cache: Path
    hub: Hub
    files: int = 0
    repaired: list[str] = field(default_factory=list[str])
    _done: set[Path] = field(default_factory=set[Path])
    _problems: dict[Diagnostic, None] = field(default_factory=dict[Diagnostic, None])

    def bring(self, builds: Iterable[LockedBuild], rules: Iterable[Rule]) -> None:
        """Bring some builds here, and note what is wrong at the rules that ask for them."""
        for build in builds:
            if build.folder in self._done:
                continue
            self._done.add(build.folder)
            try:
                self._bring(build)
            except (HubError, LockError) as error:
                for problem in error.diagnostics:
                    self._problems |= {replace(problem, route=rule.route): None for rule in rules}
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
        if not build.is_as_locked():
            listed = self._listed(build)
            self._clear(build, {file.path for file in listed})
            self._download(build, listed)
            self._hold_dependencies(build)
        _write_ref(self.cache, build)

    def _listed(self, build: LockedBuild) -> list[RepositoryFile]:
        """What the Hub lists of a build, which has to be what is locked."""
        pin, commit = build.locked.pin, build.locked.commit
        try:
            every = self.hub.files(pin.repo_id, commit, build.prefix)
        except HubError as error:
            refusal = build.refusal()
            if refusal is not None and refusal.code == "kernel-changed":
                raise LockError([refusal]) from error
            raise HubError(_with_help(error.diagnostics, pin)) from error
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

        def bring(file: RepositoryFile) -> tuple[int, bool, bool]:
            """How often it came, whether it is right, and whether another was in its place."""
            path = root / file.path
            changed = path.is_file()
            if changed and _is_listed(path, file):
                return 0, True, False
            # A link that leads nowhere, or to other bytes, is nothing to go on from.
            path.unlink(missing_ok=True)
            # Its content may have been in the cache already, and wrong there: then once more.
            tries = (True,) if changed else (False, True)
            for anew in tries:
                path = self.hub.download(pin.repo_id, commit, file.path, self.cache, anew=anew)
                if _is_listed(path, file):
                    return 1 + (anew and not changed), True, anew
            with suppress(OSError):
                path.resolve().unlink()
            path.unlink(missing_ok=True)
            return len(tries), False, changed

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(bring, listed))
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
        text = (build.folder / "metadata.json").read_text(encoding="utf-8")
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


def _with_help(problems: Iterable[Diagnostic], pin: Pin) -> list[Diagnostic]:
    gone = {"unknown-kernel-revision", "unknown-kernel-repository"}
    help_text = (
        "it was there when it was locked: take the cache from a machine that has it, or lock what "
        f"is there now: `kernel-schema lock FILE --upgrade {pin.repo_id}`"
    )
    return [
        replace(problem, help=help_text) if problem.code in gone else problem
        for problem in problems
    ]


def _write_ref(cache: Path, build: LockedBuild) -> None:
    """Name the commit as the Hub does: so kernels itself finds the version offline.

    Where the cache cannot be written, it is as it is: our own loading needs no name.
    """
    pin, commit = build.locked.pin, build.locked.commit
    if is_commit(pin.ref) or _NO_NAME.search(pin.ref):
        return
    ref = repository_folder(cache, pin.repo_id) / "refs" / pin.ref
    with suppress(OSError):
        if not ref.is_file() or ref.read_text(encoding="utf-8") != commit:
            ref.parent.mkdir(parents=True, exist_ok=True)
            part = ref.with_name(f"{ref.name}.{os.getpid()}.part")
            part.write_text(commit, encoding="utf-8")
            part.replace(ref)


# What git takes for no name, and a path would lead elsewhere by.
_NO_NAME: Final = re.compile(r"\.\.|^[/.]|//|/\.|[/.]$|\.lock(?:/|$)")
