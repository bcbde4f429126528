"""What is replaced right now, read from the modules themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from kernel_schema.choice.plan import disagreements
from kernel_schema.choice.report import Kept, LayerReport, Report
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.lowering.forwards import in_use, known_kernels, replacement, why_kept
from kernel_schema.lowering.notes import live_note_of
from kernel_schema.model.carriers import carriers
from kernel_schema.model.target import mode_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kernel_schema.choice.plan import Plan
    from kernel_schema.lowering.notes import Note
    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel


def audit(model: Module, plan: Plan | None = None) -> Report:
    """Look at what is replaced in a model right now, whoever kernelized it.

    Args:
        model: Any `torch.nn.Module`.
        plan: What `explain` told of it, to hold what runs against.

    Returns:
        The report. Its diagnostics tell of `stale-mode`, where the model has changed between
        training and inference since `kernelize` chose, of `kernel-without-backward-in-training`,
        and with a plan of `plan-not-met`.

    Raises:
        LoweringError: With code `unsupported-by-kernels`, if kernels does not have what is read.

    >>> from torch import nn
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> print(audit(Norm()))
    RMSNorm: 0 of 1 replaced
      1 kept: no kernel was put in its place
    """
    note = live_note_of(model)
    asked = {} if note is None else dict(note.asked)
    if plan is not None:
        asked |= plan.asked
    layers, warnings = audit_layers(model, why_kept, asked)
    if note is None:
        report = Report(layers, diagnostics=warnings)
    else:
        report = Report(layers, note.device, note.mode, (*_stale(model, note), *warnings))
    if plan is None:
        return report
    return replace(report, diagnostics=(*report.diagnostics, *disagreements(plan, report)))


def audit_layers(
    model: Module, why: Callable[[Carrier], str], asked: Mapping[str, Kernel]
) -> tuple[tuple[LayerReport, ...], tuple[Diagnostic, ...]]:
    """What is replaced for each registered name, and which kernels are wrong for training.

    Args:
        model: The model.
        why: Says why a carrier kept its forward.
        asked: The kernel that was asked for, by registered name. Several references can lead to
            the same code; this tells which one did.
    """
    known = known_kernels()
    tallies: dict[str, _Tally] = {}
    for item in carriers(model):
        tally = tallies.setdefault(item.layer_name, _Tally.empty())
        tally.kinds[item.is_function] += 1
        function = id(replacement(item.carrier))
        if function not in known:
            tally.kept[why(item)] += 1
            continue
        tally.kernels[function] += 1
        if item.holder.training and not getattr(known[function][0][1], "has_backward", True):
            tally.kinds["no backward"] += 1
    layers = tuple(
        LayerReport(
            layer_name,
            modules=tally.kinds[False],
            functions=tally.kinds[True],
            kernels=tuple(
                in_use(known[function], count, asked.get(layer_name))
                for function, count in tally.kernels.items()
            ),
            kept=tuple(Kept(reason, count) for reason, count in tally.kept.items()),
        )
        for layer_name, tally in tallies.items()
    )
    warnings = (
        _no_backward(layer_name, tally.kinds["no backward"])
        for layer_name, tally in tallies.items()
        if tally.kinds["no backward"]
    )
    return layers, tuple(warnings)


class _Tally(NamedTuple):
    kinds: Counter[bool | str]
    kernels: Counter[int]
    kept: Counter[str]

    @classmethod
    def empty(cls) -> _Tally:
        return cls(Counter(), Counter(), Counter())


def _stale(model: Module, note: Note) -> Iterator[Diagnostic]:
    now = mode_of(model)
    # What was chosen for torch.compile serves without it, and is chosen before it is applied.
    if note.mode not in (now, mode_of(model, compiled=True)):
        yield Diagnostic(
            "stale-mode",
            f"kernels were chosen for {quote(note.mode)}, and the model is in {quote(now)} now",
            help="call kernelize again: kernels chooses only once",
            severity=Severity.WARNING,
        )


def _no_backward(layer_name: str, count: int) -> Diagnostic:
    return Diagnostic(
        "kernel-without-backward-in-training",
        f"{count} of {quote(layer_name)} are in training mode with a kernel that has no "
        "backward: gradients will be wrong or missing",
        Route(("kernel_mapping", layer_name), at_key=True),
        help="call kernelize again in training mode, or give the layer a kernel for training",
        severity=Severity.WARNING,
    )
