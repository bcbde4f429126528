"""Questions about paths that never raise, and reading that never waits for nobody or without end.

`pathlib` asks the same, but raises for names that are too long, and up to Python 3.11 where it may
not look. What the system refuses to look at is not there.

>>> exists("a" * 9999), size_of("a" * 9999), names_a_user("~root/norm"), names_a_user("~/norm")
(False, 0, True, False)
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from typing import BinaryIO, Final, TypeAlias

    AnyPath: TypeAlias = str | os.PathLike[str]

exists = os.path.exists
is_there = os.path.lexists  # a link that leads nowhere is there, too
is_directory = os.path.isdir
is_file = os.path.isfile
# Of strings: a `Path` for each file of a large tree takes longer than reading it does.
name_of = os.path.basename
status_of = os.stat

_NETWORK: Final = re.compile(r"[/\\](?:\?\?)?[/\\]")
_OWN_HOME: Final = re.compile(r"~(?:[/\\]+|\Z)")
# Room for more would come from the system anew, and go back to it, for each file.
_CHUNK: Final = 1 << 16
# How long somebody who was about to write to a pipe may take to do so, in seconds.
_PATIENCE: Final = 1.0


def size_of(path: AnyPath) -> int:
    """How many bytes a file has; 0 if there is none."""
    from pathlib import Path

    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


def home_path(path: str) -> Path:
    """A path with `~` replaced by the home directory; `~user` stays: see `names_a_user`."""
    from pathlib import Path

    own = _OWN_HOME.match(path)
    # Path.home raises where there is none.
    return Path(os.path.expanduser("~"), path[own.end() :]) if own else Path(path)  # noqa: PTH111


def real_path(path: AnyPath) -> str:
    """Where a path leads through links, absolute; what can be no path stays, for who opens it."""
    try:
        return os.path.realpath(path)
    except ValueError:  # a null character, half a surrogate pair
        return os.fspath(path)


def names_a_user(path: str) -> bool:
    """Whether a path starts in the home directory of a user by name, who is never looked up.

    That would ask the directory of users, often over a network, whatever names a config holds.
    """
    return path.startswith("~") and _OWN_HOME.match(path) is None


def is_network_path(path: str) -> bool:
    r"""Whether a path is spelt as one on another machine: `//host/share`, `\\host\share`.

    On Windows merely asking whether it is there sends the user's credentials to that host. So do
    the spellings `\\?\UNC\host` and `\??\UNC\host`; those of devices, as `\\.\pipe`, count too.
    """
    return _NETWORK.match(path) is not None


def is_device_path(path: AnyPath) -> bool:
    """Whether a path itself, not what it links to, names a device or an open file, `/dev/fd/63`."""
    return os.path.abspath(path).startswith(("/dev/", "/proc/"))  # noqa: PTH100 (of a string)


def read_at_most(path: AnyPath, limit: int) -> bytes:
    """What a file holds: its first `limit` bytes and one more, so that what is longer can be told.

    A pipe is read to its end if somebody writes to it, as in `check <(command)`. A device is read
    only where it is named as one, `/dev/stdin` say: a link to one would keep us waiting.

    Raises:
        OSError: If it cannot be opened, is a pipe that nobody writes to, or leads to a device.
        ValueError: If the path can be none.
    """
    _refuse_device(path, status_of(path).st_mode)  # opening some devices does harm
    with open(path, "rb", buffering=0, opener=_open_without_waiting) as stream:
        mode = os.fstat(stream.fileno()).st_mode
        _refuse_device(path, mode)
        start = _start_of_pipe(path, stream) if stat.S_ISFIFO(mode) else b""
        if hasattr(os, "O_NONBLOCK") and not stat.S_ISREG(mode):
            os.set_blocking(stream.fileno(), True)
        return start + first_bytes(stream, limit + 1 - len(start))


def first_bytes(stream: BinaryIO, count: int) -> bytes:
    """The first bytes of a stream, however many: `read` makes room for all that it may give."""
    taken = bytearray()
    while count > len(taken) and (chunk := stream.read(min(count - len(taken), _CHUNK))):
        taken += chunk
    return bytes(taken)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_device(path: AnyPath, mode: int) -> None:
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode):
        return
    if not is_device_path(path):
        raise OSError(errno.EINVAL, "it leads to a device, and is no file", os.fspath(path))


def _start_of_pipe(path: AnyPath, stream: FileIO) -> bytes:
    """The first byte of a pipe, if it is there yet; refuse one that nobody has opened to write."""
    ready = bool(select.select([stream], [], [], _PATIENCE)[0])
    try:
        start = os.read(stream.fileno(), 1)
    except BlockingIOError:  # there is a writer, who takes time
        return b""
    if not start and not ready:
        raise OSError(errno.EINVAL, "nobody writes to this pipe", os.fspath(path))
    return start
