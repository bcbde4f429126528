"""From what a caller hands over, in place of a config too, to a situation and back to positions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_schema.choice.situation import Situation
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.files.read import config_of, opened
from kernel_schema.lowering.upstream import active_mapping, is_mapping_disabled
from kernel_schema.schema.arguments import need_module, refuse_swapped
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.rules import expand

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.diagnostics import Diagnostic, Span
    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.locks.lock import Lock
    from kernel_schema.model.inspect import RegisteredLayers
    from kernel_schema.model.target import Target
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Rule
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


def taken(config: ConfigSource, model: Module) -> Opened:
    """The config or document that a caller means, before anything is done with the model.

    Raises:
        ConfigError: If a file or a mapping is no config.
        TypeError: If either is something else, or they are swapped.
    """
    refuse_swapped(config, model)
    source = opened(config)
    need_module(model)
    return source


def placed(source: Opened, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics, with positions if the source has any."""
    return tuple(diagnostics) if isinstance(source, KernelConfig) else source.place_all(diagnostics)


def directory_of(source: Opened) -> str:
    """Where relative paths start: at the file of a config, or in the working directory."""
    return "." if isinstance(source, KernelConfig) else source.directory


def located(source: Opened, rule: Rule) -> Span | None:
    """Where a rule is stated in the text of a source; None if it has no text."""
    return None if isinstance(source, KernelConfig) else source.locate(rule.route)


@contextmanager
def placing(source: Opened) -> Generator[KernelConfig]:
    """Give the errors of a block the positions of a source; yields the config that is meant."""
    try:
        yield config_of(source)
    except KernelSchemaError as error:
        if isinstance(source, KernelConfig):
            raise
        raise type(error)(placed(source, error.diagnostics)) from error.__cause__


def situate(
    config: KernelConfig,
    layers: RegisteredLayers | None,
    *,
    target: Target | None = None,
    device: DeviceType | None = None,
    stated_mode: ModeName | None = None,
    inherited: Iterable[Rule] | None = None,
    capability: int | None = None,
    build_target: BuildTarget | None = None,
    directory: str | None = None,
    carried_at: Mapping[str, str] | None = None,
    lock: Lock | None = None,
    network: bool = False,
    reads_cache: bool = True,
) -> Situation:
    """The situation of a config: the only place that puts in what is active in kernels.

    That is what it inherits, unless `inherited` says otherwise. The device is that of the target,
    if there is one. The lock is the one that the config names, unless one is given; it is looked
    for on other machines only if `network` is set.
    """
    outer: tuple[Rule, ...] = ()
    if config.inherit_mapping:
        outer = _active_rules() if inherited is None else tuple(inherited)
    if target is not None:
        device = target.device
        capability = target.capability
    rules, problems = expand(config), ()
    if lock is not None or config.lockfile is not None:
        # Imported with what there is to read: not to check a file alone.
        from kernel_schema.locks.state import locking

        rules, lock, problems = locking(config, rules, lock, network=network)
        if outer:
            from kernel_schema.locks.step import locked_inheritance

            outer, lacking = locked_inheritance(rules, outer, lock)
            problems += lacking
    return Situation(
        rules,
        outer,
        layers,
        device,
        stated_mode,
        target,
        is_mapping_disabled(),
        capability,
        build_target,
        directory,
        carried_at or {},
        lock,
        problems,
        reads_cache,
    )


def _active_rules() -> tuple[Rule, ...]:
    if not active_mapping():
        return ()
    # Imported with what there is to read: not to check a file alone.
    from kernel_schema.lowering.inherited import inherited_rules

    return inherited_rules()
