"""One layer on every device and in every mode, for people."""

from __future__ import annotations

from typing import Final

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.choice.planning import Matrix
from kernel_schema.cli.output.layout import table
from kernel_schema.cli.output.plans import Stated, place_of
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.wording import printable

_OWN: Final = "."
_HEADER: Final = ("device", *(mode.value.replace("_torch", "_\ntorch") for mode in MODE_CHAIN))


def matrix_text(layer_name: str, matrix: Matrix, stated: Stated) -> str:
    """A table with a letter for each kernel, and one of what the letters mean."""
    if not matrix:
        return printable(f"{layer_name}: nothing names it; it keeps its own forward everywhere.")
    letters: dict[tuple[str, str], str] = {}
    rows: list[tuple[str, ...]] = []
    for (device, capabilities), plans in matrix.items():
        marks: list[str] = []
        for plan in plans.values():
            if not plan.kernels or plan.chosen is None:
                marks.append(_OWN)
                continue
            kernel = stated.kernel(plan.chosen.rule), place_of(plan.chosen)
            marks.append(letters.setdefault(kernel, _letter(len(letters))))
        rows.append((f"{device}{_range(capabilities)}", *marks))
    legend = [(letter, *kernel) for kernel, letter in letters.items()]
    legend.append((_OWN, "the model's own forward", ""))
    parts = (printable(layer_name), table(_HEADER, rows), table(("", "runs", "stated"), legend))
    return "\n\n".join(parts)


def _range(capabilities: Capabilities | None) -> str:
    """A range in few words: the table has five columns."""
    if capabilities is None or not capabilities.bounded:
        return ""
    if not capabilities.bounded_above:
        return f" {capabilities.lowest}+"
    return f" {capabilities.lowest}" + (f"-{capabilities.highest}" if capabilities.width else "")


def _letter(number: int) -> str:
    """A, B, ..., Z, A1, B1, ...

    >>> [_letter(number) for number in (0, 25, 26)]
    ['A', 'Z', 'A1']
    """
    turn, place = divmod(number, 26)
    return f"{chr(ord('A') + place)}{turn or ''}"
