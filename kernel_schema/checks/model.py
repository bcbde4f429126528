"""Does a config fit a model, and the environment it is to run in: a function for each question.

Nothing here downloads anything or imports torch or kernels.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.checks.environment import local_overrides, obstacles, registration_disabled
from kernel_schema.checks.structure import (
    data_parallel,
    inactive_copies,
    layer_warning,
    managed_by_transformers,
    mixed_compile_regions,
    overridden_forwards,
)
from kernel_schema.diagnostics import Diagnostic, Repair, Route, Severity
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_schema.builds.classes import Kinds
    from kernel_schema.choice.situation import Situation
    from kernel_schema.model.inspect import RegisteredLayers

_SHOWN_NAMES: Final = 8


def _environment(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Nothing can run, though the config asks for it: `kernel-mapping-disabled` and the like."""
    del layers  # they are those of the situation
    return obstacles(situation) if situation.rules else iter(())


def _local_overrides(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Repositories that `LOCAL_KERNELS` replaces by a directory: `local-kernels-override`."""
    del layers  # a repository is replaced whatever the model registers
    overrides = local_overrides()
    for rule in situation.rules if overrides else ():
        path = overrides.get(getattr(rule.kernel, "repo_id", ""))
        if path is None or getattr(rule.kernel, "lockfile", None):
            continue
        message = f"LOCAL_KERNELS puts {quote(path)} in the place of `{rule.kernel}`"
        help_text = "unset LOCAL_KERNELS to run what the config says"
        if getattr(rule.kernel, "commit", None) is not None:
            message = f"LOCAL_KERNELS names {quote(path)} for `{rule.kernel}`, and the lock wins"
            help_text = "take `lockfile` out of the config to run what is in that folder"
        yield Diagnostic(
            "local-kernels-override",
            message,
            rule.route,
            help=help_text,
            severity=Severity.WARNING,
        )


def _unregistered_layers(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Layers of the config that no module of the model carries: `unregistered-layer`."""
    if not layers and registration_disabled() is not None:
        return
    unknown = [layer_name for layer_name in situation.by_layer if layer_name not in layers]
    if not unknown:
        return
    suggester = Suggester(layers)
    carried_by = {cls.__name__: name for name, layer in layers.items() for cls in layer.classes}
    ignored = {instance.layer_name: quote(instance.name) for instance in layers.ignored}
    shown = listing(list(layers)[:_SHOWN_NAMES], "and")
    more = f" and {len(layers) - _SHOWN_NAMES} more" if len(layers) > _SHOWN_NAMES else ""
    there = f"It registers {shown}{more}" if layers else "It registers no layer at all"
    for number, layer_name in enumerate(unknown):
        name = quote(layer_name)
        message = f"the model registers no layer {name}"
        help_text, meant = there, None
        if layer_name in situation.carried_at:
            meant = situation.carried_at[layer_name]
            help_text = (
                f"that module is registered under {quote(meant)}: single modules cannot be chosen"
            )
        elif layer_name in ignored:
            where = ignored[layer_name]
            message = f"{name} is set on the module {where} itself, where kernels ignores it"
            help_text = "set `kernel_layer_name` on its class: use_kernel_forward_from_hub does"
        elif layer_name in carried_by:
            meant = carried_by[layer_name]
            help_text = f"the class {name} is registered under {quote(meant)}"
        elif layer_name in layers.unregistered_classes:
            help_text = f"the class {name} is in the model but registers no name. {there}"
        # Of so many none is shown, but all of them are ignored: comparing would take long.
        elif number < MAX_PROBLEMS and (meant := suggester.closest(layer_name)) is not None:
            help_text = f"did you mean {quote(meant)}? {there}"
        repair = Repair("rename", meant, safe=False) if meant is not None else None
        route = Route(("kernel_mapping", layer_name), at_key=True)
        yield Diagnostic("unregistered-layer", message, route, help_text, repair=repair)


def _other_devices_only(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Layers whose entry names every device but the model's: `device-not-covered`."""
    if situation.device is None:
        return
    covering = (None, situation.device)
    for layer_name, rules in situation.by_layer.items():
        if layer_name not in layers or any(rule.device in covering for rule in rules):
            continue
        devices = list(dict.fromkeys(str(rule.device) for rule in rules))
        yield layer_warning(
            "device-not-covered",
            layer_name,
            f"the model is on {quote(situation.device)}, and {quote(layer_name)} names only "
            f"{listing(devices, 'and')}",
            f"add an entry for {quote(situation.device)} if a kernel is meant to run here",
        )


def _mixed_signatures(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """One name on classes whose `forward` differ: `mixed-signatures`.

    kernels compares a kernel's signature with the first class only, and remembers the verdict.
    """
    for layer_name, layer in layers.items():
        if len(layer.classes) == 1 or not _has_kernel(situation, layer_name):
            continue
        signatures: dict[tuple[object, ...], list[str]] = {}
        for cls in layer.classes:
            kinds = tuple(kind for _, kind in parameters_of(cls) or ())
            signatures.setdefault(kinds, []).append(cls.__name__)
        if len(signatures) > 1:
            groups = " and ".join(listing(names, "and") for names in signatures.values())
            yield Diagnostic(
                "mixed-signatures",
                f"{quote(layer_name)} is registered by classes whose `forward` take different "
                f"arguments ({groups}): one kernel cannot replace them all",
                Route(("kernel_mapping", layer_name), at_key=True),
                help="register them under different names",
            )


def parameters_of(cls: Any) -> Kinds | None:
    """The parameters of a class's `forward`, `self` included; None if they cannot be told."""
    try:
        parameters = inspect.signature(cls.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    return tuple((parameter.name, parameter.kind.name) for parameter in parameters)


def _mixed_training_state(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Modules whose training state is not the model's: `mixed-training-state`."""
    if situation.stated_mode is not None:
        return
    for layer_name, layer in layers.items():
        expected = layer.modules if layers.training else 0
        if layer.training != expected and _has_kernel(situation, layer_name):
            yield layer_warning(
                "mixed-training-state",
                layer_name,
                f"{layer.training} of {layer.modules} modules of {quote(layer_name)} are in "
                f"training mode, and the model is {'' if layers.training else 'not '}in "
                "training mode: kernels chooses for one mode only",
                "call .train() or .eval() on the whole model, or pass `mode=`",
            )


def _has_kernel(situation: Situation, layer_name: str) -> bool:
    return any(rule.kernel is not None for rule in situation.by_layer.get(layer_name, ()))


MODEL_QUESTIONS: Final[
    tuple[Callable[[Situation, RegisteredLayers], Iterator[Diagnostic]], ...]
] = (
    _environment,
    _local_overrides,
    _unregistered_layers,
    _other_devices_only,
    _mixed_signatures,
    _mixed_training_state,
    data_parallel,
    managed_by_transformers,
    mixed_compile_regions,
    overridden_forwards,
    inactive_copies,
)
"""The questions that need a model: they get what it registers."""
