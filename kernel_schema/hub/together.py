"""A collective of all ranks: one finds out what is meant, and what fails on one fails on all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.model.ranks import rank_list
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_schema.locks.lock import Lock
    from kernel_schema.model.ranks import Ranks

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Outcome(Generic[_T]):
    """What came of a call: a value, or why there is none, as it travels to other processes."""

    value: _T | None = None
    error: KernelSchemaError | str | None = None
    cause: Exception | None = None
    """The error itself, which stays in this process."""

    def __reduce__(self) -> tuple[object, ...]:
        return _Outcome, (self.value, self.error)


def on_all_ranks(ranks: Ranks, resolve: Callable[[], Lock], bring: Callable[[Lock], Lock]) -> Lock:
    """What `bring` gives for the lock that `resolve` gives on the first rank, on every rank.

    Raises:
        KernelSchemaError: What the first rank that failed has raised, with its number. Any other
            exception is a RuntimeError on all.
    """
    ranks.need_one_version()  # before anything is asked
    resolved = ranks.from_first(_outcome(resolve) if ranks.is_first else _Outcome["Lock"]())
    if resolved.value is None:
        _raise({ranks.numbers[0]: resolved})
    lock = resolved.value
    mine = _outcome(lambda: bring(lock))
    told = ranks.from_all(replace(mine, value=None))
    failed = {
        rank: each for rank, each in zip(ranks.numbers, told, strict=True) if each.error is not None
    }
    if failed or mine.value is None:
        _raise(failed, mine.cause)
    return mine.value


def _outcome(call: Callable[[], _T]) -> _Outcome[_T]:
    try:
        return _Outcome(call())
    except KernelSchemaError as error:
        return _Outcome(None, error, error)
    except Exception as error:  # noqa: BLE001 (whatever it is, the other ranks must hear of it)
        return _Outcome(None, in_one_line(error), error)


def _raise(failed: Mapping[int, _Outcome[Lock]], cause: Exception | None = None) -> NoReturn:
    """Raise what failed on the first rank, with all ranks on which the same did."""
    first = next(iter(failed.values())).error
    alike = [rank for rank, each in failed.items() if str(each.error) == str(first)]
    where = rank_list(alike)
    if isinstance(first, KernelSchemaError):
        raise type(first)(
            replace(problem, message=f"{problem.message} ({where})")
            for problem in first.diagnostics
        ) from cause
    raise RuntimeError(f"{first} ({where})") from cause
