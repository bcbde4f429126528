"""What is said where a model spec leads to no model."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kernel_schema.wording import printable

if TYPE_CHECKING:
    from collections.abc import Generator


class ModelSpecError(ValueError):
    """A model spec from which no model can be had."""

    def __str__(self) -> str:
        return printable(super().__str__())


@contextmanager
def explained(what: str, renamed: dict[str, str] | None = None) -> Generator[None]:
    """Turn whatever goes wrong in code that is not ours into a reason, an exit included.

    Args:
        what: What it means to the user.
        renamed: Words of the reason that mean nothing to the user, and what to say for them.

    >>> with explained("it cannot be divided"):
    ...     1 / 0
    Traceback (most recent call last):
    kernel_schema.integrations.specs.ModelSpecError: it cannot be divided: ZeroDivisionError: division by zero
    """  # noqa: E501 (a message is one line)
    try:
        yield
    except ModelSpecError:
        raise
    except (Exception, SystemExit) as error:
        reason = _said(error)
        for word, replacement in (renamed or {}).items():
            reason = reason.replace(word, replacement)
        message = f"{what}: {reason}"
        raise ModelSpecError(message) from error


def imported(name: str, extra: str) -> Any:
    """A library that building a model needs.

    Raises:
        ModelSpecError: If it cannot be imported, with the extra that brings it.
    """
    try:
        return import_module(name)
    except Exception as error:
        message = f"{name} is needed for it: {_said(error)}: pip install '{extra}'"
        raise ModelSpecError(message) from error


def _said(error: BaseException) -> str:
    """What an exception says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
