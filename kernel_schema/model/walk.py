"""The walk through a model: what of it carries a registered name, and where that stands."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.model.own_forward import closure_of
from kernel_schema.model.places import (
    ANYWHERE,
    applied_config,
    below,
    idle_copies,
    is_managed,
    kind_of,
)
from kernel_schema.model.wrappers import children_of, wrapped_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_schema.model.places import Place
    from kernel_schema.model.types import Module

# What torch's own walks read too; not every module keeps it in its `__dict__`.
_parameters_of: Final[attrgetter[Mapping[str, Any]]] = attrgetter("_parameters")


@dataclass(frozen=True, slots=True)
class InstanceName:
    """A `kernel_layer_name` that kernels ignores, because it is set on a module, not on its class.

    `name` is the qualified name of the first of `modules` modules.
    """

    layer_name: str
    name: str
    modules: int


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
    kind: str | None
    shown: int = 0
    functions_shown: int = 0
    modules: int = 0
    training: int = 0


class Walk:
    """One pass over a model in the order of `named_modules`, stopping at what carries a name.

    It yields the module, the facts of its class and the functions it holds, by key; `place` is
    where it stands. A path is only put together where `name` is asked for it, and the device of
    the first parameter only looked for where it is wanted.
    """

    def __init__(self, model: Module, *, find_device: bool = False) -> None:
        self.classes: dict[type, ClassFacts] = {}
        self.ignored: dict[str, InstanceName] = {}
        self.modules = 0
        self.device: str | None = None
        self.managed: list[Any] = []
        self.place = ANYWHERE
        self._idle: dict[Module, str] = {}
        self._model = model
        self._find_device = find_device
        self._path: list[str | None] = []
        self._key: str | None = None

    def name(self, function: str | None = None) -> str:
        """Qualified name of where the walk stands, without the keys of wrappers."""
        return ".".join(filter(None, (*self._path, self._key, function)))

    def __iter__(self) -> Iterator[tuple[Module, ClassFacts, Mapping[str, Module]]]:
        classes = self.classes
        seen: set[Module] = set()
        find_device = self._find_device
        path = self._path = [None]
        idle = self._idle
        # Each level: the children still to visit, the key at which a wrapper holds its module, and
        # their place. The model itself is the only child of a first level.
        levels: list[tuple[Iterator[tuple[str, Module | None]], str | None, Place]] = [
            (iter([("", self._model)]), None, ANYWHERE)
        ]
        while levels:
            children, wrapped_at, above = levels[-1]
            for key, module in children:
                if module is None or module in seen:
                    continue
                seen.add(module)
                cls = type(module)
                facts = classes.get(cls)
                if facts is None:
                    facts = classes[cls] = _look_at(cls)
                state = module.__dict__
                place = above
                if (
                    facts.kind
                    or "_compiled_call_impl" in state
                    or "kernel_layer_name" in state
                    or (idle and module in idle)
                ):
                    self._key = None if key == wrapped_at else key
                    place = self._enter(place, facts, module)
                if facts.carries or "_kernel_funcs" in state:
                    self._key = None if key == wrapped_at else key
                    self.place = place
                    held = state.get("_kernel_funcs", facts.functions)
                    yield module, facts, _called(facts, held) if facts.shared else held
                if find_device and (parameters := _parameters_of(module)):
                    self.device = _device_of(parameters)
                    find_device = self.device is None
                held_modules = children_of(module)
                if held_modules:
                    path.append(None if key == wrapped_at else key)
                    place = place if facts.layer_name is None else place.around(module)
                    levels.append((iter(held_modules.items()), facts.wrapped, place))
                    break
            else:
                levels.pop()
                path.pop()
        self.modules = len(seen)

    def _enter(self, place: Place, facts: ClassFacts, module: Module) -> Place:
        """The place of a module that is not simply that above it; keeps what it tells of itself."""
        if is_managed(facts.kind, module):
            self.managed.append(applied_config(module))
        if "kernel_layer_name" in module.__dict__:
            self._ignore(str(module.__dict__["kernel_layer_name"]), facts)
        for copy, runs in idle_copies(facts.kind, module):
            self._idle[copy] = self.name(runs)
        if module in self._idle:
            place = place._replace(idle=self._idle[module])
        return below(place, facts.kind, module)

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
        yield name_of(type(function)), key, function
    if facts.layer_name is not None:
        yield facts.layer_name, None, module


def _look_at(cls: type) -> ClassFacts:
    # kernels asks only whether a class has the attribute: None is looked up as the name "None".
    named = hasattr(cls, "kernel_layer_name")
    layer_name = str(getattr(cls, "kernel_layer_name", "")) if named else None
    functions: Mapping[str, Module] = getattr(cls, "_kernel_funcs", {})
    return ClassFacts(
        layer_name,
        functions,
        _decorated(cls),
        named or bool(functions),
        wrapped_key(cls),
        kind_of(cls),
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
                key = getattr(function, "__name__", None) or name_of(function)
                functions[str(key)] = function
            init = cells.get("orig_init")
    return functions


def _called(known: ClassFacts, held: Mapping[str, Module]) -> Mapping[str, Module]:
    """The functions that the forward of a module calls, by the keys of those that it holds.

    `copy.deepcopy` copies what a module holds, and the forward of the copy goes on calling the
    function that stands in the module of its class.
    """
    shared = known.shared
    for key in held:
        if key in shared and shared[key] is not held[key]:
            return {**held, **{other: shared[other] for other in held if other in shared}}
    return held


def name_of(function_class: Any) -> str:
    """The registered name of a function, by the class of what kernels makes of it."""
    return str(function_class.kernel_layer_name)
