"""What the project says of its speed: each claim is a ratio to a peer that runs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.benchmarks.timing import Clock, Effort


class Pair(NamedTuple):
    """What is run in turn.

    Args:
        ours: Our side.
        theirs: What it is compared with.
        units: How many times as much work ours is: the ratio is divided by it.
    """

    ours: Callable[[], object]
    theirs: Callable[[], object]
    units: float = 1.0


@dataclass(frozen=True)
class Claim:
    """One line of the table.

    Args:
        name: What it is called in JSON and by `--only`: its group, a dot, and what it is.
        what: What is measured, in Markdown.
        peer: What it is compared with.
        package: The distribution that `peer` is of; None for Python itself, or for our own code.
        target: What the ratio, ours to theirs, must not exceed.
        prepare: Gives the pair, and cleans up behind it.
        clock: Which time counts.
        first_page: Whether it stands in the README.
    """

    name: str
    what: str
    peer: str
    package: str | None
    target: float
    prepare: Callable[[Effort], AbstractContextManager[Pair]]
    clock: Clock = "CPU"
    first_page: bool = False

    @property
    def group(self) -> str:
        """The part of its name before the dot."""
        return self.name.partition(".")[0]
