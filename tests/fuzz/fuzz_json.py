"""Fuzz `read_json`: `python tests/fuzz/fuzz_json.py -max_total_time=180`. Needs atheris."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.fuzz.coverage_guided import run

    run("json")
