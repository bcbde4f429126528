"""What single values may be, one function each, and the options of a kernel together.

Each gives what the value means, or the problem with it.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
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
    repo_id_problem,
)
from kernel_schema.schema.vocabulary import (
    MAX_CAPABILITY,
    ORIGINAL,
    RANGE_KEYS,
    Original,
)
from kernel_schema.typeguards import as_text, is_path, is_tuple
from kernel_schema.wording import listing, normalise_word, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_ALONE: Final[Mapping[Any, Any]] = {}
MAX_LENGTH: Final = 1000
"""How many characters a layer name and `$schema` may have."""

CONTROL_CLASS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters and line separators, as the inside of a class of a pattern."""

_CONTROL: Final = re.compile(f"[{CONTROL_CLASS}]")
# What keeps the model's own forward in other words; the misspelt and the ambiguous are guesses.
NO_KERNEL: Final = frozenset(("", "original", "none", "null", "false", "off", "no", "disabled"))
ORIGINAL_ALIASES: Final = NO_KERNEL | frozenset(
    (
        *("orignal", "orginal", "origin", "default", "native", "torch", "pytorch", "eager"),
        *("disable", "skip", "keep", "own", "vanilla", "builtin", "model", "-", "n/a"),
    )
)
_PINS: Final = ("version", "revision", "lockfile")
_OF_ORIGINAL: Final = ("kernel", *RANGE_KEYS)
_HUB_ONLY: Final = (*_PINS, "trust_remote_code")

_MISPLACED_ORIGINAL: Final = Problem(
    "misplaced-original",
    "`original` stands for a layer, a device or a capability range, never for a mode "
    "or beside options",
    "write `original` in place of the whole entry",
    repair=Repair("replace", ORIGINAL, up=1, safe=False),
)


def original_with_options(capability_range: Mapping[Any, Any]) -> Problem:
    """For `kernel: original` in a range that states options too."""
    kept = {key: capability_range[key] for key in capability_range if key in _OF_ORIGINAL}
    return replace(
        _MISPLACED_ORIGINAL,
        help="leave the options out that stand beside it",
        repair=Repair("replace", kept, up=1, safe=False),
    )


def check_kernel(value: object) -> HubRef | LocalRef | Problem:
    """A kernel reference: a string, or one that is parsed already."""
    text = as_text(value)
    if text is None:
        return value if isinstance(value, (HubRef, LocalRef)) else not_a_reference(value)
    if ref := read_kernel_ref(text):
        return ref
    if text == ORIGINAL:
        return _MISPLACED_ORIGINAL
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.spellings import refusal

    message, help_text, repair = refusal(text)
    return Problem("invalid-kernel-reference", message, help_text, repair=repair)


def check_stated_kernel(value: object) -> HubRef | LocalRef | Problem:
    """What stands under the key `kernel`."""
    kernel = check_kernel(value)
    if not isinstance(kernel, Problem) or kernel is _MISPLACED_ORIGINAL:
        return kernel
    help_text, repair = _kernel_options().kernel_advice(value)
    return kernel if help_text is None else replace(kernel, help=help_text, repair=repair)


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
    if not isinstance(kernel, Problem):
        return kernel
    text = as_text(value)
    word = normalise_word(text) if text is not None else None
    if word not in ORIGINAL_ALIASES:
        return kernel
    message = f"{quote(value)} is not a kernel"
    help_text = "did you mean `original`, which keeps the model's own forward?"
    if not word:
        # So transformers' documentation disables a kernel.
        message, help_text = kernel.message, "to keep the model's own forward write `original`"
    repair = Repair("replace", ORIGINAL, safe=word in NO_KERNEL)
    return Problem("invalid-kernel-reference", message, help_text, repair=repair)


def check_version(value: object) -> int | Problem:
    """A kernel version: a whole number, and nothing that merely looks like one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VERSION:
        return int.__int__(value)
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.numbers import version_advice

    message = f"{show(value)} is not a version: it must be an integer from 0 to {MAX_VERSION}"
    help_text, repair = version_advice(value)
    return Problem("invalid-version", message, help_text, repair=repair)


def check_capability(
    value: object, key: str = "", table: Mapping[Any, Any] = _ALONE
) -> int | Problem:
    """A capability bound: 90 means 9.0. It may stand under a key of the table of a range."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_CAPABILITY:
        return int.__int__(value)
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.numbers import bound_advice

    help_text, repair = bound_advice(value, key, table)
    message = (
        f"{show(value)} is not a capability: it must be an integer from 0 to {MAX_CAPABILITY}, "
        "and 90 means 9.0"
    )
    return Problem("invalid-capability", message, help_text, repair=repair)


def check_revision(value: object) -> str | Problem:
    """A git branch, tag or commit."""
    text = as_text(value)
    if text is not None and is_revision(text):
        return text
    message = (
        f"{show(value)} is not a revision: it must be a string of letters, digits, "
        "`_`, `.`, `/` and `-`"
    )
    help_text, repair = _kernel_options().revision_advice(value)
    return Problem("invalid-revision", message, help_text, repair=repair)


def check_lockfile(value: object) -> str | Problem:
    """The path of a lock file."""
    path = as_text(os.fspath(value) if is_path(value) else value)
    if path is not None and path.strip() and path.isprintable():
        return path
    message = f"{show(value)} is not the path of a lock file"
    help_text, repair = _kernel_options().lockfile_advice(value)
    return Problem("invalid-lockfile", message, help_text, repair=repair)


def check_trust(value: object) -> bool | Problem:
    """Whether to run code of publishers that the Hub does not vouch for, where it is no list."""
    if isinstance(value, bool):
        return value
    help_text, repair = _kernel_options().trust_advice(value)
    message = f"{show(value)} is neither true nor false nor a list of at least one repository id"
    return Problem("invalid-trust-remote-code", message, help_text, repair=repair)


def check_repo_id(item: object) -> str | Problem:
    """A repository of the Hub, with its organisation."""
    text = as_text(item)
    if text is not None and is_repo_id(text):
        return text
    reason = repo_id_problem(text) if text is not None else None
    message = f"{show(item)} is not a repository id `org/repo`" + (f": {reason}" if reason else "")
    help_text, repair = _kernel_options().repo_id_advice(text or "")
    return Problem("invalid-trust-remote-code", message, help_text, repair=repair)


def check_inherit_mapping(value: object) -> bool | Problem:
    """A plain yes or no."""
    if isinstance(value, bool):
        return value
    message = f"{show(value)} is neither true nor false for `inherit_mapping`"
    help_text, repair = _kernel_options().yes_or_no(value)
    if value is None:
        help_text, repair = "leave it out for true", Repair("remove")
    return Problem("invalid-inherit-mapping", message, help_text, repair=repair)


def _kernel_options() -> ModuleType:
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant import kernel_options

    return kernel_options


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
    # Most are: told at once, and as right as any other.
    if name is not None and name.isidentifier() and len(name) <= MAX_LENGTH:
        return name
    help_text = repair = None
    if is_tuple(value):
        return fusion_problem(value)
    if name is None:
        message = f"{show(value)} is not a string"
    elif not (stripped := name.strip()):
        message = f"the layer name {show(name)} is blank"
    elif name != stripped:
        message = f"the layer name {show(name)} has white space at its ends"
        help_text, repair = f"did you mean {quote(stripped)}?", Repair("rename", stripped)
    elif reason := line_problem(name):
        message = f"the layer name {quote(name)} {reason}"
    else:
        return name
    return Problem("invalid-layer-name", message, help_text, at_key=True, repair=repair)


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
        out = Repair("remove", safe=False)

        def misplaced(key: str) -> Problem:
            message = f"{quote(key)} {on_disk}"
            return Problem("misplaced-option", message, help_text, at_key=True, repair=out)

        return [(key, misplaced(key)) for key in options]
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
