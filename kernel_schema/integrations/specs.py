"""What is said where a model spec leads to no model."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kernel_schema.wording import in_one_line, printable

if TYPE_CHECKING:
    from collections.abc import Generator


class ModelSpecError(ValueError):
    """A model spec from which no model can be had."""

    def __str__(self) -> str:
        return printable(super().__str__())


@contextmanager
def explained(what: str, renamed: dict[str, str] | None = None) -> Generator[None]:
    """Turn whatever goes wrong in code that is not ours into a reason, an exit included.

    `what` says what it means to the user, `renamed` what to say for words that mean nothing there.
    """
    try:
        yield
    except ModelSpecError:
        raise
    except (Exception, SystemExit) as error:
        reason = in_one_line(error)
        for word, replacement in (renamed or {}).items():
            reason = reason.replace(word, replacement)
        raise ModelSpecError(f"{what}: {reason}") from error


def imported(name: str, extra: str) -> Any:
    """A library that building a model needs, or the extra that brings it."""
    try:
        return import_module(name)
    except Exception as error:
        raise ModelSpecError(
            f"{name} is needed for it: {in_one_line(error)}: pip install '{extra}'"
        ) from error
