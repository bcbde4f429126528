"""The rules for single values, one function each, and for the options of a kernel together.

Each gives what the value means, or the problem with it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.schema.lines import line_problem
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import (
    MAX_VERSION,
    HubRef,
    LocalRef,
    is_local,
    is_repo_id,
    is_revision,
    read_kernel_ref,
    refusal,
    repo_id_problem,
)
from kernel_schema.schema.vocabulary import (
    MAX_CAPABILITY,
    ORIGINAL,
    DeviceType,
    ModeName,
    Original,
)
from kernel_schema.schema.wrong_keys import unknown_device, unknown_mode
from kernel_schema.typeguards import as_text, is_path
from kernel_schema.wording import listing, normalise_word, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEVICES = {device.value: device for device in DeviceType}
_MODES = {mode.value: mode for mode in ModeName}


def check_kernel(value: object) -> HubRef | LocalRef | Problem:
    """A kernel reference: a string, or one that is parsed already."""
    text = as_text(value)
    if text is not None:
        return read_kernel_ref(text) or _refused(text)
    return value if isinstance(value, (HubRef, LocalRef)) else _not_a_reference(value)


def _refused(text: str) -> Problem:
    if text == ORIGINAL:
        return Problem(
            "misplaced-original",
            "`original` stands for a layer, a device or a capability range, never for a mode "
            "or beside options",
            "write `original` in place of the whole entry",
        )
    return Problem("invalid-kernel-reference", *refusal(text))


def check_entry_string(value: object) -> HubRef | LocalRef | Original | Problem:
    """What a string in place of an entry may be: a reference, or `original`."""
    if value == ORIGINAL:
        return ORIGINAL
    kernel = check_kernel(value)
    if (
        isinstance(kernel, Problem)
        and isinstance(value, str)
        and normalise_word(value) in _ORIGINAL_ALIASES
    ):
        return Problem(
            "invalid-kernel-reference",
            f"{quote(value)} is not a kernel",
            "did you mean `original`, which keeps the model's own forward?",
        )
    return kernel


_ORIGINAL_ALIASES = {"original", "orignal", "orginal", "origin", "default", "none", "off", "native"}


def _not_a_reference(value: object) -> Problem:
    if is_path(value):
        path = os.fspath(value)
        return Problem(
            "invalid-kernel-reference",
            f"{quote(path)} is a path without a layer name",
            "build it with `LocalRef(path=..., layer_name=...)`",
        )
    return Problem(
        "invalid-kernel-reference",
        f"{show(value)} is not a kernel: it must be a string `org/repo:layer_name`",
    )


def check_version(value: object) -> int | Problem:
    """A kernel version: a whole number, and nothing that merely looks like one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VERSION:
        return int.__int__(value)
    return Problem(
        "invalid-version",
        f"{show(value)} is not a version: it must be an integer from 0 to {MAX_VERSION}",
        _integer_hint(value, "version", MAX_VERSION),
    )


def check_capability(value: object) -> int | Problem:
    """A capability bound: 90 means 9.0."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_CAPABILITY:
        return int.__int__(value)
    help_text = _integer_hint(value, "bound", MAX_CAPABILITY)
    number = value if isinstance(value, float) else _as_float(value)
    # No GPU is beyond 20.0, and 90.0 is 90 with a point.
    if number is not None and 0 < number < 20 and round(number, 1) == number:
        help_text = f"capability {number} is written {round(number * 10)}"
    return Problem(
        "invalid-capability",
        f"{show(value)} is not a capability: it must be an integer from 0 to "
        f"{MAX_CAPABILITY}, and 90 means 9.0",
        help_text,
    )


def _as_float(value: object) -> float | None:
    if not isinstance(value, str) or "." not in value or len(value) > 10:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _integer_hint(value: object, name: str, highest: int) -> str | None:
    if value is None:
        return f"leave the {name} out to state none"
    if isinstance(value, str):
        digits = value.strip().removeprefix("v")
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(highest)):
            return f"write {int(digits)}, without quotes"
    if isinstance(value, float) and value.is_integer() and 0 <= value <= highest:
        return f"write {int(value)}"
    return None


def check_revision(value: object) -> str | Problem:
    """A git branch, tag or commit."""
    text = as_text(value)
    if text is not None and is_revision(text):
        return text
    help_text = None
    if value is None:
        help_text = "leave the revision out to state none"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        help_text = "put it between quotes, or use `version` for a kernel version"
    return Problem(
        "invalid-revision",
        f"{show(value)} is not a revision: it must be a string of letters, digits, "
        "`_`, `.`, `/` and `-`",
        help_text,
    )


def check_lockfile(value: object) -> str | Problem:
    """The path of a lock file of the kernels library."""
    path = as_text(os.fspath(value) if is_path(value) else value)
    if path is not None and path.strip() and path.isprintable():
        return path
    return Problem(
        "invalid-lockfile",
        f"{show(value)} is not the path of a lock file",
        "leave `lockfile` out to state none" if value is None else None,
    )


def check_trust(value: object) -> bool | Problem:
    """Whether to run code of publishers that the Hub does not vouch for, where it is no list."""
    if isinstance(value, bool):
        return value
    help_text = None
    if isinstance(value, str):
        help_text = f'write a list: ["{value}"]' if is_repo_id(value) else _yes_or_no_hint(value)
    elif value is None:
        help_text = "leave it out for false"
    return Problem(
        "invalid-trust-remote-code",
        f"{show(value)} is neither true nor false nor a list of at least one repository id",
        help_text,
    )


def check_repo_id(item: object) -> str | Problem:
    """A repository of the Hub, with its organisation."""
    text = as_text(item)
    if text is not None and is_repo_id(text):
        return text
    reason = repo_id_problem(item) if isinstance(item, str) else None
    meant = item.partition(":")[0].removesuffix(".git") if isinstance(item, str) else ""
    return Problem(
        "invalid-trust-remote-code",
        f"{show(item)} is not a repository id `org/repo`" + (f": {reason}" if reason else ""),
        f"did you mean {quote(meant)}?" if is_repo_id(meant) else None,
    )


def _yes_or_no_hint(value: object) -> str | None:
    word = value.lower() if isinstance(value, str) else ""
    meant = "true" if word in {"true", "yes", "on"} else "false"
    if word not in {"true", "yes", "on", "false", "no", "off"}:
        return None
    return f"write {meant}, without quotes" if word == meant else f"write {meant}"


def check_inherit_mapping(value: object) -> bool | Problem:
    """A plain yes or no."""
    if isinstance(value, bool):
        return value
    return Problem(
        "invalid-inherit-mapping",
        f"{show(value)} is neither true nor false for `inherit_mapping`",
        "leave it out for true" if value is None else _yes_or_no_hint(value),
    )


def check_schema_uri(value: object) -> str | Problem:
    """Where an editor finds the JSON Schema; we only keep it."""
    text = as_text(value)
    if text is None:
        return Problem("invalid-schema-uri", f"{show(value)} is not a string for `$schema`")
    reason = line_problem(text)
    if reason is not None:
        help_text = "write a URL, or a path relative to this file"
        return Problem("invalid-schema-uri", f"`$schema` {reason}: {quote(text)}", help_text)
    return text


def check_layer_name(value: object) -> str | Problem:
    """A name that a model registers: `kernel_layer_name` of its class."""
    if not isinstance(value, str):
        return Problem("invalid-layer-name", f"{show(value)} is not a string", at_key=True)
    value = str.__str__(value)  # a plain string, where the key is a member of an enum
    stripped = value.strip()
    if not stripped:
        return Problem("invalid-layer-name", f"the layer name {show(value)} is blank", at_key=True)
    if value != stripped:
        return Problem(
            "invalid-layer-name",
            f"the layer name {show(value)} has white space at its ends",
            f"did you mean {quote(stripped)}?",
            at_key=True,
        )
    reason = line_problem(value)
    if reason is not None:
        message = f"the layer name {quote(value)} {reason}"
        return Problem("invalid-layer-name", message, at_key=True)
    return value


def is_layer_name(value: object) -> bool:
    """Whether a config can name a layer so: a class can register a name of any kind."""
    return not isinstance(check_layer_name(value), Problem)


def check_device(value: object) -> DeviceType | Problem:
    """A key of a device table."""
    if isinstance(value, str) and value in _DEVICES:
        return _DEVICES[value]
    return unknown_device(value)


def check_mode(value: object) -> ModeName | Problem:
    """A key of a mode table."""
    if isinstance(value, str) and value in _MODES:
        return _MODES[value]
    return unknown_mode(value)


_PINS: Final = ("version", "revision", "lockfile")
_HUB_ONLY: Final = (*_PINS, "trust_remote_code")


def option_problems(table: Mapping[Any, Any]) -> list[tuple[str, Problem]]:
    """At most one pin, and pins and trust for Hub kernels only, each with the key it is about.

    Judged on the raw table, so that it is reported together with wrong values.
    """
    options = [key for key in table if key in _HUB_ONLY]
    kernel = table.get("kernel")
    if isinstance(kernel, LocalRef) or (isinstance(kernel, str) and is_local(kernel)):
        return [(key, _misplaced_option(key, kernel)) for key in options]
    pins = [key for key in options if key in _PINS]
    in_reference = _pin_in_reference(kernel)
    stated = [in_reference, *pins] if in_reference else pins
    if not pins or len(stated) < 2:
        return []
    pinned = listing(stated, "and")
    problem = Problem(
        "conflicting-pins",
        f"{pinned} pin one kernel: state at most one",
        f"remove all but one of {pinned}",
        at_key=True,
    )
    return [(pins[-1], problem)]


def _misplaced_option(key: str, kernel: object) -> Problem:
    return Problem(
        "misplaced-option",
        f"{quote(key)} is for kernels on the Hub, and {quote(kernel)} is on disk",
        "leave it out: a local kernel is used as it is",
        at_key=True,
    )


def _pin_in_reference(kernel: object) -> str | None:
    if isinstance(kernel, HubRef):
        pinned = kernel.version is not None or kernel.revision is not None
        return f"@{str(kernel).partition('@')[2].partition(':')[0]}" if pinned else None
    if isinstance(kernel, str) and "@" in kernel:
        return f"@{kernel.partition('@')[2].partition(':')[0]}"
    return None
