"""The command that judges a trial: run with a config, it ends well or not, and tells of calls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.files.write import dump
from kernel_schema.measure.bisecting.bisection import Trial
from kernel_schema.measure.bisecting.search import Answer
from kernel_schema.measure.bisecting.suspects import without
from kernel_schema.model.calls import CALLS, VERSION
from kernel_schema.paths import read_at_most
from kernel_schema.typeguards import is_table

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    from kernel_schema.schema.models import KernelConfig

CONFIG: Final = "KERNEL_SCHEMA_CONFIG"
"""The variable that names the config of a trial."""

_CANNOT_TELL: Final = 125  # as for `git bisect run`
_NOT_RUN: Final = {126: "it cannot be executed", 127: "it was not found"}  # as a shell tells it
_ENDED: Final = frozenset({"SIGHUP", "SIGKILL", "SIGTERM"})
"""Signals by which somebody else ends a command: a full memory, a scheduler."""

_ENDING_US: Final = ("SIGHUP", "SIGTERM")
_GRACE: Final = 5.0
"""Seconds that a command has to end by itself."""

_MAX_CALLS: Final = 10_000_000


class CommandError(Exception):
    """Why a command cannot be run."""


class Command:
    """Runs a command for each trial, in a folder of its own that is gone at the end."""

    def __init__(
        self, words: Sequence[str], folder: Path, *, timeout: float | None, quiet: bool
    ) -> None:
        self._words = list(words)
        self._config = folder / "kernels.yaml"
        self._calls = folder / "calls.jsonl"
        self._timeout = timeout
        # Results alone go to standard output.
        self._output = subprocess.DEVNULL if quiet else 2

    def run(self, config: KernelConfig, suspects: Collection[str], on: Collection[str]) -> Trial:
        """Run it with the kernels of some layer names.

        Raises:
            CommandError: If it cannot be run.
            KeyboardInterrupt: If it was interrupted.
        """
        dump(without(config, [name for name in suspects if name not in on]), self._config)
        _remove(self._calls)
        variables = {**os.environ, CONFIG: str(self._config), CALLS: str(self._calls)}
        try:
            process = subprocess.Popen(  # noqa: S603 (the command that a user asks us to run)
                self._words,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                # With all that it starts it can be ended as one.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CommandError(getattr(error, "strerror", None) or str(error)) from None
        try:
            code = process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            return Trial(tuple(on), Answer.BAD, f"not ended after {self._timeout:g} s", None)
        finally:
            if process.poll() is None:
                _end(process)
        answer, reason = _judged(code)
        return Trial(tuple(on), answer, reason, _read_calls(self._calls))


@contextmanager
def commanded(
    words: Sequence[str], *, timeout: float | None = None, quiet: bool = False
) -> Generator[Command]:
    """Yields what runs a command; its folder is gone at the end, whatever ends it.

    A signal that ends us ends the command first: it raises SystemExit.
    """
    try:
        folder = TemporaryDirectory(prefix="kernel-schema-")
    except OSError as error:
        raise CommandError(f"no temporary folder: {error.strerror}") from None
    with folder as path, _ended_by_signal():
        yield Command(words, Path(path), timeout=timeout, quiet=quiet)


@contextmanager
def _ended_by_signal() -> Generator[None]:
    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before: dict[int, Any] = {}
    for name in _ENDING_US:
        number = getattr(signal, name, None)
        with suppress(ValueError):  # not in the main thread
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that runs, with all that it has started."""
    try:
        _signal(process, "SIGTERM")
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:
        _signal(process, "SIGKILL")
        process.wait()


def _signal(process: subprocess.Popen[bytes], name: str) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, getattr(signal, name))
        else:
            process.kill()


def _judged(code: int) -> tuple[Answer, str]:
    """What an exit code says, and what to call it.

    A signal is told by Python as a negative number, and by a shell as one above 128. One by which
    a program goes wrong is bad; one by which somebody else ends it tells nothing.
    """
    number = -code if code < 0 else code - 128
    with suppress(ValueError):
        name = signal.Signals(number).name
        if name == "SIGINT":
            raise KeyboardInterrupt
        return (Answer.UNKNOWN if name in _ENDED else Answer.BAD), f"ended by {name}"
    if code in _NOT_RUN:
        raise CommandError(f"{_NOT_RUN[code]} (exit code {code})")
    if code == _CANNOT_TELL:
        return Answer.UNKNOWN, f"exit code {code}"
    return (Answer.BAD if code else Answer.GOOD), f"exit code {code}"


def _remove(file: Path) -> None:
    """Nothing of one trial is told of the next; a folder that a command has made there stays."""
    with suppress(OSError):
        file.unlink()


def _read_calls(file: Path) -> dict[str, int] | None:
    """The calls of all processes, None where none has told of any; lines not ours are no matter."""
    try:
        text = read_at_most(file, _MAX_CALLS)
    except (OSError, ValueError):
        return None
    calls: dict[str, int] | None = None
    for line in text.splitlines():
        try:
            told: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not is_table(told) or told.get("version") != VERSION or not is_table(told.get("calls")):
            continue
        calls = {} if calls is None else calls
        for name, count in told["calls"].items():
            if type(count) is int and count >= 0:
                calls[name] = calls.get(name, 0) + count
    return calls
