"""Does a config fit, as it stands and for a model? The questions are in the modules beside this.

Nothing here downloads anything or imports torch or kernels.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import (
    Diagnostic,
    LoweringError,
    ModelCheckError,
    Severity,
    in_file_order,
)
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.lowering.config_checks import (
    crossing_ranges,
    hidden_inherited,
    untrusted_revisions,
)
from kernel_schema.lowering.kernels_state import active_mapping
from kernel_schema.lowering.path_checks import (
    missing_local_kernels,
    missing_lockfiles,
    unknown_homes,
)
from kernel_schema.lowering.source import ConfigSource, config_of, placed
from kernel_schema.lowering.subject import Subject
from kernel_schema.schema.rules import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from kernel_schema.diagnostics import Step
    from kernel_schema.lowering.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.config import KernelConfig
    from kernel_schema.schema.rules import Rule


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
    found_device = found_mode = None
    if model is not None or device is not None or mode is not None:
        from kernel_schema.lowering.inference import resolve_device, resolve_mode

        found_mode = resolve_mode(mode)
        try:
            found_device = resolve_device(device, model)
        except LoweringError as error:
            if device is not None:
                raise
            return tuple(_wanted(error.diagnostics, ignore, select))
    if select is not None and not select:
        return ()
    wanted = config_of(config)
    layers = None
    if model is not None:
        from kernel_schema.lowering.registry import inspect_model

        layers = inspect_model(model)
    inherited = _inherited() if wanted.inherit_mapping else ()
    subject = Subject(expand(wanted), inherited, layers, found_device, found_mode)
    found = check_subject(subject, ignore=ignore, select=select)
    return in_file_order(placed(config, diagnostic) for diagnostic in found)


def check_subject(
    subject: Subject, *, ignore: Collection[str] = (), select: Collection[str] | None = None
) -> tuple[Diagnostic, ...]:
    """`check`, for rules that are expanded and a model that is inspected already."""
    answers = [question(subject) for question in _QUESTIONS]
    if subject.layers is not None:
        from kernel_schema.lowering.model_checks import MODEL_QUESTIONS

        answers = [*(question(subject, subject.layers) for question in MODEL_QUESTIONS), *answers]
    wanted = _wanted(chain.from_iterable(answers), ignore, select)
    found = list(islice(wanted, MAX_PROBLEMS + 1))
    if not found:
        return ()
    order: dict[tuple[Step, ...], int] = {}
    for index, rule in enumerate(subject.rules):
        steps = rule.route.steps
        for end in range(2, len(steps) + 1):
            order.setdefault(steps[:end], index)

    def place(diagnostic: Diagnostic) -> tuple[int, int]:
        """A key comes before what is under it; what has no place at all comes first."""
        return order.get(diagnostic.route.steps, -1), len(diagnostic.route.steps)

    ordered = sorted(found[:MAX_PROBLEMS], key=place)
    if len(found) > MAX_PROBLEMS:
        last = ordered[-1].route
        ordered.append(Diagnostic("too-many-problems", TOO_MANY_PROBLEMS, last))
    return tuple(ordered)


def sanitize(config: KernelConfig, model: Module) -> None:
    """`KernelConfig.sanitize_kernel_mapping`: see there."""
    refuse_errors(check(config, model))


def refuse_errors(found: Iterable[Diagnostic]) -> None:
    """Raise if any of the diagnostics is an error.

    Raises:
        ModelCheckError: With the errors among them.
    """
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    if errors:
        raise ModelCheckError(errors)


def _wanted(
    found: Iterable[Diagnostic], ignore: Collection[str], select: Collection[str] | None
) -> Iterator[Diagnostic]:
    return (
        diagnostic
        for diagnostic in found
        if diagnostic.code not in ignore and (select is None or diagnostic.code in select)
    )


def _inherited() -> tuple[Rule, ...]:
    if not active_mapping():
        return ()
    from kernel_schema.lowering.inherited import inherited_rules

    return inherited_rules()


_QUESTIONS: Final[tuple[Callable[[Subject], Iterator[Diagnostic]], ...]] = (
    untrusted_revisions,
    unknown_homes,
    missing_local_kernels,
    missing_lockfiles,
    crossing_ranges,
    hidden_inherited,
)
