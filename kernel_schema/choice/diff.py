"""What two configs say differently, their locks included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.files.read import config_of, opened
from kernel_schema.schema import rules
from kernel_schema.schema.models import KernelConfig

if TYPE_CHECKING:
    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.schema.rules import Change, Rule


def diff(old: ConfigSource, new: ConfigSource) -> tuple[Change, ...]:
    """What two configs say differently, by layer, device, range and mode.

    `inherit_mapping` is no rule: compare it by itself. Paths are compared as files have them: two
    checkouts of one repository say the same.

    Args:
        old: The config before, in any form of `ConfigSource`.
        new: The config after.

    Returns:
        A change for each statement that was added, removed or changed; sugar makes no difference.
        Where both are locked, a kernel at another commit is one that changed.

    >>> changes = diff({"A": "o/r:L"}, {"A": "o/r@v2:L"})
    >>> print(changes[0])
    A, every device, every mode: o/r@v1:L -> o/r@v2:L
    """
    before, after = opened(old, "old"), opened(new, "new")
    return rules.diff(_locked(before), _locked(after))


def _locked(source: Opened) -> tuple[Rule, ...]:
    """The rules of a config, paths as it has them, with what its lock says, if that can be read."""
    stated = rules.expand(source if isinstance(source, KernelConfig) else source.config)
    config = config_of(source)
    if config.lockfile is None:
        return stated
    # Imported with what there is to read.
    from kernel_schema.locks.state import locking

    return locking(config, stated).rules
