"""Does a config fit, as it stands and for a model? The questions are those of `checks`.

Nothing here downloads anything or imports torch or kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.checks.questions import ask, wanted
from kernel_schema.diagnostics import (
    LoweringError,
    ModelCheckError,
    Severity,
    in_file_order,
)
from kernel_schema.lowering.config_source import ConfigSource, config_of, placed
from kernel_schema.lowering.situate import situate

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
        LoweringError: If `device` or `mode` is none.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> for found in check(KernelConfig({"RMSNrom": "org/repo:Layer"}), Norm()):
    ...     print(found)
    kernel_mapping.RMSNrom: error[unregistered-layer]: the model registers no layer `RMSNrom`
      help: did you mean `RMSNorm`? It registers `RMSNorm`
    """
    # What only a model or an active mapping needs is imported with them: not to check a file alone.
    resolved_device = resolved_mode = None
    if model is not None or device is not None or mode is not None:
        from kernel_schema.model.target import resolve_device, resolve_mode

        resolved_mode = resolve_mode(mode)
        try:
            resolved_device = resolve_device(device, model)
        except LoweringError as error:
            if device is not None:
                raise
            return tuple(wanted(error.diagnostics, ignore, select))
    if select is not None and not select:
        return ()
    situation = situate(config_of(config), model, device=resolved_device, stated_mode=resolved_mode)
    diagnostics = ask(situation, ignore=ignore, select=select)
    return in_file_order(placed(config, diagnostic) for diagnostic in diagnostics)


def sanitize(config: KernelConfig, model: Module) -> None:
    """`KernelConfig.sanitize_kernel_mapping`: see there."""
    refuse_errors(check(config, model))


def refuse_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise if any of the diagnostics is an error.

    Raises:
        ModelCheckError: With the errors among them.
    """
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors:
        raise ModelCheckError(errors)
