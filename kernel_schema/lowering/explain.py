"""What will run, and why not something else: kernels' choice, made before anything is loaded."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kernel_schema.checks.contract import mode_refusals
from kernel_schema.checks.environment import obstacles
from kernel_schema.checks.questions import ask
from kernel_schema.choice.planning import Matrix, matrix_of, plan_model
from kernel_schema.diagnostics import LoweringError
from kernel_schema.files.read import opened
from kernel_schema.lowering.situate import located, placed, placing, situate, taken
from kernel_schema.lowering.upstream import always_holds
from kernel_schema.model.carriers import carriers, look_closer
from kernel_schema.model.inspect import RegisteredLayer, inspect_model
from kernel_schema.model.nesting import inside_replaced
from kernel_schema.model.target import resolve_mode, resolve_target
from kernel_schema.schema.arguments import wrong_argument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.choice.plan import Plan
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.lock import Lock
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.rules import Rule


def explain(
    config: ConfigSource,
    model: Module,
    *,
    device: DeviceInput | None = None,
    capability: int | None = None,
    mode: ModeInput | None = None,
    inherited: Iterable[Rule] | None = None,
    lock: Lock | None = None,
) -> Plan:
    """Tell what will run in a model, and why not something else, before anything is loaded.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives
            candidates and diagnostics their positions.
        model: The model; on the meta device too.
        device: Where it will run; inferred from its parameters if left out.
        capability: Compute capability of the GPU (90 means 9.0); that of the GPU that is there if
            left out, and needed where ranges are in play. Other devices have none.
        mode: How it will run; inferred from its training state if left out.
        inherited: What the config inherits; the mapping that is active in kernels if left out.
        lock: What kernels are locked to, in place of the lock that the config names.

    Returns:
        The plan. Its kernels are as written, with the commit of those that are locked.

    Raises:
        LoweringError: If the device, or a capability that counts, is neither given nor there, or a
            `kernel_condition` of the model fails.
        ConfigError: If a path or a mapping is given that is no config.
        TypeError: If config or model is something else, or they are swapped.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> plan = explain(KernelConfig({"RMSNorm": "org/repo:Norm"}), Norm().eval(), device="cpu")
    >>> print(plan)
    RMSNorm: 1 of 1 will be replaced
      1 by org/repo@v1:Norm
    """
    source = taken(config, model)
    layers = inspect_model(model)
    target = resolve_target(model, device, mode, capability, compiled=layers.compiled)
    with placing(source) as wanted:
        situation = situate(
            wanted,
            layers,
            target=target,
            stated_mode=resolve_mode(mode),
            inherited=inherited,
            lock=lock,
        )
        diagnostics = ask(situation) if situation.rules else obstacles(situation)
        facts = look_closer(model, layers, always_holds=always_holds)
        if facts.failing:
            raise LoweringError(facts.failing)
        plan = plan_model(
            situation,
            facts,
            locate=partial(located, source),
            cannot_serve=mode_refusals(situation),
        )
        replaced = {layer.layer_name for layer in plan.layers if layer.kernels}
        inside = inside_replaced(
            model,
            list(carriers(model)) if layers.nested else (),
            lambda item: item.layer_name in replaced and item.condition_holds(),
        )
        return replace(plan, diagnostics=placed(source, (*diagnostics, *inside)))


def plan_matrix(
    config: ConfigSource,
    layer: RegisteredLayer,
    *,
    inherited: Iterable[Rule] | None = None,
) -> Matrix:
    """What runs for one layer everywhere: by device and range of capability, then by mode.

    Args:
        config: What is wanted, in any form of `ConfigSource`.
        layer: What carries the name, from `inspect_model`.
        inherited: As for `explain`.

    Returns:
        A row for each device that any rule of the layer names, split where a range begins or ends;
        None stands for a device without ranges. A plain entry makes a row for every device.
        Whether a `kernel_condition` holds is left aside: that is a matter of the single modules.

    Raises:
        LoweringError: If what is active in kernels cannot be read.
        ConfigError, TypeError: As `explain` does.

    >>> from torch import nn
    >>> from kernel_schema import KernelConfig, ModeName, inspect_model
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> config = KernelConfig({"RMSNorm": {"cuda": [{"min_capability": 90, "kernel": "o/r:L"}]}})
    >>> rows = plan_matrix(config, inspect_model(Norm())["RMSNorm"])
    >>> for (device, capabilities), plans in rows.items():
    ...     print(device, capabilities, plans[ModeName.TRAINING].replaced)
    cuda capability 0 to 89 0
    cuda capability 90 and above 1
    """
    source = opened(config)
    if not isinstance(layer, RegisteredLayer):  # pyright: ignore[reportUnnecessaryIsInstance] (a name, say, of callers who do not check types)
        raise wrong_argument("layer", layer, "one of `inspect_model(model).values()`")
    with placing(source) as wanted:
        rules = situate(wanted, None, inherited=inherited).of_layer(layer.layer_name)
        return matrix_of(layer, rules, partial(located, source))
