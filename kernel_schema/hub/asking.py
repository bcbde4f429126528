"""The questions about one kernel repository on the Hub, and their answers as diagnostics."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kernel_schema.builds.cache import cached_repo_ids
from kernel_schema.builds.metadata import PYTHON_PACKAGES
from kernel_schema.builds.repository import Builds
from kernel_schema.builds.variants import choose_build, target_of_device
from kernel_schema.checks.contract import of_builds, target_of
from kernel_schema.diagnostics import Diagnostic, HubError, Repair, Severity
from kernel_schema.hub.bring import where_it_is_gone
from kernel_schema.hub.remote_builds import RemoteBuild
from kernel_schema.hub.resolve import commit_of, dependencies
from kernel_schema.locks.pins import is_commit
from kernel_schema.locks.step import INHERITING
from kernel_schema.schema.models import CapabilityEntry, DeviceMapping, KernelSpec, ModeMapping
from kernel_schema.schema.references import HubRef
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import Suggester, quote

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.choice.situation import Situation
    from kernel_schema.codes import Code
    from kernel_schema.hub.client import Hub
    from kernel_schema.locks.lock import LockedKernel
    from kernel_schema.locks.pins import Pin
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule


@dataclass(frozen=True)
class Asking:
    """What is asked about the kernels of one config.

    Args:
        hub: Who is asked.
        config: The config.
        situation: Where it is to run.
        asked: What it asks of the Hub, each with the rules that do.
        machine: The machine at hand; None if torch does not tell.
        there: What of it is on the Hub, as far as it was asked about.
    """

    hub: Hub
    config: KernelConfig
    situation: Situation
    asked: Mapping[Pin, list[Rule]]
    machine: BuildTarget | None
    there: set[Pin] = field(default_factory=set["Pin"])

    def of_repository(self, repo_id: str) -> Iterator[Diagnostic]:
        """What is wrong with a repository, and with what is asked of it.

        Raises:
            HubError: With code `hub-unreachable`.
        """
        asked = {pin: rules for pin, rules in self.asked.items() if pin.repo_id == repo_id}
        try:
            self.hub.refs(repo_id)
        except HubError as error:
            yield from self._unknown_repository(_answer(error), repo_id, asked)
            return
        for pin, rules in asked.items():
            yield from self._untrusted(pin, rules)
            try:
                commit = yield from self._commit(pin, rules)
                if commit is not None:
                    self.there.add(pin)
                    yield from self._of_builds(pin, commit, rules)
            except HubError as error:
                for problem in where_it_is_gone([_answer(error)], pin):
                    for rule in rules:
                        yield self._at_reference(problem, rule)

    def _unknown_repository(
        self, problem: Diagnostic, repo_id: str, asked: Mapping[Pin, list[Rule]]
    ) -> Iterator[Diagnostic]:
        meant = self._meant(repo_id) if problem.code == "unknown-kernel-repository" else None
        locked = next(filter(self._locked, asked), None)
        if meant is not None:
            problem = replace(problem, help=f"did you mean {quote(meant)}?")
        elif locked is not None:
            (problem,) = where_it_is_gone([problem], locked)
        for rules in asked.values():
            for rule in rules:
                yield self._at_reference(problem, rule, repo_id=meant)

    def _locked(self, pin: Pin) -> LockedKernel | None:
        return None if self.situation.lock is None else self.situation.lock.by_pin.get(pin)

    def _meant(self, repo_id: str) -> str | None:
        """The repository that was probably meant, which is there."""
        publisher, _, name = repo_id.partition("/")
        known = {*(pin.repo_id for pin in self.asked), *cached_repo_ids()} - {repo_id}
        spelt = (name.replace("_", "-"), name.replace("-", "_"))
        near = Suggester(sorted(known)).closest(repo_id)
        candidates = dict.fromkeys([*(f"{publisher}/{each}" for each in spelt), near])
        for candidate in candidates:
            if candidate is None or candidate == repo_id:
                continue
            try:
                self.hub.refs(candidate)
            except HubError as error:
                _answer(error)
            else:
                return candidate
        return None

    def _untrusted(
        self, pin: Pin, rules: Iterable[Rule], through: Pin | None = None
    ) -> Iterator[Diagnostic]:
        """`untrusted-publisher`, by what the Hub says now."""
        if self.hub.is_trusted(pin.publisher):
            return
        locked = self._locked(pin)
        so_far = " any more" if locked is not None and locked.trusted_publisher else ""
        for rule in rules:
            trust: Any = getattr(rule.kernel, "trust_remote_code", False)
            if pin.repo_id in trust if is_tuple(trust) else trust:
                continue
            help_text = f"if you trust it, set `trust_remote_code: [{pin.repo_id}]` beside `kernel`"
            if rule.route == INHERITING:
                if not so_far:
                    continue  # whoever it is inherited from trusts it or not
                help_text = "set `inherit_mapping: false`, or the layer to `original`"
            needed = "" if through is None else f", on which `{through}` depends"
            yield Diagnostic(
                "untrusted-publisher",
                f"the Hub does not call {quote(pin.publisher)} a trusted publisher{so_far}: "
                f"kernels refuses `{pin}`{needed}",
                rule.route,
                help_text,
            )

    def _commit(self, pin: Pin, rules: list[Rule]) -> Generator[Diagnostic, None, str | None]:
        """The commit to look at: the locked one, or what the pin means now; None if it is none."""
        locked, versions = self._locked(pin), self.hub.refs(pin.repo_id).versions
        is_own = rules[0].route != INHERITING
        if is_own and pin.version in versions and versions[-1] > (pin.version or 0):
            message = f"{quote(pin.repo_id)} has version {versions[-1]}, and this is {pin.version}"
            yield _warning("newer-kernel-version", message, rules[0])
        now = None
        try:
            now = commit_of(self.hub, pin)
        except HubError as error:
            problem = _answer(error)
            if problem.code not in {"unknown-kernel-version", "unknown-kernel-revision"}:
                raise
            if locked is None:
                for rule in rules:
                    yield self._unknown_pin(problem, pin, rule)
                return None
        if locked is None:
            return now
        if now != locked.commit and not is_commit(pin.ref):
            where = "gone from the Hub" if now is None else f"{now[:12]} on the Hub"
            help_text = f"`kernel-schema lock FILE --upgrade {pin.repo_id}` locks what is there"
            message = f"`{pin}` is {where} now, and {locked.short_commit} in the lock"
            yield _warning("kernel-moved", message, rules[0], help_text)
        return locked.commit

    def _unknown_pin(self, problem: Diagnostic, pin: Pin, rule: Rule) -> Diagnostic:
        refs = self.hub.refs(pin.repo_id)
        if pin.version is None:
            nearest = Suggester([*refs.branches, *refs.tags]).closest(pin.ref)
            return self._at_reference(problem, rule, revision=nearest)
        below = [version for version in refs.versions if version < pin.version]
        meant = below[-1] if below else next(iter(refs.versions), None)
        if meant is not None:
            problem = replace(problem, help=f"did you mean version {meant}? {problem.help}")
        return self._at_reference(problem, rule, version=meant)

    def _of_builds(self, pin: Pin, commit: str, rules: list[Rule]) -> Iterator[Diagnostic]:
        names = self.hub.builds(pin.repo_id, commit)
        wanted = frozenset(getattr(rule.kernel, "layer_name", "") for rule in rules)
        builds = {
            name: RemoteBuild.of(name, self.hub, pin.repo_id, commit, wanted) for name in names
        }
        looked_at: dict[str, tuple[Rule, BuildTarget]] = {}
        for rule in rules:
            target = target_of(self.situation, rule, self.machine)
            if rule.route == INHERITING:  # for which devices no lock says
                target = target_of_device(None)
            fitting, against = choose_build(names, target)
            if fitting and (machine := self._machine_of(rule)) is not None:
                on_machine, why_not = choose_build(names, machine)
                if on_machine:
                    fitting, target = on_machine, machine
                else:
                    for each in of_builds(self.situation, rule, Builds((), why_not), machine):
                        yield replace(each, severity=Severity.WARNING)
            # What layers there are is the same in each.
            chosen = tuple(builds[variant.name] for variant in fitting[:1])
            for each in of_builds(self.situation, rule, Builds(chosen, against), target):
                yield self._with_layer(_named(each, pin), rule, chosen)
            for build in chosen:
                yield from _unsure(pin, rule, build)
                looked_at.setdefault(build.folder.name, (rule, target))
        seen = {pin}
        for name, (rule, target) in looked_at.items():
            yield from self._of_metadata(pin, builds[name], rule)
            yield from self._of_dependencies(pin, builds[name], rule, target, seen)

    def _machine_of(self, rule: Rule) -> BuildTarget | None:
        """The machine at hand, where no other is stated and the rule speaks of it."""
        if self.situation.device is not None or self.machine is None or rule.route == INHERITING:
            return None
        return self.machine if rule.device in (None, self.machine.device) else None

    def _with_layer(
        self, problem: Diagnostic, rule: Rule, builds: tuple[RemoteBuild, ...]
    ) -> Diagnostic:
        """A problem with the layer that was probably meant, if it is about that."""
        if problem.code != "unknown-kernel-layer":
            return problem
        layer_name = getattr(rule.kernel, "layer_name", "")
        nearest = Suggester(builds[0].contents.usable).closest(layer_name)
        return self._at_reference(problem, rule, layer_name=nearest)

    def _of_metadata(self, pin: Pin, build: RemoteBuild, rule: Rule) -> Iterator[Diagnostic]:
        shown = f"the build {quote(build.folder.name)} of `{pin}`"
        if build.metadata.dirty:
            message = f"{shown} was made of code that no commit has: nobody can make it again"
            yield _warning("dirty-kernel-build", message, rule)
        if self.situation.build_target is not None or self.machine is None:
            return
        if not choose_build([build.folder.name], self.machine)[0]:
            return
        for needed in build.metadata.python_depends:
            package, module = PYTHON_PACKAGES.get(needed, (needed, None))
            if module is not None and importlib.util.find_spec(module) is None:
                message = f"{shown} needs the Python package {package}, which is not installed here"
                yield _warning("missing-python-package", message, rule, f"pip install {package}")

    def _of_dependencies(
        self, pin: Pin, build: RemoteBuild, rule: Rule, target: BuildTarget, seen: set[Pin]
    ) -> Iterator[Diagnostic]:
        """What is wrong with the kernels that a build depends on, however far away."""
        try:
            needed = dependencies(pin, build.read("metadata.json"))
        except HubError as error:
            _answer(error)
            return  # told as what its metadata lack
        for other in sorted(needed - seen, key=lambda each: each.order):
            seen.add(other)
            try:
                yield from self._untrusted(other, [rule], through=pin)
                further = self._build_of(other, target)
            except HubError as error:
                problem = _answer(error)
                message = f"{problem.message} (`{pin}` depends on it)"
                yield replace(problem, message=message, route=rule.route)
            else:
                yield from self._of_dependencies(other, further, rule, target, seen)

    def _build_of(self, pin: Pin, target: BuildTarget) -> RemoteBuild:
        """The build that a machine takes of a kernel; a HubError if there is none."""
        locked = self._locked(pin)
        commit = commit_of(self.hub, pin) if locked is None else locked.commit
        fitting, against = choose_build(self.hub.builds(pin.repo_id, commit), target)
        if not fitting:
            reasons = [f"{quote(name)} {why}" for name, why in [*against.items()][:3]]
            there = f": {'; '.join(reasons)}" if reasons else ""
            message = f"`{pin}` has no build for {target}{there}"
            raise HubError([Diagnostic("no-kernel-build", message)])
        return RemoteBuild.of(fitting[0].name, self.hub, pin.repo_id, commit, frozenset[str]())

    def _at_reference(
        self,
        problem: Diagnostic,
        rule: Rule,
        **meant: Any,
    ) -> Diagnostic:
        """A problem where the reference of a rule stands, and what to write there instead.

        `meant` is what the reference should say otherwise; None where nothing comes near.
        """
        if rule.route == INHERITING:
            return replace(problem, route=INHERITING)
        entry, route = _entry(self.config, rule), rule.route
        reference = entry
        if isinstance(entry, KernelSpec):
            reference, route = entry.kernel, route.child("kernel")
            for key in ("version", "revision"):
                if key in meant and getattr(entry, key) is not None:
                    reference, route = None, rule.route.child(key)
        (value,) = meant.values() or (None,)
        repair = None
        if value is not None:
            if isinstance(reference, HubRef):
                value = str(replace(reference, **meant))
            repair = Repair("replace", value, safe=False)
        return replace(problem, route=route, repair=repair)


def _entry(config: KernelConfig, rule: Rule) -> object:
    """What a config states at a rule: a reference, or a kernel with options."""
    entry: Any = config.kernel_mapping[rule.layer_name]
    for step in rule.route.steps[2:]:
        if isinstance(entry, CapabilityEntry):
            entry = entry.entry
        below: Any = entry.root if isinstance(entry, (DeviceMapping, ModeMapping)) else entry
        entry = below[step]
    return entry.entry if isinstance(entry, CapabilityEntry) else entry


def _answer(error: HubError) -> Diagnostic:
    """What the Hub said; raises the error where it said nothing."""
    problem = error.diagnostics[0]
    if problem.code == "hub-unreachable":
        raise error
    return problem


def _named(problem: Diagnostic, pin: Pin) -> Diagnostic:
    """A problem that says of which kernel it is: no line tells, where that is inherited."""
    if problem.route != INHERITING or quote(pin.repo_id) in problem.message:
        return problem
    return replace(problem, message=f"`{pin}`: {problem.message}")


def _unsure(pin: Pin, rule: Rule, build: RemoteBuild) -> Iterator[Diagnostic]:
    """A layer of which nothing is written for certain: `unsure-kernel-layer`."""
    contents, layer_name = build.contents, getattr(rule.kernel, "layer_name", "")
    layer = contents.layers.get(layer_name)
    is_told = contents.has_layers is False or (contents.complete and contents.has_layers)
    if layer is None and (is_told or contents.broken is not None):
        return
    if layer is None or (not layer.place and layer.refused is None):
        message = f"whether `{pin}` has a layer {quote(layer_name)} shows only when its code runs"
        yield _warning("unsure-kernel-layer", message, rule)


def _warning(code: Code, message: str, rule: Rule, help_text: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, rule.route, help_text, Severity.WARNING)
