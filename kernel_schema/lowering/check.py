"""Does a config fit, as it stands and for a model? The questions are those of `checks`.

Nothing here downloads anything or imports torch or kernels.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from kernel_schema.checks.questions import ask, wanted
from kernel_schema.diagnostics import (
    ConfigError,
    Diagnostic,
    LoweringError,
    ModelCheckError,
    Severity,
    in_file_order,
)
from kernel_schema.files.document import Document, InvalidConfigError
from kernel_schema.files.read import config_of, opened
from kernel_schema.lowering.situate import directory_of, placed, situate, taken
from kernel_schema.paths import is_file
from kernel_schema.schema.values import check_capability
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from kernel_schema.builds.variants import BuildTarget
    from kernel_schema.choice.situation import Situation
    from kernel_schema.codes import Code
    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.vocabulary import DeviceType


def check(
    config: ConfigSource,
    model: Module | None = None,
    *,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    capability: int | None = None,
    target: str | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> tuple[Diagnostic, ...]:
    """Find everything that is wrong with a config, and with it for a model.

    Args:
        config: A config, in any form of `ConfigSource`; a document or a path gives diagnostics its
            positions.
        model: A `torch.nn.Module`; without one only the config and the files it names are checked.
        device: Where the model will run; inferred from its parameters if left out.
        mode: How the model will run; inferred from its training state if left out.
        capability: Compute capability of the GPU, 90 for 9.0; that of the GPU that is there, if
            left out and a model is given.
        target: What torch is built for where it will run, `torch2.13-cu130-x86_64-linux` say; the
            torch that is installed, if left out. It names the device too.
        ignore: Codes to leave out, or patterns of them: `missing-*`. What makes a config unusable
            is always told.
        select: Codes to report, or patterns; all of them if left out.

    Returns:
        The problems in the order of the config, warnings among them. Where there are more than
        1,000, only so many are looked for, and the last one is `too-many-problems`.

    Raises:
        LoweringError: If `device`, `mode`, `capability` or `target` is none, a code of `ignore` or
            `select` is none, or, with code `unsupported-by-kernels`, if kernels is loaded and does
            not have what is read of its active mapping.
        ConfigError: If a path or a mapping is given that is no config. What `check` finds in the
            entries of such a file that are valid is among its diagnostics.
        TypeError: If config or model is something else, or they are swapped.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> for diagnostic in check(KernelConfig({"RMSNrom": "org/repo:Layer"}), Norm()):
    ...     print(diagnostic)
    kernel_mapping.RMSNrom: error[unregistered-layer]: the model registers no layer `RMSNrom`
      help: did you mean `RMSNorm`? It registers `RMSNorm`
    """
    asked = Asked(
        model,
        device=device,
        mode=mode,
        capability=capability,
        targets=() if target is None else (target,),
        ignore=ignore,
        select=select,
    )
    return check_as(config, asked)


def check_as(config: ConfigSource, asked: Asked) -> tuple[Diagnostic, ...]:
    """What `check` finds, and raises, for all that it may be asked."""
    model = asked.model
    try:
        source = opened(config) if model is None else taken(config, model)
    except InvalidConfigError as error:
        _, rest = check_part(error, asked)
        raise ConfigError(in_file_order((*error.diagnostics, *rest))) from None
    return _checked(source, asked)


def check_part(
    error: InvalidConfigError, asked: Asked
) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """The valid part of a file, None if nothing of it is valid, and what `check` finds in it."""
    part = error.part()
    if part is None:
        return None, ()
    document, incomplete = part
    depth = len(document.at.steps) + 1

    def is_said(diagnostic: Diagnostic) -> bool:
        if diagnostic.code in _OF_ROWS:
            return incomplete is not None and not incomplete
        layer = diagnostic.route.steps[depth:][:1]
        is_whole = incomplete is not None and incomplete.isdisjoint(layer)
        return is_whole or diagnostic.code not in _OF_WHAT_LACKS

    return document, tuple(filter(is_said, _checked(document, asked)))


# Of what is not there, nothing can be said: it was meant to be.
_OF_WHAT_LACKS: Final[frozenset[Code]] = frozenset({"device-not-covered", "hides-inherited"})
# A row that is not indented makes a layer of what was meant to be in one.
_OF_ROWS: Final[frozenset[Code]] = frozenset({"unlikely-layer-name"})


def _checked(source: Opened, asked: Asked) -> tuple[Diagnostic, ...]:
    # What only a model or a target needs is imported with it: not to check a file alone.
    layers, carried_at = None, dict[str, str]()
    machines, model, ignore, select = asked.machines, asked.model, asked.ignore, asked.select
    config, directory = config_of(source), directory_of(source)
    if model is not None:
        from kernel_schema.model.inspect import look_at, names_at

        layers, kind = look_at(model)
        carried_at = names_at(model, config.kernel_mapping.keys() - layers.keys())
        try:
            machines = [machine.of_model(kind) for machine in machines]
        except LoweringError as error:
            return tuple(wanted(error.diagnostics, ignore, select))
    if select is not None and not select:
        return ()
    found: dict[Diagnostic, Diagnostic] = {}
    for device, build_target, capability in machines:
        situation = situate(
            config,
            layers,
            device=device,
            stated_mode=asked.mode,
            capability=capability,
            build_target=build_target,
            directory=directory,
            carried_at=carried_at,
            reads_cache=asked.further is None,
        )
        further = () if asked.further is None else asked.further(config, situation)
        for each in ask(situation, ignore=ignore, select=select, further=further):
            # Of what is wrong on several machines the worst is told.
            same = replace(each, severity=Severity.WARNING)
            if same not in found or each.severity is Severity.ERROR:
                found[same] = each
    told = list(found.values())
    if isinstance(source, Document) and config.lockfile is None:
        told += wanted(_unused_lock(source.file), ignore, select)
    return in_file_order(placed(source, told))


def _unused_lock(file: str) -> Iterator[Diagnostic]:
    """A lock that lies beside a config which does not name it: `lock-not-used`."""
    path = f"{file}.lock"
    if is_file(path):
        from kernel_schema.locks.lock_files import is_lock

        if is_lock(path):
            name = os.path.basename(path)  # noqa: PTH119 (of a string)
            yield Diagnostic(
                "lock-not-used",
                f"{quote(name)} lies beside this config, which does not name it: nothing is locked",
                help=f"add {quote(f'lockfile: {name}')}, or delete that file",
                severity=Severity.WARNING,
            )


class Further(Protocol):
    """Asks about a situation what nothing on this machine can answer."""

    def __call__(self, config: KernelConfig, situation: Situation, /) -> Iterable[Diagnostic]:
        """What is wrong with a config in a situation."""
        ...


class Machine(NamedTuple):
    """Where a model will run, as far as that is stated."""

    device: DeviceType | None
    build_target: BuildTarget | None
    capability: int | None

    def of_model(self, kind: str | None) -> Machine:
        """The same for a model on such a device: what is not stated is as it is there."""
        from kernel_schema.model.target import capability_of, device_type

        device, capability = self.device or device_type(kind), self.capability
        if capability is None and self.build_target is None:
            capability = capability_of(device)
        return self._replace(device=device, capability=capability)


class Asked:
    """What `check` is asked: its arguments but for the config, with what they mean.

    Several `targets` are asked about one after the other. What `further` finds is found too; then
    the cache of the Hub is not looked into.

    Raises:
        LoweringError: If `device`, `mode`, `capability` or one of `targets` is none.
    """

    def __init__(
        self,
        model: Module | None = None,
        *,
        device: DeviceInput | None = None,
        mode: ModeInput | None = None,
        capability: int | None = None,
        targets: Sequence[str] = (),
        ignore: Collection[str] = (),
        select: Collection[str] | None = None,
        further: Further | None = None,
    ) -> None:
        self.model, self.ignore, self.select = model, ignore, select
        self.mode = stated = None
        self.further = further
        build_targets = [_build_target(target) for target in targets] or [None]
        if device is not None or mode is not None or capability is not None:
            from kernel_schema.model.target import argument, resolve_device, resolve_mode

            self.mode = resolve_mode(mode)
            stated = resolve_device(device, None)
            if capability is not None:
                argument(check_capability(capability))
        self.machines = [
            Machine(stated or (target and target.device), target, capability)
            for target in build_targets
        ]


def _build_target(text: str) -> BuildTarget:
    from kernel_schema.builds.variants import parse_target

    try:
        return parse_target(text)
    except ValueError as error:
        message = f"{quote(text)} is no target"
        problem = Diagnostic("unknown-target", message, help=str(error))
        raise LoweringError([problem]) from None


def sanitize(config: KernelConfig, model: Module) -> None:
    """`KernelConfig.sanitize_kernel_mapping`: see there."""
    refuse_errors(check(config, model))


def refuse_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise a `ModelCheckError` with the errors among the diagnostics, if there are any."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors:
        raise ModelCheckError(errors)
