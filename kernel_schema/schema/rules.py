"""The one intermediate form: what a config says, with all sugar understood.

Checks, plans and the lowering read rules, never the config itself; so does what tells the
difference of two configs.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from kernel_schema.diagnostics import Route
from kernel_schema.schema.models import DeviceMapping, KernelSpec, ModeMapping
from kernel_schema.schema.ranges import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.references import KEPT, SHORT, HubRef, LocalRef
from kernel_schema.schema.vocabulary import ORIGINAL, ModeName
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.routes import Step
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.vocabulary import DeviceType, Original

INHERITED: Final = "inherited"
"""With this the route of a rule begins that no config states."""


@dataclass(frozen=True, slots=True)
class HubKernel:
    """A layer on the Hub with everything that decides which code it is.

    Args:
        repo_id: `org/repo`.
        layer_name: Name of the layer in the repository.
        version: Kernel version; exactly one of `version`, `revision` and `lockfile` is set.
        revision: Git branch, tag or commit.
        lockfile: Path of the lock file that pins the repository.
        trust_remote_code: As in `KernelSpec`.
        states_pin: Whether the config says which code it is; else it is version 1. Both are equal.
        commit: The commit that the lock of the config pins it to; None where it is not locked.

    >>> print(HubKernel("org/repo", "Layer", version=1))
    org/repo@v1:Layer
    """

    repo_id: str
    layer_name: str
    version: int | None = None
    revision: str | None = None
    lockfile: str | None = None
    trust_remote_code: bool | tuple[str, ...] = False
    states_pin: bool = field(default=True, compare=False, repr=False)
    commit: str | None = None

    def __str__(self) -> str:
        if self.lockfile is not None:
            return f"{self.repo_id}:{self.layer_name} (locked by {self.lockfile})"
        pin = f"v{self.version}" if self.version is not None else self.revision
        kernel = f"{self.repo_id}@{pin}:{self.layer_name}"
        if self.commit is None or self.commit == self.revision:
            return kernel
        return f"{kernel} (commit {self.commit[:12]})"


@dataclass(frozen=True, slots=True)
class LocalKernel:
    """A layer of a kernel repository on disk.

    Args:
        path: Directory of the repository, as written.
        layer_name: Name of the layer in the repository.

    >>> print(LocalKernel("./norm", "Layer"))
    ./norm:Layer
    """

    path: str
    layer_name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.layer_name}"


Kernel: TypeAlias = HubKernel | LocalKernel


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """A callable in kernels' mapping, which picks the kernel when kernelize runs; inherited only.

    Args:
        selector: Full name of the callable.

    >>> print(RuntimeChoice("package.pick"))
    decided at run time by package.pick
    """

    selector: str

    def __str__(self) -> str:
        return f"decided at run time by {self.selector}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement of a config: here, this kernel.

    Args:
        layer_name: Name under which models register the layer.
        device: None where the entry speaks for every device.
        capabilities: The range of capabilities, `EVERY_CAPABILITY` where none is stated.
        mode: None where the entry states none.
        kernel: None for `original`: the model's own forward stays.
        route: Where the config says so.
    """

    layer_name: str
    device: DeviceType | None
    capabilities: Capabilities
    mode: ModeName | None
    kernel: Kernel | RuntimeChoice | None
    route: Route

    @property
    def mode_or_fallback(self) -> ModeName:
        """The mode under which kernels looks for it: `fallback` serves every mode."""
        return self.mode or ModeName.FALLBACK

    @property
    def is_inherited(self) -> bool:
        """Whether it comes from the mapping under the config."""
        return self.route.steps[:1] == (INHERITED,)


def expand(config: KernelConfig) -> tuple[Rule, ...]:
    """What a config says, as rules in the order of the config."""
    if (last := _LAST.get("config")) is not None and last[0]() is config:
        return last[1]
    rules: list[Rule] = []
    for layer_name, entry in config.kernel_mapping.items():
        steps = ("kernel_mapping", layer_name)
        if isinstance(entry, HubRef) or not isinstance(entry, DeviceMapping):
            _expand(rules, None, EVERY_CAPABILITY, entry, steps)
            continue
        for device, device_entry in entry.root.items():
            of_device = (*steps, device.value)
            if not isinstance(device_entry, tuple):
                _expand(rules, device, EVERY_CAPABILITY, device_entry, of_device)
                continue
            for index, ranged in enumerate(device_entry):
                _expand(rules, device, ranged.capabilities, ranged.entry, (*of_device, index))
    expanded = tuple(rules)
    _LAST["config"] = weakref.ref(config, lambda _: _LAST.clear()), expanded
    return expanded


# What is checked is lowered next: a frozen config need not be expanded again for that.
_LAST: Final[dict[str, tuple[weakref.ref[KernelConfig], tuple[Rule, ...]]]] = {}


def _expand(
    rules: list[Rule],
    device: DeviceType | None,
    capabilities: Capabilities,
    entry: HubRef | LocalRef | Original | KernelSpec | ModeMapping,
    steps: tuple[Step, ...],
) -> None:
    """Add the rules of one entry: all that may stand below a device or range."""
    # Most are references, which are short, and to ask for a model of pydantic takes longer.
    if isinstance(entry, HubRef) and len(entry.layer_name) + len(entry.revision or "") <= SHORT:
        rules.append(_kept_rule(device, capabilities, None, entry, steps))
    elif isinstance(entry, ModeMapping):
        for mode, kernel in entry.root.items():
            rules.append(_rule(device, capabilities, mode, kernel, (*steps, mode.value)))
    else:
        rules.append(_rule(device, capabilities, None, entry, steps))


def _rule(
    device: DeviceType | None,
    capabilities: Capabilities,
    mode: ModeName | None,
    entry: HubRef | LocalRef | Original | KernelSpec,
    steps: tuple[Step, ...],
) -> Rule:
    kernel = None if isinstance(entry, str) else _kernel(entry)
    return Rule(str(steps[1]), device, capabilities, mode, kernel, Route(steps))


# Many files say the same of the same few layers.
_kept_rule: Final = lru_cache(maxsize=KEPT)(_rule)


def _kernel(entry: HubRef | LocalRef | KernelSpec) -> Kernel:
    lockfile, trust_remote_code = None, False
    if isinstance(entry, KernelSpec):
        ref, lockfile, trust_remote_code = entry.kernel, entry.lockfile, entry.trust_remote_code
        stated_version, stated_revision = entry.version, entry.revision
    else:
        ref, stated_version, stated_revision = entry, None, None
    if isinstance(ref, LocalRef):
        return LocalKernel(ref.path, ref.layer_name)
    version = ref.version if stated_version is None else stated_version
    revision = ref.revision if stated_revision is None else stated_revision
    states_pin = version is not None or revision is not None or lockfile is not None
    if not states_pin:
        version = 1  # as in transformers' KernelConfig
    return HubKernel(
        ref.repo_id, ref.layer_name, version, revision, lockfile, trust_remote_code, states_pin
    )


def by_layer(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules of each layer, in their order."""
    layers: dict[str, list[Rule]] = {}
    for rule in rules:
        layers.setdefault(rule.layer_name, []).append(rule)
    return layers


@dataclass(frozen=True, slots=True)
class Change:
    """One statement that differs between two configs.

    Args:
        old: The rule of the old config; None if it says nothing there.
        new: The rule of the new config; None if it says nothing there.
    """

    old: Rule | None
    new: Rule | None

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

    @property
    def rule(self) -> Rule:
        """The rule that tells where: the new one if there is one.

        Raises:
            ValueError: If the change has neither.
        """
        rule = self.new or self.old
        if rule is None:
            raise ValueError("a change has at least one side")
        return rule

    def __str__(self) -> str:
        before, after = _shown(self.old), _shown(self.new)
        change = f"{before} -> {after}"
        if self.kind != "changed":
            change = f"{self.kind} {after if self.old is None else before}"
        return printable(f"{subject(self.rule)}: {change}")


def subject(rule: Rule) -> str:
    """Layer, device, range and mode of a rule, in words."""
    parts = [rule.layer_name, str(rule.device or "every device")]
    if rule.capabilities.bounded:
        parts.append(str(rule.capabilities))
    if rule.kernel is not None:
        parts.append(str(rule.mode or "every mode"))
    return ", ".join(parts)


def _shown(rule: Rule | None) -> str:
    if rule is None or rule.kernel is None:
        return ORIGINAL
    trust = getattr(rule.kernel, "trust_remote_code", False)
    trusted = ", ".join(trust) if is_tuple(trust) else "true"
    return f"{rule.kernel} (trust_remote_code: {trusted})" if trust else str(rule.kernel)


def digest(config: KernelConfig) -> str:
    """A hash of what a config means, the same on every machine: see `KernelConfig.digest`."""
    import hashlib
    import json

    hashed = hashlib.sha256(f"inherit_mapping={config.inherit_mapping}".encode())
    layers = by_layer(_normalised(expand(config)))
    # The lines of one layer after the other, in the order that they have as lines: all at once, a
    # long name would be there many times.
    for layer_name in sorted(layers, key=json.dumps):
        for line in sorted(json.dumps(_plain(rule)) for rule in layers[layer_name]):
            hashed.update(f"\n[{json.dumps(layer_name)}, {line[1:]}".encode())
    return f"sha256:{hashed.hexdigest()}"


def _plain(rule: Rule) -> list[object]:
    """What a rule says of its layer, as JSON has it."""
    return [
        rule.device and rule.device.value,
        rule.capabilities.lowest,
        # No upper bound is no number: sys.maxsize differs between machines.
        rule.capabilities.highest if rule.capabilities.bounded_above else None,
        rule.mode and rule.mode.value,
        ORIGINAL if rule.kernel is None else _meaning(rule.kernel),
    ]


def _meaning(kernel: Kernel | RuntimeChoice) -> dict[str, object]:
    """A kernel as the config has it: without its commit, which the lock says."""
    named = (field.name for field in fields(kernel) if field.compare)
    return {name: getattr(kernel, name) for name in named if name != "commit"}


def diff(old: Iterable[Rule], new: Iterable[Rule]) -> tuple[Change, ...]:
    """What two configs say differently: `kernel_schema.diff` of their rules."""
    before, after = (
        {(rule.layer_name, rule.device, rule.capabilities, rule.mode): rule for rule in rules}
        for rules in (_normalised(old), _normalised(new))
    )
    changes = (Change(before.get(key), after.get(key)) for key in {**before, **after})
    return tuple(change for change in changes if _differ(change.old, change.new))


def _differ(old: Rule | None, new: Rule | None) -> bool:
    if old is None or new is None or old.kernel == new.kernel:
        return old is None or new is None
    commits = [getattr(rule.kernel, "commit", None) for rule in (old, new)]
    # A kernel that was not locked, and is: nothing tells whether it is another one.
    return None not in commits or _unlocked(old.kernel) != _unlocked(new.kernel)


def _unlocked(kernel: Kernel | RuntimeChoice | None) -> object:
    return replace(kernel, commit=None) if isinstance(kernel, HubKernel) else kernel


def _normalised(rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules, with one spelling for what means the same."""
    for rule in rules:
        # An entry without a mode serves every mode, and so does one under `fallback` alone.
        mode = None if rule.mode is ModeName.FALLBACK else rule.mode
        kernel = rule.kernel
        if isinstance(kernel, HubKernel) and is_tuple(kernel.trust_remote_code):
            trusted = tuple(sorted(set(kernel.trust_remote_code)))
            kernel = replace(kernel, trust_remote_code=trusted)
        yield replace(rule, mode=mode, kernel=kernel)
