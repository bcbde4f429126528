"""One of several processes does the work, the others wait for it: no collective, no leader.

A lock of the system stands in the cache that they share, so that a process that dies lets go of it
and the next one goes on. Where locks do nothing, as on some network file systems, each does the
work: more is asked, and all is right, since files take their places whole.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kernel_schema.diagnostics import Diagnostic, HubError, LockError, Route
from kernel_schema.files.atomic import replace_file
from kernel_schema.files.read import FileAccessError
from kernel_schema.hub.client import unwritable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")

PATIENCE: Final = 1800.0
"""Seconds that a process waits for another."""


@dataclass(frozen=True)
class Turn:
    """The place where processes that share a cache wait for each other.

    Args:
        cache: The cache.
        name: What is to be done, as a name for a file: the same for all who want the same.
        patience: Seconds to wait for another process.
    """

    cache: Path
    name: str
    patience: float = PATIENCE

    def take(self, ready: Callable[[], _T | None], work: Callable[[], _T]) -> _T:
        """What `ready` finds; if that is None, what `work` makes, in one process at a time.

        What made it fail is told to those who were waiting then: they raise the same, and ask
        nothing. Who comes later tries again.
        """
        done = ready()
        if done is not None:
            return done
        from filelock import FileLock, Timeout

        failure = self._file("failed")
        before = _text(failure)
        try:
            failure.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._file("lock"), timeout=self.patience):
                done = ready()
                if done is not None:
                    return done
                told = _text(failure)
                if told is not None and told != before:
                    raise _told(told)
                try:
                    return work()
                except (HubError, LockError) as error:
                    self._tell(error)
                    raise
        except Timeout:
            message = f"another process has been fetching for {self.patience:.0f} s"
            help_text = f"if there is none, delete `{self._file('lock')}`"
            raise HubError([Diagnostic("hub-unreachable", message, help=help_text)]) from None
        except OSError as error:
            raise unwritable(error) from error

    def _file(self, ending: str) -> Path:
        return self.cache / ".locks" / f"kernel-schema-{self.name}.{ending}"

    def _tell(self, error: HubError | LockError) -> None:
        problems = [
            [problem.code, problem.message, problem.help, problem.route.steps]
            for problem in error.diagnostics
        ]
        told = {"at": os.urandom(8).hex(), "of": type(error).__name__, "problems": problems}
        with suppress(FileAccessError):
            replace_file(str(self._file("failed")), json.dumps(told))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _told(text: str) -> HubError | LockError:
    told: Any = json.loads(text)
    problems = [
        Diagnostic(code, message, Route(tuple(steps)), help_text)
        for code, message, help_text, steps in told["problems"]
    ]
    return LockError(problems) if told["of"] == LockError.__name__ else HubError(problems)
