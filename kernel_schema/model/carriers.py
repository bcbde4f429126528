"""The single modules and functions that carry a registered name, and whether they take a kernel."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.diagnostics import LoweringError, lowering_error
from kernel_schema.model.walk import Walk, carried
from kernel_schema.model.wrappers import own_class
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.model.inspect import RegisteredLayer
    from kernel_schema.model.places import Place
    from kernel_schema.model.types import Module


class Carrier(NamedTuple):
    """A module, or a function as the module that kernels makes of it, with a registered name.

    `holder` is the module that holds it: itself, for a module; `name` is its qualified name, and
    `place` that of the holder.
    """

    layer_name: str
    carrier: Module
    holder: Module
    name: str
    place: Place

    @property
    def is_function(self) -> bool:
        """Whether it is a function."""
        return self.carrier is not self.holder

    def condition_holds(self) -> bool:
        """Whether kernels would consider it: `kernel_condition` of its class, for modules."""
        condition: Any = getattr(type(self.carrier), "kernel_condition", None)
        if self.is_function or condition is None:
            return True
        try:
            return bool(condition(self.carrier))
        except Exception as error:
            owner = quote(type(self.carrier).__name__)
            raise lowering_error(
                "failing-kernel-condition",
                f"the kernel_condition of {owner} fails: {type(error).__name__}: {error}",
                "kernelize would fail on it too; on the meta device a condition cannot read values",
            ) from error


def carriers(model: Module) -> Iterator[Carrier]:
    """Everything that carries a name, in the order in which kernelize visits it."""
    walk = Walk(model)
    for holder, facts, functions in walk:
        for layer_name, key, carrier in carried(facts, holder, functions):
            yield Carrier(layer_name, carrier, holder, walk.name(key), walk.place)


@contextmanager
def called_functions(model: Module) -> Generator[None]:
    """Let the modules of a copied model hold, for a block, the functions that they call."""
    copied = [
        (holder.__dict__, holder.__dict__["_kernel_funcs"], functions)
        for holder, _, functions in Walk(model)
        if holder.__dict__.get("_kernel_funcs", functions) is not functions
    ]
    try:
        for state, _, called in copied:
            state["_kernel_funcs"] = called
        yield
    finally:
        for state, held, _ in copied:
            state["_kernel_funcs"] = held


class CarrierFacts(NamedTuple):
    """What is asked of the single modules, the first two by registered name.

    `classes` are the names of those that carry it or hold a function that does; empty where the
    classes of `RegisteredLayer` say as much. `refused` is how many modules `kernel_condition` rules
    out, `failing` has one `failing-kernel-condition` for each class whose condition raises.
    """

    classes: Mapping[str, Iterable[str]]
    refused: Counter[str]
    failing: tuple[Diagnostic, ...]


def look_closer(
    model: Module, layers: Mapping[str, RegisteredLayer], *, always_holds: Callable[[Any], bool]
) -> CarrierFacts:
    """Go through a model once more, where functions or conditions make it necessary.

    `always_holds` says of a `kernel_condition` that it need not be asked.
    """
    classes: dict[str, dict[str, None]] = {}
    refused: Counter[str] = Counter()
    failing: dict[Diagnostic, None] = {}
    conditions = (
        getattr(cls, "kernel_condition", None) for layer in layers.values() for cls in layer.classes
    )
    if not all(condition is None or always_holds(condition) for condition in conditions) or any(
        layer.functions for layer in layers.values()
    ):
        for carrier in carriers(model):
            holder = own_class(type(carrier.holder)).__name__
            classes.setdefault(carrier.layer_name, {})[holder] = None
            try:
                refused[carrier.layer_name] += not carrier.condition_holds()
            except LoweringError as error:
                failing |= dict.fromkeys(error.diagnostics)
    return CarrierFacts(classes, refused, tuple(failing))
