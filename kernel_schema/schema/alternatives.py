"""Which alternative of the grammar a value is, and what a value was meant to be that is none.

A string, a list and a table are told apart by shape alone; a table by its keys, in any order: with
`kernel` it is a kernel with options, else with any device it is a device table, else with any mode
a mode table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from kernel_schema.schema.meant.keys import REPOSITORY_WORDS, misplaced_key, unknown_name
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    SPEC_KEYS,
    DeviceType,
    ModeName,
    closest_of,
    device_help,
)
from kernel_schema.typeguards import is_list, is_table, is_tuple
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_schema.schema.vocabulary import KeyKind

Alternative = Literal["config", "string", "kernel", "devices", "modes", "ranges", "range", "other"]
Holder = Literal["layer", "device", "range", "mode"]
"""What an entry stands for: each takes other alternatives."""


class _Entry(NamedTuple):
    """What a holder takes, in the words of a message too, and how the keys of such tables begin."""

    takes: frozenset[Alternative]
    forms: str
    kinds: tuple[KeyKind, ...]
    original: str | None = None


ENTRIES: Final[dict[Holder, _Entry]] = {
    "layer": _Entry(
        frozenset({"string", "kernel", "modes", "devices"}),
        "a layer takes `org/repo:layer_name`, `original`, a kernel with options, "
        "a table of devices or a table of modes",
        ("device", "mode", "key"),
        "`original`",
    ),
    "device": _Entry(
        frozenset({"string", "kernel", "modes", "ranges"}),
        "a device takes `org/repo:layer_name`, `original`, a kernel with options, "
        "a table of modes or, under cuda and rocm, a list of capability ranges",
        ("mode", "key"),
        "`original`",
    ),
    "range": _Entry(
        frozenset({"kernel", "modes"}),
        "a capability range is a table with `kernel` or with modes",
        ("mode", "key"),
        "`kernel: original`",
    ),
    "mode": _Entry(
        frozenset({"string", "kernel"}),
        "a mode takes `org/repo:layer_name` or a kernel with options",
        ("key",),
    ),
}
_DEVICES: Final = {device.value: device for device in DeviceType}
_MODES: Final = {mode.value: mode for mode in ModeName}
_DEVICE_SET: Final = frozenset(DEVICE_NAMES)
_MODE_SET: Final = frozenset(MODE_NAMES)
_OPTIONS: Final = frozenset(SPEC_KEYS)
_OF_KIND: Final[dict[KeyKind, Alternative]] = {
    "device": "devices",
    "mode": "modes",
    "key": "kernel",
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
        if "kernel" in value:
            return "kernel"
        if not _DEVICE_SET.isdisjoint(value):
            return "devices"
        return "other" if _MODE_SET.isdisjoint(value) else "modes"
    if is_tuple(value):
        ranges = value and (is_table(value[0]) or declared(value[0]) == "range")
        return "ranges" if ranges else "kernel"  # of a reference and options
    return "ranges" if is_list(value) and value and not _is_of_texts(value) else "other"


def is_pair(value: Sequence[Any]) -> bool:
    """Whether a list is transformers' pair of a reference and its options.

    >>> is_pair(["org/repo:L", {"version": 1}]), is_pair(["org/repo:L", {"kernel": "org/repo:M"}])
    (True, False)
    """
    if len(value) != 2 or not isinstance(value[0], str) or not is_table(value[1]):
        return False
    return alternative(value[1]) == "other"


def _is_of_texts(value: Sequence[Any]) -> bool:
    """Whether a list holds kernels where ranges belong: not even one of them is a table."""
    if not isinstance(value[0], str):
        return False
    return is_pair(value) or all(isinstance(item, str) for item in value)


def meant_alternative(value: object, holder: Holder) -> Alternative:
    """The alternative that a value is; of a table without a key that tells it, the one meant.

    So all its mistakes are told in the words of what it should have been.

    >>> meant_alternative({"CUDA": "o/r:L", "hip": "o/r:L"}, "layer")
    'devices'
    """
    stated = alternative(value)
    if stated != "other" or not is_table(value):
        return stated
    words = [key for key in value if isinstance(key, str)]
    if not (_OPTIONS.isdisjoint(words) and REPOSITORY_WORDS.isdisjoint(words)):
        return "kernel"
    # No table has more keys than there are devices: more tell nothing, and comparing takes time.
    kinds = ENTRIES[holder].kinds
    words = words[: len(DEVICE_NAMES)]
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.capabilities import target_in

    nearest = [closest_of(word, kinds) for word in words]
    # Before what is known elsewhere: that lacks a kernel only because of this one.
    if ("key", "kernel") in nearest:
        return "kernel"
    if any(misplaced_key(word) is not None or target_in(word) for word in words):
        return "other"
    for kind, _ in nearest:
        if kind is not None:
            return _OF_KIND[kind]
    elsewhere = "device" in kinds and any(map(device_help, words))
    return "devices" if elsewhere else "other"


def check_device(key: object) -> DeviceType | Problem:
    """A key of a device table."""
    if isinstance(key, str):
        if key in _DEVICES:
            return _DEVICES[key]
        if key in MODE_NAMES:
            message = f"{quote(key)} is a mode, beside devices"
            help_text = "put modes inside the table of a device"
            return Problem("unknown-device", message, help_text, at_key=True)
    return unknown_name("unknown-device", key, "device", DEVICE_NAMES)


def check_mode(key: object) -> ModeName | Problem:
    """A key of a mode table."""
    if isinstance(key, str) and key in _MODES:
        return _MODES[key]
    return unknown_name("unknown-mode", key, "mode", MODE_NAMES)
