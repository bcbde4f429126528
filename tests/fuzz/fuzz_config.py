"""Fuzz whole config files: `python tests/fuzz/fuzz_config.py -max_total_time=180`. Needs atheris.

The first byte of an input decides on its format.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.fuzz.coverage_guided import run

    run("config")
