"""Which alternative of the grammar a value is, told by its shape alone.

A string, a list or a table; and a table by its keys, in any order: with `kernel` it is a kernel
with options, else with any device it is a device table, else with any mode a mode table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import HubRef, LocalRef, read_kernel_ref
from kernel_schema.schema.values import check_kernel
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    SPEC_KEYS,
    KeyKind,
    closest_of,
)
from kernel_schema.schema.wrong_keys import misplaced_key
from kernel_schema.typeguards import is_list, is_path, is_table, is_tuple
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.schema.problems import Steps

Alternative = Literal["string", "kernel", "devices", "modes", "ranges", "range", "other"]
Holder = Literal["layer", "device", "range", "mode"]
"""What an entry stands for: each takes other alternatives."""

_DEVICES: Final = frozenset(DEVICE_NAMES)
_MODES: Final = frozenset(MODE_NAMES)

# What each holder takes, in the words of the messages.
_FORMS: Final[dict[Holder, str]] = {
    "layer": "a layer takes `org/repo:layer_name`, `original`, a kernel with options, "
    "a table of devices or a table of modes",
    "device": "a device takes `org/repo:layer_name`, `original`, a kernel with options, "
    "a table of modes or, under cuda and rocm, a list of capability ranges",
    "range": "a capability range is a table with `kernel` or with modes",
    "mode": "a mode takes `org/repo:layer_name` or a kernel with options",
}


def declared(value: object) -> Alternative | None:
    """The alternative that a model of ours is; None for any other value."""
    kind: type = type(value)
    # Most are plain dicts, and asking a class for what it lacks takes time.
    return None if kind is dict else getattr(kind, "grammar_alternative", None)


def alternative(value: object) -> Alternative:
    """The alternative that any value is.

    >>> alternative("org/repo:L"), alternative({"version": 1, "kernel": "org/repo:L"})
    ('string', 'kernel')
    >>> alternative([{}]), alternative([]), alternative({"cdua": "org/repo:L"})
    ('ranges', 'other', 'other')
    """
    if isinstance(value, (str, HubRef, LocalRef)):
        return "string"
    model = declared(value)
    if model is not None:
        return model
    if is_table(value):
        return _of_table(value)
    if is_tuple(value):
        return "ranges" if value and _is_range(value[0]) else "kernel"
    return "ranges" if is_list(value) and value else "other"


def _of_table(value: Mapping[Any, Any]) -> Alternative:
    if "kernel" in value:
        return "kernel"
    if not _DEVICES.isdisjoint(value):
        return "devices"
    if not _MODES.isdisjoint(value):
        return "modes"
    return "other"


def _is_range(value: object) -> bool:
    """Whether the first item of a tuple is a capability range, not the reference of a kernel."""
    return is_table(value) or declared(value) == "range"


def misfit(value: Any, holder: Holder) -> tuple[Steps, Problem]:
    """What is wrong with a value that is nothing that `holder` takes, and where below it."""
    if is_table(value) and value:
        return _misfit_table(value, holder)
    return (), _misfit_value(value, holder)


def _misfit_value(value: Any, holder: Holder) -> Problem:
    forms = _FORMS[holder]
    if (is_table(value) or is_list(value)) and not value:
        kind = "list" if is_list(value) else "table"
        return Problem("empty-entry", f"an empty {kind} says nothing: {forms}")
    if is_list(value):
        message = f"a list cannot stand here: {forms}"
        return Problem("misplaced-list", message, _list_help(value, holder))
    if value is None:
        keeping = _KEEPING.get(holder)
        help_text = f"to keep the model's own forward write {keeping}" if keeping else None
        return Problem("invalid-entry", f"nothing stands here: {forms}", help_text)
    if is_path(value) and isinstance(problem := check_kernel(value), Problem):
        return problem
    return Problem(
        "invalid-entry",
        f"{show(value)} cannot stand here: {forms}",
        "write it as a table with the key `kernel`"
        if holder == "range" and isinstance(value, str)
        else None,
    )


_KEEPING: Final[dict[Holder, str]] = {
    "layer": "`original`",
    "device": "`original`",
    "range": "`kernel: original`",
}


def _list_help(value: list[Any], holder: Holder) -> str | None:
    """What a list was probably meant to be."""
    if isinstance(value[0], str):
        # transformers' (reference, options), as files have to write it.
        if len(value) > 1:
            return "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`"
        return "write the kernel without a list"
    ranges = holder == "layer" and all(map(is_table, value))
    return "capability ranges go under a device: `{cuda: [...]}`" if ranges else None


def meant_alternative(value: object, holder: Holder) -> Alternative:
    """The alternative that a value is; of a table without a key that tells it, the one meant.

    So all its mistakes are told in the words of what it should have been.

    >>> meant_alternative({"CUDA": "o/r:L", "hip": "o/r:L"}, "layer")
    'devices'
    >>> meant_alternative({"x": 1}, "layer")
    'other'
    """
    # Most are strings, and this is asked of every entry.
    stated = "string" if type(value) is str else alternative(value)
    if stated != "other" or not is_table(value):
        return stated
    words = [key for key in value if isinstance(key, str)]
    if not _OPTIONS.isdisjoint(words):
        return "kernel"
    # No table has more keys than there are devices: more tell nothing, and comparing takes time.
    near = [closest_of(word, _KEYS_IN[holder]) for word in words[: len(DEVICE_NAMES)]]
    # Before what is known elsewhere: that lacks a kernel only because of this one.
    if ("key", "kernel") in near:
        return "kernel"
    if any(misplaced_key(word) is not None for word in words):
        return "other"
    for kind, _ in near:
        if kind is not None:
            return _MEANT[kind]
    return "other"


_OPTIONS: Final = frozenset(SPEC_KEYS)
_MEANT: Final[dict[KeyKind, Alternative]] = {"device": "devices", "mode": "modes", "key": "kernel"}


def _misfit_table(value: Mapping[Any, Any], holder: Holder) -> tuple[Steps, Problem]:
    words = [key for key in value if isinstance(key, str)]
    for word in words:
        problem = misplaced_key(word)
        if problem is not None:
            return (word,), problem
    key = words[0] if words else next(iter(value))
    message = f"a table with the key {quote(key)} cannot stand here: {_FORMS[holder]}"
    return (), Problem("unknown-key", message, _joined_help(key, value[key]))


def _joined_help(key: object, value: object) -> str | None:
    """`org/repo: Layer`, with a blank after the colon, is a table in YAML."""
    if not isinstance(key, str) or not isinstance(value, str):
        return None
    text = f"{key}:{value}"
    return f"did you mean the text {quote(text)}?" if read_kernel_ref(text) else None


_KEYS_IN: Final[dict[Holder, tuple[KeyKind, ...]]] = {
    "layer": ("device", "mode", "key"),
    "device": ("mode", "key"),
    "range": ("mode", "key"),
    "mode": ("key",),
}
