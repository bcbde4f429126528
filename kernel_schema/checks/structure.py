"""Does the way a model is built and wrapped let kernels run in it: a function for each question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.schema.rules import Kernel, expand
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_schema.choice.situation import Situation
    from kernel_schema.codes import Code
    from kernel_schema.model.inspect import RegisteredLayer, RegisteredLayers
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule


def layer_warning(code: Code, layer_name: str, message: str, help_text: str) -> Diagnostic:
    """A warning that speaks of one registered name."""
    route = Route(("kernel_mapping", layer_name), at_key=True)
    return Diagnostic(code, message, route, help_text, Severity.WARNING)


def _getting_kernels(
    situation: Situation, layers: Iterable[RegisteredLayer]
) -> Iterator[RegisteredLayer]:
    """Those of several layers for which there are kernels where the model runs, inherited too."""
    for layer in layers:
        rules = situation.of_layer(layer.layer_name)
        in_force = rules.own if situation.device is None else rules.in_force(situation.device)
        if any(isinstance(rule.kernel, Kernel) for rule in in_force):
            yield layer


def data_parallel(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Layers that are copied together with the forward of the first device: `data-parallel`."""
    replicated = (layer for layer in layers.values() if layer.replicated)
    for layer in _getting_kernels(situation, replicated):
        yield Diagnostic(
            "data-parallel",
            f"{layer.replicated} of {layer.modules} {quote(layer.layer_name)} are copied to "
            "several devices by DataParallel, and each copy would run the kernel with the weights "
            "of the first device",
            Route(("kernel_mapping", layer.layer_name), at_key=True),
            help="use DistributedDataParallel, or DataParallel with a single device",
        )


def _rules(config: KernelConfig) -> tuple[Rule, ...]:
    """What a config says, as a situation has it: with the commits of its lock."""
    rules = expand(config)
    if config.lockfile is None:
        return rules
    # Imported with what there is to read.
    from kernel_schema.locks.state import locking

    return locking(config, rules).rules


def managed_by_transformers(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """A model in which transformers places other kernels: `managed-by-transformers`."""
    others = [
        config for config in layers.managed if config is None or _rules(config) != situation.rules
    ]
    if others and any(_getting_kernels(situation, layers.values())):
        its_own = "its own" if None in others else "those of the config that it was given"
        yield Diagnostic(
            "managed-by-transformers",
            "the model was loaded with `use_kernels`: whenever `.train()` or `.eval()` changes its "
            f"mode, transformers takes these kernels out and puts {its_own} in place",
            help="let transformers do it, `model.set_use_kernels(True, ks.as_transformers(config))`"
            ", or call kernelize again after each change; `audit` tells what is gone",
            severity=Severity.WARNING,
        )


def mixed_compile_regions(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Layers of which only some are compiled: `mixed-compile-regions`."""
    if situation.stated_mode is not None or not layers.compiled:
        return
    mixed = (layer for layer in layers.values() if layer.compiled < layer.modules + layer.functions)
    for layer in _getting_kernels(situation, mixed):
        yield layer_warning(
            "mixed-compile-regions",
            layer.layer_name,
            f"{layer.compiled} of {layer.modules + layer.functions} {quote(layer.layer_name)} lie "
            "in what torch.compile compiles: kernels are chosen for it everywhere in the model",
            "compile all of them, or pass `mode=`",
        )


def overridden_forwards(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Classes that inherit a registered name and not what it stands for: `overridden-forward`."""
    for layer in _getting_kernels(situation, layers.values()):
        for cls in layer.classes:
            base = next((base for base in cls.__mro__ if "kernel_layer_name" in vars(base)), cls)
            own = next((base for base in cls.__mro__ if "forward" in vars(base)), base)
            if own is not base and issubclass(own, base):
                yield layer_warning(
                    "overridden-forward",
                    layer.layer_name,
                    f"{_shown(cls)} inherits the name {quote(layer.layer_name)} from "
                    f"{_shown(base)} and has a `forward` of its own"
                    f"{'' if own is cls else f', that of {_shown(own)}'}: a kernel computes what "
                    "the base does",
                    "give the class a name of its own, or `kernel_layer_name` in its own body if "
                    "the kernel fits it",
                )


def _shown(cls: Any) -> str:
    return quote(cls.__name__)


def inactive_copies(situation: Situation, layers: RegisteredLayers) -> Iterator[Diagnostic]:
    """Copies of layers that PEFT keeps and does not run: `inactive-copies`."""
    copied = (layer for layer in layers.values() if layer.idle)
    for layer in _getting_kernels(situation, copied):
        yield inactive(layer.layer_name, layer.modules + layer.functions, layer.idle)


def inactive(layer_name: str, total: int, idle: Sequence[str]) -> Diagnostic:
    """How many of a name are such copies; `idle` has for each the name of the one that runs."""
    active = list(dict.fromkeys(idle))
    more = f" and {len(active) - 3} more" if len(active) > 3 else ""
    return layer_warning(
        "inactive-copies",
        layer_name,
        f"{len(idle)} of {total} {quote(layer_name)} do not run: of the copies that PEFT's "
        f"`modules_to_save` keeps, {listing(active[:3], 'and')}{more} "
        f"{'runs' if len(active) == 1 else 'run'}",
        "the counts are of all copies: a kernel is in place whichever adapter is set",
    )
