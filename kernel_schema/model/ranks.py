"""The ranks of a job, as torch.distributed holds them together: what they tell each other.

torch.distributed is never imported: where a job has ranks, it has loaded it.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from kernel_schema import __version__
from kernel_schema.diagnostics import Diagnostic, KernelSchemaError
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

_T = TypeVar("_T")


class Ranks:
    """The ranks of a process group, of which this process is one.

    Every method is a collective: all ranks have to call it, in the same order. What they hand over
    is read by the same code that wrote it: ranks of different versions are refused, on each.

    Args:
        distributed: `torch.distributed`, with a process group.
        group: The group; all ranks of the job if None.
    """

    def __init__(self, distributed: Any, group: Any = None) -> None:
        self._distributed = distributed
        self._group = distributed.group.WORLD if group is None else group
        if not isinstance(self._group, distributed.ProcessGroup):
            expected = "a process group of torch.distributed that this rank is in, or None"
            raise wrong_argument("group", group, expected)
        self.numbers: tuple[int, ...] = tuple(distributed.get_process_group_ranks(self._group))
        """What each is called in the whole job, in the order of the group."""
        self._are_of_one_version = False

    @classmethod
    def of(cls, group: Any = None) -> Self | None:
        """The ranks of a group, or of the job; None where there is no process group.

        Raises:
            TypeError: If it is no group, or one of other ranks.
        """
        distributed: Any = sys.modules.get("torch.distributed")
        if distributed is None or not distributed.is_available():
            return None
        return cls(distributed, group) if distributed.is_initialized() else None

    @property
    def is_first(self) -> bool:
        """Whether this is the first rank of the group."""
        return self._distributed.get_rank(self._group) == 0

    def from_first(self, value: _T) -> _T:
        """What the first rank hands over, on every rank."""
        self.need_one_version()
        held = [value]
        self._together(
            lambda: self._distributed.broadcast_object_list(
                held, src=self.numbers[0], group=self._group
            )
        )
        return held[0]

    def from_all(self, value: _T) -> list[_T]:
        """What the ranks hand over, in the order of the group."""
        self.need_one_version()
        return self._gathered(value)

    def need_one_version(self) -> None:
        """Raise on every rank if not all are of one version: what others hand over is not read."""
        if self._are_of_one_version:
            return
        numbers_of: dict[str, list[int]] = {}
        for number, version in zip(self.numbers, self._gathered(__version__), strict=True):
            numbers_of.setdefault(version, []).append(number)
        if len(numbers_of) > 1:
            versions = [f"{each} on {rank_list(numbers_of[each])}" for each in sorted(numbers_of)]
            message = f"the ranks have different versions of kernel-schema: {', '.join(versions)}"
            help_text = "install the same version in every environment of the job"
            raise KernelSchemaError([Diagnostic("ranks-differ", message, help=help_text)])
        self._are_of_one_version = True

    def _gathered(self, value: _T) -> list[_T]:
        held: list[Any] = [None] * len(self.numbers)
        self._together(lambda: self._distributed.all_gather_object(held, value, group=self._group))
        return held

    def _together(self, collective: Callable[[], object]) -> None:
        try:
            collective()
        except RuntimeError as error:  # that is what torch.distributed raises
            message = (
                f"not all of the {len(self.numbers)} ranks took part before the timeout of their "
                f"group: {in_one_line(error)}"
            )
            help_text = "every rank has to make this call; look for one that failed before it"
            raise KernelSchemaError(
                [Diagnostic("rank-missing", message, help=help_text)]
            ) from error


def rank_list(numbers: Iterable[int]) -> str:
    """Ranks by their numbers, in few words.

    >>> rank_list([3]), rank_list([0, 1, 2, 3, 5])
    ('rank 3', 'ranks 0-3, 5')
    """
    ordered = sorted(numbers)
    stretches = [
        [number for _, number in stretch]
        for _, stretch in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0])
    ]
    parts = [
        str(first) if first == last else f"{first}-{last}"
        for first, *_, last in ([*stretch, stretch[-1]] for stretch in stretches)
    ]
    return f"{'rank' if len(ordered) == 1 else 'ranks'} {', '.join(parts)}"
