"""Questions about paths that never raise, and reading that never waits for nobody or without end.

`pathlib` asks the same, but raises for names that are too long, and up to Python 3.11 where it may
not look. What the system refuses to look at is not there.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader
    from typing import BinaryIO, Final, TypeAlias

    AnyPath: TypeAlias = str | os.PathLike[str]


def exists(path: AnyPath) -> bool:
    """Whether there is something.

    >>> exists("."), exists("a" * 9999)
    (True, False)
    """
    return os.path.exists(path)  # noqa: PTH110 (see above; so do the others)


def is_there(path: AnyPath) -> bool:
    """Whether there is something, if only a link that leads nowhere.

    >>> is_there("."), is_there("a" * 9999)
    (True, False)
    """
    return os.path.lexists(path)


def is_directory(path: AnyPath) -> bool:
    """Whether there is a directory, or a link to one.

    >>> is_directory("."), is_directory("a" * 9999)
    (True, False)
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: AnyPath) -> bool:
    """Whether there is a regular file, or a link to one.

    >>> is_file("."), is_file("a" * 9999)
    (False, False)
    """
    return os.path.isfile(path)  # noqa: PTH113


def size_of(path: AnyPath) -> int:
    """How many bytes a file has; 0 if there is none.

    >>> size_of("a" * 9999)
    0
    """
    try:
        return os.path.getsize(path)  # noqa: PTH202
    except (OSError, ValueError):
        return 0


def is_network_path(path: str) -> bool:
    r"""Whether a path is spelt as one on another machine: `//host/share`, `\\host\share`.

    On Windows merely asking whether it is there sends the user's credentials to that host. So do
    the spellings `\\?\UNC\host` and `\??\UNC\host`; those of devices, as `\\.\pipe`, count too.

    >>> is_network_path("//host/share"), is_network_path(r"\\host\share"), is_network_path("/host")
    (True, True, False)
    """
    return _NETWORK.match(path) is not None


_NETWORK: Final = re.compile(r"[/\\](?:\?\?)?[/\\]")


def is_device_path(path: AnyPath) -> bool:
    """Whether a path names a device, or a file that the process holds open, as `/dev/fd/63` does.

    What it says is asked, not where links lead from there.

    >>> is_device_path("/dev/stdin"), is_device_path("kernels.yaml")
    (True, False)
    """
    return os.path.abspath(path).startswith(("/dev/", "/proc/"))  # noqa: PTH100 (of a string)


def read_at_most(path: AnyPath, limit: int) -> bytes:
    """What a file holds, as far as that is wanted.

    A pipe is read to its end if somebody writes to it, as in `check <(command)`. A device is read
    only where it is named as one, `/dev/stdin` say: a link to one would keep us waiting.

    Args:
        path: A file, a pipe, or a device by its own path.
        limit: In bytes; one more is read, so that what is longer can be told.

    Raises:
        OSError: If it cannot be opened, is a pipe that nobody writes to, or leads to a device.
        ValueError: If the path can be none.
    """
    _refuse_device(path, os.stat(path).st_mode)  # noqa: PTH116 (opening some devices does harm)
    with open(path, "rb", opener=_open_without_waiting) as stream:
        mode = os.fstat(stream.fileno()).st_mode
        _refuse_device(path, mode)
        start = _start_of_pipe(path, stream) if stat.S_ISFIFO(mode) else b""
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(stream.fileno(), True)
        return start + first_bytes(stream, limit + 1 - len(start))


def first_bytes(stream: BinaryIO, count: int) -> bytes:
    """The first bytes of a stream, however many: `read` would make room for all that it may give.

    >>> import io
    >>> first_bytes(io.BytesIO(b"text"), 2), first_bytes(io.BytesIO(b"text"), 2**63)
    (b'te', b'text')
    """
    taken = bytearray()
    while count > len(taken) and (chunk := stream.read(min(count - len(taken), _CHUNK))):
        taken += chunk
    return bytes(taken)


_CHUNK: Final = 1 << 20


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; where it is a pipe, without waiting for somebody who writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_device(path: AnyPath, mode: int) -> None:
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode):
        return
    if not is_device_path(path):
        raise OSError(errno.EINVAL, "it leads to a device, and is no file", os.fspath(path))


# How long somebody who was about to write to a pipe may take to do so, in seconds.
_PATIENCE: Final = 1.0


def _start_of_pipe(path: AnyPath, stream: BufferedReader) -> bytes:
    """The first byte of a pipe, if it is there yet; refuse one that nobody has opened to write."""
    ready = bool(select.select([stream], [], [], _PATIENCE)[0])
    try:
        start = os.read(stream.fileno(), 1)
    except BlockingIOError:  # there is a writer, who takes time
        return b""
    if not start and not ready:
        raise OSError(errno.EINVAL, "nobody writes to this pipe", os.fspath(path))
    return start
