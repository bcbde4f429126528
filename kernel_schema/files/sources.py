"""What callers may hand over as a config: a path and a mapping too, wherever one is taken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.document import Document
from kernel_schema.schema import rules
from kernel_schema.schema.alternatives import declared
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.typeguards import is_path, is_table

if TYPE_CHECKING:
    from kernel_schema.schema.rules import Change, Rule

ConfigSource: TypeAlias = KernelConfig | Document | str | os.PathLike[str] | Mapping[str, Any]
"""What is taken as a config: one, a document, the path of a config file, or a plain mapping.

A path is read as `read` does: messages point into the file, and local paths start at it. A mapping
is one of layers, as `KernelConfig` takes it, or what a file holds, with the key `kernel_mapping`;
its mistakes are a `ConfigError` with routes. Anything else is a TypeError that says what it is.
"""

Opened: TypeAlias = KernelConfig | Document
_WANTED = "a `KernelConfig`, a `Document`, the path of a config file or a mapping of layers"


def opened(source: ConfigSource, name: str = "config") -> Opened:
    """The config or the document that an argument stands for.

    Raises:
        ConfigError: If a file or a mapping is no config.
        TypeError: If it is none of what is taken.

    >>> opened({"A": "org/repo:L"}) == opened({"kernel_mapping": {"A": "org/repo:L"}})
    True
    """
    if isinstance(source, (KernelConfig, Document)):
        return source
    if isinstance(source, str) and "\n" in source:
        raise wrong_argument(name, source, f"{_WANTED} (`kernel_schema.loads` reads a text)")
    if isinstance(source, str) or is_path(source):
        # Imported here: most callers have read their file.
        from kernel_schema.files.read import read

        return read(source)
    if not is_table(source) or declared(source) is not None:
        raise wrong_argument(name, source, _WANTED)
    whole = source if "kernel_mapping" in source else {"kernel_mapping": source}
    config = read_config(whole)
    if isinstance(config, KernelConfig):
        return config
    raise ConfigError(config)


def config_of(source: ConfigSource) -> KernelConfig:
    """The config that is meant, with the relative paths of a file made absolute."""
    source = opened(source)
    return source if isinstance(source, KernelConfig) else source.anchored


def expand(config: ConfigSource) -> tuple[Rule, ...]:
    """What a config says, as rules in the order of the config.

    Args:
        config: A config, in any form of `ConfigSource`.

    Returns:
        A rule for each kernel or `original` that it states.

    >>> for rule in expand({"A": {"cuda": {"training": "org/repo:L"}}}):
    ...     print(rule.layer_name, rule.device, rule.mode, rule.kernel, "from", rule.route)
    A cuda training org/repo@v1:L from kernel_mapping.A.cuda.training
    """
    return rules.expand(config_of(config))


def diff(old: ConfigSource, new: ConfigSource) -> tuple[Change, ...]:
    """What two configs say differently, by layer, device, range and mode.

    `inherit_mapping` is no rule: compare it by itself. Paths are compared as files have them: two
    checkouts of one repository say the same.

    Args:
        old: The config before, in any form of `ConfigSource`.
        new: The config after.

    Returns:
        A change for each statement that was added, removed or changed; sugar makes no difference.

    >>> changes = diff({"A": "o/r:L"}, {"A": "o/r@v2:L"})
    >>> print(changes[0])
    A, every device, every mode: o/r@v1:L -> o/r@v2:L
    """
    before, after = opened(old, "old"), opened(new, "new")
    return rules.diff(*(c if isinstance(c, KernelConfig) else c.config for c in (before, after)))
