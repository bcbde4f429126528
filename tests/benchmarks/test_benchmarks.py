"""The registry is whole, the pages show what was measured, and the targets hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest

from tests.benchmarks.__main__ import JSON, PLOT, main
from tests.benchmarks.growth import AXES, CURVES
from tests.benchmarks.pages import ROOT, marked_pages, measured, updated
from tests.benchmarks.registry import CLAIMS, GROUPS, measure
from tests.benchmarks.results import Machine, Results
from tests.benchmarks.timing import Effort, Spread, in_turn

if TYPE_CHECKING:
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]


@pytest.fixture
def committed() -> Results:
    if not JSON.exists():
        pytest.skip("nothing was measured yet")
    return Results.model_validate_json(JSON.read_text(encoding="utf-8"))


@pytest.fixture
def measured_once() -> Results:
    """Of one claim, and of no growth."""
    ratio = measure(next(c for c in CLAIMS if c.name == "validating.mix"), Effort(tiny=True))
    return Results(machine=Machine.this(), tiny=False, ratios=[ratio], growth=[])


def test_every_claim_has_a_name_and_a_line_of_its_own() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert len({(claim.what, claim.peer) for claim in CLAIMS}) == len(CLAIMS)
    assert len([claim for claim in CLAIMS if claim.first_page]) <= 8


def test_what_is_committed_are_all_claims_and_all_of_the_growth(committed: Results) -> None:
    assert not committed.tiny
    assert [ratio.claim for ratio in committed.ratios] == [claim.name for claim in CLAIMS]
    assert [ratio.target for ratio in committed.ratios] == [claim.target for claim in CLAIMS]
    points = {(point.axis, point.curve, point.modules, point.names) for point in committed.growth}
    assert points == {
        (axis.name, curve, *size) for axis in AXES for curve in CURVES for size in axis.sizes
    }


def test_the_pages_show_what_is_committed(committed: Results) -> None:
    for path, table in marked_pages().items():
        text = path.read_text(encoding="utf-8")
        assert text == updated(text, table(committed)), path


def test_the_pages_show_nothing_else() -> None:
    pages = marked_pages()
    assert ROOT / "tests" / "README.md" in pages
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert JSON.exists() or text == updated(text, ""), path


def test_the_drawing_is_of_what_is_committed(committed: Results) -> None:
    drawn = PLOT.read_text(encoding="utf-8")
    assert measured(committed) in drawn
    for ratio in committed.ratios:
        assert escape(ratio.peer.replace("`", "")) in drawn
    assert len(drawn.encode()) < 60_000


@pytest.mark.parametrize("text", ["", "<!-- benchmarks: begin -->\n"])
def test_a_page_without_both_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="once, each on its own line"):
        updated(text, "table")


def test_things_run_in_turn() -> None:
    order: list[str] = []
    times = in_turn([lambda: order.append("a"), lambda: order.append("b")], Effort(tiny=True))
    assert order == ["a", "b"] * 2 + ["a", "b"] * 2
    assert [len(each) for each in times] == [2, 2]
    assert Spread.of([1.0, 2.0, 3.0]) == Spread(low=1.5, median=2.0, high=2.5)


def test_seven_rounds_are_made_whatever_they_take() -> None:
    assert Effort(seconds=1).rounds(100) == 7
    assert Effort(seconds=1).rounds(0.1) == 10
    assert Effort(seconds=1).rounds(0) == 200


def test_what_is_read_is_judged(measured_once: Results, capsys: Capture, tmp_path: Path) -> None:
    first = measured_once.ratios[0]
    bad = first.model_copy(update={"target": first.ratio.median / 2})
    good = first.model_copy(update={"target": first.ratio.median * 2})
    for ratio, code, verdict in ((bad, 1, "MISSED"), (good, 0, "ok")):
        file = tmp_path / "results.json"
        one = measured_once.model_copy(update={"ratios": [ratio]})
        file.write_text(one.model_dump_json(), encoding="utf-8")
        assert main(["--from", str(file)]) == code
        assert capsys.readouterr().out.splitlines()[0].endswith(verdict)
        assert main(["--from", str(file), "--write"]) == 2
        assert "measure all of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"), [(None, "No such file"), ("{", "Invalid JSON"), ("{}", "Field required")]
)
def test_what_cannot_be_read_is_told(
    text: str | None, said: str, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["--from", str(file)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.thorough
def test_everything_runs(tmp_path: Path, capsys: Capture) -> None:
    """Each claim on tiny sizes, of which nothing may be published."""
    for name in ("transformers", "check_jsonschema", "matplotlib"):
        pytest.importorskip(name)
    file, svg, again = (tmp_path / name for name in ("r.json", "a.svg", "b.svg"))
    assert main(["--tiny", "--json", str(file), "--plot", str(svg)]) == 0
    results = Results.model_validate_json(file.read_text(encoding="utf-8"))
    assert [ratio.claim for ratio in results.ratios] == [claim.name for claim in CLAIMS]
    assert main(["--from", str(file), "--plot", str(again)]) == 0
    assert svg.read_bytes() == again.read_bytes()
    capsys.readouterr()
    assert main(["--from", str(file), "--write"]) == 2
    assert "without --tiny" in capsys.readouterr().err


@pytest.mark.benchmark
@pytest.mark.parametrize("group", GROUPS)
def test_the_targets_hold(group: str, capsys: Capture) -> None:
    missed = main(["--only", group])
    assert not missed, capsys.readouterr().out
