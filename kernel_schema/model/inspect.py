"""What a model registers: exactly what `kernels.kernelize` would find in it.

kernels reads `type(module).kernel_layer_name` and the functions in a module's `_kernel_funcs`; a
name set on an instance is ignored there, and reported as such here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.model.own_forward import own_forwards
from kernel_schema.model.places import ANYWHERE
from kernel_schema.model.walk import InstanceName, Walk, carried, name_of
from kernel_schema.model.wrappers import own_class, unwrap
from kernel_schema.schema.arguments import need_module

if TYPE_CHECKING:
    from kernel_schema.model.places import Place
    from kernel_schema.model.types import Module
    from kernel_schema.schema.models import KernelConfig

_SHOWN_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class RegisteredLayer:
    """What carries one registered name.

    Args:
        layer_name: The name, `kernel_layer_name` of the classes.
        modules: How many modules carry it; a module that is shared counts once.
        functions: How many modules hold a function that carries it (`use_kernelized_func`).
        classes: The classes that carry it, in order of appearance.
        names: Qualified names of the first few, without the keys of wrappers.
        training: How many of the modules are in training mode.
        compiled: How many modules and functions `torch.compile` compiles, as a region or a whole.
        replicated: How many modules `DataParallel` copies to several devices.
        idle: For each of the copies that PEFT keeps and does not run, the name of that which runs.
    """

    layer_name: str
    modules: int
    functions: int
    classes: tuple[type, ...]
    names: tuple[str, ...]
    training: int
    compiled: int = 0
    replicated: int = 0
    idle: tuple[str, ...] = ()

    @property
    def own_forward(self) -> str | None:
        """What runs without a kernel, where an author chose when it was imported; else None."""
        return own_forwards(self.classes)


@dataclass(frozen=True, slots=True)
class RegisteredLayers(Mapping[str, RegisteredLayer]):
    """The registered names of a model, in order of appearance.

    Args:
        layers: By registered name.
        ignored: Names that are set where kernels does not look.
        unregistered_classes: Names of the classes in the model that register nothing.
        modules: How many modules the model has, shared ones once.
        training: Whether the model, inside its wrappers, is in training mode.
        managed: For each model in it in which transformers puts kernels in place at each change of
            mode: the config of ours by which it does that (`as_transformers`), or None.
        nested: Whether any of them lies inside of another one.
    """

    layers: Mapping[str, RegisteredLayer]
    ignored: tuple[InstanceName, ...]
    unregistered_classes: frozenset[str]
    modules: int
    training: bool
    managed: tuple[KernelConfig | None, ...] = ()
    nested: bool = False

    @property
    def compiled(self) -> bool:
        """Whether `torch.compile` compiles any of them."""
        return any(layer.compiled for layer in self.layers.values())

    def __getitem__(self, key: str) -> RegisteredLayer:
        return self.layers[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, key: object) -> bool:
        return key in self.layers

    def items(self) -> ItemsView[str, RegisteredLayer]:
        """As of any mapping; that of `Mapping` looks up every key."""
        return self.layers.items()


def inspect_model(model: Module) -> RegisteredLayers:
    """Find the layer names that a model registers.

    Args:
        model: Any `torch.nn.Module`, on any device (meta too), under any of torch's wrappers.

    Returns:
        A mapping from registered name to `RegisteredLayer`.

    Raises:
        TypeError: If it is none.

    >>> from torch import nn
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> layers = inspect_model(nn.Sequential(Norm(), nn.Linear(2, 2), Norm()))
    >>> layers["RMSNorm"].modules, layers["RMSNorm"].names
    (2, ('0', '2'))
    """
    return _registered(model, Walk(model))


def look_at(model: Module) -> tuple[RegisteredLayers, str | None]:
    """What `inspect_model` gives, and the device of the first parameter, told in one walk.

    One on the meta device says nothing; None where there is no other.
    """
    walk = Walk(model, find_device=True)
    return _registered(model, walk), walk.device


def names_at(model: Module, paths: Iterable[str]) -> dict[str, str]:
    """The registered names of the modules that stand at some of these paths, as torch has them.

    A path may leave out the name of the model inside another, and have `*` for a number.
    """
    root: Any = unwrap(model)
    found: dict[str, str] = {}
    for path in paths:
        steps = path.split(".")
        starts = (root, *root.children()) if len(steps) > 1 else (root,)
        for start in starts:
            name = getattr(_below(start, steps), "kernel_layer_name", None)
            if isinstance(name, str):
                found.setdefault(path, name)
    return found


def _below(module: Any, steps: Iterable[str]) -> Any:
    """The module to which a path leads, or None."""
    for step in steps:
        children: dict[str, Any] = dict(module.named_children())
        module = next(iter(children.values()), None) if step == "*" else children.get(step)
        if module is None:
            return None
    return module


def _registered(model: Module, walk: Walk) -> RegisteredLayers:
    need_module(model)
    carriers: list[Module] = []
    names: dict[str, list[str]] = {}
    places: defaultdict[str, list[tuple[Place, bool]]] = defaultdict(list)
    for module, facts, functions in walk:
        if functions:
            carriers += functions.values()
        if facts.shown < _SHOWN_NAMES or len(functions) > facts.functions_shown:
            facts.shown += 1
            facts.functions_shown = len(functions)
            if functions:
                for layer_name, key, _ in carried(facts, module, functions):
                    names.setdefault(layer_name, []).append(walk.name(key))
            elif facts.layer_name is not None:
                names.setdefault(facts.layer_name, []).append(walk.name())
        facts.modules += 1
        if module.training:
            facts.training += 1
        if walk.place is not ANYWHERE:
            for layer_name, key, _ in carried(facts, module, functions):
                places[layer_name].append((walk.place, key is None))
    unregistered = frozenset(
        own_class(cls).__name__ for cls, facts in walk.classes.items() if facts.layer_name is None
    )
    nested = any(place.inside for of_name in places.values() for place, _ in of_name) or any(
        facts.layer_name is not None and facts.functions_shown for facts in walk.classes.values()
    )
    return RegisteredLayers(
        _counted(walk, names, carriers, places),
        tuple(walk.ignored.values()),
        unregistered,
        walk.modules,
        bool(unwrap(model).training),
        tuple(walk.managed),
        nested,
    )


def _counted(
    walk: Walk,
    names: Mapping[str, list[str]],
    carriers: Iterable[Module],
    places: Mapping[str, list[tuple[Place, bool]]],
) -> dict[str, RegisteredLayer]:
    """What carries each name, from what was counted for each class and the functions held."""
    classes: dict[str, dict[type, None]] = {name: {} for name in names}
    modules: defaultdict[str, int] = defaultdict(int)
    functions_of: defaultdict[str, int] = defaultdict(int)
    training: defaultdict[str, int] = defaultdict(int)
    for cls, facts in walk.classes.items():
        if facts.layer_name is not None:
            classes[facts.layer_name][own_class(cls)] = None
            modules[facts.layer_name] += facts.modules
            training[facts.layer_name] += facts.training
    for function, count in Counter(carriers).items():
        cls = type(function)
        name = name_of(cls)
        classes.setdefault(name, {})[own_class(cls)] = None
        functions_of[name] += count
    return {
        name: RegisteredLayer(
            name,
            modules[name],
            functions_of[name],
            tuple(of_name),
            tuple(names.get(name, ())[:_SHOWN_NAMES]),
            training[name],
            sum(place.compiled for place, _ in places.get(name, ())),
            sum(place.replicated and is_module for place, is_module in places.get(name, ())),
            tuple(place.idle for place, _ in places.get(name, ()) if place.idle),
        )
        for name, of_name in classes.items()
    }
