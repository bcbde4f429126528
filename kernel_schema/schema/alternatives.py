"""Which alternative of the grammar a value is, and what to say of values and keys that are none.

A string, a list and a table are told apart by shape alone; a table by its keys, in any order: with
`kernel` it is a kernel with options, else with any device it is a device table, else with any mode
a mode table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from kernel_schema.schema.arguments import fusion_problem, key_problem, repository_problem
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import HubRef, LocalRef, read_kernel_ref
from kernel_schema.schema.values import not_a_reference
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    DeviceType,
    KeyKind,
    ModeName,
    closest_key,
    closest_of,
)
from kernel_schema.typeguards import is_list, is_path, is_table, is_tuple
from kernel_schema.wording import listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.codes import Code
    from kernel_schema.schema.problems import Steps

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
    return "ranges" if is_list(value) and value else "other"


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
    if not _OPTIONS.isdisjoint(words):
        return "kernel"
    # No table has more keys than there are devices: more tell nothing, and comparing takes time.
    kinds = ENTRIES[holder].kinds
    nearest = [closest_of(word, kinds) for word in words[: len(DEVICE_NAMES)]]
    # Before what is known elsewhere: that lacks a kernel only because of this one.
    if ("key", "kernel") in nearest:
        return "kernel"
    if any(misplaced_key(word) is not None for word in words):
        return "other"
    for kind, _ in nearest:
        if kind is not None:
            return _OF_KIND[kind]
    return "other"


def misfit(value: Any, holder: Holder) -> tuple[Steps, Problem]:
    """What is wrong with a value that is nothing that `holder` takes, and where below it."""
    if is_table(value) and value:
        return _misfit_table(value, holder)
    forms = ENTRIES[holder].forms
    help_text = None
    if (is_table(value) or is_list(value)) and not value:
        kind = "list" if is_list(value) else "table"
        return (), Problem("empty-entry", f"an empty {kind} says nothing: {forms}")
    if is_list(value):
        message = f"a list cannot stand here: {forms}"
        return (), Problem("misplaced-list", message, _list_help(value, holder))
    if value is None:
        if original := ENTRIES[holder].original:
            help_text = f"to keep the model's own forward write {original}"
        return (), Problem("invalid-entry", f"nothing stands here: {forms}", help_text)
    if is_path(value):
        return (), not_a_reference(value)
    if problem := repository_problem(value):
        return (), problem
    if holder == "range" and isinstance(value, str):
        help_text = "write it as a table with the key `kernel`"
    return (), Problem("invalid-entry", f"{show(value)} cannot stand here: {forms}", help_text)


def _list_help(value: Sequence[Any], holder: Holder) -> str | None:
    """What a list was probably meant to be."""
    if isinstance(value[0], str):
        # transformers' (reference, options), as files have to write it.
        if len(value) > 1:
            return "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`"
        return "write the kernel without a list"
    ranges = holder == "layer" and all(map(is_table, value))
    return "capability ranges go under a device: `{cuda: [...]}`" if ranges else None


def _misfit_table(table: Mapping[Any, Any], holder: Holder) -> tuple[Steps, Problem]:
    for key in table:
        if problem := key_problem(key):
            return (key,), problem
    words = [key for key in table if isinstance(key, str)]
    for word in words:
        if problem := misplaced_key(word):
            return (word,), problem
    key = words[0] if words else next(iter(table))
    message = f"a table with the key {quote(key)} cannot stand here: {ENTRIES[holder].forms}"
    help_text = None
    if isinstance(key, str) and isinstance(table[key], str):
        # `org/repo: Layer`, with a blank after the colon, is a table in YAML.
        joined = f"{key}:{table[key]}"
        help_text = f"did you mean the text {quote(joined)}?" if read_kernel_ref(joined) else None
    return (), Problem("unknown-key", message, help_text)


MISSING_KERNEL: Final = Problem(
    "missing-key",
    "a kernel with options needs the key `kernel`",
    "add `kernel: org/repo:layer_name`",
)
BOUNDS_ALONE: Final = Problem(
    "missing-key",
    "a capability range needs the key `kernel`, or modes, beside its bounds",
    "add `kernel: org/repo:layer_name`",
)
_NEEDS_MAPPING: Final = "a config needs the key `kernel_mapping`"
MISSING_MAPPING: Final = Problem(
    "missing-key", _NEEDS_MAPPING, "write `kernel_mapping: {}` for a config without layers"
)
INHERIT_AMONG_LAYERS: Final = Problem(
    "unknown-key",
    "`inherit_mapping` is no layer, but a key of the config",
    "move it up, beside `kernel_mapping`",
    at_key=True,
)
_SHOWN_LAYERS: Final = 3
_CONFIG_HINTS: Final = {
    "use_local_kernel": "leave it out: a path that starts with `/`, `./`, `../` or `~` is local",
    "schema": "did you mean `$schema`?",
}
_FUSIONS: Final = "fusions"
# Keys that have a meaning, but not where they stand.
_MISPLACED: Final[tuple[tuple[tuple[str, ...], Code, str, str], ...]] = (
    (
        RANGE_KEYS,
        "misplaced-capability",
        "belongs in a list of capability ranges under cuda or rocm",
        "write the device as a list: `[{min_capability: 90, kernel: ...}]`",
    ),
    (
        DEVICE_NAMES,
        "misplaced-device",
        "is a device: devices stand right under a layer",
        "move it up, to stand there",
    ),
    (MODE_NAMES, "misplaced-mode", "is a mode, inside a mode", "put modes side by side"),
)


def layers_outside(names: list[str]) -> Problem:
    """For layers at the top level, where `kernel_mapping` should be."""
    others = " and the others" if len(names) > _SHOWN_LAYERS else ""
    shown = listing(names[:_SHOWN_LAYERS], "and")
    return Problem("missing-key", _NEEDS_MAPPING, f"put {shown}{others} under it", at_key=True)


def is_config_key(key: str) -> bool:
    """Whether a key of the top level is one, or was probably meant to be one."""
    return key == _FUSIONS or key in _CONFIG_HINTS or closest_key(key, CONFIG_KEYS) is not None


def unknown_config_key(key: object) -> Problem:
    """For a key of the top level that is none."""
    if key == _FUSIONS:
        return fusion_problem()
    if isinstance(key, str) and key in _CONFIG_HINTS:
        message = f"{quote(key)} is not a key of a config"
        return Problem("unknown-key", message, _CONFIG_HINTS[key], at_key=True)
    return _unknown(key, CONFIG_KEYS, "a key of a config")


def unknown_option(key: object) -> Problem:
    """For a key of a kernel with options that is none."""
    word = key if isinstance(key, str) else ""
    if word in RANGE_KEYS and (problem := misplaced_key(word)):
        return problem
    if word in DEVICE_NAMES or word in MODE_NAMES:
        kind = "device" if word in DEVICE_NAMES else "mode"
        message = f"{quote(word)} is a {kind}, beside `kernel`"
        help_text = f"put `kernel` and its options inside {quote(word)}"
        return Problem("unknown-key", message, help_text, at_key=True)
    if closest_key(word, (*SPEC_KEYS, *RANGE_KEYS)) in RANGE_KEYS:
        return _unknown(key, RANGE_KEYS, "a bound of a capability range")
    return _unknown(key, SPEC_KEYS, "an option of a kernel")


def _unknown(key: object, known: tuple[str, ...], what: str) -> Problem:
    nearest = closest_key(key, known) if isinstance(key, str) else None
    message = f"{quote(key)} is not {what}: known are {listing(known, 'and')}"
    help_text = f"did you mean `{nearest}`?" if nearest else None
    return Problem("unknown-key", message, help_text, at_key=True, meant=nearest)


def check_device(key: object) -> DeviceType | Problem:
    """A key of a device table."""
    if isinstance(key, str):
        if key in _DEVICES:
            return _DEVICES[key]
        if key in MODE_NAMES:
            message = f"{quote(key)} is a mode, beside devices"
            help_text = "put modes inside the table of a device"
            return Problem("unknown-device", message, help_text, at_key=True)
    return _unknown_name("unknown-device", key, "device", DEVICE_NAMES)


def check_mode(key: object) -> ModeName | Problem:
    """A key of a mode table."""
    if isinstance(key, str) and key in _MODES:
        return _MODES[key]
    return _unknown_name("unknown-mode", key, "mode", MODE_NAMES)


def _unknown_name(code: Code, key: object, kind: KeyKind, names: tuple[str, ...]) -> Problem:
    if problem := key_problem(key):
        return problem
    word = key if isinstance(key, str) else ""
    if word in SPEC_KEYS:
        message = f"{quote(key)} is an option of a kernel, beside {kind}s"
        help_text = f"write the {kind}'s kernel as a table: kernel and {word}"
        return Problem(code, message, help_text, at_key=True)
    if word in RANGE_KEYS and (problem := misplaced_key(word)):
        return problem
    nearest = closest_of(word, (kind,))[1]
    message = f"{quote(key)} is not a {kind}: {kind}s are {listing(names, 'and')}"
    help_text = f"did you mean `{nearest}`?" if nearest else None
    return Problem(code, message, help_text, at_key=True)


def misplaced_key(word: str) -> Problem | None:
    """For a key that has a meaning, but not where it stands; None for one without a meaning."""
    for words, code, message, help_text in _MISPLACED:
        if word in words:
            return Problem(code, f"{quote(word)} {message}", help_text, at_key=True)
    return None
