"""The results as a drawing: readable in print, and without colour; the same bytes each time."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.growth import AXES, CURVES
from tests.benchmarks.pages import measured
from tests.benchmarks.registry import CLAIMS

if TYPE_CHECKING:
    from tests.benchmarks.results import Results

# Ours are solid, what they are compared with is not.
_LOOKS: Final[dict[str, dict[str, Any]]] = dict(
    zip(
        CURVES,
        (
            {"linestyle": "-", "marker": "o", "color": "black"},
            {"linestyle": "--", "marker": "s", "color": "black", "markerfacecolor": "white"},
            {"linestyle": "-", "marker": "^", "color": "black"},
            {"linestyle": "-", "marker": "D", "color": "0.45"},
            {"linestyle": ":", "marker": "x", "color": "0.45"},
        ),
        strict=True,
    )
)
_GROWTH_INCHES: Final = 3.6
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "svg.hashsalt": "kernel-schema",
    "font.family": "sans-serif",
    "font.size": 9,
}


def draw(results: Results, path: str) -> None:
    """Draw growth above, ratios and their targets below, to a `.png` or a `.svg`."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        growth, ratios = _GROWTH_INCHES, 0.8 + 0.18 * len(results.ratios)
        figure: Any = Figure(figsize=(9.5, growth + ratios), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[growth, ratios])
        axes = above.subplots(1, 2, sharey=True)
        _draw_growth(results, axes)
        curves = axes[0].get_legend_handles_labels()
        figure.legend(*curves, loc="outside upper center", ncols=len(CURVES), frameon=False)
        _draw_ratios(results, below.subplots())
        figure.supxlabel(measured(results), fontsize=8)
        if path.endswith(".svg"):
            text = StringIO()
            # A date would make each drawing another one.
            figure.savefig(text, format="svg", metadata={"Date": None})
            Path(path).write_text(_shortened(text.getvalue()), encoding="utf-8", newline="\n")
        else:
            figure.savefig(path, dpi=150)


def _shortened(svg: str) -> str:
    """The same drawing in fewer bytes: one decimal, any sans-serif, no remarks, no indentation."""
    svg = re.sub(r"<!-- .*? -->\s*", "", svg)
    svg = re.sub(r"(font: [\d.]+px) [^;\"]*", r"\1 sans-serif", svg)
    lines = (line.strip() for line in svg.splitlines())
    # Versions stand in texts: they keep their digits.
    return "".join(
        f"{line}\n" if "<text" in line else re.sub(r"(\.\d)\d+", r"\1", line) + "\n"
        for line in lines
    )


def _draw_growth(results: Results, both: list[Any]) -> None:
    for axis, axes in zip(AXES, both, strict=True):
        for curve in CURVES:
            points = [
                point
                for point in results.growth
                if point.axis == axis.name and point.curve == curve
            ]
            axes.plot(
                [point.count for point in points],
                [point.seconds.median / point.modules * 1e6 for point in points],
                label=curve,
                markersize=4.5,
                linewidth=1.1,
                **_LOOKS[curve],
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(axis.title)
        axes.grid(color="0.88", linewidth=0.5)
    both[0].set_ylabel("microseconds for each module")


def _draw_ratios(results: Results, axes: Any) -> None:
    whats = {claim.name: claim.what for claim in CLAIMS}
    labels = [f"{whats[each.claim]} / {each.peer}".replace("`", "") for each in results.ratios]
    rows = range(len(results.ratios))
    ratios = [each.ratio for each in results.ratios]
    # Each kind of mark at once: a drawing of its own for each would be three times as large.
    axes.hlines(rows, [r.low for r in ratios], [r.high for r in ratios], color="black", linewidth=1)
    for marker, size, label, values in (
        ("o", 4, "median, quartiles", [each.median for each in ratios]),
        ("|", 9, "at most", [each.target for each in results.ratios]),
    ):
        look = {"marker": marker, "markersize": size, "color": "black", "linestyle": ""}
        axes.plot(values, rows, label=label, **look)
    axes.set_yticks(rows, labels, fontsize=6.5)
    axes.tick_params(axis="y", left=False)
    axes.set_ylim(len(results.ratios) - 0.5, -0.5)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color="0.7", linewidth=0.7)
    axes.grid(axis="x", color="0.88", linewidth=0.5)
    axes.set_xlabel("time, as a ratio to the peer: less is better")
    axes.legend(fontsize=7.5, frameon=False)
