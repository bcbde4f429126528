"""The tables of the pages and of the terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.registry import CLAIMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.claims import Claim
    from tests.benchmarks.results import Ratio, Results

ROOT: Final = Path(__file__).parents[2]
PLOT: Final = "benchmarks/benchmarks.svg"
BEGIN: Final = "<!-- benchmarks: begin -->"
END: Final = "<!-- benchmarks: end -->"
_BETWEEN: Final = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)


def updated(text: str, table: str) -> str:
    """The text of a page with what stands between its two marks made anew.

    Raises:
        ValueError: If the marks are not there, each on a line of its own, exactly once.
    """
    text, count = _BETWEEN.subn(lambda _: table, text)
    if count != 1:
        raise ValueError(f"the page needs `{BEGIN}` and `{END}` once, each on its own line")
    return text


def whole_table(results: Results) -> str:
    """Every claim, with times: what stands in tests/README.md."""
    rows = [
        f"| {claim.what} | {ratio.peer} | {_ratio(ratio)} | {ratio.target:g} "
        f"| {shown(ratio.ours.median)} | {ratio.clock} |"
        for claim, ratio in _found(results, CLAIMS)
    ]
    heading = (
        "| what | beside | ratio (quartiles) | at most | ours | time |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    return _section([*heading, *rows], results, PLOT)


def first_table(results: Results) -> str:
    """The few that stand in README.md."""
    first = [claim for claim in CLAIMS if claim.first_page]
    rows = [
        f"| {claim.what} | {ratio.peer} | {_ratio(ratio)} |"
        for claim, ratio in _found(results, first)
    ]
    heading = ("| what | beside | ratio of times (quartiles) |", "| --- | --- | --- |")
    return _section([*heading, *rows], results, f"tests/{PLOT}")


def _section(table: list[str], results: Results, plot: str) -> str:
    """The table, where and when it was measured, and the drawing."""
    drawing = f"![Growth over modules and names, and all ratios with their targets]({plot})"
    return "\n".join([*table, "", measured(results), "", drawing, ""])


PAGES: Final[dict[str, Callable[[Results], str]]] = {
    "README.md": first_table,
    "tests/README.md": whole_table,
}


def marked_pages() -> dict[Path, Callable[[Results], str]]:
    """The pages that hold a table: those with its marks."""
    pages = {ROOT / name: table for name, table in PAGES.items()}
    return {
        path: table for path, table in pages.items() if BEGIN in path.read_text(encoding="utf-8")
    }


def measured(results: Results) -> str:
    """Where and when, in one line."""
    return f"{results.machine.date}: {results.machine}."


def as_text(ratio: Ratio, what: str) -> str:
    """One line for the terminal."""
    plain = what.replace("`", "")
    verdict = "ok" if ratio.holds else "MISSED"
    return (
        f"{plain:<62.62} {ratio.peer:<30.30} {_ratio(ratio):<20} <= {ratio.target:<4g}"
        f" {shown(ratio.ours.median):>9} {ratio.clock:<4}  {verdict}"
    )


def shown(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _ratio(ratio: Ratio) -> str:
    low, middle, high = (
        f"{value:.2f}" for value in (ratio.ratio.low, ratio.ratio.median, ratio.ratio.high)
    )
    return f"{middle} ({low} to {high})"


def _found(results: Results, claims: tuple[Claim, ...] | list[Claim]) -> list[tuple[Claim, Ratio]]:
    by_name = {ratio.claim: ratio for ratio in results.ratios}
    return [(claim, by_name[claim.name]) for claim in claims]
