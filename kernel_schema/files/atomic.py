"""Writing files whole: whoever reads one, and whatever stops us, finds the old content or the new.

The content goes into a new file in the same folder, which then takes the place of the old one in a
single step. Where that cannot be done nothing is written: a file is never emptied to be filled.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.files.read import FileAccessError
from kernel_schema.paths import read_at_most
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Generator

TEMPORARY: Final = ".kernel-schema-*.tmp"
"""What the new file is called before it has its place; only a kill leaves one behind."""

# A config is no program: whoever rewrites it hands on no rights of another user.
_PERMISSIONS: Final = 0o777
_PRIVILEGES: Final = "security.capability"


def replace_file(file: str, text: str, *, previous: bytes | None = None) -> None:
    """Put a text in the place of what a file holds, or into a new file; `cannot-write` if not.

    A symbolic link stays, and the file that it leads to is replaced. Another name of that file (a
    hard link) keeps the old content. The new file has the permissions of the old one, and its
    owner, group, access list and extended attributes as far as the system lets us give them; what
    a group was allowed is allowed to no other group. A device, a pipe and what else is no regular
    file is written into.

    `previous` is what the file held when it was read: if it holds anything else right before it
    would be replaced, it is left alone. No system compares and replaces in one step: an edit saved
    between the two, some microseconds, is lost.
    """
    with explained(file):
        content = text.encode()
        if _is_stream(file):
            if previous is not None:
                raise OSError(errno.EINVAL, "it is no regular file")
            _write_into(file, content)
            return
        target = Path(os.path.realpath(file))
        status = _status(target)
        with _temporary(target, content, status) as temporary:
            if previous is not None and _content(target, len(previous)) != previous:
                message = "was changed while we worked on it: nothing was written"
                raise refused(f"{_shown(file)} {message}", "try again")
            with _as_a_whole():
                temporary.replace(target)


def create_file(file: str, text: str) -> None:
    """Put a text into a new file; of several that try at once, one succeeds.

    FileExistsError if the name is taken, be it by a link that leads nowhere; `cannot-write` if
    there cannot be such a file. What is no regular file is written into.
    """
    with explained(file):
        content = text.encode()
        if _is_stream(file):
            _write_into(file, content)
            return
        if os.path.lexists(file):
            raise _of_kind(errno.EISDIR if Path(file).is_dir() else errno.EEXIST)
        with _temporary(Path(file), content, None) as temporary:
            _give_name(temporary, Path(file))


def is_taken(file: str) -> bool:
    """Whether `create_file` would refuse a name because there is something."""
    return os.path.lexists(file) and not _is_stream(file)


@contextmanager
def explained(file: str) -> Generator[None]:
    """Turn what the system says of a file that is written into a `FileAccessError`."""
    try:
        yield
    except (FileAccessError, FileExistsError):
        raise
    except UnicodeEncodeError:
        reason = "there are characters that are not Unicode text"
    except ValueError:
        reason = "no path holds a null character"
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
    else:
        return
    raise refused(f"{_shown(file)} cannot be written: {reason}") from None


def refused(message: str, help_text: str | None = None) -> FileAccessError:
    """The error for what cannot be written."""
    return FileAccessError([Diagnostic("cannot-write", message, help=help_text)])


def _shown(file: str) -> str:
    return quote(file, longest=1000)


def _of_kind(number: int) -> OSError:
    """The error that Python has for a number of the system."""
    return OSError(number, os.strerror(number))


@contextmanager
def _as_a_whole() -> Generator[None]:
    """Say of what the system refuses that it was needed to replace a file as a whole."""
    try:
        yield
    except OSError as error:
        why = "its folder does not let it be replaced as a whole, and it was left as it is"
        raise OSError(error.errno, f"{error.strerror}: {why}") from None


def _is_stream(file: str) -> bool:
    """Whether a path is something to write into: a device, a pipe, a descriptor of ours."""
    try:
        mode = Path(file).stat().st_mode
    except (OSError, ValueError):
        return False
    if not stat.S_ISREG(mode):
        return not stat.S_ISDIR(mode)
    # `/dev/stdout` is a regular file where the caller has redirected it to one.
    folder = os.path.realpath(os.path.dirname(file))  # noqa: PTH120 (empty for one right here)
    return folder in {"/dev", "/dev/fd"} or folder.startswith("/proc/")


def _content(target: Path, size: int) -> bytes | None:
    try:
        return read_at_most(target, size)
    except FileNotFoundError:
        return None


def _write_into(file: str, content: bytes) -> None:
    # Behind what a redirected descriptor has written already.
    with Path(file).open("ab") as stream:
        stream.write(content)


def _status(target: Path) -> os.stat_result | None:
    """What is known of a file that may be written; None if there is none."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise _of_kind(errno.EISDIR)
    # A folder lets its files be replaced, those included that must not be written.
    os.close(os.open(target, os.O_WRONLY))
    return status


@contextmanager
def _temporary(target: Path, content: bytes, status: os.stat_result | None) -> Generator[Path]:
    """A new file beside another, on the disk, with what `status` allows; gone afterwards."""
    temporary = target.parent / TEMPORARY.replace("*", os.urandom(8).hex())
    try:
        # Nobody else reads it before it has the rights of the file that it replaces.
        mode = 0o666 if status is None else 0o600
        with nullcontext() if status is None else _as_a_whole():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if status is not None:
                _take_over(descriptor, target, status)
            os.fsync(descriptor)
        yield temporary
        # The names in the folder too, where that can be done.
        with suppress(OSError):
            descriptor = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _take_over(descriptor: int, target: Path, status: os.stat_result) -> None:
    """Give a new file the owner, attributes and permissions of the one that it replaces."""
    if os.name == "nt":  # It has those of its folder.
        return
    mode = status.st_mode & _PERMISSIONS
    for owner in (status.st_uid, -1):
        with suppress(OSError):
            os.fchown(descriptor, owner, status.st_gid)
            break
    else:
        mode &= 0o707 | (mode & 0o007) << 3
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            for name in os.listxattr(target):
                if name != _PRIVILEGES:
                    with suppress(OSError):
                        os.setxattr(descriptor, name, os.getxattr(target, name))
    # There are file systems on which all files have one mode, and it cannot be set.
    if os.fstat(descriptor).st_mode & _PERMISSIONS != mode:
        os.fchmod(descriptor, mode)


def _give_name(temporary: Path, file: Path) -> None:
    """Give a file a name that nothing has."""
    try:
        file.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: take the name first, with nothing in it.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            temporary.replace(file)
        except BaseException:
            with suppress(OSError):
                file.unlink()
            raise
