"""Writers that are killed, interrupted or raced: run as a program, which forks without threads.

`python -m tests.attacks.writers ACTION FOLDER`; what is wrong is an assertion that fails.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_schema.files.atomic import TEMPORARY, create_file, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 20
SMALL = "kernel_mapping: {}\n"
LARGE = f"kernel_mapping:\n{'  Layer: org/repo:Layer' * 40_000}\n"


def child(action: Callable[[], None]) -> int:
    """Run something in a process of its own; 0 if it comes to its end."""
    # What Python itself does after a fork must not be interrupted.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process = os.fork()
    if process:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        action()
        code = 0
    except (FileExistsError, KeyboardInterrupt):
        code = 2
    finally:
        os._exit(code)


def exit_code(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def stopped_by(stop: signal.Signals, folder: Path) -> int:
    """End a writer at moments that it cannot foresee; how many temporary files that has left.

    Whatever the moment, the file is whole, and there is at most one temporary file more.
    """
    file = folder / "kernels.yaml"
    file.write_text(SMALL)

    def write_for_ever() -> None:
        while True:
            replace_file(str(file), LARGE)
            replace_file(str(file), SMALL)

    moments = random.Random(0)  # noqa: S311 (no secret)
    for turn in range(1, TURNS + 1):
        process = child(write_for_ever)
        time.sleep(moments.uniform(0.001, 0.03))
        os.kill(process, stop)
        assert exit_code(process) != 0
        assert file.read_text() in (SMALL, LARGE)
        left = list(folder.glob(TEMPORARY))
        assert {*folder.iterdir()} == {file, *left}
        assert len(left) <= turn
    return len(left)


def kill(folder: Path) -> None:
    # Some are killed while they write, or this shows nothing.
    assert stopped_by(signal.SIGKILL, folder) > 0


def interrupt(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert stopped_by(signal.SIGINT, folder) == 0


def race(folder: Path) -> None:
    """Of creators that start together, one wins, and its file is whole."""
    for turn in range(TURNS):
        file = folder / f"{turn}.yaml"
        texts = [str(number) * 100_000 for number in range(6)]
        entry, start = os.pipe()

        def create(text: str, file: Path = file, entry: int = entry, start: int = start) -> None:
            os.close(start)
            os.read(entry, 1)  # until the other end is closed
            create_file(str(file), text)

        processes = [child(lambda text=text: create(text)) for text in texts]
        os.close(entry)
        os.close(start)
        codes = [exit_code(process) for process in processes]
        assert sorted(codes) == [0, 2, 2, 2, 2, 2], codes
        assert file.read_text() == texts[codes.index(0)]
    assert len(list(folder.iterdir())) == TURNS


if __name__ == "__main__":
    {"kill": kill, "interrupt": interrupt, "race": race}[sys.argv[1]](Path(sys.argv[2]))
