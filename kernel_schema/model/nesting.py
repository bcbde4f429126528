"""What lies inside of replaced layers, where no forward calls it any more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.model.wrappers import children_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module


def inside_replaced(
    model: Module, carried: Sequence[Carrier], is_replaced: Callable[[Carrier], bool]
) -> Iterator[Diagnostic]:
    """Replaced layers and functions inside of others that are: `inside-replaced-layer`.

    What is shared with a place outside of them runs there, and is none.
    """
    if not any(item.place.inside or item.is_function for item in carried):
        return
    replaced = [item for item in carried if is_replaced(item)]
    names = {item.carrier: item.layer_name for item in replaced if not item.is_function}
    runs = _that_run(model, names.keys())
    nested: Counter[tuple[str, str]] = Counter()
    totals = Counter(item.layer_name for item in carried)
    for item in replaced:
        around = (*item.place.inside, item.holder) if item.is_function else item.place.inside
        outer = next((names[module] for module in around if module in names), None)
        calls = item.holder in runs and not (item.is_function and item.holder in names)
        if outer is not None and not calls:
            nested[item.layer_name, outer] += 1
    for (layer_name, outer), count in nested.items():
        yield Diagnostic(
            "inside-replaced-layer",
            f"{count} of {totals[layer_name]} {quote(layer_name)} lie inside of a "
            f"{quote(outer)} that a kernel replaces: its own forward, which calls them, does not "
            "run",
            Route(("kernel_mapping", layer_name), at_key=True),
            help=f"write `original` for one of {quote(layer_name)} and {quote(outer)}",
            severity=Severity.WARNING,
        )


def _that_run(model: Module, replaced: Container[Module]) -> set[Module]:
    """The modules that are held by one whose own forward runs."""
    pending: list[Module | None] = [model]
    seen: set[Module] = set()
    while pending:
        module = pending.pop()
        if module is not None and module not in seen:
            seen.add(module)
            if module not in replaced:
                pending += children_of(module).values()
    return seen
