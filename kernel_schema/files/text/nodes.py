"""The places of a text as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernel_schema.routes import Step


@dataclass(slots=True)
class Node:
    """The place of a value and of what is in it, as offsets; of its key -1 where it has none."""

    start: int
    end: int
    key_start: int = -1
    key_end: int = -1
    children: dict[Step, Node] = field(default_factory=dict[Step, "Node"])

    @property
    def identity(self) -> int:
        """The same for two places of one value: what is changed in one is in the other."""
        return id(self)

    @property
    def sign(self) -> tuple[int, int] | None:
        """Where the `&name` of a value of YAML stands, if it has one."""
        return None

    @property
    def written(self) -> tuple[int, int]:
        """Where the value is written: for an alias of YAML, that."""
        return self.start, self.end

    def under(self, step: Step) -> Node | None:
        """The place of what stands under a key or list position, if there is such a thing."""
        return self.children.get(step)
