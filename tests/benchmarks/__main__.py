"""Every claim of the project about its speed, as a ratio to a peer that runs beside it in one run.

    python tests/benchmarks [--only GROUP] [--json FILE] [--plot FILE]
    python tests/benchmarks --from FILE --write

Ratios are ours to theirs: less is better. Exits with 1 if one is beyond its target, and with 2 if
something is missing. No network and no GPU is used.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).parents[2]
if not __package__:  # run as a folder: nothing of it is a module of its own
    sys.path[0] = str(ROOT)

from pydantic import ValidationError  # noqa: E402

from tests.benchmarks.drawing import draw  # noqa: E402
from tests.benchmarks.growth import points  # noqa: E402
from tests.benchmarks.pages import as_text, marked_pages, measured, updated  # noqa: E402
from tests.benchmarks.registry import CLAIMS, GROUPS, measure  # noqa: E402
from tests.benchmarks.results import Machine, Results  # noqa: E402
from tests.benchmarks.timing import Effort  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

HOME: Final = Path(__file__).parent
JSON: Final = HOME / "benchmarks.json"
PLOT: Final = HOME / "benchmarks.svg"


def main(arguments: Sequence[str]) -> int:
    """Measure or read, print, and write what is asked for; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        results = _read(options.source) if options.source else _measured(options)
    except CalledProcessError as error:
        return _refuse(f"{error.cmd[2]}: {error.stderr.decode().strip()}")
    except (OSError, ModuleNotFoundError, ValidationError) as error:
        return _refuse(str(error))
    _say(measured(results))
    if options.json:
        Path(options.json).write_text(_as_json(results), encoding="utf-8")
    if options.plot:
        draw(results, options.plot)
    if options.write:
        if reason := _not_whole(results):
            return _refuse(reason)
        _write(results)
    return 0 if results.tiny or all(ratio.holds for ratio in results.ratios) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    groups = (*GROUPS, "growth")
    add("--only", action="append", choices=groups, help="a group of claims; may be repeated")
    add("--seconds", type=float, default=3.0, help="for each claim, about (default: 3)")
    add("--tiny", action="store_true", help="tiny sizes, to see that everything runs")
    add("--from", dest="source", metavar="FILE", help="measure nothing: take what --json wrote")
    add("--json", metavar="FILE", help="write what was measured")
    add("--plot", metavar="FILE", help="draw it, as .png or .svg (needs matplotlib)")
    add("--write", action="store_true", help="renew the tables of the pages, their drawing, JSON")
    return parser


def _measured(options: argparse.Namespace) -> Results:
    effort = Effort(options.seconds, options.tiny)
    wanted = options.only or (*GROUPS, "growth")
    machine = Machine.this()
    ratios = []
    for claim in CLAIMS:
        if claim.group in wanted:
            ratios.append(measure(claim, effort))
            _say(as_text(ratios[-1], claim.what))
    growth = list(points(effort)) if "growth" in wanted else []
    return Results(machine=machine, tiny=effort.tiny, ratios=ratios, growth=growth)


def _read(path: str) -> Results:
    results = Results.model_validate_json(Path(path).read_text(encoding="utf-8"))
    whats = {claim.name: claim.what for claim in CLAIMS}
    for ratio in results.ratios:
        _say(as_text(ratio, whats.get(ratio.claim, ratio.claim)))
    return results


def _not_whole(results: Results) -> str | None:
    """Why results may not be published."""
    if results.tiny:
        return "figures of tiny sizes say nothing: measure without --tiny"
    if [ratio.claim for ratio in results.ratios] != [claim.name for claim in CLAIMS]:
        return "these are other claims than those of the registry: measure all of them"
    return None if results.growth else "the growth was not measured"


def _write(results: Results) -> None:
    for path, table in marked_pages().items():
        text = updated(path.read_text(encoding="utf-8"), table(results))
        path.write_text(text, encoding="utf-8", newline="\n")
    JSON.write_text(_as_json(results), encoding="utf-8", newline="\n")
    draw(results, str(PLOT))


def _as_json(results: Results) -> str:
    return results.model_dump_json(indent=1) + "\n"


def _refuse(reason: str) -> int:
    sys.stderr.write(f"benchmarks: {reason}\n")
    return 2


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Neither torch nor a library of the Hub is imported yet.
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    sys.exit(main(sys.argv[1:]))
