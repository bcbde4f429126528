"""Write what the command prints for each invalid file of the corpus.

Run as `python tests/corpus/update.py`. Shows what changed, file by file and line by line, and by
how much in all. Read it as you would read code: each output must name the right cause, at the right
place, with the right fix.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.corpus.cases import ROOT, Case, cases, run


def update() -> int:
    """Write the expected outputs of all invalid files.

    Returns:
        0; 1 if a file that should be invalid is not, or the command could not check it.
    """
    wanted: set[Path] = set()
    changed: list[str] = []
    wrong: list[str] = []
    invalid = [case for case in cases() if case.folder != "valid"]
    for case in invalid:
        outcome = run(case)
        if outcome.err or not outcome.out or outcome.out.endswith("no problems.\n"):
            wrong.append(f"{case}: {outcome.err or 'nothing is wrong with it'}")
        wanted.add(case.expected)
        summary = _write(case, outcome.out)
        if summary is not None:
            changed.append(summary)
    for folder in {case.folder for case in invalid}:
        for path in sorted((ROOT / folder).glob("*.*.txt")):
            if path not in wanted:
                path.unlink()
                changed.append(f"removed {path.relative_to(ROOT)}")
    lines = [
        *changed,
        *(f"WRONG {what}" for what in wrong),
        f"{len(invalid)} invalid files: {len(changed)} outputs changed, {len(wrong)} wrong",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


def _write(case: Case, text: str) -> str | None:
    """Write one expected output; what changed, if anything."""
    path = case.expected
    # Bytes: a carriage return in an output is one in the file.
    old = path.read_bytes().decode() if path.exists() else ""
    if old == text:
        return None
    path.write_bytes(text.encode())
    diff = list(difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=1))[2:]
    added = sum(line.startswith("+") for line in diff)
    removed = sum(line.startswith("-") for line in diff)
    if not old:
        return f"new {case}: {added} lines"
    return "\n".join([f"changed {case}: +{added} -{removed}", *(f"    {line}" for line in diff)])


if __name__ == "__main__":
    raise SystemExit(update())
