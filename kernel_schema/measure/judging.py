"""What of the numbers is a finding: each names its layer, and says what to do."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_schema.measure.results import ComparedLayer, Difference, Paired

SLOWER_BY: Final = 1.05
"""A kernel is slower if it takes more than this in three of four pairs: noise does not do that."""


def is_slower(times: Paired | None) -> bool:
    """Whether a kernel is slower than the original, beyond what chance may do."""
    return times is not None and times.ratio_low > SLOWER_BY


def findings(
    layers: Iterable[ComparedLayer], replaced: Mapping[str, int], calls: Mapping[str, int]
) -> Iterator[Diagnostic]:
    """What deserves attention, by layer name; `replaced` is how many run a kernel there."""
    compared = list(layers)
    for layer_name, count in replaced.items():
        if not calls.get(layer_name):
            yield _finding(
                "kernel-never-called",
                layer_name,
                f"the kernel of {quote(layer_name)} was put in place of {count}, and none of them "
                "is called in a forward of the model",
                "run the model on inputs that reach the layer, or take the entry out: nothing "
                "shows that it is right",
            )
        for layer in compared:
            if layer.layer_name == layer_name:
                yield from _of(layer)


def failure(layer_name: str, where: str, reason: str) -> Diagnostic:
    """A kernel that raises, or that gives something of another form."""
    return _finding(
        "kernel-fails",
        layer_name,
        f"the kernel of {quote(layer_name)} cannot stand in for the original{where}: {reason}",
        "use another kernel, or `original` for this layer; its publisher can tell what it takes",
    )


def _of(layer: ComparedLayer) -> Iterator[Diagnostic]:
    where = f" on {', '.join(layer.inputs)}" if layer.inputs else ""
    if layer.failure is not None:
        yield failure(layer.layer_name, where, layer.failure)
        return
    beyond = [each for each in layer.differences if each.beyond]
    if beyond:
        yield _finding(
            "kernel-beyond-tolerance",
            layer.layer_name,
            f"the kernel of {quote(layer.layer_name)} is wrong{where}: "
            f"{listing([_described(each) for each in beyond], 'and')}",
            f"the original itself errs by {_part(beyond[0].original_relative)}; use another "
            "kernel, or state a tolerance if that much is meant",
        )
    passes = (("", layer.times), (" in the backward pass", layer.backward_times))
    for which, times in passes:
        if times is not None and is_slower(times):
            yield _finding(
                "kernel-slower",
                layer.layer_name,
                f"the kernel of {quote(layer.layer_name)} takes {times.ratio:.2f} times as long as "
                f"the original{where}{which}",
                "keep the original here, or look for a kernel made for these shapes",
                Severity.WARNING,
            )


def _described(each: Difference) -> str:
    if each.largest_absolute == inf:
        return f"the {each.what} is not finite where the original is"
    return (
        f"the {each.what} errs by {_part(each.largest_relative)} of the largest value, where "
        f"{_part(each.tolerance)} is allowed for {each.dtype}"
    )


def _part(number: float) -> str:
    return f"{number:.2g}"


def _finding(
    code: str, layer_name: str, message: str, help_text: str, severity: Severity = Severity.ERROR
) -> Diagnostic:
    route = Route(("kernel_mapping", layer_name), at_key=True)
    return Diagnostic(code, message, route, help_text, severity)  # pyright: ignore[reportArgumentType]
