"""What is replaced right now, read from the modules themselves.

kernels binds a kernel's `forward` to the module and keeps the classes it has loaded; accelerate's
hooks stand in front of a forward and keep the real one as `_old_forward`.
"""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import replace
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.lowering.inference import mode_of
from kernel_schema.lowering.inherited import as_loaded, kernel_of
from kernel_schema.lowering.kernels_state import loaded_layers
from kernel_schema.lowering.plan import disagreements
from kernel_schema.lowering.registry import Walk, carried
from kernel_schema.lowering.report import Kept, KernelInUse, LayerReport, Report
from kernel_schema.lowering.wrappers import unwrap
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kernel_schema.lowering.plan import Plan
    from kernel_schema.lowering.types import Module
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


class Carrier(NamedTuple):
    """A module or function that carries a registered name.

    Args:
        layer_name: The name.
        carrier: The module, or the function as the module that kernels makes of it.
        holder: The module that holds it: itself, for a module.
        name: Qualified name.
    """

    layer_name: str
    carrier: Module
    holder: Module
    name: str

    @property
    def is_function(self) -> bool:
        """Whether it is a function."""
        return self.carrier is not self.holder

    @property
    def condition_holds(self) -> bool:
        """Whether kernels would consider it: `kernel_condition` of its class, for modules."""
        condition = getattr(type(self.carrier), "kernel_condition", None)
        return self.is_function or condition is None or bool(condition(self.carrier))


def carriers(model: Module) -> Iterator[Carrier]:
    """Everything that carries a name, in the order in which kernelize visits it."""
    walk = Walk(model)
    for holder, known, functions in walk:
        for layer_name, key, carrier in carried(known, holder, functions):
            yield Carrier(layer_name, carrier, holder, walk.name(key))


def audit(model: Module, plan: Plan | None = None) -> Report:
    """Look at what is replaced in a model right now, whoever kernelized it.

    Args:
        model: Any `torch.nn.Module`.
        plan: What `explain` told of it, to hold what runs against.

    Returns:
        The report. Its diagnostics tell of `stale-mode`, where the model has changed between
        training and inference since `kernelize` chose, of `kernel-without-backward-in-training`,
        and with a plan of `plan-not-met`.

    >>> from torch import nn
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> print(audit(Norm()))
    RMSNorm: 0 of 1 replaced
      1 kept: no kernel was put in its place
    """
    placed = _PLACED.get(unwrap(model))
    if placed is not None and placed.forward() is None:
        placed = None
    asked = {} if placed is None else dict(placed.asked)
    if plan is not None:
        chosen = ((layer.layer_name, layer.rule) for layer in plan.layers)
        asked |= {name: rule.kernel for name, rule in chosen if rule and rule.kernel}
    layers, found = audit_layers(model, why_kept, asked)
    if placed is None:
        report = Report(layers, diagnostics=found)
    else:
        report = Report(layers, placed.device, placed.mode, (*_stale(model, placed), *found))
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
                _in_use(known[function], count, asked.get(layer_name))
                for function, count in tally.kernels.items()
            ),
            kept=tuple(Kept(reason, count) for reason, count in tally.kept.items()),
        )
        for layer_name, tally in tallies.items()
    )
    found = (
        _no_backward(layer_name, tally.kinds["no backward"])
        for layer_name, tally in tallies.items()
        if tally.kinds["no backward"]
    )
    return layers, tuple(found)


class _Tally(NamedTuple):
    kinds: Counter[bool | str]
    kernels: Counter[int]
    kept: Counter[str]

    @classmethod
    def empty(cls) -> _Tally:
        return cls(Counter(), Counter(), Counter())


def forward_key(carrier: Module) -> str:
    """Where a carrier keeps the forward that runs: behind accelerate's hook, if one is in front.

    A hook is a partial; where kernels has written over it, the bound method of a kernel stands.
    """
    state = carrier.__dict__
    hooked = "_hf_hook" in state and not isinstance(state.get("forward"), MethodType)
    return "_old_forward" if hooked else "forward"


def replacement(carrier: Module) -> Any:
    """The function that runs in place of the class's own forward, or None."""
    forward = carrier.__dict__.get(forward_key(carrier))
    function = getattr(forward, "__func__", forward)
    own: Any = type(carrier).forward
    return None if function is None or function is own else function


def is_own_or_kernel(carrier: Module, forward: Any, known: Mapping[int, Any]) -> bool:
    """Whether a forward is the class's own or of a kernel, and not somebody else's.

    Args:
        carrier: The module.
        forward: What is, or was, set as its forward.
        known: What `known_kernels` gives.
    """
    function = getattr(forward, "__func__", forward)
    own: Any = type(carrier).forward
    return function is own or id(function) in known


def why_kept(item: Carrier) -> str:
    """Why a carrier runs no kernel, as far as it can tell by itself."""
    function = replacement(item.carrier)
    if function is not None:
        where = getattr(function, "__module__", None)
        return f"its forward is {quote(getattr(function, '__qualname__', function))} of {where}"
    if not item.condition_holds:
        return "its kernel_condition is false"
    return "no kernel was put in its place"


def known_kernels() -> dict[int, list[tuple[Kernel, type]]]:
    """What kernels has loaded in this process: `id` of a forward function -> kernels that have it.

    By `id`, since what users set as a forward need not be hashable; kernels keeps classes alive.
    """
    kernels: dict[int, list[tuple[Kernel, type]]] = {}
    for repository, cls in loaded_layers().items():
        found = (kernel_of(repository), cls)
        kernels.setdefault(id(getattr(cls, "forward", cls)), []).append(found)
    return kernels


def _in_use(known: list[tuple[Kernel, type]], count: int, asked: Kernel | None) -> KernelInUse:
    kernel, cls = known[-1]
    for one, its_class in known:
        if asked is not None and one == as_loaded(asked):
            kernel, cls = asked, its_class
    function: Any = getattr(cls, "forward")  # noqa: B009 (`type` does not say that modules have it)
    code = getattr(inspect.unwrap(function), "__globals__", {})
    if cls.__module__ in {"kernels.layer.layer", "kernels.layer.func"}:
        # A function exposed as a layer: kernels' own module closes over the code.
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closed_over = {name: cell.cell_contents for name, cell in cells}
        code = getattr(closed_over.get("func"), "__globals__", code)
    return KernelInUse(kernel, cls.__name__, code.get("__file__"), count)


class Placed(NamedTuple):
    """For what kernels were chosen in a model.

    Args:
        device: The device.
        mode: The mode.
        forward: One forward that was placed; dead once somebody else has placed another.
        asked: The kernel that was asked for, by registered name.
    """

    device: DeviceType
    mode: ModeName
    forward: ref[Any]
    asked: Mapping[str, Kernel]


_PLACED: WeakKeyDictionary[Module, Placed] = WeakKeyDictionary()


def remember(
    model: Module, device: DeviceType, mode: ModeName, asked: Mapping[str, Kernel]
) -> None:
    """Note for what kernels were just chosen, so that a later audit can tell what is stale."""
    known = known_kernels()
    placed = [item for item in carriers(model) if id(replacement(item.carrier)) in known]
    if not placed:
        forget(model)
        return
    # Functions are shared: another model may change them and leave everything else as it is.
    witness = next((item for item in placed if not item.is_function), placed[0]).carrier
    forward = witness.__dict__[forward_key(witness)]
    _PLACED[unwrap(model)] = Placed(device, mode, ref(forward), asked)


def forget(model: Module) -> None:
    """Drop the note."""
    _PLACED.pop(unwrap(model), None)


def note_of(model: Module) -> Placed | None:
    """The note on a model, for `put_note_back`."""
    return _PLACED.get(unwrap(model))


def put_note_back(model: Module, note: Placed | None) -> None:
    """Make the note what it was."""
    if note is None:
        forget(model)
    else:
        _PLACED[unwrap(model)] = note


def _stale(model: Module, placed: Placed) -> Iterator[Diagnostic]:
    now = mode_of(model)
    # What was chosen for torch.compile serves without it, and is chosen before it is applied.
    if placed.mode not in (now, mode_of(model, compiled=True)):
        yield Diagnostic(
            "stale-mode",
            f"kernels were chosen for {quote(placed.mode)}, and the model is in {quote(now)} now",
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
