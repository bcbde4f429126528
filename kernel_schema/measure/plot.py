"""A comparison as a drawing: readable in print, and without colour."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.wording import in_one_line, printable

if TYPE_CHECKING:
    from kernel_schema.measure.results import ComparedLayer, Comparison

_ENDINGS: Final = (".png", ".svg")
_PER_ROW: Final = 0.62
_GREY: Final = "0.75"


class PlotError(Exception):
    """Why nothing can be drawn."""


def need_plot(path: str) -> None:
    """Make sure that a drawing can be made, before anything is measured for it.

    Raises:
        PlotError: If matplotlib is not installed, or the path has another ending.
    """
    if not path.lower().endswith(_ENDINGS):
        raise PlotError(f"a drawing ends with {' or '.join(_ENDINGS)}")
    _matplotlib()


def _matplotlib() -> Any:
    try:
        from matplotlib import figure
    except ImportError as error:
        line = "pip install 'kernel-schema[plot]'"
        raise PlotError(f"matplotlib draws it: {in_one_line(error)}: {line}") from error
    return figure


def plot(comparison: Comparison, path: str) -> None:
    """Draw the time of each layer, original beside kernel, and its error against the tolerance.

    Args:
        comparison: What `compare` gave.
        path: Where to write: a `.png` or a `.svg`, which replaces what is there.

    Raises:
        PlotError: If matplotlib is not installed, the path has another ending, or cannot be
            written.
    """
    need_plot(path)
    rows = [layer for layer in comparison.layers if layer.times is not None]
    height = 1.9 + _PER_ROW * max(1, len(rows))
    drawn: Any = _matplotlib().Figure(figsize=(9.5, height), layout="constrained")
    times, errors = drawn.subplots(1, 2, sharey=True)
    positions = range(len(rows))
    labels = [_label(layer) for layer in rows]
    _draw_times(times, rows)
    _draw_errors(errors, rows)
    times.set_yticks(positions, labels)
    times.set_ylim(len(rows) - 0.4, -0.6)
    machine = f"{comparison.device}, {comparison.mode}; {comparison.machine}"
    drawn.suptitle(f"Kernels beside originals\n{printable(machine)}", fontsize=10)
    try:
        drawn.savefig(path, dpi=150)
    except OSError as error:
        raise PlotError(f"it cannot be written: {error.strerror or error}") from error


def _label(layer: ComparedLayer) -> str:
    shape = " x ".join(map(str, layer.shape))
    return f"{printable(layer.layer_name)}\n{layer.dtype} {shape}"


def _draw_times(axes: Any, rows: list[ComparedLayer]) -> None:
    for offset, name, look in (
        (-0.18, "original", {"color": _GREY, "hatch": ""}),
        (0.18, "kernel", {"color": "white", "hatch": "////"}),
    ):
        for index, layer in enumerate(rows):
            timing = getattr(layer.times, name)
            middle = timing.median * 1e6
            spread = [[middle - timing.low * 1e6], [timing.high * 1e6 - middle]]
            axes.barh(
                index + offset,
                middle,
                height=0.34,
                edgecolor="black",
                xerr=spread,
                error_kw={"elinewidth": 0.8, "capsize": 2},
                label=name if index == 0 else None,
                **look,
            )
    axes.set_xlabel("time of one call, in microseconds (median, quartiles)")
    axes.margins(x=0.05)
    if rows:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.35 / len(rows)), ncols=2)


def _draw_errors(axes: Any, rows: list[ComparedLayer]) -> None:
    shown = [
        (index, max(layer.differences, key=lambda each: (each.beyond, each.largest_relative)))
        for index, layer in enumerate(rows)
    ]
    floor = min(
        [each.tolerance for _, each in shown if each.tolerance > 0]
        + [each.largest_relative for _, each in shown if each.largest_relative > 0]
        or [1.0]
    )
    axes.set_xscale("log")
    for index, each in shown:
        error = each.largest_relative
        if error == 0:
            axes.annotate("exact", (floor, index), va="center", ha="left", fontsize=9)
        elif isfinite(error):
            axes.plot(error, index, marker="o", color="black", linestyle="")
        else:
            axes.annotate("not finite", (floor, index), va="center", ha="left", fontsize=9)
        if each.tolerance > 0:
            axes.plot(each.tolerance, index, marker="|", markersize=22, color="black", linestyle="")
    axes.plot([], [], marker="o", color="black", linestyle="", label="error")
    axes.plot([], [], marker="|", markersize=12, color="black", linestyle="", label="tolerance")
    axes.set_xlabel("error, as a part of the largest value")
    axes.grid(axis="x", color="0.85", linewidth=0.6)
    if rows:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.35 / len(rows)), ncols=2)
