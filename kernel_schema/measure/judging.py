"""What of the numbers is a finding: each names its layer, and says what to do."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_schema.codes import Code
    from kernel_schema.measure.results import ComparedLayer, Difference, Paired

_NAMED: Final = 3
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
        of_name = [layer for layer in compared if layer.layer_name == layer_name]
        for layer in of_name:
            yield from _of(layer)
        yield from _slower(layer_name, of_name)


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
            f"{'; '.join(map(_described, beyond))}",
            f"the original itself errs by {_part(beyond[0].original_relative)}; use another "
            "kernel, or state a tolerance if that much is meant",
        )


def _slower(layer_name: str, layers: list[ComparedLayer]) -> Iterator[Diagnostic]:
    """One for each pass, whatever the inputs: of experts each may get another shape."""
    for which, of_pass in (("", "times"), (" in the backward pass", "backward_times")):
        timed = [(getattr(layer, of_pass), layer) for layer in layers]
        slow = [(times, layer) for times, layer in timed if is_slower(times)]
        if not slow:
            continue
        ratios = sorted(times.ratio for times, _ in slow)
        ratio = f"{ratios[0]:.2f}" if len(ratios) == 1 else f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        where = "; ".join(", ".join(layer.inputs) for _, layer in slow[:_NAMED])
        more = f" and {len(slow) - _NAMED} more" if len(slow) > _NAMED else ""
        yield _finding(
            "kernel-slower",
            layer_name,
            f"the kernel of {quote(layer_name)} takes {ratio} times as long as the original{which}"
            f" on {where}{more}",
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
    code: Code, layer_name: str, message: str, help_text: str, severity: Severity = Severity.ERROR
) -> Diagnostic:
    route = Route(("kernel_mapping", layer_name), at_key=True)
    return Diagnostic(code, message, route, help_text, severity)
