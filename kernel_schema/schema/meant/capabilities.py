"""Which capabilities a value or a key was meant to state, in any of the usual ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    LOWEST_LIKELY,
    MAX_CAPABILITY,
    RANGE_KEYS,
    closest_key,
    device_named,
    is_every_device,
)
from kernel_schema.typeguards import is_list, is_table, is_tuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Bounds: TypeAlias = dict[str, int]
"""`min_capability`, `max_capability` or both."""

_LOW, _HIGH = RANGE_KEYS
_LONGEST: Final = 100  # of a text that states capabilities
_NUMBER: Final = r"(?:(?:sm|compute|cc|capability)[\s_-]*)?[0-9]{1,3}(?:\.[0-9x*])?[af]?"
_PARTS: Final = re.compile(r"[a-z\s_-]*([0-9]{1,3})(?:\.([0-9x*]))?[af]?")
_ONE: Final = re.compile(_NUMBER)
_EVERY_MINOR: Final = re.compile(r"[a-z\s_-]*([0-9]{1,2})\.[x*]")
_FROM: Final = re.compile(rf"({_NUMBER})\+")
_BETWEEN: Final = re.compile(rf"({_NUMBER})\s*(?:-|\u2013|\.{{2,3}}|to|,|:)\s*({_NUMBER})")
_COMPARED: Final = re.compile(rf"(>=?|<=?|=>|=<|={{1,2}}|\u2265|\u2264)\s*({_NUMBER})")
_BESIDE_COMPARED: Final = re.compile(r"(?:and|sm|cc|compute|capability|[\s,&_])*")
_AS_TORCH_HAS_IT: Final = re.compile(r"([0-9]{1,2}),\s*([0-9])")
# Major, minor and stepping: `gfx90a` is 9.0.
_AMD: Final = re.compile(r"gfx([0-9]{1,2})([0-9a-f])[0-9a-f]")
_HEADED: Final = re.compile(r"([a-z]+)[\s:_@\[(/-]*(.*?)[\])]*")
# NVIDIA's list of GPUs with their capabilities, and LLVM's of AMD's targets.
_NAMED: Final[dict[str, tuple[str, int, int]]] = {
    **dict.fromkeys(("volta", "v100"), ("cuda", 70, 72)),
    **dict.fromkeys(("turing", "t4"), ("cuda", 75, 75)),
    "ampere": ("cuda", 80, 88),
    **dict.fromkeys(("a100", "a800"), ("cuda", 80, 80)),
    **dict.fromkeys(("a10", "a40", "a6000", "rtx3090"), ("cuda", 86, 86)),
    **dict.fromkeys(("ada", "lovelace", "l4", "l40", "l40s", "rtx4090"), ("cuda", 89, 89)),
    **dict.fromkeys(("hopper", "h20", "h100", "h200", "h800", "gh200"), ("cuda", 90, 90)),
    "blackwell": ("cuda", 100, 121),
    **dict.fromkeys(("b100", "b200", "gb200"), ("cuda", 100, 100)),
    "rtx5090": ("cuda", 120, 120),
    **dict.fromkeys(("mi200", "mi210", "mi250", "mi250x"), ("rocm", 90, 90)),
    **dict.fromkeys(("mi300", "mi300a", "mi300x", "mi325x"), ("rocm", 94, 94)),
    **dict.fromkeys(("mi350", "mi350x", "mi355x"), ("rocm", 95, 95)),
}


def capability_in(text: str) -> int | None:
    """The one capability that a text names in any of the usual ways; None for any other text.

    >>> [capability_in(text) for text in ("sm_90", "9.0", "sm80", "9", "90.0", "0.5", "cuda")]
    [90, 90, 80, 90, 90, None, None]
    """
    text = text.strip().lower()
    match = _PARTS.fullmatch(text) if _ONE.fullmatch(text) else None
    if match is None:
        return None
    number, fraction = int(match[1]), match[2]
    if number >= LOWEST_LIKELY:
        return number if fraction in {None, "0"} else None
    # No GPU is beyond 20.0.
    if not number or (fraction or "0") in "x*":
        return None
    return 10 * number + int(fraction or 0)


def bounds_in(value: object) -> Bounds:
    """The bounds that a value states; none for any other value. One capability is the lower one.

    >>> bounds_in(">=8.0, <9.0"), bounds_in("8.x"), bounds_in([80, 89]), bounds_in("sm_90")
    ({'min_capability': 80, 'max_capability': 89}, {'min_capability': 80, 'max_capability': 89}, \
{'min_capability': 80, 'max_capability': 89}, {'min_capability': 90})
    >>> bounds_in("hopper"), bounds_in("gfx942")["min_capability"], bounds_in("fast")
    ({'min_capability': 90, 'max_capability': 90}, 94, {})
    """
    if is_table(value):
        keys = {key: closest_key(key, RANGE_KEYS) for key in value if isinstance(key, str)}
        named = {name: _one(value[key]) for key, name in keys.items() if name}
        return {name: bound for name, bound in named.items() if bound is not None}
    if is_list(value) or is_tuple(value):
        return _of_items(value)
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return {}
    if isinstance(value, int) and not 0 < value <= MAX_CAPABILITY:
        return {}
    text = str(value).strip().strip("()[]").lower()
    if len(text) > _LONGEST:
        return {}
    if least := _FROM.fullmatch(text):
        text = least[1]
    if (one := capability_in(text)) is not None:
        return {_LOW: one}
    if pair := _AS_TORCH_HAS_IT.fullmatch(text):
        return {_LOW: 10 * int(pair[1]) + int(pair[2])}
    if between := _between(text):
        low, high = between
        return {_LOW: low, _HIGH: high} if low <= high else {}
    return _compared(text)


def _between(text: str) -> tuple[int, int] | None:
    """The lowest and the highest capability of what names both, by a name of GPUs too."""
    if named := _NAMED.get(text.replace(" ", "").replace("_", "")):
        return named[1:]
    if amd := _AMD.fullmatch(text):
        stated = 10 * int(amd[1]) + int(amd[2], 16)
        return stated, stated
    if every_minor := _EVERY_MINOR.fullmatch(text):
        return 10 * int(every_minor[1]), 10 * int(every_minor[1]) + 9
    if between := _BETWEEN.fullmatch(text):
        low, high = capability_in(between[1]), capability_in(between[2])
        return (low, high) if low and high else None
    return None


def _one(value: object) -> int | None:
    """The capability that a plain value is."""
    is_table_or_list = is_table(value) or is_list(value) or is_tuple(value)
    return None if is_table_or_list else bounds_in(value).get(_LOW)


def _of_items(items: Sequence[Any]) -> Bounds:
    """The bounds of a list: of one, of `(9, 0)` as torch has it, or of the lowest and highest."""
    if len(items) == 2 and all(type(item) is int and item >= 0 for item in items):
        major, minor = items
        if major < LOWEST_LIKELY:
            return {_LOW: 10 * major + minor} if minor < 10 else {}
    stated = [_one(item) for item in items[:3]]
    if len(stated) == 1 and stated[0]:
        return {_LOW: stated[0]}
    low, high = stated if len(stated) == 2 else (None, None)
    return {_LOW: low, _HIGH: high} if low and high and low < high else {}


def _compared(text: str) -> Bounds:
    """The bounds of `>=80, <90`."""
    if not _BESIDE_COMPARED.fullmatch(_COMPARED.sub("", text)):
        return {}
    bounds: Bounds = {}
    for sign, number in _COMPARED.findall(text):
        if (stated := capability_in(number)) is None:
            return {}
        if sign in {">=", "=>", "\u2265", ">"} or sign.strip("=") == "":
            bounds[_LOW] = stated + (sign == ">")
        if sign in {"<=", "=<", "\u2264", "<"} or sign.strip("=") == "":
            bounds[_HIGH] = stated - (sign == "<")
    return bounds


def target_in(word: str) -> tuple[str, Bounds] | None:
    """The device and the bounds that a key states; None if it states no bounds.

    The number of a GPU, or of a toolkit, is none.

    >>> target_in("cuda>=90"), target_in("sm_90"), target_in("cuda:1"), target_in("cuda12.4")
    (('cuda', {'min_capability': 90}), ('cuda', {'min_capability': 90}), None, None)
    """
    text = word.strip().lower()
    if len(text) > _LONGEST:
        return None
    headed = _HEADED.fullmatch(text)
    device = device_named(headed[1]) if headed else None
    if headed is None or device is None:
        bounds = bounds_in(text)
        name = _NAMED.get(text, ("rocm" if text.startswith("gfx") else "cuda", 0, 0))[0]
        return (name, bounds) if bounds else None
    rest = headed[2]
    plain = _PARTS.fullmatch(rest) if rest[:1].isdigit() else None
    # No toolkit of today is below 10.
    is_digit = plain is not None and plain[2] and int(plain[1]) < 10 and device == "cuda"
    if plain is not None and int(plain[1]) < LOWEST_LIKELY and not is_digit:
        return None
    bounds = bounds_in(rest)
    return (device, bounds) if bounds and device in CAPABILITY_DEVICES else None


def as_ranges(table: Mapping[Any, Any], *, of_layer: bool) -> Any:
    """A table whose keys state capabilities, as devices with lists, or as the list of a device.

    None where two of them state the same, or what stands beside them cannot stand in a list.

    >>> as_ranges({"sm_90": "o/r:L", "default": "o/r:M"}, of_layer=False)
    [{'min_capability': 90, 'kernel': 'o/r:L'}, {'kernel': 'o/r:M'}]
    >>> as_ranges({"cuda>=90": "o/r:L", "cpu": "o/r:M"}, of_layer=True)
    {'cuda': [{'min_capability': 90, 'kernel': 'o/r:L'}], 'cpu': 'o/r:M'}
    """
    lists: dict[str, list[dict[Any, Any]]] = {}
    rest: dict[Any, Any] = {}
    for key, entry in table.items():
        target = target_in(key) if isinstance(key, str) else None
        if target is None:
            rest[key] = entry
        else:
            lists.setdefault(target[0], []).append({**target[1], **as_table(entry)})
    if of_layer:
        for device, ranges in lists.items():
            if device in rest:
                ranges.extend(_as_items(rest.pop(device)))
        written: Any = {**lists, **rest}
    else:
        if len(rest) == 1 and is_every_device(str(*rest)):
            rest = as_table(*rest.values())
        written = [*(item for ranges in lists.values() for item in ranges), *filter(None, (rest,))]
    for ranges in lists.values() if of_layer else (written,):
        bounds = [tuple(item.get(key) for key in RANGE_KEYS) for item in ranges]
        if len(set(bounds)) < len(bounds):
            return None
    return written


def as_table(entry: Any) -> dict[Any, Any]:
    """An entry as a table, beside which bounds can stand."""
    return {**entry} if is_table(entry) else {"kernel": entry}


def _as_items(entry: Any) -> Iterator[Any]:
    yield from entry if is_list(entry) else (as_table(entry),)


def shown(bounds: Bounds) -> str:
    """Bounds as a file has them.

    >>> shown({"min_capability": 80, "max_capability": 89})
    'min_capability: 80, max_capability: 89'
    """
    return ", ".join(f"{key}: {bound}" for key, bound in bounds.items())


def shown_ranges(ranges: Sequence[Any]) -> str:
    """A list of ranges as a help has it: the bounds of each.

    >>> shown_ranges([{"min_capability": 90, "kernel": "o/r:L"}, {"kernel": "o/r:M"}])
    '[{min_capability: 90, kernel: ...}, {kernel: ...}]'
    """
    stated = [
        {key: each[key] for key in RANGE_KEYS if type(each.get(key)) is int}
        for each in filter(is_table, ranges)
    ]
    items = [", ".join(filter(None, (shown(bounds), "kernel: ..."))) for bounds in stated]
    return ", ".join(f"{{{item}}}" for item in items).join("[]")
