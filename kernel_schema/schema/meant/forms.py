"""What a value was meant to be that is nothing its holder takes: other ways to say the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.alternatives import ENTRIES, is_pair
from kernel_schema.schema.arguments import key_problem, repository_problem
from kernel_schema.schema.meant.keys import misplaced_key
from kernel_schema.schema.meant.numbers import capability_in
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.values import not_a_reference
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_of,
    is_every_device,
    joined_names,
)
from kernel_schema.typeguards import is_list, is_path, is_table
from kernel_schema.wording import listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.schema.alternatives import Holder
    from kernel_schema.schema.problems import Advice, Steps
    from kernel_schema.schema.vocabulary import KeyKind

_OF_KIND: Final[dict[KeyKind, tuple[str, ...]]] = {"device": DEVICE_NAMES, "mode": MODE_NAMES}
_OPTIONS: Final = frozenset(SPEC_KEYS[1:])
_NOTHING: Final = (None, None)
_WITH_OPTIONS: Final = "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`"


def misfit(value: Any, holder: Holder, steps: Steps = ()) -> tuple[Steps, Problem]:
    """What is wrong with a value that is nothing that `holder` takes, and where below it.

    `steps` lead to it.
    """
    if is_table(value) and value:
        return _misfit_table(value, holder, steps)
    forms = ENTRIES[holder].forms
    if (is_table(value) or is_list(value)) and not value:
        kind = "list" if is_list(value) else "table"
        return (), Problem("empty-entry", f"an empty {kind} says nothing: {forms}")
    if is_list(value):
        message = f"a list cannot stand here: {forms}"
        help_text, repair = _meant_list(value, holder)
        return (), Problem("misplaced-list", message, help_text, repair=repair)
    if value is None or value is False:
        message = f"{show(value)} cannot stand here: {forms}"
        if value is None:
            message = f"nothing stands here: {forms}"
        help_text, repair = _kept(holder)
        return (), Problem("invalid-entry", message, help_text, repair=repair)
    if is_path(value):
        return (), not_a_reference(value)
    if problem := repository_problem(value):
        return (), problem
    help_text, repair = _NOTHING
    if holder == "range" and isinstance(value, str):
        help_text = "write it as a table with the key `kernel`"
        repair = Repair("replace", {"kernel": value})
    message = f"{show(value)} cannot stand here: {forms}"
    return (), Problem("invalid-entry", message, help_text, repair=repair)


def _kept(holder: Holder) -> Advice:
    """What to write for no kernel."""
    original = ENTRIES[holder].original
    if original is None:
        return "leave the mode out to state none", Repair("remove", safe=False)
    kept = {"kernel": ORIGINAL} if holder == "range" else ORIGINAL
    return f"to keep the model's own forward write {original}", Repair("replace", kept)


def _meant_list(value: Sequence[Any], holder: Holder) -> Advice:
    """What a list was probably meant to be."""
    if is_pair(value):
        # transformers' (reference, options), as files have to write it.
        kernel = {"kernel": value[0], **value[1]}
        safe = _OPTIONS.issuperset(value[1])
        return _WITH_OPTIONS, Repair("replace", kernel, safe=safe)
    if len(value) == 1 and isinstance(value[0], str):
        return "write the kernel without a list", Repair("replace", value[0])
    if all(isinstance(item, str) for item in value):
        return "write one kernel, without a list", Repair("replace", value[0], safe=False)
    if isinstance(value[0], str):
        of_options = any(is_table(item) and not _OPTIONS.isdisjoint(item) for item in value[1:])
        return (_WITH_OPTIONS, None) if of_options else _with_others(value, holder)
    return _meant_tables(value, holder) if all(map(is_table, value)) else _NOTHING


def _with_others(value: Sequence[Any], holder: Holder) -> Advice:
    """For a kernel with devices or modes behind it, which it was to stand beside."""
    kernel, *tables = value
    others = _one_table(tables) if all(map(is_table, tables)) else None
    if others and frozenset(MODE_NAMES).issuperset(others) and "fallback" not in others:
        repair = Repair("replace", {"fallback": kernel, **others}, safe=False)
        return "name the mode: `fallback: ...` is for those that are not named", repair
    if others and holder == "layer" and frozenset(DEVICE_NAMES) > others.keys():
        named = next(name for name in ("cuda", *DEVICE_NAMES) if name not in others)
        repair = Repair("replace", {named: kernel, **others}, safe=False)
        return f"devices are named one by one: `{named}: ...` for the kernel", repair
    return _NOTHING


def _meant_tables(value: Sequence[Mapping[Any, Any]], holder: Holder) -> Advice:
    """The same of a list of tables."""
    if (merged := _one_table(value)) and frozenset(DEVICE_NAMES).issuperset(merged):
        return "write the devices without a list", Repair("replace", merged)
    for key in ("device", "mode") if holder == "layer" else ("mode",):
        if all(isinstance(item.get(key), str) for item in value):
            return _keyed_by(key, value)
    bounded = any(not frozenset(RANGE_KEYS).isdisjoint(item) for item in value)
    if holder == "layer" and (bounded or len(value) > 1):
        help_text = "capability ranges go under a device: `{cuda: [...]}`"
        return help_text, Repair("replace", {"cuda": list(value)}, safe=False)
    if len(value) == 1 and not bounded:
        return "write the kernel without a list", Repair("replace", value[0])
    return _NOTHING


def _keyed_by(key: str, items: Sequence[Mapping[Any, Any]]) -> Advice:
    """For a list of tables with `device` or `mode` in each: they are keys."""
    kind: KeyKind = "device" if key == "device" else "mode"
    names = [closest_of(item[key], (kind,))[1] for item in items]
    if None in names or len(set(names)) < len(names):
        return f"{key}s are keys: write a table of {key}s", None
    rest = [_without(item, key) for item in items]
    safe = names == [item[key] for item in items]
    repair = Repair("replace", dict(zip(names, rest, strict=True)), safe=safe)
    return f"{key}s are keys: `{names[0]}: {{kernel: ...}}`", repair


def _misfit_table(table: Mapping[Any, Any], holder: Holder, steps: Steps) -> tuple[Steps, Problem]:
    for key in table:
        if problem := key_problem(key):
            return (key,), problem
    words = [key for key in table if isinstance(key, str)]
    if holder == "layer" and steps[-1:] == ("kernel_mapping",):
        inner = "`kernel_mapping` stands inside of `kernel_mapping`"
        help_text, repair = "leave one of the two out", Repair("replace", table, 1, safe=False)
        return (), Problem("unknown-key", inner, help_text, at_key=True, repair=repair)
    if holder == "layer" and steps and (problem := _transposed(steps[-1], words)):
        return (), problem
    if (bounds := _capabilities(table)) and holder in {"layer", "device"}:
        return (words[0],), _as_ranges(words[0], table, bounds, holder)
    known = {name for kind in ENTRIES[holder].kinds for name in _OF_KIND.get(kind, ())}
    for word in sorted(words, key=known.__contains__):
        if problem := misplaced_key(word) or _of_devices(word, table, holder):
            return (word,), problem
    key = words[0] if words else next(iter(table))
    message = f"a table with the key {quote(key)} cannot stand here: {ENTRIES[holder].forms}"
    help_text, repair = _NOTHING
    if isinstance(key, str) and isinstance(table[key], str):
        # `org/repo: Layer`, with a blank after the colon, is a table in YAML.
        joined = f"{key}:{table[key]}"
        if read_kernel_ref(joined):
            help_text = f"did you mean the text {quote(joined)}?"
            repair = Repair("replace", joined, safe=len(table) == 1)
    return (), Problem("unknown-key", message, help_text, repair=repair)


def _of_devices(word: str, table: Mapping[Any, Any], holder: Holder) -> Problem | None:
    """For a key that was to stand for every device, or for several."""
    if holder != "layer":
        return None
    message = f"{quote(word)} is not a device"
    if several := joined_names(word, DEVICE_NAMES):
        help_text = f"write a key for each: {listing(several, 'and')}"
        every = dict.fromkeys(several, table[word])
        repair = Repair("replace", every, up=1) if len(table) == 1 else None
    elif len(table) == 1 and is_every_device(word):
        help_text = f"leave {quote(word)} out: what stands for a layer itself is for every device"
        repair = Repair("replace", table[word], up=1)
    else:
        return None
    return Problem("unknown-device", message, help_text, at_key=True, repair=repair)


def _transposed(name: Any, words: Sequence[str]) -> Problem | None:
    """For a device or a mode that holds layers, where a layer holds devices and modes."""
    kind, meant = closest_of(name, ("device", "mode")) if isinstance(name, str) else _NOTHING
    if kind is None or meant is None or not words:
        return None
    message = f"{quote(name)} is a {kind}, where a layer belongs"
    help_text = f"layers come first: `{words[0]}: {{{meant}: ...}}`"
    code = "misplaced-device" if kind == "device" else "misplaced-mode"
    return Problem(code, message, help_text, at_key=True)


def _capabilities(table: Mapping[Any, Any]) -> dict[str, int]:
    """The capabilities that the keys of a table name, if all of them do."""
    bounds = {key: capability_in(key) for key in table if isinstance(key, str)}
    named = {key: bound for key, bound in bounds.items() if bound is not None}
    return named if len(named) == len(table) else {}


def _as_ranges(
    word: str, table: Mapping[Any, Any], bounds: Mapping[str, int], holder: Holder
) -> Problem:
    """For `{sm_90: ..., sm_80: ...}`: capabilities are bounds, and no keys."""
    message = f"{quote(word)} is a capability, and capabilities are no keys"
    ranges = [
        {"min_capability": bounds[key], **(value if is_table(value) else {"kernel": value})}
        for key, value in table.items()
    ]
    snippet = f"[{{min_capability: {bounds[word]}, kernel: ...}}]"
    help_text = f"write a list: `{snippet}`"
    if holder == "layer":
        help_text = f"write a list under a device: `cuda: {snippet}`"
    written = {"cuda": ranges} if holder == "layer" else ranges
    distinct = len(set(bounds.values())) == len(bounds)
    repair = Repair("replace", written, up=1, safe=False) if distinct else None
    return Problem("misplaced-capability", message, help_text, at_key=True, repair=repair)


_ASSIGNED: Final = re.compile(r"([^\s=:]+)\s*[=:]\s*(\S+)")


def _one_table(tables: Sequence[Mapping[Any, Any]]) -> dict[Any, Any] | None:
    """What several tables say together, unless they speak of the same."""
    merged = {name: entry for table in tables for name, entry in table.items()}
    return merged if len(merged) == sum(map(len, tables)) else None


def misfit_mapping(value: Any) -> Problem:
    """For what stands as `kernel_mapping` and is no table of layers."""
    message = f"{show(value)} is not a table of layers for `kernel_mapping`"
    help_text, repair = _NOTHING
    if not value:
        help_text = "write `kernel_mapping: {}` for a config without layers"
        repair = Repair("replace", {}, safe=False)
    elif is_list(value) and all(isinstance(item, str) for item in value):
        help_text, repair = _assigned_layers(value)
    elif is_list(value) and all(map(is_table, value)):
        help_text, repair = _meant_layers(value)
    return Problem("invalid-kernel-mapping", message, help_text, repair=repair)


def _meant_layers(items: Sequence[Mapping[Any, Any]]) -> Advice:
    """What a list of tables was meant to be that stands in place of layers."""
    for key in ("layer", "layer_name", "name"):
        if all("kernel" in item and isinstance(item.get(key), str) for item in items):
            layers = {item[key]: _without(item, key) for item in items}
            if len(layers) == len(items):
                help_text = f"layers are keys: {quote(f'{items[0][key]}: {{kernel: ...}}')}"
                return help_text, Repair("replace", layers)
    layers = _one_table(items)
    return "write the layers without a list", Repair("replace", layers) if layers else None


def _assigned_layers(items: Sequence[str]) -> Advice:
    """What a list of texts was meant to be: Compose has such lists of variables."""
    pairs = [_ASSIGNED.fullmatch(item) for item in items]
    layers = {pair[1]: pair[2] for pair in pairs if pair}
    if len(layers) < len(items):
        return _NOTHING
    safe = all(map(read_kernel_ref, layers.values()))
    name, kernel = next(iter(layers.items()))
    help_text = f"layers are keys: {quote(f'{name}: {kernel}')}"
    return help_text, Repair("replace", layers, safe=safe)


def _without(table: Mapping[Any, Any], key: str) -> dict[Any, Any]:
    return {name: value for name, value in table.items() if name != key}
