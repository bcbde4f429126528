"""What is to be said of a key that cannot stand in its table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.arguments import key_problem, plain_key
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import is_local, read_kernel_ref
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    NAMES_OF_CAPABILITY,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_key,
    closest_of,
    device_help,
    is_every_device,
    joined_names,
    means_exactly,
)
from kernel_schema.typeguards import as_text, is_list, is_table
from kernel_schema.wording import listing, normalise_word, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.codes import Code
    from kernel_schema.schema.problems import Steps
    from kernel_schema.schema.vocabulary import KeyKind

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
NEEDS_MAPPING: Final = "a config needs the key `kernel_mapping`"
MISSING_MAPPING: Final = Problem(
    "missing-key", NEEDS_MAPPING, "write `kernel_mapping: {}` for a config without layers"
)
OUT: Final = "leave it out: "
MOVE_UP: Final = "move it up, beside `kernel_mapping`"
UP_TO_LAYERS: Final = "if it is a layer, move it up, right under `kernel_mapping`"
NOTE: Final = re.compile(r"[_#/$]+(comments?|notes?|)|comments?", re.IGNORECASE)
"""What people call a key that is a comment, where JSON has none."""
# Keys that have a meaning, but not where they stand.
_MISPLACED: Final[dict[str, tuple[Code, str, str]]] = {
    **dict.fromkeys(
        RANGE_KEYS,
        (
            "misplaced-capability",
            "belongs in a list of capability ranges under cuda or rocm",
            "write the device as a list: `[{min_capability: 90, kernel: ...}]`",
        ),
    ),
    **dict.fromkeys(
        DEVICE_NAMES,
        (
            "misplaced-device",
            "is a device: devices stand right under a layer",
            "move it up, to stand there",
        ),
    ),
    **dict.fromkeys(
        MODE_NAMES,
        ("misplaced-mode", "is a mode, inside a mode", "put modes side by side"),
    ),
}


def wrong_key(
    message: str,
    help_text: str | None = None,
    repair: Repair | None = None,
    *,
    code: Code = "unknown-key",
    meant: str | None = None,
) -> Problem:
    """The problem of a key, and not of what stands under it."""
    return Problem(code, message, help_text, at_key=True, meant=meant, repair=repair)


def no_name(key: str, kind: str) -> Problem | None:
    """For a key of the config, or a comment, where a layer, a device or an option stands."""
    if key in CONFIG_KEYS and key != "kernel_mapping":
        return wrong_key(f"{quote(key)} is no {kind}, but a key of the config", MOVE_UP)
    if NOTE.fullmatch(key) and key.strip("_$"):
        help_text = f"{OUT}a comment may be the key `x-comment` beside `kernel_mapping`"
        return wrong_key(f"{quote(key)} is no {kind}", help_text, Repair("remove", safe=False))
    return None


def unknown_option(key: object, table: Mapping[Any, Any], steps: Steps = ()) -> Problem | None:
    """For a key of a kernel with options that is none; None where another key tells."""
    word = as_text(plain_key(key)) or ""
    if word in RANGE_KEYS:
        return _bound_outside(word, table, steps)
    if problem := no_name(word, "option of a kernel"):
        return problem
    if word in DEVICE_NAMES or word in MODE_NAMES:
        return _target_beside_kernel(word, table)
    if word in _PARTS:
        return _part_of_reference(word, table)
    if word in _TARGETS and (problem := _target_as_option(word, table, steps)):
        return problem
    if closest_key(word, (*SPEC_KEYS, *RANGE_KEYS)) in RANGE_KEYS:
        return _bound_by_another_name(word, table, steps)
    return unknown_key(key, SPEC_KEYS, "an option of a kernel", table)


def _target_beside_kernel(word: str, table: Mapping[Any, Any]) -> Problem:
    """For a device or a mode beside `kernel`: it was to hold that, or is for something else."""
    kind = "device" if word in DEVICE_NAMES else "mode"
    message = f"{quote(word)} is a {kind}, beside `kernel`"
    value = table[word]
    help_text = f"put `kernel` and its options inside {quote(word)}"
    if word == "fallback":
        help_text = f"{OUT}nothing stands for a kernel that cannot be loaded"
    elif is_table(value) or value == ORIGINAL or (as_text(value) and read_kernel_ref(value)):
        help_text = f"put `kernel` inside the {kind} that it is for"
        if kind == "mode":
            help_text = "put `kernel` inside `fallback`, which is for modes that are not named"
    return wrong_key(message, help_text)


def _bound_by_another_name(word: str, table: Mapping[Any, Any], steps: Steps) -> Problem:
    """For `capability: 90`: which bounds are meant says the value."""
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.capabilities import bounds_in, shown

    bounds = bounds_in(table[word])
    problem = unknown_key(word, RANGE_KEYS, "a bound of a capability range", table)
    if not bounds or (len(bounds) == 1 and normalise_word(word) not in NAMES_OF_CAPABILITY):
        return problem
    rest = {name: item for name, item in table.items() if name != word}
    written: Any = {**bounds, **rest}
    help_text = f"write `{shown(bounds)}`"
    if steps and plain_key(steps[-1]) in CAPABILITY_DEVICES:
        written, help_text = [written], f"write a list: `[{{{shown(bounds)}, kernel: ...}}]`"
    repair = Repair("replace", written, up=1, safe=False)
    return replace(problem, help=help_text, repair=repair)


# The arguments of kernels' repository classes that a reference holds in one text.
_REPOSITORIES: Final = ("repo_id", "repo", "repo_path", "repository", "path", "local", "url")
_ON_DISK: Final = frozenset(("repo_path", "path", "local"))
_OWNERS: Final = ("org", "organization", "organisation", "owner", "namespace", "user")
_NAMES: Final = ("layer_name", "func_name", "layer", "name")
_PARTS: Final = (*_REPOSITORIES, *_NAMES)
REPOSITORY_WORDS: Final = frozenset(("repo_id", "repo_path", "layer_name", "func_name"))
"""Those of them that mean nothing else: they tell a kernel with options."""


def _part_of_reference(key: str, table: Mapping[Any, Any]) -> Problem | None:
    """For `repo_id` and `layer_name`, which one text holds."""
    repository = next((name for name in (*_REPOSITORIES, "kernel") if name in table), None)
    layer = next((name for name in _NAMES if name in table), None)
    told = next(name for name in table if name in _PARTS)
    if repository is None or layer is None:
        return unknown_key(key, SPEC_KEYS, "an option of a kernel", table)
    if key != told and key in {repository, layer}:
        return None
    where, which = table[repository], table[layer]
    message = f"{quote(key)} is not an option of a kernel: `kernel` holds repository and layer"
    if not isinstance(where, str) or not isinstance(which, str) or ":" in where:
        return wrong_key(message, OUT + "`kernel` says it", Repair("remove", safe=False))
    told_by = {repository, layer, "kernel"}
    owner = next((name for name in _OWNERS if isinstance(table.get(name), str)), None)
    if owner is not None and "/" not in where:
        where, told_by = f"{table[owner]}/{where}", told_by | {owner}
    elif layer != "name" and isinstance(table.get("name"), str) and "/" not in where:
        where, told_by = f"{where}/{table['name']}", told_by | {"name"}
    kernel = f"{'./' * (repository in _ON_DISK and not is_local(where))}{where}:{which}"
    if read_kernel_ref(kernel) is None:
        return wrong_key(message, "add `kernel: org/repo:layer_name`", meant="kernel")
    rest = {name: table[name] for name in table if name not in told_by}
    repair = Repair("replace", {"kernel": kernel, **rest}, up=1)
    if repository == "kernel" or "kernel" not in table:
        help_text = f"write {quote(f'kernel: {kernel}')}"
        if repository == "kernel":
            help_text += f" and leave {quote(key)} out"
        return wrong_key(message, help_text, repair, meant="kernel")
    return wrong_key(message, OUT + "`kernel` says it", Repair("remove", safe=False))


_TARGETS: Final[dict[str, KeyKind]] = {
    **dict.fromkeys(
        ("device", "devices", "device_type", "type", "target", "platform", "backend"), "device"
    ),
    **dict.fromkeys(("mode", "modes", "phase", "stage", "when"), "mode"),
}


def _target_as_option(key: str, table: Mapping[Any, Any], steps: Steps) -> Problem | None:
    """For `device: cuda` beside `kernel`: devices and modes are keys."""
    kind = _TARGETS[key]
    if not _targets_named(key, table):
        return None
    message = f"{quote(key)} is not an option of a kernel: {kind}s are keys"
    options: dict[KeyKind, str] = {kind: key}
    if len(steps) == LAYER_DEPTH:
        # Devices hold modes, whichever is stated first: one without the other is another target.
        for option in filter(_TARGETS.__contains__, table):
            if _targets_named(option, table):
                options.setdefault(_TARGETS[option], option)
    elif kind == "device":
        return wrong_key(
            message, f"{OUT}devices stand right under a layer", Repair("remove", safe=False)
        )
    rest = {option: value for option, value in table.items() if option not in options.values()}
    safe = rest.keys().isdisjoint(RANGE_KEYS)
    entry: Any = rest["kernel"] if set(rest) == {"kernel"} else rest
    snippet = "kernel: ..."
    for option in filter(None, map(options.get, ("mode", "device"))):
        named = _targets_named(option, table)
        safe = safe and {*named} == {*map(as_text, _words(option, table))}
        entry, snippet = dict.fromkeys(named, entry), f"{next(iter(named))}: {{{snippet}}}"
        for name, bounds in named.items():
            if bounds:
                # Imported here: what is right needs none of it.
                from kernel_schema.schema.meant.capabilities import as_table, shown

                entry[name] = [{**bounds, **as_table(entry[name])}]
                snippet = f"{name}: [{{{shown(bounds)}, kernel: ...}}]"
    help_text = f"write {quote(snippet)}"
    if len(entry) > 1:
        help_text = f"write a key for each: {listing([*entry], 'and')}"
    return wrong_key(message, help_text, Repair("replace", entry, up=1, safe=safe))


def _words(option: str, table: Mapping[Any, Any]) -> list[Any]:
    """What an option lists, or joins to one text."""
    value = table[option]
    if is_list(value):
        return [plain_key(item) for item in value[: len(DEVICE_NAMES) + 1]]
    word = as_text(plain_key(value))
    names = DEVICE_NAMES if _TARGETS[option] == "device" else MODE_NAMES
    return (joined_names(word, names) or [word]) if word else []


def _targets_named(option: str, table: Mapping[Any, Any]) -> dict[str, dict[str, int]]:
    """The devices or modes that an option was probably meant to state, with their bounds."""
    # Imported here: what is right needs none of it.
    from kernel_schema.schema.meant.capabilities import target_in

    kind = _TARGETS[option]
    named: dict[str, dict[str, int]] = {}
    for word in _words(option, table):
        if not isinstance(word, str):
            return {}
        target = target_in(word) if kind == "device" else None
        name, bounds = target or (closest_of(word, (kind,))[1], {})
        if name is None:
            return {}
        named[name] = bounds
    return named


LAYER_DEPTH: Final = 2
"""How many steps lead to the entry of a layer."""


def unknown_key(
    key: object, known: tuple[str, ...], what: str, table: Mapping[Any, Any]
) -> Problem:
    """For a key that is not `what`, with the one of `known` that was probably meant."""
    word = as_text(plain_key(key))
    nearest = closest_key(word, known) if word is not None else None
    message = (
        f"{quote(key if word is None else word)} is not {what}: known are {listing(known, 'and')}"
    )
    if nearest is None or word is None:
        return wrong_key(message)
    if nearest in table:
        help_text = f"leave it out: {quote(nearest)} is there already"
        return wrong_key(message, help_text)
    repair = Repair("rename", nearest, safe=means_exactly(word, nearest))
    help_text = f"did you mean {quote(nearest)}?"
    return wrong_key(message, help_text, repair, meant=nearest)


def unknown_name(code: Code, key: object, kind: KeyKind, names: tuple[str, ...]) -> Problem:
    """For a key of a table of devices or modes that is none."""
    if problem := key_problem(key):
        return problem
    word = as_text(key) or ""
    if word in SPEC_KEYS:
        message = f"{quote(key)} is an option of a kernel, beside {kind}s"
        help_text = f"write the {kind}'s kernel as a table: kernel and {word}"
        return wrong_key(message, help_text, code=code)
    if word in RANGE_KEYS and (problem := misplaced_key(word)):
        return problem
    if problem := no_name(word, kind):
        return problem
    message = f"{quote(key)} is not a {kind}: {kind}s are {listing(names, 'and')}"
    if several := joined_names(word, names):
        return wrong_key(message, f"write a key for each: {listing(several, 'and')}", code=code)
    if kind == "device" and is_every_device(word):
        help_text = f"{OUT}devices are named one by one, and nothing stands for the others"
        return wrong_key(message, help_text, code=code)
    if kind == "device" and (help_text := device_help(word)):
        return wrong_key(message, help_text, code=code)
    nearest = closest_of(word, (kind,))[1]
    if nearest is None:
        help_text = UP_TO_LAYERS if word[:1].isupper() else None
        return wrong_key(message, help_text, code=code)
    repair = Repair("rename", nearest, safe=means_exactly(word, nearest))
    return wrong_key(message, f"did you mean `{nearest}`?", repair, code=code)


def misplaced_key(word: str) -> Problem | None:
    """For a key that has a meaning, but not where it stands; None for one without a meaning."""
    if word not in _MISPLACED:
        return None
    code, message, help_text = _MISPLACED[word]
    return wrong_key(f"{quote(word)} {message}", help_text, code=code)


def _bound_outside(word: str, table: Mapping[Any, Any], steps: Steps) -> Problem:
    """For a bound beside `kernel` that stands in no list of ranges."""
    code, message, help_text = _MISPLACED[word]
    repair = None
    holder = plain_key(steps[-1]) if steps else None
    if len(steps) > LAYER_DEPTH and holder in CAPABILITY_DEVICES:
        repair = Repair("replace", [{**table}], up=1)
    elif len(steps) > LAYER_DEPTH and holder in DEVICE_NAMES:
        help_text = f"{OUT}capability ranges are for cuda and rocm only"
        repair = Repair("remove", safe=False)
    elif len(steps) == LAYER_DEPTH + 1 and holder in MODE_NAMES:
        help_text = f"name the device: `cuda: [{{min_capability: 90, {holder}: ...}}]`"
    elif len(steps) == LAYER_DEPTH:
        help_text = "name the device: `cuda: [{min_capability: 90, kernel: ...}]`"
        repair = Repair("replace", {"cuda": [{**table}]}, up=1, safe=False)
    return wrong_key(f"{quote(word)} {message}", help_text, repair, code=code)
