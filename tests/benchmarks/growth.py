"""How time grows: over modules, and over names in a model that stays as large."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import kernel_schema as ks
from tests.benchmarks.lowering import by_transformers, check_and_lower, named_table
from tests.benchmarks.results import Point
from tests.benchmarks.timing import Spread, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.timing import Effort


class Axis(NamedTuple):
    """What is made larger.

    Args:
        name: Of the axis.
        title: What the drawing says below it.
        sizes: Modules and names of each model.
    """

    name: Literal["modules", "names"]
    title: str
    sizes: tuple[tuple[int, int], ...]

    def count(self, modules: int, names: int) -> int:
        """Where on the axis a model stands."""
        return modules if self.name == "modules" else names


AXES: Final = (
    Axis(
        "modules",
        "modules, with 10 layer names",
        tuple((10**power, 10) for power in range(2, 6)),
    ),
    Axis(
        "names",
        "layer names, in 50,000 modules",
        tuple((50_000, 10**power) for power in range(5)),
    ),
)
CURVES: Final = (
    "check and lower",
    "transformers' own class",
    "explain",
    "inspect_model",
    "bare walk",
)


def points(effort: Effort) -> Iterator[Point]:
    """Every point of every curve."""
    for axis in AXES:
        for modules, names in axis.sizes if not effort.tiny else ((30, 3), (60, 6)):
            candidates = _candidates(modules, names)
            times = in_turn(list(candidates.values()), effort)
            for curve, own in zip(candidates, times, strict=True):
                yield Point(
                    axis=axis.name,
                    curve=curve,
                    modules=modules,
                    names=names,
                    seconds=Spread.of(own),
                )
            gc.collect()


def _candidates(modules: int, names: int) -> dict[str, Callable[[], Any]]:
    from tests.benchmarks.torch_models import bare_walk, build_named_model

    model: Any = build_named_model(modules, names)
    table = named_table(names)
    config = ks.KernelConfig(table)
    runs = (
        lambda: check_and_lower(config, model),
        lambda: by_transformers(table, model),
        lambda: ks.explain(config, model, device="cuda", capability=90),
        lambda: ks.inspect_model(model),
        lambda: bare_walk(model),
    )
    return dict(zip(CURVES, runs, strict=True))
