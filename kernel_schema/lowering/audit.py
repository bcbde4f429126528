"""What is replaced right now, read from the modules themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kernel_schema.choice.plan import Plan, disagreements
from kernel_schema.choice.report import Kept, LayerReport, Report
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.lowering.forwards import in_use, known_kernels, replacement, why_kept
from kernel_schema.lowering.restore import live_note_of
from kernel_schema.model.carriers import carriers
from kernel_schema.model.target import mode_of
from kernel_schema.schema.arguments import need_module, wrong_argument
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kernel_schema.lowering.restore import Note
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
        TypeError: If it is no model, or there is a plan that is none.

    >>> from torch import nn
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> print(audit(Norm()))
    RMSNorm: 0 of 1 replaced
      1 kept: no kernel was put in its place
    """
    need_module(model)
    if not (plan is None or isinstance(plan, Plan)):  # pyright: ignore[reportUnnecessaryIsInstance] (a config, say)
        raise wrong_argument("plan", plan, "a `Plan`, as `explain` gives it")
    note = live_note_of(model)
    meant = {} if note is None else dict(note.meant)
    if plan is not None:
        meant |= plan.asked
    layers, diagnostics = audit_layers(carriers(model), why_kept, meant)
    report = Report(layers, diagnostics=diagnostics)
    if note is not None:
        report = Report(layers, note.device, note.mode, (*_stale(model, note), *diagnostics))
    if plan is None:
        return report
    return replace(report, diagnostics=(*report.diagnostics, *disagreements(plan, report)))


def audit_layers(
    carried: Iterable[Carrier], why: Callable[[Carrier], str], meant: Mapping[str, Kernel]
) -> tuple[tuple[LayerReport, ...], tuple[Diagnostic, ...]]:
    """What is replaced for each registered name, and which kernels are wrong for training.

    `why` says why a carrier kept its forward, `meant` which kernel was to run, by registered name.
    """
    known = known_kernels()
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for item in carried:
        tally = tallies[item.layer_name]
        tally.kinds[item.is_function] += 1
        function = id(replacement(item.carrier))
        if function not in known:
            tally.kept[why(item)] += 1
            continue
        tally.kernels[function] += 1
        _, cls = known[function][0]
        tally.without_backward += item.holder.training and not getattr(cls, "has_backward", True)
    layers = tuple(
        LayerReport(
            layer_name,
            modules=tally.kinds[False],
            functions=tally.kinds[True],
            kernels=tuple(
                in_use(known[function], count, meant.get(layer_name))
                for function, count in tally.kernels.items()
            ),
            kept=tuple(Kept(reason, count) for reason, count in tally.kept.items()),
        )
        for layer_name, tally in tallies.items()
    )
    warnings = (
        _no_backward(layer_name, tally.without_backward)
        for layer_name, tally in tallies.items()
        if tally.without_backward
    )
    return layers, tuple(warnings)


@dataclass(slots=True)
class _Tally:
    kinds: Counter[bool] = field(default_factory=Counter[bool])  # whether it is a function
    kernels: Counter[int] = field(default_factory=Counter[int])
    kept: Counter[str] = field(default_factory=Counter[str])
    without_backward: int = 0


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
