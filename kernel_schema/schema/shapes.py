"""Which alternative of the grammar a value is, told by its shape alone.

A string, a list or a table; and a table by its keys, in any order: with `kernel` it is a kernel
with options, else with any device it is a device table, else with any mode a mode table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from kernel_schema.schema.kinds import is_list, is_path, is_table, is_tuple
from kernel_schema.schema.problems import fail, located, misplaced_capability, problem
from kernel_schema.schema.references import HubRef, LocalRef, is_kernel
from kernel_schema.schema.values import check_kernel
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    KeyKind,
    closest_of,
)
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import PydanticCustomError

Shape = Literal["string", "kernel", "devices", "modes", "ranges", "range", "other"]
Place = Literal["layer", "device", "range", "mode"]

_DEVICES: Final = frozenset(DEVICE_NAMES)
_MODES: Final = frozenset(MODE_NAMES)
_RANGES: Final = frozenset(RANGE_KEYS)

# What may stand at each place, in the words of the messages.
_FORMS: Final[dict[Place, str]] = {
    "layer": "a layer takes `org/repo:layer_name`, `original`, a kernel with options, "
    "a table of devices or a table of modes",
    "device": "a device takes `org/repo:layer_name`, `original`, a kernel with options, "
    "a table of modes or, under cuda and rocm, a list of capability ranges",
    "range": "a capability range is a table with `kernel` or with modes",
    "mode": "a mode takes `org/repo:layer_name` or a kernel with options",
}


def table_shape(value: Mapping[Any, Any]) -> Shape:
    """The shape of a table, by its keys.

    >>> table_shape({"version": 1, "kernel": "org/repo:L"}), table_shape({"cdua": "org/repo:L"})
    ('kernel', 'other')
    """
    if "kernel" in value:
        return "kernel"
    if not _DEVICES.isdisjoint(value):
        return "devices"
    if not _MODES.isdisjoint(value):
        return "modes"
    return "other"


def shape(value: object) -> Shape:
    """The shape of any value.

    >>> shape("org/repo:L"), shape([{}]), shape([])
    ('string', 'ranges', 'other')
    """
    if isinstance(value, (str, HubRef, LocalRef)):
        return "string"
    declared: Shape | None = getattr(type(value), "grammar_shape", None)
    if declared is not None:
        return declared
    if is_table(value):
        return table_shape(value)
    if is_tuple(value):
        return "ranges" if value and _is_range(value[0]) else "kernel"
    return "ranges" if is_list(value) and value else "other"


def _is_range(value: object) -> bool:
    """Whether the first item of a tuple is a capability range, not the reference of a kernel."""
    return is_table(value) or getattr(type(value), "grammar_shape", None) == "range"


def refuse_other(value: Any, place: Place) -> NoReturn:
    """Raise the one error for a value that is none of the forms allowed at `place`."""
    if is_table(value) and value:
        key, error = _unknown_table(value, place)
        raise fail("entry", [located((key,), error, value)]) if key is not None else error
    if (is_table(value) or is_list(value)) and not value:
        kind = "list" if is_list(value) else "table"
        raise problem("empty-entry", f"an empty {kind} says nothing: {_FORMS[place]}")
    if is_list(value):
        message = f"a list cannot stand here: {_FORMS[place]}"
        raise problem("misplaced-list", message, _list_help(value, place))
    if value is None:
        help_text = f"to keep the model's own forward write {_KEEPING[place]}"
        raise problem(
            "invalid-entry",
            f"nothing stands here: {_FORMS[place]}",
            help_text if place != "mode" else None,
        )
    if is_path(value):
        check_kernel(value)
    raise problem(
        "invalid-entry",
        f"{show(value)} cannot stand here: {_FORMS[place]}",
        "write it as a table with the key `kernel`"
        if place == "range" and isinstance(value, str)
        else None,
    )


_KEEPING: Final[dict[Place, str]] = {
    "layer": "`original`",
    "device": "`original`",
    "range": "`kernel: original`",
    "mode": "",
}


def _list_help(value: list[Any], place: Place) -> str | None:
    """What a list was probably meant to be."""
    if isinstance(value[0], str):
        # transformers' (reference, options), as files have to write it.
        if len(value) > 1:
            return "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`"
        return "write the kernel without a list"
    ranges = place == "layer" and all(map(is_table, value))
    return "capability ranges go under a device: `{cuda: [...]}`" if ranges else None


def meant_shape(value: object, place: Place) -> Shape:
    """The shape of a value; of a table without a key that tells it, the one that was meant.

    So all its mistakes are told in the words of what it should have been.

    >>> meant_shape({"CUDA": "o/r:L", "hip": "o/r:L"}, "layer"), meant_shape({"x": 1}, "layer")
    ('devices', 'other')
    """
    found = shape(value)
    if found != "other" or not is_table(value):
        return found
    words = [key for key in value if isinstance(key, str)]
    if not _OPTIONS.isdisjoint(words):
        return "kernel"
    # No table has more keys than there are devices: more tell nothing, and comparing takes time.
    near: list[tuple[KeyKind | None, str | None]] = [
        closest_of(word, _KEYS_BY_PLACE[place]) for word in words[: len(DEVICE_NAMES)]
    ]
    # Before what is known elsewhere: that lacks a kernel only because of this one.
    if ("key", "kernel") in near:
        return "kernel"
    if any(_known_elsewhere(word) is not None for word in words):
        return "other"
    for kind, _ in near:
        if kind is not None:
            return _MEANT[kind]
    return "other"


_OPTIONS: Final = frozenset(SPEC_KEYS)
_MEANT: Final[dict[KeyKind, Shape]] = {"device": "devices", "mode": "modes", "key": "kernel"}


def _unknown_table(
    value: Mapping[Any, Any], place: Place
) -> tuple[str | None, PydanticCustomError]:
    """What to say of a table that is nothing that is allowed here, and of which of its keys."""
    words = [key for key in value if isinstance(key, str)]
    for word in words:
        error = _known_elsewhere(word)
        if error is not None:
            return word, error
    key = words[0] if words else next(iter(value))
    return None, problem(
        "unknown-key",
        f"a table with the key {quote(key)} cannot stand here: {_FORMS[place]}",
        _joined_help(key, value[key]),
    )


def _joined_help(key: object, value: object) -> str | None:
    """`org/repo: Layer`, with a blank after the colon, is a table in YAML."""
    if not isinstance(key, str) or not isinstance(value, str):
        return None
    text = f"{key}:{value}"
    return f"did you mean the text {quote(text)}?" if is_kernel(text) else None


def _known_elsewhere(word: str) -> PydanticCustomError | None:
    if word in _RANGES:
        return misplaced_capability(word)
    if word in _DEVICES:
        return problem(
            "misplaced-device",
            f"{quote(word)} is a device: devices stand right under a layer",
            "move it up, to stand there",
            at_key=True,
        )
    if word in _MODES:
        return problem(
            "misplaced-mode",
            f"{quote(word)} is a mode, inside a mode",
            "put modes side by side",
            at_key=True,
        )
    return None


_KEYS_BY_PLACE: Final[dict[Place, tuple[KeyKind, ...]]] = {
    "layer": ("device", "mode", "key"),
    "device": ("mode", "key"),
    "range": ("mode", "key"),
    "mode": ("key",),
}
