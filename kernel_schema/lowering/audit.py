"""What is replaced right now, read from the modules themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kernel_schema.builds.loaded import build_around
from kernel_schema.checks.paths import from_here
from kernel_schema.checks.structure import inactive, layer_warning
from kernel_schema.choice.plan import Plan, disagreements
from kernel_schema.choice.report import Kept, LayerReport, Report
from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.lowering.forwards import in_use, known_kernels, replacement, why_kept
from kernel_schema.lowering.restore import PLACED, live_note_of
from kernel_schema.model.carriers import carriers
from kernel_schema.model.nesting import inside_replaced
from kernel_schema.model.own_forward import own_forwards
from kernel_schema.model.target import mode_of
from kernel_schema.paths import home_path, is_directory
from kernel_schema.schema.arguments import need_module, wrong_argument
from kernel_schema.schema.rules import LocalKernel
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kernel_schema.choice.report import KernelInUse
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
        training and inference since `kernelize` chose; of `kernel-gone`, an error, where
        `kernelize` placed a kernel that does not run any more, whoever took it, in a model that
        was pickled too; of `foreign-kernel-code`, an error, where another repository's code runs;
        of kernels that are wrong where they run (`kernel-without-backward-in-training`,
        `kernel-without-compile-in-compiled`) or never called (`inside-replaced-layer`,
        `inactive-copies`); and with a plan of `plan-not-met`.

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
    carried = list(carriers(model))
    meant = {} if note is None else dict(note.meant)
    if plan is not None:
        meant |= plan.asked
    layers, diagnostics = audit_layers(model, carried, why_kept, meant)
    diagnostics = (*_gone(carried), *diagnostics, *_idle(carried))
    report = Report(layers, diagnostics=diagnostics)
    if note is not None:
        report = Report(
            layers, note.device, note.mode, (*_stale(model, note, carried), *diagnostics)
        )
    if plan is None:
        return report
    return replace(report, diagnostics=(*report.diagnostics, *disagreements(plan, report)))


def audit_layers(
    model: Module,
    carried: Sequence[Carrier],
    why: Callable[[Carrier], str],
    meant: Mapping[str, Kernel],
) -> tuple[tuple[LayerReport, ...], tuple[Diagnostic, ...]]:
    """What is replaced for each registered name, and which kernels are wrong where they run.

    `why` says why a carrier kept its forward, `meant` which kernel was to run, by registered name.
    """
    known = known_kernels()
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for item in carried:
        tally = tallies[item.layer_name]
        tally.kinds[item.is_function] += 1
        tally.classes[type(item.carrier)] = None
        function = id(replacement(item.carrier))
        if function not in known:
            tally.kept[why(item)] += 1
            continue
        tally.kernels[function] += 1
        _, cls = known[function][0]
        tally.without_backward += item.holder.training and not getattr(cls, "has_backward", True)
        tally.without_compile += item.place.compiled and not getattr(
            cls, "can_torch_compile", False
        )
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
            own_forward=own_forwards(tally.classes),
        )
        for layer_name, tally in tallies.items()
    )
    foreign = filter(None, (_foreign(layer, used) for layer in layers for used in layer.kernels))
    unfit = (found for layer_name, tally in tallies.items() for found in _unfit(layer_name, tally))
    inside = inside_replaced(model, carried, lambda item: id(replacement(item.carrier)) in known)
    return layers, (*foreign, *unfit, *inside)


@dataclass(slots=True)
class _Tally:
    kinds: Counter[bool] = field(default_factory=Counter[bool])  # whether it is a function
    kernels: Counter[int] = field(default_factory=Counter[int])
    kept: Counter[str] = field(default_factory=Counter[str])
    classes: dict[type, None] = field(default_factory=dict[type, None])
    without_backward: int = 0
    without_compile: int = 0


def _stale(model: Module, note: Note, carried: Iterable[Carrier]) -> Iterator[Diagnostic]:
    now = mode_of(model, compiled=any(item.place.compiled for item in carried))
    # What was chosen for torch.compile serves without it, and is chosen before it is applied.
    if note.mode not in (now, mode_of(model, compiled=True)):
        yield Diagnostic(
            "stale-mode",
            f"kernels were chosen for {quote(note.mode)}, and the model is in {quote(now)} now",
            help="call kernelize again: kernels chooses only once",
            severity=Severity.WARNING,
        )


def _unfit(layer_name: str, tally: _Tally) -> Iterator[Diagnostic]:
    name = quote(layer_name)
    if tally.without_backward:
        yield layer_warning(
            "kernel-without-backward-in-training",
            layer_name,
            f"{tally.without_backward} of {name} are in training mode with a kernel that has no "
            "backward: gradients will be wrong or missing",
            "call kernelize again in training mode, or give the layer a kernel for training",
        )
    if tally.without_compile:
        yield layer_warning(
            "kernel-without-compile-in-compiled",
            layer_name,
            f"{tally.without_compile} of {name} are compiled by torch.compile, with a kernel that "
            "does not say that it works there: it may fail, or break the graph",
            "call kernelize again, or give the layer a kernel for torch.compile",
        )


def _foreign(layer: LayerReport, used: KernelInUse) -> Diagnostic | None:
    """A kernel on disk that runs the code of another one: `foreign-kernel-code`.

    What a repository takes from an installed package is its own.
    """
    if not isinstance(used.kernel, LocalKernel) or used.file is None:
        return None
    repository = home_path(used.kernel.path).resolve()
    build = build_around(used.file)
    if build is None or build.folder.is_relative_to(repository) or not is_directory(repository):
        return None
    return Diagnostic(
        "foreign-kernel-code",
        f"{used.count} of {layer.total} {quote(layer.layer_name)} run `{used.kernel}`, says "
        f"kernels, and the code is that of {quote(from_here(str(build.folder)), longest=1000)}",
        Route(("kernel_mapping", layer.layer_name), at_key=True),
        help="kernels takes two for one where their `metadata.json` have the same `id`, or where "
        "one relative path leads to both: put that right, and start a new process",
    )


def _gone(carried: Iterable[Carrier]) -> Iterator[Diagnostic]:
    """Where kernelize placed a kernel and none runs, whoever took it: `kernel-gone`."""
    known = known_kernels()
    placed: defaultdict[str, int] = defaultdict(int)
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for item in carried:
        kernel: str | None = item.carrier.__dict__.get(PLACED)
        if kernel is not None:
            placed[item.layer_name] += 1
            if id(replacement(item.carrier)) not in known:
                gone[item.layer_name].append(kernel)
    for layer_name, kernels in gone.items():
        ran = listing(list(dict.fromkeys(filter(None, kernels))), "and") or "a kernel"
        yield Diagnostic(
            "kernel-gone",
            f"{len(kernels)} of {placed[layer_name]} {quote(layer_name)} ran {ran} when kernelize "
            "placed it, and do not any more",
            Route(("kernel_mapping", layer_name), at_key=True),
            help="call kernelize again: `torch.save` of a whole model does not keep kernels, and "
            "transformers takes them out at `.train()` and `.eval()` where `use_kernels` is set",
        )


def _idle(carried: Iterable[Carrier]) -> Iterator[Diagnostic]:
    totals = Counter(item.layer_name for item in carried)
    idle: defaultdict[str, list[str]] = defaultdict(list)
    for item in carried:
        if item.place.idle:
            idle[item.layer_name].append(item.place.idle)
    return (inactive(layer_name, totals[layer_name], names) for layer_name, names in idle.items())
