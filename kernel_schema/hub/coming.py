"""How much of a file has come, as it comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

    from kernel_schema.locks.progress import Progress


@dataclass
class Coming:
    """A file of so many bytes, which counts once: where it was here, and where it comes twice."""

    progress: Progress
    size: int
    came: int = 0

    def advance(self, amount: float) -> None:
        """So much more has come."""
        self.came += int(amount)
        self.progress.advance("fetching", int(amount))

    def bar(self, base: Any) -> Any:
        """A class of bars for huggingface_hub, from its own: it shows nothing, and tells us."""

        def begin(bar: Any, **_: object) -> None:
            base.__init__(bar, disable=True)

        def update(_: Any, amount: float = 1) -> None:
            self.advance(amount)

        return type("Told", (base,), {"__init__": begin, "update": update})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.advance(self.size - self.came)
