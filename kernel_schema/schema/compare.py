"""What configs mean, sugar and order left aside: a digest of one, the difference of two."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.schema.rules import HubKernel, Rule, by_layer, expand
from kernel_schema.schema.vocabulary import ORIGINAL, DeviceType, ModeName
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.ranges import Capabilities

Place: TypeAlias = "tuple[str, DeviceType | None, Capabilities, ModeName | None]"


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
        """The rule that tells where: the new one if there is one."""
        found = self.new or self.old
        if found is None:
            message = "a change has at least one side"
            raise ValueError(message)
        return found

    def __str__(self) -> str:
        before, after = (_shown(rule) for rule in (self.old, self.new))
        change = f"{before} -> {after}"
        if self.kind != "changed":
            change = f"{self.kind} {after if self.old is None else before}"
        return printable(f"{place_of(self.rule)}: {change}")


def place_of(rule: Rule) -> str:
    """Layer, device, range and mode of a rule, in words.

    >>> from kernel_schema import KernelConfig
    >>> config = KernelConfig({"A": {"cuda": [{"min_capability": 90, "training": "o/r:L"}]}})
    >>> place_of(expand(config)[0])
    'A, cuda, capability 90 and above, training'
    """
    parts = [rule.layer_name, str(rule.device or "every device")]
    if rule.capabilities.bounded:
        parts.append(str(rule.capabilities))
    if rule.kernel is not None:
        parts.append(str(rule.mode or "every mode"))
    return ", ".join(parts)


def digest(config: KernelConfig) -> str:
    """A hash of what a config means, the same on every machine and Python version.

    Sugar, order, `$schema` and the default version 1 make no difference; paths count as written.

    Returns:
        `sha256:` and 64 hexadecimal digits.

    >>> from kernel_schema import KernelConfig
    >>> short = KernelConfig({"A": "org/repo:L"})
    >>> long = KernelConfig({"A": {"fallback": {"kernel": "org/repo:L", "version": 1}}})
    >>> digest(short) == digest(long)
    True
    """
    found = hashlib.sha256(f"inherit_mapping={config.inherit_mapping}".encode())
    layers = by_layer(_normalised(config).values())
    # The lines of one layer after the other, in the order that they have as lines: all at once, a
    # long name would be there many times.
    for layer_name in sorted(layers, key=json.dumps):
        for line in sorted(json.dumps(_canonical(rule)[1:]) for rule in layers[layer_name]):
            found.update(f"\n[{json.dumps(layer_name)}, {line[1:]}".encode())
    return f"sha256:{found.hexdigest()}"


def diff(old: KernelConfig, new: KernelConfig) -> tuple[Change, ...]:
    """What two configs say differently, by layer, device, range and mode.

    `inherit_mapping` is no rule: compare it by itself.

    >>> from kernel_schema import KernelConfig
    >>> changes = diff(KernelConfig({"A": "o/r:L"}), KernelConfig({"A": "o/r@v2:L"}))
    >>> print(changes[0])
    A, every device, every mode: o/r@v1:L -> o/r@v2:L
    """
    before, after = _normalised(old), _normalised(new)
    places = dict.fromkeys((*before, *after))
    changes = (Change(before.get(place), after.get(place)) for place in places)
    return tuple(change for change in changes if not _same(change.old, change.new))


def _same(old: Rule | None, new: Rule | None) -> bool:
    return old is not None and new is not None and old.kernel == new.kernel


def _normalised(config: KernelConfig) -> dict[Place, Rule]:
    """The rules by what they speak of, with one spelling for what means the same."""
    rules: dict[Place, Rule] = {}
    for rule in expand(config):
        # An entry without a mode serves every mode, and so does one under `fallback` alone.
        mode = None if rule.mode is ModeName.FALLBACK else rule.mode
        kernel = rule.kernel
        if isinstance(kernel, HubKernel) and isinstance(kernel.trust_remote_code, tuple):
            trusted = tuple(sorted(set(kernel.trust_remote_code)))
            kernel = replace(kernel, trust_remote_code=trusted)
        place = (rule.layer_name, rule.device, rule.capabilities, mode)
        rules[place] = replace(rule, mode=mode, kernel=kernel)
    return rules


def _canonical(rule: Rule) -> list[object]:
    return [
        rule.layer_name,
        rule.device and rule.device.value,
        rule.capabilities.lowest,
        # No upper bound is no number: sys.maxsize differs between machines.
        rule.capabilities.highest if rule.capabilities.bounded_above else None,
        rule.mode and rule.mode.value,
        ORIGINAL if rule.kernel is None else asdict(rule.kernel),
    ]


def _shown(rule: Rule | None) -> str:
    if rule is None or rule.kernel is None:
        return ORIGINAL
    trust = getattr(rule.kernel, "trust_remote_code", False)
    trusted = ", ".join(trust) if is_tuple(trust) else "true"
    return f"{rule.kernel} (trust_remote_code: {trusted})" if trust else str(rule.kernel)
