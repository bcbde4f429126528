"""The rules for single values: one function each, raising our own errors."""

from __future__ import annotations

import os
from itertools import islice

from pydantic_core import PydanticCustomError

from kernel_schema.diagnostics import ConfigError
from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.schema.kinds import as_text, is_list, is_path, is_tuple
from kernel_schema.schema.lines import line_problem
from kernel_schema.schema.problems import fail, located, misplaced_capability, problem
from kernel_schema.schema.references import (
    MAX_VERSION,
    HubRef,
    LocalRef,
    is_repo_id,
    is_revision,
    parse_kernel_ref,
    repo_id_problem,
)
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MAX_CAPABILITY,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    DeviceType,
    ModeName,
    Original,
    closest_device,
    closest_mode,
)
from kernel_schema.wording import listing, normalise_word, quote, show

_DEVICES = {device.value: device for device in DeviceType}
_MODES = {mode.value: mode for mode in ModeName}


def check_kernel(value: object) -> HubRef | LocalRef:
    """A kernel reference: a string, or one that is parsed already."""
    if isinstance(value, (HubRef, LocalRef)):
        return value
    text = as_text(value)
    if text is None:
        raise _not_a_reference(value)
    if text == ORIGINAL:
        raise problem(
            "misplaced-original",
            "`original` stands for a layer, a device or a capability range, never for a mode "
            "or beside options",
            "write `original` in place of the whole entry",
        )
    return _parse(text)


def check_entry_string(value: object) -> HubRef | LocalRef | Original:
    """What a string in place of an entry may be: a reference, or `original`."""
    if value == ORIGINAL:
        return ORIGINAL
    try:
        return check_kernel(value)
    except PydanticCustomError:
        if isinstance(value, str) and normalise_word(value) in _ORIGINAL_ALIASES:
            raise problem(
                "invalid-kernel-reference",
                f"{quote(value)} is not a kernel",
                "did you mean `original`, which keeps the model's own forward?",
            ) from None
        raise


_ORIGINAL_ALIASES = {"original", "orignal", "orginal", "origin", "default", "none", "off", "native"}


def check_original(value: object) -> Original:
    """The word `original` itself."""
    if value == ORIGINAL:
        return ORIGINAL
    raise _not_a_reference(value)


def _parse(text: str) -> HubRef | LocalRef:
    try:
        return parse_kernel_ref(text)
    except ConfigError as error:
        (found,) = error.diagnostics
        raise problem(found.code, found.message, found.help) from None


def _not_a_reference(value: object) -> PydanticCustomError:
    if is_path(value):
        path = os.fspath(value)
        return problem(
            "invalid-kernel-reference",
            f"{quote(path)} is a path without a layer name",
            "build it with `LocalRef(path=..., layer_name=...)`",
        )
    return problem(
        "invalid-kernel-reference",
        f"{show(value)} is not a kernel: it must be a string `org/repo:layer_name`",
    )


def check_version(value: object) -> int:
    """A kernel version: a whole number, and nothing that merely looks like one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VERSION:
        return int.__int__(value)
    raise problem(
        "invalid-version",
        f"{show(value)} is not a version: it must be an integer from 0 to {MAX_VERSION}",
        _integer_hint(value, "version", MAX_VERSION),
    )


def check_capability(value: object) -> int:
    """A capability bound: 90 means 9.0."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_CAPABILITY:
        return int.__int__(value)
    help_text = _integer_hint(value, "bound", MAX_CAPABILITY)
    number = value if isinstance(value, float) else _as_float(value)
    # No GPU is beyond 20.0, and 90.0 is 90 with a point.
    if number is not None and 0 < number < 20 and round(number, 1) == number:
        help_text = f"capability {number} is written {round(number * 10)}"
    raise problem(
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


def check_revision(value: object) -> str:
    """A git branch, tag or commit."""
    text = as_text(value)
    if text is not None and is_revision(text):
        return text
    help_text = None
    if value is None:
        help_text = "leave the revision out to state none"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        help_text = "put it between quotes, or use `version` for a kernel version"
    raise problem(
        "invalid-revision",
        f"{show(value)} is not a revision: it must be a string of letters, digits, "
        "`_`, `.`, `/` and `-`",
        help_text,
    )


def check_lockfile(value: object) -> str:
    """The path of a lock file of the kernels library."""
    path = as_text(os.fspath(value) if is_path(value) else value)
    if path is not None and path.strip() and path.isprintable():
        return path
    raise problem(
        "invalid-lockfile",
        f"{show(value)} is not the path of a lock file",
        "leave `lockfile` out to state none" if value is None else None,
    )


def check_trust_remote_code(value: object) -> bool | tuple[str, ...]:
    """Whether to run code of publishers that the Hub does not vouch for, or of which."""
    if isinstance(value, bool):
        return value
    if (is_list(value) or is_tuple(value)) and value:
        items = tuple(value)
        wrong = (
            located((index,), _not_a_repo_id(item), item)
            for index, item in enumerate(items)
            if not isinstance(item, str) or not is_repo_id(item)
        )
        told = list(islice(wrong, MAX_PROBLEMS + 1))
        if told:
            raise fail("trust_remote_code", told)
        return tuple(map(str.__str__, items))
    help_text = None
    if isinstance(value, str):
        help_text = f'write a list: ["{value}"]' if is_repo_id(value) else _yes_or_no_hint(value)
    elif value is None:
        help_text = "leave it out for false"
    raise problem(
        "invalid-trust-remote-code",
        f"{show(value)} is neither true nor false nor a list of at least one repository id",
        help_text,
    )


def _not_a_repo_id(item: object) -> PydanticCustomError:
    reason = repo_id_problem(item) if isinstance(item, str) else None
    meant = item.partition(":")[0].removesuffix(".git") if isinstance(item, str) else ""
    return problem(
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


def check_inherit_mapping(value: object) -> bool:
    """A plain yes or no."""
    if isinstance(value, bool):
        return value
    raise problem(
        "invalid-inherit-mapping",
        f"{show(value)} is neither true nor false for `inherit_mapping`",
        "leave it out for true" if value is None else _yes_or_no_hint(value),
    )


def check_schema_uri(value: object) -> str:
    """Where an editor finds the JSON Schema; we only keep it."""
    text = as_text(value)
    if text is None:
        raise problem("invalid-schema-uri", f"{show(value)} is not a string for `$schema`")
    reason = line_problem(text)
    if reason is not None:
        help_text = "write a URL, or a path relative to this file"
        raise problem("invalid-schema-uri", f"`$schema` {reason}: {quote(text)}", help_text)
    return text


def check_layer_name(value: object) -> str:
    """A name that a model registers: `kernel_layer_name` of its class."""
    if not isinstance(value, str):
        raise problem("invalid-layer-name", f"{show(value)} is not a string", at_key=True)
    value = str.__str__(value)  # a plain string, where the key is a member of an enum
    stripped = value.strip()
    if not stripped:
        raise problem("invalid-layer-name", f"the layer name {show(value)} is blank", at_key=True)
    if value != stripped:
        raise problem(
            "invalid-layer-name",
            f"the layer name {show(value)} has white space at its ends",
            f"did you mean {quote(stripped)}?",
            at_key=True,
        )
    reason = line_problem(value)
    if reason is not None:
        message = f"the layer name {quote(value)} {reason}"
        raise problem("invalid-layer-name", message, at_key=True)
    return value


def is_layer_name(value: object) -> bool:
    """Whether a config can name a layer so: a class can register a name of any kind."""
    try:
        check_layer_name(value)
    except PydanticCustomError:
        return False
    return True


def check_device(value: object) -> DeviceType:
    """A key of a device table."""
    if isinstance(value, str) and value in _DEVICES:
        return _DEVICES[value]
    raise unknown_device(value)


def check_mode(value: object) -> ModeName:
    """A key of a mode table."""
    if isinstance(value, str) and value in _MODES:
        return _MODES[value]
    raise unknown_mode(value)


def unknown_device(value: object) -> PydanticCustomError:
    """The error for a device key that is none."""
    word = value if isinstance(value, str) else ""
    if word in _MODES:
        return problem(
            "unknown-device",
            f"{quote(value)} is a mode, beside devices",
            "put modes inside the table of a device",
            at_key=True,
        )
    if word in SPEC_KEYS:
        return problem(
            "unknown-device",
            f"{quote(value)} is an option of a kernel, beside devices",
            f"write the device's kernel as a table: kernel and {word}",
            at_key=True,
        )
    if word in RANGE_KEYS:
        return misplaced_capability(word)
    nearest = closest_device(word)
    return problem(
        "unknown-device",
        f"{quote(value)} is not a device: devices are {listing(DEVICE_NAMES, 'and')}",
        f"did you mean `{nearest}`?" if nearest else None,
        at_key=True,
    )


def unknown_mode(value: object) -> PydanticCustomError:
    """The error for a mode key that is none."""
    word = value if isinstance(value, str) else ""
    if word in SPEC_KEYS:
        return problem(
            "unknown-mode",
            f"{quote(value)} is an option of a kernel, beside modes",
            f"write the mode's kernel as a table: kernel and {word}",
            at_key=True,
        )
    if word in RANGE_KEYS:
        return misplaced_capability(word)
    nearest = closest_mode(word)
    return problem(
        "unknown-mode",
        f"{quote(value)} is not a mode: modes are {listing(MODE_NAMES, 'and')}",
        f"did you mean `{nearest}`?" if nearest else None,
        at_key=True,
    )
