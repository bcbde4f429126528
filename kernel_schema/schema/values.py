"""What single values may be, one function each, and the options of a kernel together.

Each gives what the value means, or the problem with it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.schema.arguments import fusion_problem, repository_problem
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import (
    MAX_VERSION,
    HubRef,
    LocalRef,
    is_local,
    is_repo_id,
    is_revision,
    is_text,
    read_kernel_ref,
    refusal,
    repo_id_problem,
)
from kernel_schema.schema.vocabulary import MAX_CAPABILITY, ORIGINAL, Original
from kernel_schema.typeguards import as_text, is_list, is_path, is_tuple
from kernel_schema.wording import listing, normalise_word, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LENGTH: Final = 1000
"""How many characters a layer name and `$schema` may have."""

CONTROL_CLASS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters and line separators, as the inside of a class of a pattern."""

_CONTROL: Final = re.compile(f"[{CONTROL_CLASS}]")
_ORIGINAL_ALIASES: Final = frozenset(
    ("original", "orignal", "orginal", "origin", "default", "none", "off", "native")
)
_YES: Final = frozenset(("true", "yes", "on"))
_NO: Final = frozenset(("false", "no", "off"))
_PINS: Final = ("version", "revision", "lockfile")
_HUB_ONLY: Final = (*_PINS, "trust_remote_code")


def check_kernel(value: object) -> HubRef | LocalRef | Problem:
    """A kernel reference: a string, or one that is parsed already."""
    text = as_text(value)
    if text is None:
        return value if isinstance(value, (HubRef, LocalRef)) else not_a_reference(value)
    if ref := read_kernel_ref(text):
        return ref
    if text == ORIGINAL:
        return Problem(
            "misplaced-original",
            "`original` stands for a layer, a device or a capability range, never for a mode "
            "or beside options",
            "write `original` in place of the whole entry",
        )
    return Problem("invalid-kernel-reference", *refusal(text))


def not_a_reference(value: object) -> Problem:
    """For a value that is no text where a reference belongs."""
    if problem := repository_problem(value):
        return problem
    if is_path(value):
        message = f"{quote(os.fspath(value))} is a path without a layer name"
        help_text = "build it with `LocalRef(path=..., layer_name=...)`"
        return Problem("invalid-kernel-reference", message, help_text)
    message = f"{show(value)} is not a kernel: it must be a string `org/repo:layer_name`"
    return Problem("invalid-kernel-reference", message)


def check_entry_string(value: object) -> HubRef | LocalRef | Original | Problem:
    """What a string in place of an entry may be: a reference, or `original`."""
    if value == ORIGINAL:
        return ORIGINAL
    kernel = check_kernel(value)
    if isinstance(kernel, Problem) and normalise_word(as_text(value) or "") in _ORIGINAL_ALIASES:
        message = f"{quote(value)} is not a kernel"
        help_text = "did you mean `original`, which keeps the model's own forward?"
        return Problem("invalid-kernel-reference", message, help_text)
    if isinstance(kernel, Problem) and isinstance(value, str) and not value.strip():
        # So transformers' documentation disables a kernel.
        help_text = "to keep the model's own forward write `original`"
        return Problem("invalid-kernel-reference", kernel.message, help_text)
    return kernel


def check_version(value: object) -> int | Problem:
    """A kernel version: a whole number, and nothing that merely looks like one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VERSION:
        return int.__int__(value)
    message = f"{show(value)} is not a version: it must be an integer from 0 to {MAX_VERSION}"
    return Problem("invalid-version", message, _integer_hint(value, "version", MAX_VERSION))


def check_capability(value: object) -> int | Problem:
    """A capability bound: 90 means 9.0."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_CAPABILITY:
        return int.__int__(value)
    help_text = _integer_hint(value, "bound", MAX_CAPABILITY)
    number = value if isinstance(value, float) else _as_float(value)
    # No GPU is beyond 20.0, and 90.0 is 90 with a point.
    if number is not None and 0 < number < 20 and round(number, 1) == number:
        help_text = f"capability {number} is written {round(number * 10)}"
    if (is_tuple(value) or is_list(value)) and _is_pair(value):
        help_text = f"write {10 * value[0] + value[1]}"
    message = (
        f"{show(value)} is not a capability: it must be an integer from 0 to {MAX_CAPABILITY}, "
        "and 90 means 9.0"
    )
    return Problem("invalid-capability", message, help_text)


def _is_pair(value: Sequence[Any]) -> bool:
    """Whether it is a capability as torch gives it: `(9, 0)`."""
    digits = all(type(part) is int and part >= 0 for part in value)
    return len(value) == 2 and digits and value[0] <= MAX_CAPABILITY // 10 and value[1] < 10


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
    message = (
        f"{show(value)} is not a revision: it must be a string of letters, digits, "
        "`_`, `.`, `/` and `-`"
    )
    help_text = None
    if value is None:
        help_text = "leave the revision out to state none"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        help_text = "put it between quotes, or use `version` for a kernel version"
    return Problem("invalid-revision", message, help_text)


def check_lockfile(value: object) -> str | Problem:
    """The path of a lock file of the kernels library."""
    path = as_text(os.fspath(value) if is_path(value) else value)
    if path is not None and path.strip() and path.isprintable():
        return path
    help_text = "leave `lockfile` out to state none" if value is None else None
    return Problem("invalid-lockfile", f"{show(value)} is not the path of a lock file", help_text)


def check_trust(value: object) -> bool | Problem:
    """Whether to run code of publishers that the Hub does not vouch for, where it is no list."""
    if isinstance(value, bool):
        return value
    help_text = "leave it out for false" if value is None else _yes_or_no_hint(value)
    if isinstance(value, str) and is_repo_id(value):
        help_text = f'write a list: ["{value}"]'
    message = f"{show(value)} is neither true nor false nor a list of at least one repository id"
    return Problem("invalid-trust-remote-code", message, help_text)


def check_repo_id(item: object) -> str | Problem:
    """A repository of the Hub, with its organisation."""
    text = as_text(item)
    if text is not None and is_repo_id(text):
        return text
    reason = repo_id_problem(text) if text is not None else None
    message = f"{show(item)} is not a repository id `org/repo`" + (f": {reason}" if reason else "")
    meant = (text or "").partition(":")[0].removesuffix(".git")
    help_text = f"did you mean {quote(meant)}?" if is_repo_id(meant) else None
    return Problem("invalid-trust-remote-code", message, help_text)


def _yes_or_no_hint(value: object) -> str | None:
    word = value.lower() if isinstance(value, str) else ""
    if word not in _YES | _NO:
        return None
    meant = "true" if word in _YES else "false"
    return f"write {meant}, without quotes" if word == meant else f"write {meant}"


def check_inherit_mapping(value: object) -> bool | Problem:
    """A plain yes or no."""
    if isinstance(value, bool):
        return value
    message = f"{show(value)} is neither true nor false for `inherit_mapping`"
    help_text = "leave it out for true" if value is None else _yes_or_no_hint(value)
    return Problem("invalid-inherit-mapping", message, help_text)


def check_schema_uri(value: object) -> str | Problem:
    """Where an editor finds the JSON Schema; we only keep it."""
    text = as_text(value)
    if text is None:
        return Problem("invalid-schema-uri", f"{show(value)} is not a string for `$schema`")
    if reason := line_problem(text):
        help_text = "write a URL, or a path relative to this file"
        return Problem("invalid-schema-uri", f"`$schema` {reason}: {quote(text)}", help_text)
    return text


def check_layer_name(value: object) -> str | Problem:
    """A name that a model registers: `kernel_layer_name` of its class."""
    name = as_text(value)
    help_text = None
    if is_tuple(value):
        return fusion_problem(value)
    if name is None:
        message = f"{show(value)} is not a string"
    elif not (stripped := name.strip()):
        message = f"the layer name {show(name)} is blank"
    elif name != stripped:
        message = f"the layer name {show(name)} has white space at its ends"
        help_text = f"did you mean {quote(stripped)}?"
    elif reason := line_problem(name):
        message = f"the layer name {quote(name)} {reason}"
    else:
        return name
    return Problem("invalid-layer-name", message, help_text, at_key=True)


def is_layer_name(value: object) -> bool:
    """Whether a config can name a layer so: a class can register a name of any kind."""
    return not isinstance(check_layer_name(value), Problem)


def line_problem(text: str) -> str | None:
    """What keeps a text from being a name that others choose: one line, and not a long one."""
    if not is_text(text):
        return "contains characters that are not Unicode text"
    if _CONTROL.search(text) is not None:
        return "contains control characters or line separators"
    return f"is longer than {MAX_LENGTH} characters" if len(text) > MAX_LENGTH else None


def option_problems(table: Mapping[Any, Any]) -> list[tuple[str, Problem]]:
    """At most one pin, and pins and trust for Hub kernels only, each with the key it is about.

    Judged on the raw table, so that it is reported together with wrong values.
    """
    options = [key for key in table if key in _HUB_ONLY]
    kernel = table.get("kernel")
    if isinstance(kernel, LocalRef) or (isinstance(kernel, str) and is_local(kernel)):
        on_disk = f"is for kernels on the Hub, and {quote(kernel)} is on disk"
        help_text = "leave it out: a local kernel is used as it is"
        return [
            (key, Problem("misplaced-option", f"{quote(key)} {on_disk}", help_text, at_key=True))
            for key in options
        ]
    pins = [key for key in options if key in _PINS]
    # Of a reference, what stands between `@` and the layer.
    _, at, rest = str(kernel).partition("@") if isinstance(kernel, (str, HubRef)) else ("", "", "")
    stated = [f"@{rest.partition(':')[0]}", *pins] if at else pins
    if not pins or len(stated) < 2:
        return []
    pinned = listing(stated, "and")
    message = f"{pinned} pin one kernel: state at most one"
    help_text = f"remove all but one of {pinned}"
    return [(pins[-1], Problem("conflicting-pins", message, help_text, at_key=True))]
