"""What a list was meant to be where a kernel, or a table of layers, belongs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.alternatives import is_pair
from kernel_schema.schema.meant.capabilities import shown
from kernel_schema.schema.meant.keys import REPOSITORY_WORDS
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.values import NO_KERNEL
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_of,
)
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import normalise_word, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.schema.alternatives import Holder
    from kernel_schema.schema.problems import Advice
    from kernel_schema.schema.vocabulary import KeyKind

_OPTIONS: Final = frozenset(SPEC_KEYS[1:])
_BOUNDS: Final = frozenset(RANGE_KEYS)
_NOTHING: Final = (None, None)
_WITH_OPTIONS: Final = "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`"


def meant_list(value: Sequence[Any], holder: Holder) -> Advice:
    """What a list was probably meant to be."""
    if is_pair(value):
        # transformers' (reference, options), as files have to write it.
        kernel = {"kernel": value[0], **value[1]}
        if not _BOUNDS.isdisjoint(kernel):
            ranges = {"cuda": [kernel]} if holder == "layer" else [kernel]
            bounds = {key: kernel[key] for key in RANGE_KEYS if key in kernel}
            help_text = f"write a list of tables: `[{{{shown(bounds)}, kernel: ...}}]`"
            return help_text, Repair("replace", ranges, safe=False)
        safe = _OPTIONS.issuperset(value[1])
        return _WITH_OPTIONS, Repair("replace", kernel, safe=safe)
    if len(value) == 1 and isinstance(value[0], str):
        return "write the kernel without a list", Repair("replace", value[0])
    if all(isinstance(item, str) and read_kernel_ref(item) for item in value):
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
        if any(key in item for item in value):
            return f"{key}s are keys: write a table of {key}s", None
    bounded = any(not _BOUNDS.isdisjoint(item) for item in value)
    if holder == "mode" and bounded:
        return "a mode stands in a range: `{cuda: [{min_capability: 90, training: ...}]}`", None
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
    if None in names:
        return f"{key}s are keys: write a table of {key}s", None
    written: dict[str | None, Any] = {}
    for name, item in zip(names, items, strict=True):
        entry = _without(item, key)
        if name in written or not _BOUNDS.isdisjoint(entry):
            first = written.get(name, [])
            entry = [*(first if is_list(first) else (first,)), entry]
        written[name] = entry
    safe = names == [item[key] for item in items] and not any(map(is_list, written.values()))
    repair = Repair("replace", written, safe=safe)
    return f"{key}s are keys: `{names[0]}: {{kernel: ...}}`", repair


_ASSIGNED: Final = re.compile(r"([^\s=:]+)\s*[=:]\s*(\S+)")


def _one_table(tables: Sequence[Mapping[Any, Any]]) -> dict[Any, Any] | None:
    """What several tables say together, unless they speak of the same."""
    merged = {name: entry for table in tables for name, entry in table.items()}
    return merged if len(merged) == sum(map(len, tables)) else None


def meant_mapping(value: Any) -> Advice:
    """What was meant by what stands as `kernel_mapping` and is no table of layers."""
    if not value or (isinstance(value, str) and normalise_word(value) in NO_KERNEL):
        help_text = "write `kernel_mapping: {}` for a config without layers"
        return help_text, Repair("replace", {}, safe=False)
    if isinstance(value, str):
        return _assigned_layers([value])
    if is_list(value) and all(isinstance(item, str) for item in value):
        return _assigned_layers(value)
    return _meant_layers(value) if is_list(value) and all(map(is_table, value)) else _NOTHING


_NAMING: Final = (
    *("layer", "layers", "name", "kernel_layer_name", "layer_name"),
    *("module", "class", "target", "pattern", "match"),
)
_CERTAIN_NAMING: Final = _NAMING[:3]
_OF_ENTRIES: Final = frozenset(
    (*SPEC_KEYS, *RANGE_KEYS, *DEVICE_NAMES, *MODE_NAMES, *REPOSITORY_WORDS, *_NAMING)
)


def _meant_layers(items: Sequence[Mapping[Any, Any]]) -> Advice:
    """What a list of tables was meant to be that stands in place of layers."""
    for key in _NAMING:
        if all(key in item and len(item) > 1 for item in items):
            return _named_layers(items, key)
    layers = _one_table(items)
    if layers is None or not _OF_ENTRIES.isdisjoint(layers):
        return "layers are keys: `RMSNorm: {kernel: ...}`", None
    return "write the layers without a list", Repair("replace", layers)


def _named_layers(items: Sequence[Mapping[Any, Any]], key: str) -> Advice:
    """For a list of tables with the name of a layer, or several, in each."""
    layers: dict[str, Any] = {}
    safe = key in _CERTAIN_NAMING
    for item in items:
        names = item[key] if is_list(item[key]) else [item[key]]
        for name in names:
            if not isinstance(name, str):
                return "layers are keys: `RMSNorm: {kernel: ...}`", None
            entry = _without(item, key)
            if name in layers:
                first = layers[name]
                entry, safe = [*(first if is_list(first) else (first,)), entry], False
            layers[name] = entry
    for name, entry in layers.items():
        repair = meant_list(entry, "layer")[1] if is_list(entry) else None
        layers[name] = entry if repair is None else repair.value
    help_text = f"layers are keys: {quote(f'{next(iter(layers))}: {{kernel: ...}}')}"
    return help_text, Repair("replace", layers, safe=safe)


def _assigned_layers(items: Sequence[str]) -> Advice:
    """What a list of texts was meant to be: Compose has such lists of variables."""
    if any(map(read_kernel_ref, items)):
        kernel = next(filter(read_kernel_ref, items))
        return f"layers are keys: {quote(f'RMSNorm: {kernel}')}", None
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
