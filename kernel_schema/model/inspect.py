"""What a model registers: exactly what `kernels.kernelize` would find in it.

kernels reads `type(module).kernel_layer_name` and the functions in a module's `_kernel_funcs`; a
name set on an instance is ignored there, and reported as such here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.model.own_forward import closure_of
from kernel_schema.model.wrappers import own_class, unwrap, wrapped_key
from kernel_schema.schema.arguments import need_module

if TYPE_CHECKING:
    from kernel_schema.model.types import Module

_SHOWN_NAMES: Final = 5
# What torch's own walks read too; not every module keeps them in its `__dict__`.
_children_of: Final[attrgetter[Mapping[str, Module | None]]] = attrgetter("_modules")
_parameters_of: Final[attrgetter[Mapping[str, Any]]] = attrgetter("_parameters")


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
    """

    layer_name: str
    modules: int
    functions: int
    classes: tuple[type, ...]
    names: tuple[str, ...]
    training: int


@dataclass(frozen=True, slots=True)
class InstanceName:
    """A `kernel_layer_name` that kernels ignores, because it is set on a module, not on its class.

    `name` is the qualified name of the first of `modules` modules.
    """

    layer_name: str
    name: str
    modules: int


@dataclass(frozen=True, slots=True)
class RegisteredLayers(Mapping[str, RegisteredLayer]):
    """The registered names of a model, in order of appearance.

    Args:
        layers: By registered name.
        ignored: Names that are set where kernels does not look.
        unregistered_classes: Names of the classes in the model that register nothing.
        modules: How many modules the model has, shared ones once.
        training: Whether the model, inside its wrappers, is in training mode.
    """

    layers: Mapping[str, RegisteredLayer]
    ignored: tuple[InstanceName, ...]
    unregistered_classes: frozenset[str]
    modules: int
    training: bool

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
    return look_at(model)[0]


def look_at(model: Module) -> tuple[RegisteredLayers, str | None]:
    """What `inspect_model` gives, and the device of the first parameter, told in one walk.

    One on the meta device says nothing; None where there is no other.
    """
    need_module(model)
    walk = Walk(model)
    carriers: list[Module] = []
    names: dict[str, list[str]] = {}
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
    unregistered = frozenset(
        own_class(cls).__name__ for cls, facts in walk.classes.items() if facts.layer_name is None
    )
    registered = RegisteredLayers(
        _counted(walk, names, carriers),
        tuple(walk.ignored.values()),
        unregistered,
        walk.modules,
        bool(unwrap(model).training),
    )
    return registered, walk.device


def _counted(
    walk: Walk, names: Mapping[str, list[str]], carriers: Iterable[Module]
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
        name = _name_of(cls)
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
        )
        for name, of_name in classes.items()
    }


@dataclass(slots=True)
class ClassFacts:
    """What one look at a class tells about all its modules, and what is counted for it.

    Names are gathered from the first few modules of each class only: that is what keeps a pass
    over a large model as cheap as walking through it.
    """

    layer_name: str | None
    functions: Mapping[str, Module]
    shared: Mapping[str, Module]
    carries: bool
    wrapped: str | None
    shown: int = 0
    functions_shown: int = 0
    modules: int = 0
    training: int = 0


class Walk:
    """One pass over a model in the order of `named_modules`, stopping at what carries a name.

    It yields the module, the facts of its class and the functions it holds, by key. A path is only
    put together where `name` is asked for it.
    """

    def __init__(self, model: Module) -> None:
        self.classes: dict[type, ClassFacts] = {}
        self.ignored: dict[str, InstanceName] = {}
        self.modules = 0
        self.device: str | None = None
        self._model = model
        self._path: list[str | None] = []
        self._key: str | None = None

    def name(self, function: str | None = None) -> str:
        """Qualified name of where the walk stands, without the keys of wrappers."""
        return ".".join(filter(None, (*self._path, self._key, function)))

    def __iter__(self) -> Iterator[tuple[Module, ClassFacts, Mapping[str, Module]]]:
        classes = self.classes
        seen: set[Module] = set()
        device: str | None = None
        path = self._path
        # Each level: the children still to visit, and the key at which a wrapper holds its module.
        # The model itself is the only child of a first level.
        levels: list[tuple[Iterator[tuple[str, Module | None]], str | None]] = [
            (iter([("", self._model)]), None)
        ]
        while levels:
            children, wrapped_at = levels[-1]
            for key, module in children:
                if module is None or module in seen:
                    continue
                seen.add(module)
                cls = type(module)
                facts = classes.get(cls)
                if facts is None:
                    facts = classes[cls] = _look_at(cls)
                state = module.__dict__
                if facts.carries or "_kernel_funcs" in state:
                    self._key = None if key == wrapped_at else key
                    held = state.get("_kernel_funcs", facts.functions)
                    yield module, facts, _called(facts, held)
                if "kernel_layer_name" in state:
                    self._key = None if key == wrapped_at else key
                    self._ignore(str(state["kernel_layer_name"]), facts)
                if device is None and (parameters := _parameters_of(module)):
                    device = self.device = _device_of(parameters)
                below = _children_of(module)
                if below:
                    path.append(None if key == wrapped_at else key)
                    levels.append((iter(below.items()), facts.wrapped))
                    break
            else:
                levels.pop()
                if path:
                    path.pop()
        self.modules = len(seen)

    def _ignore(self, layer_name: str, facts: ClassFacts) -> None:
        if layer_name == facts.layer_name:
            return
        first = self.ignored.get(layer_name)
        name = self.name() if first is None else first.name
        modules = 1 if first is None else first.modules + 1
        self.ignored[layer_name] = InstanceName(layer_name, name, modules)


def _device_of(parameters: Mapping[str, Any]) -> str | None:
    kinds = (parameter.device.type for parameter in parameters.values() if parameter is not None)
    return next((kind for kind in kinds if kind != "meta"), None)


def carried(
    facts: ClassFacts, module: Module, functions: Mapping[str, Module]
) -> Iterator[tuple[str, str | None, Module]]:
    """The registered names at one module, in the order in which kernelize visits what carries them.

    Yields the name, the key of the function (None for the module itself) and what carries it.
    """
    for key, function in functions.items():
        yield _name_of(type(function)), key, function
    if facts.layer_name is not None:
        yield facts.layer_name, None, module


def _look_at(cls: type) -> ClassFacts:
    # kernels asks only whether a class has the attribute: None is looked up as the name "None".
    named = hasattr(cls, "kernel_layer_name")
    layer_name = str(getattr(cls, "kernel_layer_name", "")) if named else None
    functions: Mapping[str, Module] = getattr(cls, "_kernel_funcs", {})
    return ClassFacts(
        layer_name, functions, _decorated(cls), named or bool(functions), wrapped_key(cls)
    )


def _decorated(cls: type) -> dict[str, Module]:
    """The functions that `use_kernelized_func` attaches to modules of a class, by their keys.

    They are in the closure of the `__init__` that it writes (kernels 0.14 to 0.17).
    """
    functions: dict[str, Module] = {}
    for base in reversed(cls.__mro__):
        init: Any = vars(base).get("__init__")
        while (cells := closure_of(init)).get("decorator_args") is not None:
            for function in cells["decorator_args"]:
                key = getattr(function, "__name__", None) or _name_of(function)
                functions[str(key)] = function
            init = cells.get("orig_init")
    return functions


def _called(known: ClassFacts, held: Mapping[str, Module]) -> Mapping[str, Module]:
    """The functions that the forward of a module calls, by the keys of those that it holds.

    `copy.deepcopy` copies what a module holds, and the forward of the copy goes on calling the
    function that stands in the module of its class.
    """
    if all(known.shared.get(key, function) is function for key, function in held.items()):
        return held
    return {key: known.shared.get(key, function) for key, function in held.items()}


def _name_of(function_class: Any) -> str:
    return str(function_class.kernel_layer_name)
