"""What is wrong with a config, as plain data: made once, an error only at the edge."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from kernel_schema.diagnostics import Diagnostic, Route
from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.typeguards import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Repair
    from kernel_schema.routes import Step

    Steps: TypeAlias = tuple[Any, ...]
    """Keys and list positions that lead to a value, as the user wrote them: any key."""
    Advice: TypeAlias = tuple[str | None, Repair | None]
    """A help, and the repair that does what it says."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, or with a key (`at_key`).

    `meant` is the key that a wrong one was probably meant to be: it is then not missing. `repair`
    is what to write instead.
    """

    code: Code
    message: str
    help: str | None = None
    at_key: bool = False
    meant: str | None = None
    repair: Repair | None = None


_TOO_MANY: Final = Problem("too-many-problems", TOO_MANY_PROBLEMS, at_key=True)


class TooManyProblemsError(Exception):
    """Enough is known: what is left need not be read."""


class Problems:
    """The problems of one value by their routes: one a route, and none below a wrong key.

    >>> problems = Problems()
    >>> problems.note(("hip",), Problem("unknown-device", "`hip` is not a device", at_key=True))
    >>> problems.note(("hip", "version"), Problem("invalid-version", "hidden by its wrong key"))
    >>> [str(diagnostic.route) for diagnostic in problems.diagnostics()]
    ['hip']
    """

    __slots__ = ("_by_steps", "_wrong_keys")

    def __init__(self) -> None:
        self._by_steps: dict[Steps, Problem] = {}
        self._wrong_keys: set[Steps] = set()

    def __len__(self) -> int:
        return len(self._by_steps)

    def note(self, steps: Steps, problem: Problem) -> None:
        """Keep a problem, unless its route has one already or leads through a wrong key.

        Where there are `MAX_PROBLEMS` already, one that tells so is kept, and reading ends.
        """
        if problem.at_key:
            self._wrong_keys.add(steps)
        below_a_wrong_key = any(steps[:end] in self._wrong_keys for end in range(1, len(steps)))
        if steps in self._by_steps or below_a_wrong_key:
            return
        if len(self._by_steps) == MAX_PROBLEMS:
            self._by_steps[steps] = _TOO_MANY
            raise TooManyProblemsError
        self._by_steps[steps] = problem

    def keep(self, steps: Steps, kept: Mapping[Any, Any], since: int) -> None:
        """Let repairs keep what stands beside that of which they write the whole at a route.

        Meant are the problems after the first `since`.
        """
        for at, problem in [*self._by_steps.items()][since:]:
            repair = problem.repair
            if repair is None or repair.action != "replace" or at[: len(at) - repair.up] != steps:
                continue
            value = repair.value if is_table(repair.value) else {"kernel": repair.value}
            repair = replace(repair, value={**kept, **value})
            self._by_steps[at] = replace(problem, repair=repair)

    def diagnostics(self) -> list[Diagnostic]:
        """The problems as diagnostics, for a value whose positions in a file are known."""
        routes = (
            (Route(tuple(map(_step, steps)), at_key=problem.at_key), problem)
            for steps, problem in self._by_steps.items()
        )
        return [
            Diagnostic(problem.code, problem.message, route, problem.help, repair=problem.repair)
            for route, problem in routes
        ]

    def error(self, title: str, value: object) -> ValidationError:
        """The problems as one error of pydantic, which `ConfigError.from_validation_error` reads.

        `title` says what was to be made of `value`.
        """
        details = [
            InitErrorDetails(type=_pydantic_type(problem), loc=steps, input=_at(value, steps))
            for steps, problem in self._by_steps.items()
        ]
        return ValidationError.from_exception_data(title, details)


def _pydantic_type(problem: Problem) -> PydanticCustomError:
    context: dict[str, Any] = {
        "problem": problem.message,
        "help": problem.help,
        "at_key": problem.at_key,
    }
    if problem.repair is not None:
        context["repair"] = problem.repair
    template = "{problem}; {help}" if problem.help else "{problem}"
    return PydanticCustomError(problem.code, template, context)


def _at(value: Any, steps: Steps) -> object:
    """What the user wrote at a route; where a key is missing, the table that lacks it."""
    with suppress(LookupError, TypeError):
        for step in steps:
            value = value[step]
    return value


def _step(key: Any) -> Step:
    """A key of a route as pydantic shows it too."""
    if isinstance(key, str):
        return str.__str__(key)
    return int(key) if isinstance(key, int) else repr(key)  # `str` of kernels' objects asks the Hub
