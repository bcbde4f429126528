"""What keeps libraries that build a model from data from the network, foreign code and prompts."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_schema.typeguards import is_tuple

if TYPE_CHECKING:
    from collections.abc import Generator


class SealedError(RuntimeError):
    """What was attempted and is not allowed.

    No `OSError`: whoever asks the Hub waits and tries again after those.
    """


@dataclass(slots=True)
class Seal:
    """What is allowed, and what was attempted in spite of it."""

    network: bool  # connections, and looking up names of hosts
    code: bool  # from files outside of the folders that Python imports from
    refused: list[str] = field(default_factory=list[str])
    _roots: tuple[str, ...] = field(
        default_factory=lambda: tuple(os.path.join(path, "") for path in sys.path if path)  # noqa: PTH118
    )

    def watch(self, event: str, details: tuple[Any, ...]) -> None:
        """Take an event that Python is about to make happen, and raise where it must not."""
        if event in _NETWORK and not self.network:
            host = details[0] if event in _LOOK_UPS else details[1]
            host = host[0] if is_tuple(host) else host
            self._refuse(f"asks {host} over the network, which is closed to it")
        elif event in _CODE and not self.code:
            file = details[0].co_filename if event == "exec" else details[1]
            # What has no file was put together by a library: dataclasses are.
            if file and os.path.isabs(file) and not file.startswith(self._roots):  # noqa: PTH117
                self._refuse(f"runs {file}, which is not on the import path")

    def _refuse(self, what: str) -> None:
        self.refused.append(what)
        raise SealedError(f"it {what}")


# https://docs.python.org/3/library/audit_events.html
_LOOK_UPS = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)
_NETWORK = _LOOK_UPS | {"socket.connect", "socket.sendto", "socket.sendmsg"}
_CODE = frozenset({"exec", "import"})

_seals: list[Seal] = []


@contextmanager
def sealed(*, network: bool = False, code: bool = False) -> Generator[Seal]:
    """Run what builds something from data: it gets an empty standard input, and what is allowed.

    For the whole process, other threads included; a `SealedError` where more is attempted.
    """
    _install()
    seal = Seal(network, code)
    _seals.append(seal)
    stdin = sys.stdin
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        sys.stdin = nothing
        try:
            yield seal
        finally:
            sys.stdin = stdin
            _seals.remove(seal)


@cache
def _install() -> None:
    """Have Python tell us of its doings; it never stops again."""
    sys.addaudithook(_watch)


def _watch(event: str, details: tuple[Any, ...]) -> None:
    for seal in _seals:
        seal.watch(event, details)
