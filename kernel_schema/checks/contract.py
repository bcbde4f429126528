"""Will kernels take the code that a config names? Told from the files of the build, before it runs.

A finding is an error where the entry is meant for the device in question, else a warning. Where
several builds may be the one that runs, only what is wrong with each of them is a finding.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.builds.loaded import build_around, changed_since_load
from kernel_schema.builds.repository import cached_builds, is_repository, local_builds
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.builds.variants import supports_capability, target_of_device
from kernel_schema.checks.model import parameters_of
from kernel_schema.checks.modes import FLAGS, mode_name, passed_over
from kernel_schema.checks.paths import from_here, is_looked_at
from kernel_schema.diagnostics import Diagnostic, Severity
from kernel_schema.paths import home_path
from kernel_schema.schema.rules import HubKernel, LocalKernel
from kernel_schema.schema.vocabulary import DeviceType, ModeName
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from kernel_schema.builds.classes import Kinds, Layer
    from kernel_schema.builds.repository import Build, Builds
    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.choice.situation import Situation
    from kernel_schema.codes import Code
    from kernel_schema.schema.rules import Rule


class Finding(NamedTuple):
    """What is wrong with a build for a rule."""

    code: Code
    message: str
    help: str | None = None
    is_warning: bool = False


def kernel_contracts(situation: Situation) -> Iterator[Diagnostic]:
    """Kernels on disk, and those of the Hub that are in the cache, against what kernels asks."""
    reader = _Reader(situation)
    chosen: list[tuple[Rule, Build]] = []
    for rule in situation.rules:
        builds = reader.builds_of(rule)
        if builds is None:
            continue
        yield from of_builds(situation, rule, builds, reader.target_of(rule))
        if len(builds.fitting) == 1 or reader.is_known(rule):
            chosen += [(rule, build) for build in builds.fitting[:1]]
    for rule, finding in _same_ids(chosen):
        yield _diagnostic(situation, rule, finding)


def mode_refusals(situation: Situation) -> Callable[[Rule], str | None]:
    """Says of a rule why kernels passes over its kernel in the mode of a situation, if it does."""
    reader = _Reader(situation)
    mode = mode_name(situation)

    def refusal(rule: Rule) -> str | None:
        builds = reader.builds_of(rule)
        if builds is None or not builds.fitting:
            return None
        layers = builds.fitting[0].contents.layers
        layer = layers.get(getattr(rule.kernel, "layer_name", ""))
        if layer is None or rule.mode not in (None, ModeName.FALLBACK):
            return None
        lacking = [
            what for flag, part, _, what in FLAGS if part in mode and getattr(layer, flag) is False
        ]
        return passed_over(rule.kernel, mode, lacking) if lacking else None

    return refusal


def _diagnostic(situation: Situation, rule: Rule, finding: Finding) -> Diagnostic:
    warning = finding.is_warning or not _is_meant(situation, rule)
    severity = Severity.WARNING if warning else Severity.ERROR
    return Diagnostic(finding.code, finding.message, rule.route, finding.help, severity=severity)


def _is_meant(situation: Situation, rule: Rule) -> bool:
    """Whether a rule speaks of the device and the capability in question, where those are known."""
    if situation.device is not None and rule.device not in (None, situation.device):
        return False
    return situation.capability is None or rule.capabilities.holds(situation.capability)


def target_of(situation: Situation, rule: Rule, machine: BuildTarget | None) -> BuildTarget:
    """The machine for which a build is chosen: as much of it as is known for a rule.

    `machine` is the one at hand.
    """
    device = situation.device
    if device is None or rule.device not in (None, device):
        return target_of_device(rule.device)
    if situation.build_target is not None:
        return situation.build_target
    # kernels chooses by what torch is built for, also for a model that is on the CPU.
    on_cpu = situation.layers is not None and device is DeviceType.CPU
    if machine is not None and (on_cpu or machine.device is device):
        return machine
    return target_of_device(device)


@dataclass
class _Reader:
    """Finds the builds of each kernel, once."""

    situation: Situation
    _machine: BuildTarget | None = field(default_factory=this_machine)
    _builds: dict[object, Builds | None] = field(default_factory=dict[object, "Builds | None"])

    def builds_of(self, rule: Rule) -> Builds | None:
        """The builds that a rule's kernel has; None where there is nothing to look at."""
        target = self.target_of(rule)
        match rule.kernel:
            case LocalKernel(path=path) if is_looked_at(path):
                key = (path, target)
                if key not in self._builds:
                    folder = home_path(path)
                    self._builds[key] = (
                        local_builds(folder, target) if is_repository(folder) else None
                    )
            case HubKernel(repo_id=repo_id, lockfile=None) as kernel if self.situation.reads_cache:
                stated = kernel.revision if kernel.version is None else f"v{kernel.version}"
                key = (repo_id, kernel.commit or stated, target)
                if key not in self._builds:
                    self._builds[key] = cached_builds(repo_id, key[1] or "", target)
            case _:
                return None
        return self._builds[key]

    def target_of(self, rule: Rule) -> BuildTarget:
        """As the function of this name has it."""
        return target_of(self.situation, rule, self._machine)

    def is_known(self, rule: Rule) -> bool:
        """Whether the machine is known so well that the first of several builds is the one."""
        return self.target_of(rule).torch is not None


def of_builds(
    situation: Situation, rule: Rule, builds: Builds, target: BuildTarget
) -> Iterator[Diagnostic]:
    """What is wrong with the builds of a kernel, for a rule and a machine."""
    for finding in _of_builds(situation, rule, builds, target):
        yield _diagnostic(situation, rule, finding)


def _of_builds(
    situation: Situation, rule: Rule, builds: Builds, target: BuildTarget
) -> Iterator[Finding]:
    shown = _shown(rule)
    if not builds.fitting:
        reasons = [f"{quote(name)} {why}" for name, why in list(builds.against.items())[:3]]
        there = f": {'; '.join(reasons)}" if reasons else ", nor any other"
        machine = f" for {target}" if str(target) else ""
        yield Finding("no-kernel-build", f"{shown} has no build{machine}{there}", _REBUILD)
        return
    known = target.torch is not None
    looked_at = builds.fitting[:1] if known else builds.fitting
    by_build = [list(_of_build(situation, rule, build, shown)) for build in looked_at]
    for finding in by_build[0]:
        if all(any(finding.code == other.code for other in others) for others in by_build):
            yield finding


_REBUILD: Final = (
    "kernels chooses by what torch is built for; a build without compiled code is named "
    "`torch-cpu`, `torch-cuda`, ..."
)


def _shown(rule: Rule) -> str:
    """The repository of a rule, for a message."""
    if isinstance(rule.kernel, LocalKernel):
        return quote(from_here(rule.kernel.path), longest=1000)
    return quote(getattr(rule.kernel, "repo_id", ""))


def _of_build(situation: Situation, rule: Rule, build: Build, shown: str) -> Iterator[Finding]:
    layer_name = getattr(rule.kernel, "layer_name", "")
    for problem in build.metadata.problems:
        where = _file(rule, build, "metadata.json")
        yield Finding("invalid-kernel-metadata", f"{where} {problem}", _METADATA)
    contents = build.contents
    if contents.broken is not None:
        yield Finding("unusable-kernel-layer", f"{shown} cannot be imported: {contents.broken}")
    elif layer_name in contents.layers:
        yield from _of_layer(situation, rule, build, contents.layers[layer_name])
    elif contents.has_layers is False or (contents.complete and contents.has_layers):
        yield _unknown_layer(layer_name, shown, build)
    changed = changed_since_load(build)
    if changed is not None:
        yield Finding(
            "kernel-changed-since-load",
            f"{_file(rule, build, changed)} was changed after kernels loaded it: this process runs "
            "the old code",
            "start a new process, or restart the kernel of the notebook",
            is_warning=True,
        )
    archs = build.metadata.archs if build.metadata.cuda else ()
    lacking = _not_built_for(archs, situation.capability, rule)
    if lacking is not None:
        yield Finding(
            "capability-not-built",
            f"{shown} is compiled for {listing(archs, 'and')}, not for {lacking}",
            "the kernel may fail or crash when it runs there",
        )


def _not_built_for(archs: Collection[str], capability: int | None, rule: Rule) -> str | None:
    """The GPU, or all of a rule's range, that a build has no code for; None if it has some."""
    if not archs:
        return None
    if capability is not None:
        runs = supports_capability(archs, capability)
        return None if runs else f"capability {capability // 10}.{capability % 10}"
    if not rule.capabilities.bounded:
        return None
    low = rule.capabilities.lowest
    every = range(low, min(rule.capabilities.highest, low + _FAR) + 1)
    return (
        None if any(supports_capability(archs, each) for each in every) else str(rule.capabilities)
    )


_METADATA: Final = "kernels refuses it as it loads; `kernel-builder` writes it"


_FAR: Final = 400
"""Further above its lowest capability a range is not looked into: so far no two GPUs are apart."""


def _unknown_layer(layer_name: str, shown: str, build: Build) -> Finding:
    contents = build.contents
    if layer_name in contents.functions:
        return Finding(
            "unknown-kernel-layer",
            f"{shown} has a function {quote(layer_name)}, and no such layer",
            "only classes in its `layers` replace layers",
        )
    usable = contents.usable
    if not usable:
        return Finding("unknown-kernel-layer", f"{shown} defines no layers")
    nearest = Suggester(usable).closest(layer_name)
    names = f"it has {listing(sorted(usable)[:8], 'and')}"
    return Finding(
        "unknown-kernel-layer",
        f"{shown} has no layer {quote(layer_name)}",
        names if nearest is None else f"did you mean {quote(nearest)}? {names}",
    )


def _of_layer(situation: Situation, rule: Rule, build: Build, layer: Layer) -> Iterator[Finding]:
    name = quote(layer.name)
    place = f" ({_file(rule, build, layer.place)})" if layer.place else ""
    if layer.refused is not None:
        yield Finding("unusable-kernel-layer", f"{name}{place} {layer.refused}")
        return
    for flag, part, code, what in FLAGS:
        if getattr(layer, flag) is not False:
            continue
        if rule.mode is not None and part in rule.mode.value:
            meant = f"and is meant for `{rule.mode.value}`"
            yield Finding(code, f"{name}{place} {what}, {meant}", _MODE)
        elif rule.mode in (None, ModeName.FALLBACK) and part in mode_name(situation):
            yield Finding(
                code,
                f"{name}{place} {what}: the model's own forward stays in `{mode_name(situation)}`",
                _MODE,
                is_warning=True,
            )
    yield from _signatures(situation, rule, layer, f"{name}{place}")


_MODE: Final = "the flags `has_backward` and `can_torch_compile` of its class say so"


def _signatures(situation: Situation, rule: Rule, layer: Layer, shown: str) -> Iterator[Finding]:
    registered = None if situation.layers is None else situation.layers.get(rule.layer_name)
    if registered is None or layer.parameters is None:
        return
    for cls in registered.classes:
        wanted = parameters_of(cls)
        if wanted is not None and [kind for _, kind in wanted] != [
            kind for _, kind in layer.parameters
        ]:
            yield Finding(
                "signature-mismatch",
                f"the `forward` of {shown} takes {_spelt(layer.parameters)}, that of "
                f"{quote(cls.__name__)} takes {_spelt(wanted)}",
                "kernels takes a kernel whose arguments are as many, and of the same kinds",
            )


def _spelt(parameters: Kinds) -> str:
    """The arguments as Python spells them, marks of their kinds included."""
    kinds = inspect.Parameter
    listed = [kinds(name, getattr(kinds, kind)) for name, kind in parameters[1:]]
    return quote(str(inspect.Signature(listed)))


def _file(rule: Rule, build: Build, path: str) -> str:
    """A file of a build, for a message: from where the config's path is seen."""
    file = build.folder / path
    if isinstance(rule.kernel, LocalKernel):
        return quote(from_here(str(file)), longest=1000)
    return quote(f"{build.folder.name}/{path}", longest=1000)


def _same_ids(chosen: list[tuple[Rule, Build]]) -> Iterator[tuple[Rule, Finding]]:
    """Kernels that would be imported under one name: the code of the first runs for all."""
    first: dict[str, Path] = {}
    for rule, build in chosen:
        name = build.metadata.id
        if not name:
            continue
        folder = build.folder.resolve()
        other = first.setdefault(name, _loaded_from(name) or folder)
        if other != folder:
            yield (
                rule,
                Finding(
                    "same-kernel-id",
                    f"{_shown(rule)} and {quote(from_here(str(other)), longest=1000)} have the "
                    f"same `id` {quote(name)}: the code of the first that is loaded runs for both",
                    f"change `id` in {_file(rule, build, 'metadata.json')}",
                ),
            )


def _loaded_from(name: str) -> Path | None:
    """The folder of the kernel that this process imported under a name."""
    for module in (sys.modules.get(name), sys.modules.get(f"{name}.layers")):
        file = getattr(module, "__file__", None)
        build = build_around(file) if isinstance(file, str) else None
        if build is not None:
            return build.folder
    return None
