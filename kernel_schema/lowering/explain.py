"""What will run, and why not something else: kernels' choice, made before anything is loaded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.lowering.candidates import choose, gaps_of, judge
from kernel_schema.lowering.checks import check_subject
from kernel_schema.lowering.environment import mapping_disabled, registration_disabled
from kernel_schema.lowering.inference import Target, resolve_mode, resolve_target
from kernel_schema.lowering.inherited import inherited_rules, is_inherited
from kernel_schema.lowering.plan import LayerPlan, Plan
from kernel_schema.lowering.reasons import why_not
from kernel_schema.lowering.registry import RegisteredLayers, Walk, carried, inspect_model
from kernel_schema.lowering.report import Kept, KernelInUse
from kernel_schema.lowering.selection import for_device
from kernel_schema.lowering.source import ConfigSource, located, placed, placing
from kernel_schema.lowering.subject import Subject
from kernel_schema.lowering.wrappers import own_class
from kernel_schema.schema.rules import Rule, by_layer, expand
from kernel_schema.schema.values import check_capability
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kernel_schema.diagnostics import Span
    from kernel_schema.lowering.registry import RegisteredLayer
    from kernel_schema.lowering.types import DeviceInput, ModeInput, Module


def explain(
    config: ConfigSource,
    model: Module,
    *,
    device: DeviceInput | None = None,
    capability: int | None = None,
    mode: ModeInput | None = None,
    inherited: Iterable[Rule] | None = None,
) -> Plan:
    """Tell what will run in a model, and why not something else, before anything is loaded.

    Args:
        config: What is wanted; a `Document` gives candidates and diagnostics their positions.
        model: The model; on the meta device too.
        device: Where it will run; inferred from its parameters if left out.
        capability: Compute capability of the GPU (90 means 9.0); that of the GPU that is there if
            left out, and needed where ranges are in play. Other devices have none.
        mode: How it will run; inferred from its training state if left out.
        inherited: What the config inherits; the mapping that is active in kernels if left out.

    Returns:
        The plan. Its kernels are as written, never resolved.

    Raises:
        LoweringError: If the device, or a capability that counts, is neither given nor there, or a
            `kernel_condition` of the model fails.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> plan = explain(KernelConfig({"RMSNorm": "org/repo:Norm"}), Norm().eval(), device="cpu")
    >>> print(plan)
    RMSNorm: 1 of 1 will be replaced
      1 by org/repo@v1:Norm
    """
    target = _target(model, device, mode, capability)
    with placing(config) as wanted:
        rules = expand(wanted)
        outer: tuple[Rule, ...] = ()
        if wanted.inherit_mapping:
            outer = inherited_rules() if inherited is None else tuple(inherited)
        layers = inspect_model(model)
        own, others = by_layer(rules), by_layer(outer)
        _need_capability(layers, own, others, target)
        subject = Subject(rules, outer, layers, target.device, resolve_mode(mode))
        found = check_subject(subject) if rules else tuple(_causes(layers))
        closer = _look_closer(model, layers)
    disabled = mapping_disabled() is not None
    plans = tuple(
        plan_layer(
            layer,
            own.get(name, ()),
            others.get(name, ()),
            target,
            classes=closer.classes.get(name),
            refused=closer.refused[name],
            disabled=disabled,
            locate=lambda rule: located(config, rule.route),
        )
        for name, layer in layers.items()
    )
    return Plan(
        plans,
        target.device,
        target.mode,
        target.capability,
        tuple(name for name in own if name not in layers),
        tuple(placed(config, diagnostic) for diagnostic in found),
    )


def plan_layer(
    layer: RegisteredLayer,
    own: Sequence[Rule],
    outer: Sequence[Rule],
    target: Target,
    *,
    classes: Iterable[str] | None = None,
    refused: int = 0,
    disabled: bool = False,
    locate: Callable[[Rule], Span | None] = lambda _: None,
) -> LayerPlan:
    """The plan for one registered name.

    Args:
        layer: What carries the name.
        own: What the config says of it.
        outer: What the mapping under the config says of it.
        target: What kernels are chosen for; with a capability wherever ranges are in play.
        classes: Names of the classes that carry it or hold what does; those of the layer itself
            if left out.
        refused: How many modules `kernel_condition` rules out.
        disabled: Whether kernels is switched off altogether.
        locate: Says where a rule of the config is stated.
    """
    choice = choose(layer.layer_name, own, outer, target)
    rule = choice.rule
    total = layer.modules + layer.functions
    kernels: tuple[KernelInUse, ...] = ()
    kept: dict[str, int] = {}
    if rule is None or rule.kernel is None:
        kept[why_not(layer.layer_name, own, outer, target, rule)] = total
    elif disabled:
        kept["DISABLE_KERNEL_MAPPING is set"] = total
    else:
        if refused < total:
            kernels = (KernelInUse(rule.kernel, rule.kernel.layer_name, None, total - refused),)
        if refused:
            kept["its kernel_condition is false"] = refused
    if classes is None:
        classes = (cls.__name__ for cls in layer.classes)
    return LayerPlan(
        layer.layer_name,
        layer.modules,
        layer.functions,
        kernels,
        tuple(Kept(reason, count) for reason, count in kept.items()),
        tuple(classes),
        judge(choice, locate),
        choice.steps,
        gaps_of(choice.here) if target.device in CAPABILITY_DEVICES else (),
    )


def _target(
    model: Module, device: DeviceInput | None, mode: ModeInput | None, capability: int | None
) -> Target:
    if capability is not None:
        try:
            check_capability(capability)
        except PydanticCustomError as error:
            context: dict[str, Any] = error.context or {}
            found = Diagnostic(error.type, context["problem"], help=context["help"])
            raise LoweringError([found]) from None
    target = resolve_target(model, device, mode, capability)
    if target.device not in CAPABILITY_DEVICES:
        return Target(target.device, target.mode, None)
    return target


def _need_capability(
    layers: RegisteredLayers,
    own: dict[str, list[Rule]],
    outer: dict[str, list[Rule]],
    target: Target,
) -> None:
    """Refuse to choose between ranges where nothing tells the capability."""
    if target.device not in CAPABILITY_DEVICES or target.capability is not None:
        return
    problems: list[Diagnostic] = []
    for name in layers:
        here = for_device(own.get(name, ()), name, target.device)
        here = here or for_device(outer.get(name, ()), name, target.device)
        ranged = next((rule for rule in here if rule.capabilities.bounded), None)
        if ranged is not None:
            inherits = "inherits" if is_inherited(ranged) else "has"
            problems.append(
                Diagnostic(
                    "capability-needed",
                    f"{quote(name)} {inherits} capability ranges for {quote(target.device)}, and "
                    "there is no such GPU to tell which counts",
                    ranged.route,
                    help="pass `capability=` (`--capability` on the command line): 90 means 9.0",
                )
            )
    if problems:
        raise LoweringError(problems)


def _causes(layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """What keeps everything from running, also where the config asks for nothing."""
    causes = mapping_disabled(), None if layers else registration_disabled()
    return (cause for cause in causes if cause is not None)


class _Closer:
    """What is asked of the modules themselves.

    Args:
        classes: Names of the classes that carry a name or hold a function that does.
        refused: How many modules of each name `kernel_condition` rules out.
    """

    def __init__(self) -> None:
        self.classes: dict[str, dict[str, None]] = {}
        self.refused: Counter[str] = Counter()


def _look_closer(model: Module, layers: RegisteredLayers) -> _Closer:
    """Go through the model once more, where functions or conditions make it necessary."""
    closer = _Closer()
    conditional = any(_has_condition(cls) for layer in layers.values() for cls in layer.classes)
    if not conditional and not any(layer.functions for layer in layers.values()):
        return closer
    for module, known, functions in Walk(model):
        cls = type(module)
        for name, _, _ in carried(known, module, functions):
            closer.classes.setdefault(name, {})[own_class(cls).__name__] = None
        if conditional and known.layer_name is not None and not _is_willing(module):
            closer.refused[known.layer_name] += 1
    return closer


def _has_condition(cls: type) -> bool:
    """Whether a class has a condition of its own, not the one of kernels that always holds."""
    condition = getattr(cls, "kernel_condition", None)
    where = getattr(condition, "__qualname__", "")
    return condition is not None and not where.startswith("replace_kernel_forward_from_hub.")


def _is_willing(module: Module) -> bool:
    """Ask the condition of a module, as kernels does."""
    condition: Any = getattr(type(module), "kernel_condition", None)
    if not condition:
        return True
    try:
        return bool(condition(module))
    except Exception as error:
        name = quote(type(module).__name__)
        raise LoweringError(
            [
                Diagnostic(
                    "failing-kernel-condition",
                    f"the kernel_condition of {name} fails: {type(error).__name__}: {error}",
                    help="kernelize would fail on it too; on the meta device a condition cannot "
                    "read values",
                )
            ]
        ) from error
