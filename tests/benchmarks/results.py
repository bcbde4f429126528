"""What a run has measured, as it stands in JSON."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel

from tests.benchmarks.timing import Spread

if TYPE_CHECKING:
    from tests.benchmarks.claims import Claim

PACKAGES: Final = (
    "check-jsonschema",
    "kernels",
    "pydantic",
    "pydantic_core",
    "PyYAML",
    "torch",
    "transformers",
)


class Machine(BaseModel, frozen=True):
    """Where it was measured, and when."""

    date: str
    processor: str
    cores: int
    load: float
    system: str
    python: str
    packages: dict[str, str]

    @classmethod
    def this(cls) -> Machine:
        """The one that this runs on."""
        return cls(
            date=datetime.now(timezone.utc).date().isoformat(),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            load=round(os.getloadavg()[0], 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            packages={name: found for name in PACKAGES if (found := installed(name))},
        )

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores (load {self.load:g}), {self.system}, "
            f"Python {self.python}"
        )


class Ratio(BaseModel, frozen=True):
    """What came of a claim: seconds of both sides, and the ratios of the pairs."""

    claim: str
    peer: str
    clock: Literal["CPU", "wall"]
    target: float
    rounds: int
    ours: Spread
    theirs: Spread
    ratio: Spread

    @property
    def holds(self) -> bool:
        """Whether the median is within the target."""
        return self.ratio.median <= self.target


class Point(BaseModel, frozen=True):
    """The seconds of one curve at one size."""

    axis: Literal["modules", "names"]
    curve: str
    modules: int
    names: int
    seconds: Spread

    @property
    def count(self) -> int:
        """Where it stands on its axis."""
        return self.modules if self.axis == "modules" else self.names


class Results(BaseModel, frozen=True):
    """A whole run."""

    machine: Machine
    tiny: bool
    ratios: list[Ratio]
    growth: list[Point]


def installed(package: str) -> str | None:
    """The version of a distribution; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def peer_of(claim: Claim) -> str:
    """What a claim is compared with, and in which version."""
    if claim.package is not None:
        return f"{claim.peer} {installed(claim.package)}".replace("+cpu", "")
    if claim.peer in sys.stdlib_module_names or claim.peer.startswith("Python"):
        return f"{claim.peer} (Python {platform.python_version()})"
    return claim.peer


def _processor() -> str:
    """The name of the processor, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
