"""Does a config fit, as it stands and for a model? The questions are those of `checks`.

Nothing here downloads anything or imports torch or kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.checks.questions import ask, wanted
from kernel_schema.diagnostics import LoweringError, ModelCheckError, Severity, in_file_order
from kernel_schema.lowering.situate import ConfigSource, config_of, placed, situate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.models import KernelConfig


def check(
    config: ConfigSource,
    model: Module | None = None,
    *,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> tuple[Diagnostic, ...]:
    """Find everything that is wrong with a config, and with it for a model.

    Args:
        config: A config; a `Document` gives diagnostics its positions.
        model: A `torch.nn.Module`; without one only the config and the files it names are checked.
        device: Where the model will run; inferred from its parameters if left out.
        mode: How the model will run; inferred from its training state if left out.
        ignore: Codes to leave out.
        select: Codes to report, all of them if left out.

    Returns:
        The problems in the order of the config, warnings among them. Where there are more than
        1,000, only so many are looked for, and the last one is `too-many-problems`.

    Raises:
        LoweringError: If `device` or `mode` is none, or, with code `unsupported-by-kernels`, if
            kernels is loaded and does not have what is read of its active mapping.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> for diagnostic in check(KernelConfig({"RMSNrom": "org/repo:Layer"}), Norm()):
    ...     print(diagnostic)
    kernel_mapping.RMSNrom: error[unregistered-layer]: the model registers no layer `RMSNrom`
      help: did you mean `RMSNorm`? It registers `RMSNorm`
    """
    # What only a model or a target needs is imported with it: not to check a file alone.
    layers = resolved_device = resolved_mode = None
    if device is not None or mode is not None:
        from kernel_schema.model.target import resolve_device, resolve_mode

        resolved_mode = resolve_mode(mode)
        resolved_device = resolve_device(device, None)
    if model is not None:
        from kernel_schema.model.inspect import look_at
        from kernel_schema.model.target import device_type

        layers, kind = look_at(model)
        try:
            resolved_device = resolved_device or device_type(kind)
        except LoweringError as error:
            return tuple(wanted(error.diagnostics, ignore, select))
    if select is not None and not select:
        return ()
    situation = situate(
        config_of(config), layers, device=resolved_device, stated_mode=resolved_mode
    )
    return in_file_order(placed(config, ask(situation, ignore=ignore, select=select)))


def sanitize(config: KernelConfig, model: Module) -> None:
    """`KernelConfig.sanitize_kernel_mapping`: see there."""
    refuse_errors(check(config, model))


def refuse_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise a `ModelCheckError` with the errors among the diagnostics, if there are any."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors:
        raise ModelCheckError(errors)
