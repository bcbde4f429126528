"""From a config to a lock: what only the Hub knows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.builds.variants import family as family_of
from kernel_schema.builds.variants import parse_variant
from kernel_schema.diagnostics import Diagnostic, HubError
from kernel_schema.files.read import opened
from kernel_schema.hub.client import Hub
from kernel_schema.locks.lock import Lock, LockedKernel
from kernel_schema.locks.pins import Pin, pins_of
from kernel_schema.locks.progress import SILENT
from kernel_schema.locks.step import layers_of, relocked
from kernel_schema.locks.store import build_hash, is_bytecode
from kernel_schema.lowering.situate import placing
from kernel_schema.schema.references import MAX_VERSION, is_repo_id, is_revision
from kernel_schema.schema.rules import expand
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from kernel_schema.codes import Code
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.progress import Progress
    from kernel_schema.schema.rules import Rule

_AT_ONCE: Final = 8
"""Requests under way at once."""


def lock(
    config: ConfigSource, old: Lock | None = None, *, upgrade: bool | Collection[str] = False
) -> Lock:
    """Find out what every kernel of a config is: its commit, and the bytes of its builds.

    The kernels that they depend on are locked too. Nothing is downloaded, and no code of a kernel
    runs: a lock made on one machine holds for all.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives errors
            their positions.
        old: What is locked already: it is kept, and nothing is asked about it. What it has of
            what the config inherits is kept too; `kernel-schema lock --defaults transformers`
            writes such a lock.
        upgrade: Ask again about everything that `old` has; or about these repositories.

    Returns:
        The lock. Write its `dumps()`, name the file as `lockfile` in the config, and commit both.

    Raises:
        HubError: With all that cannot be resolved: no such repository, version, revision or build,
            no access, or a Hub that does not answer.
        ConfigError: If a path or a mapping is given that is no config.

    >>> lock({"A": "./disk:Layer", "B": "original"}).kernels
    ()
    """
    with placing(opened(config)) as wanted:
        rules = expand(wanted)
        inherits = old.inherits if old is not None and wanted.inherit_mapping else None
        if old is not None and inherits is not None:
            rules = (*rules, *relocked(rules, old))
        locked, problems = resolve(rules, old=old, upgrade=upgrade)
        if problems:
            raise HubError(problems)
        return replace(locked, inherits=inherits)


def resolve(
    rules: Iterable[Rule],
    *,
    hub: Hub | None = None,
    old: Lock | None = None,
    upgrade: bool | Collection[str] = False,
    progress: Progress = SILENT,
) -> tuple[Lock, list[Diagnostic]]:
    """What `lock` gives, beside every problem."""
    wanted = pins_of(rules)
    known = Lock() if old is None else old
    problems: list[Diagnostic] = []
    resolved: dict[Pin, LockedKernel] = {}
    # Each with those that the config states and that need it; the last is taken first.
    waiting = [(pin, pin) for pin in reversed(wanted)]
    progress.begin("asking", len(waiting))
    while waiting:
        pin, stated = waiting.pop()
        progress.advance("asking", 1)
        if pin in resolved:
            continue
        layers = layers_of(wanted.get(pin, ()))
        anew = upgrade if isinstance(upgrade, bool) else pin.repo_id in upgrade
        locked = None if anew else known.by_pin.get(pin)
        try:
            if locked is None:
                hub = hub or Hub()
                locked = _resolved(hub, pin)
        except HubError as error:
            through = "" if pin == stated else f" (`{stated}` depends on it)"
            problems += (
                replace(problem, message=f"{problem.message}{through}", route=rule.route)
                for problem in error.diagnostics
                for rule in wanted[stated]
            )
            continue
        resolved[pin] = replace(locked, layers=layers)
        waiting += ((needed, stated) for needed in locked.kernel_depends)
        progress.begin("asking", len(locked.kernel_depends))
    return Lock(tuple(resolved.values())), list(dict.fromkeys(problems))


def _resolved(hub: Hub, pin: Pin) -> LockedKernel:
    commit = commit_of(hub, pin)
    ids: dict[str, dict[str, str]] = {}
    for file in hub.files(pin.repo_id, commit, "build"):
        variant, _, path = file.path.removeprefix("build/").partition("/")
        if path and not is_bytecode(path):
            ids.setdefault(variant, {})[path] = file.oid
    builds = {name: files for name, files in ids.items() if is_build(name, files)}
    if not builds:
        there = f": it has {listing(sorted(ids)[:5], 'and')}" if ids else ""
        raise _error("no-kernel-build", f"`{pin}` has no build that kernels knows{there}")
    metadata = _metadata(hub, pin, commit, builds)
    licenses = {str(stated["license"]) for stated in metadata if stated.get("license")}
    depends = {_dependency(pin, stated) for each in metadata for stated in _depends_of(each)}
    return LockedKernel(
        pin,
        commit,
        " AND ".join(sorted(licenses)) or None,
        hub.is_trusted(pin.publisher),
        kernel_depends=tuple(sorted(depends, key=lambda needed: needed.order)),
        variants={name: build_hash(files.items()) for name, files in builds.items()},
    )


def is_build(name: str, files: Collection[str]) -> bool:
    """Whether a folder of that name, with these files, is a build that kernels may take."""
    return parse_variant(name) is not None and "metadata.json" in files


def commit_of(hub: Hub, pin: Pin) -> str:
    """The commit that a pin means now; a HubError that says what there is, if there is none."""
    refs = hub.refs(pin.repo_id)
    if pin.version is not None:
        if pin.ref in refs.branches:
            return refs.branches[pin.ref]
        versions = listing(list(map(str, refs.versions)), "and")
        help_text = f"it has {versions}" if versions else "it has none: name a revision, `@main`"
        message = f"{quote(pin.repo_id)} has no version {pin.version}"
        raise _error("unknown-kernel-version", message, help_text)
    try:
        return hub.commit_of(pin.repo_id, pin.ref)
    except HubError as error:
        problem = error.diagnostics[0]
        if problem.code != "unknown-kernel-revision":
            raise
        nearest = Suggester([*refs.branches, *refs.tags]).closest(pin.ref)
        there = f"it has the branches {listing(sorted(refs.branches)[:8], 'and')}"
        meant = f"did you mean {quote(nearest)}? {there}" if nearest else there
        raise HubError([replace(problem, help=meant)]) from error


def _metadata(hub: Hub, pin: Pin, commit: str, builds: Collection[str]) -> list[Mapping[str, Any]]:
    """The `metadata.json` of one build for each backend: those of a backend say the same.

    Source: kernel-builder, which writes dependencies and licence from what `build.toml` says of
    the backend. `fetch` holds the one that is fetched against the lock.
    """
    by_backend = {_backend(name): name for name in sorted(builds)}

    def text_of(name: str) -> str | None:
        return hub.text(pin.repo_id, commit, f"build/{name}/metadata.json")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        texts = list(pool.map(text_of, by_backend.values()))
    return [read_metadata(pin, text) for text in texts]


def _backend(name: str) -> str:
    variant = parse_variant(name)
    return family_of(variant.backend) if variant is not None else name


def read_metadata(pin: Pin, text: str | None) -> Mapping[str, Any]:
    """What a `metadata.json` says; a HubError if it is none."""
    try:
        stated: object = json.loads(text or "")
    except (ValueError, RecursionError):
        stated = None
    if not is_table(stated):
        message = f"a `metadata.json` of `{pin}` is no JSON object"
        raise _error("invalid-kernel-metadata", message)
    return stated


def dependencies(pin: Pin, text: str | None) -> set[Pin]:
    """The kernels that the `metadata.json` of a build depends on."""
    return {_dependency(pin, stated) for stated in _depends_of(read_metadata(pin, text))}


def _depends_of(metadata: Mapping[str, Any]) -> list[Any]:
    stated = metadata.get("kernel-depends", ())
    return list(stated) if is_list(stated) else [stated] if stated else []


def _dependency(pin: Pin, stated: Any) -> Pin:
    table: Mapping[str, Any] = stated if is_table(stated) else {}
    repo_id, version = table.get("repo-id"), table.get("version")
    revision = table.get("revision")
    if isinstance(repo_id, str) and is_repo_id(repo_id):
        if type(version) is int and 0 <= version <= MAX_VERSION and revision is None:
            return Pin(repo_id, version)
        if isinstance(revision, str) and is_revision(revision) and version is None:
            return Pin(repo_id, revision=revision)
    message = f"the `metadata.json` of `{pin}` has a `kernel-depends` that names no kernel"
    raise _error("invalid-kernel-metadata", message)


def _error(code: Code, message: str, help_text: str | None = None) -> HubError:
    return HubError([Diagnostic(code, message, help=help_text)])
