"""What a whole call of the command costs, as ratios to other whole processes, in one run.

    python -m tests.benchmarks.bench_cli

Needs check-jsonschema in the same environment, and the package installed. Everything that is
compared runs in turn, with its bytecode there, as after any `pip install`; times are medians. Exits
with 1 if a target is missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

if __package__ in {None, ""}:  # run as a file: the checkout must be importable
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.timing import HEADING, Row, medians

ROUNDS = 15
SCHEMA = Path(__file__).parents[2] / "schemas" / "kernel-config.plain.schema.json"


def main() -> int:
    """Time everything in turn and print the table."""
    scripts = Path(sys.executable).parent
    ours = str(scripts / "kernel-schema")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kernels.yaml"
        layers = "".join(f"  Layer{index}: org/repo@v1:Layer{index}\n" for index in range(30))
        config.write_text(f"kernel_mapping:\n{layers}", encoding="utf-8")
        commands = {
            "check": [ours, "check", str(config)],
            "check-jsonschema": [
                str(scripts / "check-jsonschema"),
                "--schemafile",
                str(SCHEMA),
                str(config),
            ],
            "pydantic": [sys.executable, "-c", "from pydantic import BaseModel"],
            "help": [ours, "--help"],
            "version": [ours, "--version"],
            "pass": [sys.executable, "-c", "pass"],
        }
        # The first call leaves its bytecode behind, also in an editable installation.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        for name, command in commands.items():
            done = subprocess.run(command, capture_output=True, check=False, env=environment)
            if done.returncode != 0:
                sys.stderr.write(f"{name} failed: {done.stderr.decode()}\n")
                return 2
        runs = [partial(subprocess.run, c, capture_output=True) for c in commands.values()]
        times = dict(zip(commands, medians(runs, ROUNDS), strict=True))
    rows = [
        Row("check to check-jsonschema", times["check"], times["check-jsonschema"], 0.8),
        Row("check to importing pydantic", times["check"], times["pydantic"], 2.0),
        Row("--help to nothing", times["help"], times["pass"], 3.0),
        Row("--version to nothing", times["version"], times["pass"], 3.0),
    ]
    print("\n".join([HEADING, *map(str, rows)]))  # noqa: T201 (a script prints)
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
