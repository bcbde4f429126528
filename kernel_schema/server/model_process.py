"""The server's side of the process that holds a model: it may be building, gone or never there."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from kernel_schema.server.model_worker import LENGTH, Built, Failed, Request, framed

# Nothing that lies in the working directory may come before what is installed.
_START: Final = (
    "import sys; sys.path[:] = [each for each in sys.path if each]; "
    "from kernel_schema.server.model_worker import run; run(sys.argv[1])"
)
_PATIENCE: Final = 20.0
"""Seconds for an answer: a process that takes longer has stopped."""


class NoModelError(Exception):
    """There is no model, or none any more, and why."""


class ModelProcess:
    """A model in a process beside this one.

    Args:
        spec: What to build, as `--model` takes it. Its code is run; what comes with a model of a
            directory or the Hub is not, and nothing is asked over a network.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.layer_names: tuple[str, ...] = ()
        self._files: frozenset[str] = frozenset()
        self.is_built = False
        self.is_lost = False
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def build(self) -> None:
        """Build the model; raises `NoModelError` if there is none."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _START,
            self.spec,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # A session of its own: what the model's code starts ends with it.
            start_new_session=True,
            env={"HF_HUB_OFFLINE": "1", **os.environ},
        )
        answer = await self._read()
        if not isinstance(answer, Built):
            raise NoModelError(answer.reason if isinstance(answer, Failed) else "it gave none")
        self.layer_names, self._files = answer.layer_names, answer.files
        self.is_built = not self.is_lost

    def depends_on(self, path: str | None) -> bool:
        """Whether a file is code that the model was built from; any, while there is no model."""
        if path is None or not path.endswith(".py"):
            return False
        return not self.is_built or os.path.realpath(path) in self._files

    async def ask(self, request: Request) -> Any:  # noqa: ANN401 (what is asked decides)
        """What the model tells; raises `NoModelError` if it is gone, or has no answer."""
        async with self._turn:
            process = self._process
            if not self.is_built or process is None or process.stdin is None:
                raise NoModelError("it is not there")
            try:
                process.stdin.write(framed(request))
                answer = await asyncio.wait_for(self._read(), _PATIENCE)
            except (OSError, TimeoutError, asyncio.TimeoutError) as error:
                self.stop()
                raise NoModelError("its process does not answer") from error
        if isinstance(answer, Failed):
            raise NoModelError(answer.reason)
        return answer

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.is_built, self.is_lost = False, True
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()

    async def _read(self) -> object:
        process = self._process
        if process is None or process.stdout is None:
            raise NoModelError("it is not there")
        try:
            (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
            return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 (of our own process)
        except asyncio.IncompleteReadError as error:
            code = await process.wait()
            ended = f"by signal {-code}" if code < 0 else f"with {code}"
            raise NoModelError(f"its process ended {ended}") from error
