"""One layer on every device and in every mode, as text and as JSON."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.cli.layout import table
from kernel_schema.cli.plans import Written, kernel_text, place_of, written_in
from kernel_schema.cli.shapes import range_shape
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from kernel_schema.choice.plan import LayerPlan
    from kernel_schema.choice.planning import Matrix
    from kernel_schema.files.document import Document
    from kernel_schema.schema.ranges import Capabilities

_OWN: Final = "."
_HEADER: Final = ("device", *(mode.value.replace("_torch", "_\ntorch") for mode in MODE_CHAIN))


def matrix_text(layer_name: str, rows: Matrix, document: Document) -> str:
    """A matrix for people: a letter for each kernel, and what the letters mean.

    Args:
        layer_name: The layer.
        rows: What `plan_matrix` gives.
        document: The config that was explained.
    """
    if not rows:
        return printable(f"{layer_name}: nothing names it; it keeps its own forward everywhere.")
    written = written_in(document)
    letters: dict[tuple[str, str], str] = {}
    labels = map(_letter, count())
    cells: list[tuple[str, ...]] = []
    for (device, piece), plans in rows.items():
        marks: list[str] = []
        for plan in plans.values():
            found = _kernel(plan, written)
            if found is None:
                marks.append(_OWN)
                continue
            if found not in letters:
                letters[found] = next(labels)
            marks.append(letters[found])
        cells.append((f"{device}{_range(piece)}", *marks))
    legend = [(letter, kernel, stated) for (kernel, stated), letter in letters.items()]
    legend.append((_OWN, "the model's own forward", ""))
    parts = (printable(layer_name), table(_HEADER, cells), table(("", "runs", "stated"), legend))
    return "\n\n".join(parts)


def matrix_shape(rows: Matrix, document: Document) -> list[dict[str, Any]]:
    """A matrix for programs; the README says what its keys mean."""
    written = written_in(document)
    return [
        {
            "device": device.value,
            "capability": range_shape(piece),
            "modes": {mode.value: _cell_shape(plan, written) for mode, plan in plans.items()},
        }
        for (device, piece), plans in rows.items()
    ]


def _cell_shape(plan: LayerPlan, written: Written) -> dict[str, Any] | None:
    chosen = plan.chosen
    if not plan.kernels or chosen is None:
        return None
    line = None if chosen.span is None or chosen.standing is not None else chosen.span.line
    return {"kernel": kernel_text(chosen.rule, written), "line": line}


def _kernel(plan: LayerPlan, written: Written) -> tuple[str, str] | None:
    chosen = plan.chosen
    if not plan.kernels or chosen is None:
        return None
    return kernel_text(chosen.rule, written), place_of(chosen)


def _range(piece: Capabilities | None) -> str:
    """A range in few words: the table has five columns."""
    if piece is None or not piece.bounded:
        return ""
    if not piece.bounded_above:
        return f" {piece.lowest}+"
    return f" {piece.lowest}" + (f"-{piece.highest}" if piece.width else "")


def _letter(number: int) -> str:
    """A, B, ..., Z, A1, B1, ...

    >>> [_letter(number) for number in (0, 25, 26)]
    ['A', 'Z', 'A1']
    """
    turn, place = divmod(number, 26)
    return f"{chr(ord('A') + place)}{turn or ''}"
