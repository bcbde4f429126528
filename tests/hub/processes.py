"""Processes that ask a loopback Hub, several at once, each with nothing of ours around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernel_schema

if TYPE_CHECKING:
    from .server import Hub

_CLEARED = {
    "USE_HUB_KERNELS",
    "DISABLE_KERNEL_MAPPING",
    "LOCAL_KERNELS",
    "KERNELS_CACHE",
    # With telemetry switched off kernels 0.17.2 sends a User-Agent that ends in '; ', which httpx2
    # refuses: nothing loads. Without it nothing is sent but to HF_ENDPOINT, which is the loopback.
    "DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
    "WORLD_SIZE",
}


def clean_environment() -> dict[str, str]:
    """This process's variables without those that would change where kernels come from."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _CLEARED and not name.startswith("HF_") and "proxy" not in name.lower()
    }
    # The package under test from wherever this process has it, then these tests.
    package = Path(str(kernel_schema.__file__)).parents[1]
    tests = Path(__file__).parents[__name__.count(".")]
    path = os.pathsep.join(map(str, (package, tests)))
    return {**kept, "PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


_BEFORE = """\
import json, os, sys, time
import kernel_schema as ks
def tell(**outcome):
    print(json.dumps(outcome))
def wait():
    \"\"\"Until all processes are here.\"\"\"
    open(f"ready-{os.getpid()}", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
"""


@dataclass
class Place:
    """Where processes run: a folder with `kernels.yaml`, and a home of Hugging Face in it."""

    hub: Hub
    folder: Path
    stderr: int = subprocess.PIPE

    @property
    def cache(self) -> Path:
        """The cache of the Hub."""
        return self.folder / "hf" / "hub"

    def start(self, code: str, client: str = "", **variables: str) -> subprocess.Popen[str]:
        """Start a process that runs some code; `ks`, `tell` and `wait` are there."""
        stated = {
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_USER_AGENT_ORIGIN": client,
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-c", _BEFORE + textwrap.dedent(code)],
            cwd=self.folder,
            env={**clean_environment(), **stated, **variables},
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )

    def run(self, code: str, **variables: str) -> dict[str, Any]:
        """What one process tells."""
        return self.told([self.start(code, **variables)])[0]

    def run_together(self, count: int, code: str, **variables: str) -> list[dict[str, Any]]:
        """What several processes tell, of which none goes on before all have called `wait`."""
        processes = [
            self.start(code, f"rank{rank}", RANK=str(rank), **variables) for rank in range(count)
        ]
        self.let_go(processes)
        return self.told(processes)

    def let_go(self, processes: list[subprocess.Popen[str]]) -> None:
        """Let processes go on once all of them wait."""
        waiting = {self.folder / f"ready-{process.pid}" for process in processes}
        while not all(path.exists() for path in waiting):
            if any(process.poll() for process in processes):
                break  # what failed is told
            time.sleep(0.01)
        (self.folder / "go").touch()

    def told(self, processes: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
        """What processes tell at their end."""
        outcomes: list[dict[str, Any]] = []
        for process in processes:
            output, errors = process.communicate(timeout=120)
            failed = process.returncode != 0
            outcomes.append({"failed": errors} if failed else json.loads(output.splitlines()[-1]))
        for left in self.folder.glob("ready-*"):
            left.unlink()
        (self.folder / "go").unlink(missing_ok=True)
        failures = [outcome["failed"][-4000:] for outcome in outcomes if "failed" in outcome]
        assert not failures, failures[0]
        return outcomes
