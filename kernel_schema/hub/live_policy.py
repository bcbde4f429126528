"""What of a policy only the Hub can tell: how old commits are, who is trusted now, signatures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kernel_schema.builds.cache import cache_folder
from kernel_schema.diagnostics import HubError
from kernel_schema.hub.client import Hub
from kernel_schema.hub.resolve import commit_of
from kernel_schema.locks.store import LockedBuild
from kernel_schema.lowering.upstream import why_unsigned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.locks.lock import LockedKernel
    from kernel_schema.policies.judgement import Case, Subject
    from kernel_schema.policies.policy import Policy


class LivePolicy:
    """Asks the Hub what policies want to know of the kernels of any number of configs.

    One request for each commit where `min_age_days` is stated, one for each publisher where
    `require_trusted_publisher` is; `require_signature` is asked of kernels itself, for the builds
    that are on this machine.

    Args:
        policies: The policies.
        hub: Who is asked; what it said before is not asked again.
        now: In place of the time of day.
    """

    def __init__(
        self, policies: Iterable[Policy], hub: Hub | None = None, now: datetime | None = None
    ) -> None:
        policies = tuple(policies)
        self._days = max((policy.min_age_days for policy in policies), default=0)
        self._trust = any(policy.require_trusted_publisher for policy in policies)
        self._signed = any(policy.require_signature for policy in policies)
        self._hub = hub or Hub()
        self._now = now or datetime.now(timezone.utc)

    def forbidden(self, case: Case) -> tuple[Diagnostic, ...]:
        """Everything that the policies do not allow; why the Hub does not tell is among it."""
        found = (each for subject in case.subjects() for each in self._of(subject))
        return tuple(dict.fromkeys(found))

    def _of(self, subject: Subject) -> Iterator[Diagnostic]:
        try:
            yield from self._wrong(subject)
        except HubError as error:
            for each in error.diagnostics:
                yield replace(each, route=subject.route)

    def _wrong(self, subject: Subject) -> Iterator[Diagnostic]:
        publisher, locked = subject.repo_id.partition("/")[0], subject.locked
        # That it was not trusted when it was locked is told without the Hub.
        was_trusted = locked is None or locked.trusted_publisher
        if self._trust and was_trusted and not self._hub.is_trusted(publisher):
            what = "is of a publisher whom the Hub does not call trusted"
            yield subject.told("untrusted-publisher", what, "ask whoever keeps the policy")
        if self._days:
            yield from self._too_new(subject)
        if self._signed:
            yield from _unsigned(subject, locked)

    def _too_new(self, subject: Subject) -> Iterator[Diagnostic]:
        wanted = f"and the policy waits {self._days} days"
        if subject.pin is None:
            what = f"has a commit that only the kernels library knows, {wanted}"
            yield subject.told("kernel-too-new", what, "lock it here: `kernel-schema lock FILE`")
            return
        locked = subject.locked
        commit = commit_of(self._hub, subject.pin) if locked is None else locked.commit
        days = (self._now - self._hub.committed_at(subject.repo_id, commit)).days
        if days < self._days:
            what = f"is at commit {commit[:12]}, {max(days, 0)} days old, {wanted}"
            help_text = "lock an older commit, or wait"
            yield subject.told("kernel-too-new", what, help_text)


def _unsigned(subject: Subject, locked: LockedKernel | None) -> Iterator[Diagnostic]:
    """What is wrong with the signatures of the builds on this machine."""
    cache = cache_folder()
    builds = [
        build
        for variant in (() if locked is None else locked.variants)
        if locked is not None and cache is not None
        if (build := LockedBuild.of(locked, variant, cache)).is_there()
    ]
    if not builds:
        what = "has no locked build here of which a signature could be verified"
        yield subject.told("unsigned-kernel", what, "fetch it first: `kernel-schema fetch FILE`")
    for build in builds:
        if not build.is_as_locked():
            why = "its files are not those that are locked"
        else:
            why = why_unsigned(build.folder)
        if why is not None:
            what = f"has no valid signature, and the policy asks for it: {why}"
            yield subject.told("unsigned-kernel", what, f"the build is `{build.variant}`")
