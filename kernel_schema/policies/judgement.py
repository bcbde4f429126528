"""What of a config, of its lock and of what it inherits a policy does not allow; no network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, in_file_order
from kernel_schema.files.document import Document
from kernel_schema.files.read import config_of, opened
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.locks.pins import pin_of
from kernel_schema.locks.state import locking
from kernel_schema.locks.step import INHERITING, inherited_pins
from kernel_schema.policies.policy_files import opened_policy
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.rules import HubKernel, LocalKernel, RuntimeChoice, expand
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Route
    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.locks.lock import Lock, LockedKernel
    from kernel_schema.locks.pins import Pin
    from kernel_schema.policies.policy import Policy
    from kernel_schema.policies.policy_files import PolicySource
    from kernel_schema.schema.rules import Rule

_INHERITED: Final = ", which is inherited,"
_LOCK_IT: Final = "lock it: `kernel-schema lock FILE`"
_LOCK_DEFAULTS: Final = (
    "set `inherit_mapping: false`, or lock what is inherited too: `kernel-schema lock FILE "
    "--defaults transformers`"
)


def check_policy(config: ConfigSource, policy: PolicySource) -> tuple[Diagnostic, ...]:
    """Hold a config and its lock against a policy; the network is not asked.

    Args:
        config: A config, in any form of `ConfigSource`; a document or a path gives diagnostics its
            positions.
        policy: What is allowed: a policy, or the path of its file.

    Returns:
        Everything that the policy does not allow, in the order of the config. What a locked kernel
        depends on is judged as that kernel is, and named as such. What cannot be told without a
        lock, as a licence, is not allowed.

    Raises:
        PolicyError: If the policy cannot be read.
        ConfigError: If a path or a mapping is given that is no config.

    >>> from kernel_schema import Policy
    >>> policy = Policy(publishers=("our-org",))
    >>> for problem in check_policy({"A": "our-org/norm:L", "B": {"cpu": "other/silu:L"}}, policy):
    ...     print(problem.code, problem.route)
    forbidden-inherited-kernels inherit_mapping
    forbidden-publisher kernel_mapping.B.cpu
    """
    stated = opened_policy(policy)
    source = opened(config)
    found = forbidden(case_of(source), (stated,))
    return in_file_order(source.place_all(found)) if isinstance(source, Document) else found


@dataclass(frozen=True)
class Case:
    """What is judged.

    Args:
        rules: What the config says.
        lock: Its lock; None without one that can be used.
        inherits: Whether it inherits kernels.
        inherited: Those, where they are known: where kernels are put in place.
        overridden: Repositories for which `LOCAL_KERNELS` puts a directory, which a lock undoes.
    """

    rules: tuple[Rule, ...]
    lock: Lock | None = None
    inherits: bool = False
    inherited: tuple[Rule, ...] | None = None
    overridden: Collection[str] = ()

    def subjects(self) -> Iterator[Subject]:
        """Every kernel of the Hub that may run, each with those it depends on."""
        for rule in (*self.rules, *(self.inherited or ())):
            if isinstance(rule.kernel, HubKernel):
                yield from self._with_dependencies(rule, rule.kernel)
        if self.inherits and self.lock is not None:
            for pin in inherited_pins(self.rules, self.lock):
                yield from self._closure(pin, INHERITING, _INHERITED)

    def _with_dependencies(self, rule: Rule, kernel: HubKernel) -> Iterator[Subject]:
        route = INHERITING if rule.is_inherited else rule.route
        told = _INHERITED if rule.is_inherited else ""
        pin = pin_of(kernel)
        if pin is None or (pin.version is None and pin.revision is None):
            yield Subject(kernel.repo_id, f"{quote(kernel.repo_id)}{told}", route, told)
        else:
            yield from self._closure(pin, route, told)

    def _closure(self, pin: Pin, route: Route, told: str) -> Iterator[Subject]:
        by_pin = {} if self.lock is None else self.lock.by_pin
        seen: dict[Pin, None] = {}
        waiting = [pin]
        while waiting:
            needed = waiting.pop()
            if needed in seen:
                continue
            seen[needed] = None
            locked = by_pin.get(needed)
            through = told if needed == pin else f", on which `{pin}`{told} depends,"
            yield Subject(needed.repo_id, f"`{needed}`{through}", route, through, needed, locked)
            waiting += () if locked is None else locked.kernel_depends


@dataclass(frozen=True)
class Subject:
    """A kernel that may run.

    Args:
        repo_id: Its repository.
        name: What it is called in messages, with what brings it.
        route: Where the config brings it.
        through: What brings it; "" where the config names it.
        pin: What is asked for; None where the kernels library locks it.
        locked: What it is; None where that is not known.
    """

    repo_id: str
    name: str
    route: Route
    through: str = ""
    pin: Pin | None = None
    locked: LockedKernel | None = None

    def told(self, code: Code, what: str, help_text: str | None) -> Diagnostic:
        """What is told of it."""
        return Diagnostic(code, f"{self.name} {what}", self.route, help_text)


def case_of(source: Opened) -> Case:
    """What there is to be judged of a config from its files alone."""
    config = config_of(source)
    # Paths are shown as they are written.
    rules = expand(config if isinstance(source, KernelConfig) else source.config)
    return Case(rules, locking(config, rules).lock, config.inherit_mapping)


def forbidden(case: Case, policies: Iterable[Policy]) -> tuple[Diagnostic, ...]:
    """Everything that policies do not allow; each is heard.

    Of each code so many that a report stays readable: one must not hide what another tells.
    """
    counts: Counter[Code] = Counter()
    shown: dict[Diagnostic, None] = {}
    for found in chain.from_iterable(_judged(case, policy) for policy in policies):
        if found not in shown and counts[found.code] < MAX_PROBLEMS:
            counts[found.code] += 1
            shown[found] = None
    return tuple(shown)


def _judged(case: Case, policy: Policy) -> Iterator[Diagnostic]:
    yield from _inheritance(case, policy)
    for rule in (*case.rules, *(case.inherited or ())):
        yield from _of_rule(rule, case, policy)
    for subject in case.subjects():
        yield from _of_repository(subject, policy)
        if subject.locked is None:
            yield from _unknown(subject, policy)
        else:
            yield from _of_locked(subject, subject.locked, policy)


def _inheritance(case: Case, policy: Policy) -> Iterator[Diagnostic]:
    if not case.inherits:
        return
    known = case.inherited is not None or (case.lock is not None and case.lock.inherits is not None)
    if policy.inherit_mapping is False:
        message = "this config inherits kernels, which the policy does not allow"
        help_text = "set `inherit_mapping: false`"
    elif not known and not policy.allows_unknown_inheritance:
        message = "this config inherits kernels, and nothing tells whether the policy allows them"
        help_text = _LOCK_DEFAULTS
    else:
        return
    yield Diagnostic("forbidden-inherited-kernels", message, INHERITING, help_text)


def _of_rule(rule: Rule, case: Case, policy: Policy) -> Iterator[Diagnostic]:
    kernel, route = rule.kernel, INHERITING if rule.is_inherited else rule.route
    if isinstance(kernel, RuntimeChoice):
        if not policy.allows_unknown_inheritance:
            message = (
                f"which kernel of {quote(rule.layer_name)} is inherited cannot be told: {kernel}"
            )
            yield Diagnostic("forbidden-inherited-kernels", message, route, _NAME_IT)
    elif isinstance(kernel, LocalKernel):
        if not policy.allows_local_kernels:
            message = f"the policy allows no kernels on disk: {quote(str(kernel))}"
            yield Diagnostic("forbidden-local-kernel", message, route, _ON_THE_HUB)
    elif kernel is not None:
        if kernel.trust_remote_code and not policy.trust_remote_code:
            message = f"the policy allows no `trust_remote_code`: {quote(str(kernel))}"
            help_text = "take it away: kernels of publishers whom the Hub trusts run without it"
            yield Diagnostic("forbidden-trust-remote-code", message, route, help_text)
        unlocked = kernel.commit is None
        if kernel.repo_id in case.overridden and unlocked and not policy.allows_local_kernels:
            message = f"LOCAL_KERNELS puts a directory in the place of {quote(str(kernel))}"
            help_text = "unset LOCAL_KERNELS, or lock the kernel: a lock goes before"
            yield Diagnostic("forbidden-local-kernel", message, route, help_text)


_NAME_IT: Final = "name the layer in the config, or set `inherit_mapping: false`"
_ON_THE_HUB: Final = "name a repository of the Hub that it allows, or the model's own `original`"


def _of_repository(subject: Subject, policy: Policy) -> Iterator[Diagnostic]:
    publisher = subject.repo_id.partition("/")[0]
    if not policy.allows_publisher(publisher):
        what = "is of a publisher whom the policy does not allow"
        help_text = _allowed(publisher, policy.publishers or ())
        yield subject.told("forbidden-publisher", what, help_text)
    elif policy.publishers is not None or policy.repositories is not None:
        revision = None if subject.pin is None else subject.pin.revision
        if revision is not None and revision.startswith("refs/"):
            # Anybody can open one in any repository.
            what = "is no branch of its publisher: a pull request is of whoever opened it"
            help_text = "name a version, or a branch of the repository"
            yield subject.told("forbidden-publisher", what, help_text)
    if not policy.allows_repository(subject.repo_id):
        what = "is no repository that the policy allows"
        help_text = _allowed(subject.repo_id, policy.repositories or ())
        yield subject.told("forbidden-repository", what, help_text)


def _unknown(subject: Subject, policy: Policy) -> Iterator[Diagnostic]:
    """What is not allowed since nothing is known of a kernel that is not locked."""
    is_inherited = subject.route == INHERITING
    if is_inherited and policy.inherit_mapping is True:
        return
    help_text = _LOCK_DEFAULTS if is_inherited else _LOCK_IT
    how = "is not locked"
    if subject.pin is None:
        how = "has a lock of the kernels library, which holds no hashes"
        help_text = "take `lockfile` away, and lock it here: `kernel-schema lock FILE`"
    if policy.require_lock:
        yield subject.told("kernel-not-pinned", f"{how}, and the policy asks for it", help_text)
    if policy.licenses is not None:
        what = "has a licence that is not known without a lock"
        yield subject.told("forbidden-license", what, help_text)
    if policy.require_trusted_publisher:
        what = "has a publisher of whom nothing is known without a lock"
        yield subject.told("untrusted-publisher", what, help_text)


def _of_locked(subject: Subject, locked: LockedKernel, policy: Policy) -> Iterator[Diagnostic]:
    if locked.license is None and policy.licenses is not None:
        what = "states no licence, and the policy asks for one"
        yield subject.told("forbidden-license", what, _listed(policy.licenses))
    elif locked.license is not None and not policy.allows_license(locked.license):
        what = f"has the licence {quote(locked.license)}, which the policy does not allow"
        yield subject.told("forbidden-license", what, _listed(policy.licenses or ()))
    if locked.trusted_publisher:
        return
    if policy.require_trusted_publisher:
        what = "is of a publisher whom the Hub did not call trusted when it was locked"
        yield subject.told("untrusted-publisher", what, "ask whoever keeps the policy")
    if subject.route == INHERITING and not policy.trust_remote_code:
        what = "runs with `trust_remote_code` alone, which the policy does not allow"
        help_text = "set `inherit_mapping: false`, or the layer to `original`"
        yield subject.told("forbidden-trust-remote-code", what, help_text)


def _allowed(name: str, allowed: Collection[str]) -> str:
    meant = Suggester(allowed).closest(name)
    return f"did you mean {quote(meant)}? {_listed(allowed)}" if meant else _listed(allowed)


def _listed(allowed: Collection[str]) -> str:
    return f"it allows {listing([*allowed][:20], 'and')}" if allowed else "it allows none"
