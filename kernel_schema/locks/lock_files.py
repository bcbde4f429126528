"""From the text of a lock file to a lock; what is not exactly one is refused.

A lock names folders and says which code may run: nothing in it is taken on trust, and nothing of a
file that is none is shown.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, LockError
from kernel_schema.limits import MAX_LOCK_BYTES
from kernel_schema.locks.lock import DEFAULTS, LOCK_FORMAT, Lock, LockedKernel
from kernel_schema.locks.pins import Pin, is_commit
from kernel_schema.paths import read_at_most
from kernel_schema.schema.references import MAX_VERSION, is_repo_id, is_revision
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

_WRITE_IT: Final = "write it with `kernel-schema lock FILE`"
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_VARIANT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_lock(path: str | os.PathLike[str]) -> Lock:
    """Read a lock file.

    Args:
        path: What `kernel-schema lock` has written.

    Raises:
        LockError: `missing-lockfile` if there is none, `unusable-lockfile` if it is none of ours.

    >>> try:
    ...     read_lock("no/such.lock")
    ... except LockError as error:
    ...     print(error)
    error[missing-lockfile]: there is no lock file `no/such.lock`
      help: write it with `kernel-schema lock FILE`
    """
    shown = quote(str(path), longest=1000)
    try:
        raw = read_at_most(path, MAX_LOCK_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        problem = Diagnostic("missing-lockfile", f"there is no lock file {shown}", help=_WRITE_IT)
        raise LockError([problem]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unusable(f"the lock file {shown} cannot be read: {reason}") from None
    if len(raw) > MAX_LOCK_BYTES:
        raise _unusable(f"the lock file {shown} is larger than {MAX_LOCK_BYTES} bytes")
    try:
        return parse_lock(raw.decode("utf-8"))
    except ValueError as error:
        reason = str(error) if isinstance(error, _NoLockError) else "it is not UTF-8"
        help_text = error.help if isinstance(error, _NoLockError) else _WRITE_IT
        raise _unusable(f"the lock file {shown} cannot be used: {reason}", help_text) from None


def is_lock(path: str) -> bool:
    """Whether a file is a lock of ours."""
    try:
        read_lock(path)
    except LockError:
        return False
    return True


class _NoLockError(ValueError):
    def __init__(self, message: str, help_text: str = _WRITE_IT) -> None:
        super().__init__(message)
        self.help = help_text


def _unusable(message: str, help_text: str = _WRITE_IT) -> LockError:
    return LockError([Diagnostic("unusable-lockfile", message, help=help_text)])


def parse_lock(text: str) -> Lock:
    """Read the text of a lock file.

    Raises:
        ValueError: If it is no lock of ours; the message says in what way.
    """
    try:
        data: Any = json.loads(text, object_pairs_hook=_unique)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        conflict = "<<<<<<<" in text and ">>>>>>>" in text
        what = "it holds a conflict of a merge" if conflict else "it is not JSON"
        help_text = f"take either side, then {_WRITE_IT}" if conflict else _WRITE_IT
        raise _NoLockError(f"{what}{where}", help_text) from None
    if is_list(data):
        raise _NoLockError(
            "it is a lock of the kernels library, which has no hashes",
            "name it as `lockfile` beside `kernel`, or lock this config: `kernel-schema lock FILE`",
        )
    if not is_table(data) or "lock_format" not in data:
        raise _NoLockError("it is no lock of kernel-schema")
    stated = data["lock_format"]
    if type(stated) is not int or stated != LOCK_FORMAT:
        newer = isinstance(stated, int) and stated > LOCK_FORMAT
        help_text = "pip install --upgrade kernel-schema" if newer else _WRITE_IT
        raise _NoLockError(f"this kernel-schema reads lock_format {LOCK_FORMAT} only", help_text)
    fields = {"lock_format": _any, "inherits": _is_defaults, "kernels": is_list}
    _fields(data, "the lock", fields, frozenset({"inherits"}))
    kernels = [_kernel(entry, f"kernels[{index}]") for index, entry in enumerate(data["kernels"])]
    lock = Lock(tuple(kernels), data.get("inherits"))
    if len(lock.by_pin) < len(kernels):
        raise _NoLockError("it locks the same version of a repository twice")
    return lock


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _NoLockError("a key is there twice")
    return table


def _kernel(entry: Any, where: str) -> LockedKernel:
    pin = _pin(entry, where, _KERNEL_FIELDS, ("license", "layers", "kernel_depends"))
    depends = [
        _pin(depend, f"{where}.kernel_depends", {}) for depend in entry.get("kernel_depends", ())
    ]
    if pin.revision is not None and is_commit(pin.revision) and pin.revision != entry["commit"]:
        raise _NoLockError(f"{where} locks a commit to another one")
    return LockedKernel(
        pin,
        entry["commit"],
        entry.get("license"),
        entry["trusted_publisher"],
        tuple(entry.get("layers", ())),
        tuple(depends),
        dict(entry["variants"]),
    )


def _pin(
    entry: Any,
    where: str,
    fields: Mapping[str, Callable[[Any], bool]],
    optional: Iterable[str] = (),
) -> Pin:
    kind = "revision" if is_table(entry) and "revision" in entry else "version"
    wanted = {"repo_id": _is_repo_id, kind: _PIN_FIELDS[kind], **fields}
    _fields(entry, where, wanted, frozenset(optional))
    return Pin(entry["repo_id"], entry.get("version"), entry.get("revision"))


def _fields(
    table: Any,
    where: str,
    fields: Mapping[str, Callable[[Any], bool]],
    optional: frozenset[str] = frozenset(),
) -> None:
    """Refuse a table that has other keys, or other values, than these."""
    if not is_table(table):
        raise _NoLockError(f"{where} is no object")
    for key in table:
        if key not in fields:
            raise _NoLockError(f"{where} has a key that is not known: {quote(key)}")
    for key, is_right in fields.items():
        if key not in table and key not in optional:
            raise _NoLockError(f"{where} lacks `{key}`")
        if key in table and not is_right(table[key]):
            raise _NoLockError(f"`{key}` of {where} is not what stands there")


def _any(_: object) -> bool:
    return True


def _is_defaults(value: object) -> bool:
    return value == DEFAULTS


def _is_repo_id(value: object) -> bool:
    return isinstance(value, str) and is_repo_id(value)


def _is_version(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_VERSION


def _is_revision(value: object) -> bool:
    return isinstance(value, str) and is_revision(value)


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_license(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000


def _are_layers(value: object) -> bool:
    return is_list(value) and all(map(_matching(_NAME), value))


def _are_variants(value: object) -> bool:
    names, hashes = _matching(_VARIANT), _matching(_HASH)
    return is_table(value) and all(map(names, value)) and all(map(hashes, value.values()))


_PIN_FIELDS: Final[dict[str, Callable[[Any], bool]]] = {
    "version": _is_version,
    "revision": _is_revision,
}
_KERNEL_FIELDS: Final[dict[str, Callable[[Any], bool]]] = {
    "commit": lambda value: isinstance(value, str) and is_commit(value),
    "license": _is_license,
    "trusted_publisher": lambda value: isinstance(value, bool),
    "layers": _are_layers,
    "kernel_depends": is_list,
    "variants": _are_variants,
}
