"""The rules for tables in the JSON Schema: which keys can stand beside which.

`if`/`then`/`else` tell tables apart by their keys, and `propertyNames` limits them. The nodes of
keys stand in the flat node of `build`, hidden from completion; each branch here has hints, the
descriptions of the keys that are right there, so that nothing wrong is offered once it is decided.
Every node is open for validators that would warn of keys a branch does not name.

Tables are given as their keys with the description of each; `bounds` may stand in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.json_schemas.texts import NOT_LOCAL, NOT_LOCAL_NOT_PINNED, Keywords, Texts
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    FREE_PREFIX,
    MODE_NAMES,
    ORIGINAL,
    SPEC_KEYS,
)
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Tables = Mapping[str, Texts]

OPEN: Final[Keywords] = {"additionalProperties": True}
_PINS: Final = ("version", "revision", "lockfile")
_OPTIONS: Final = SPEC_KEYS[1:]


def given(properties: Keywords) -> Keywords:
    """A node for the values of some keys."""
    return {"properties": properties, **OPEN}


def required(key: str) -> Keywords:
    """A key that must be there; strict validators want it to be known in the same node."""
    return {"required": [key], **given({key: True})}


HAS_KERNEL: Final[Keywords] = {"type": "object", **required("kernel")}


def names(keys: Iterable[str], message: str | None = None) -> Keywords:
    """A node for names that are among these."""
    texts = {} if message is None else {"errorMessage": message}
    return {"type": "string", "enum": list(keys), **texts, "doNotSuggest": True}


def config_keys(keys: Iterable[str]) -> str:
    """A pattern for the names of the keys of a config: these, and free ones."""
    stated = "|".join(keys).replace("$", r"\$")
    return rf"^(?:{stated}|{FREE_PREFIX}[\s\S]*)$"


def beside_kernel(kernel: Texts, bounds: Texts) -> Keywords:
    """The rules for a table with `kernel`: its options, offered only where they may stand."""
    message = f"beside `kernel` can stand {listing([*_OPTIONS, *bounds], 'and')}"
    trust = {"kernel": _on_the_hub("trust_remote_code", NOT_LOCAL)}
    unpinned = {"kernel": {"pattern": NOT_LOCAL_NOT_PINNED}, **dict.fromkeys(_PINS, False)}
    return {
        **_limits(message, {"kernel": kernel["kernel"], **bounds}, _OPTIONS),
        "dependencies": {
            "version": _alone("version", ["revision", "lockfile"]),
            "revision": _alone("revision", ["lockfile"]),
            "lockfile": _alone("lockfile", []),
            "trust_remote_code": given(trust),
        },
        # Options are offered where nothing speaks against them.
        "if": given({"kernel": {"pattern": NOT_LOCAL}}),
        "then": {
            **_hints({"trust_remote_code": kernel["trust_remote_code"]}),
            "if": given(unpinned),
            "then": _hints({pin: kernel[pin] for pin in _PINS}),
        },
    }


def original_or(kernel: Texts, bounds: Texts) -> Keywords:
    """The rules for a range with `kernel`, which may be `original` if it has no options."""
    message = (
        f"beside `kernel: {ORIGINAL}` only the bounds can stand: {listing(list(bounds), 'and')}"
    )
    return _either(
        given({"kernel": {"const": ORIGINAL}}),
        _limits(message, {"kernel": kernel["kernel"], **bounds}),
        beside_kernel(kernel, bounds),
    )


def without_kernel(tables: Tables, bounds: Texts) -> Keywords:
    """The rules for a table without `kernel`: a device or a mode tells which table it is."""
    rules = _undecided(tables, bounds)
    devices_only = (
        f"beside a device only devices can stand: {listing(DEVICE_NAMES, 'and')}; "
        "put kernels, options and modes inside a device"
    )
    modes_only = f"beside a mode only modes can stand: {listing(MODE_NAMES, 'and')}"
    for name, message in (("modes", modes_only), ("devices", devices_only)):
        if name in tables:
            keys = {**tables[name], **bounds}
            allowed = names(keys, message)
            if not bounds:
                allowed["enumDescriptions"] = list(keys.values())
            limited = {"propertyNames": allowed, **_hints(keys)}
            rules = _either(_none_of(tables[name]), rules, limited)
    return rules


def _undecided(tables: Tables, bounds: Texts) -> Keywords:
    """For a table without `kernel`, device and mode: something is missing or misspelt."""
    kernel = {**tables["kernel"], **bounds}
    options = {key: kernel[key] for key in _OPTIONS}
    message = "this table takes `kernel` with its options"
    for name, words in (("devices", DEVICE_NAMES), ("modes", MODE_NAMES)):
        if name in tables:
            message += f", or {name} ({', '.join(words)})"
    if bounds:
        message += f", beside {listing(list(bounds), 'and')}"
    inner = {**tables.get("devices", {}), **tables.get("modes", {})}
    offered = {"kernel": kernel["kernel"], **inner, **bounds}
    options_alone = _either(
        {"propertyNames": names([*options, *bounds]), **OPEN},
        _lacking_kernel(kernel),
        _limits(message, kernel, offered),
    )
    rules = _either(_none_of(options), _limits(message, offered, options), options_alone)
    if not bounds:
        return rules
    bounds_alone = {"propertyNames": names(bounds), **OPEN}
    return _either(bounds_alone, _lacking_kernel(offered), rules)


def _either(condition: Keywords, then: Keywords, otherwise: Keywords) -> Keywords:
    return {"if": condition, "then": then, "else": otherwise, **OPEN}


def _lacking_kernel(offered: Texts) -> Keywords:
    # Apart from the hints: the YAML service makes a snippet of keys that are required beside them.
    message = "this table needs the key `kernel`: add `kernel: org/repo:layer_name`"
    return {"allOf": [{**required("kernel"), "errorMessage": message}], **_hints(offered)}


def _alone(pin: str, others: list[str]) -> Keywords:
    message = (
        f"`{pin}` pins the kernel already: state at most one of `@...`, {listing(_PINS, 'and')}"
    )
    kernel = _on_the_hub(pin, NOT_LOCAL_NOT_PINNED)
    return {
        "properties": {**dict.fromkeys(others, False), "kernel": kernel},
        **({"errorMessage": message} if others else {}),
        **OPEN,
    }


def _on_the_hub(option: str, pattern: str) -> Keywords:
    without = " without `@...`" if pattern == NOT_LOCAL_NOT_PINNED else ""
    message = f"`{option}` needs a kernel on the Hub, written `org/repo:layer_name`{without}"
    return {"pattern": pattern, "errorMessage": message}


def _limits(message: str, offered: Texts, also: Iterable[str] = ()) -> Keywords:
    """A branch in which only some keys can stand: those that are offered, and `also`."""
    allowed = list(dict.fromkeys([*offered, *also]))
    limited = {"type": "string", "errorMessage": message, "enum": allowed, "doNotSuggest": True}
    return {"propertyNames": limited, **_hints(offered)}


def _hints(keys: Texts) -> Keywords:
    """What completion shows for keys; the rules for their values stand elsewhere."""
    return given({key: {"description": text, **OPEN} for key, text in keys.items()})


def _none_of(keys: Iterable[str]) -> Keywords:
    return given(dict.fromkeys(keys, False))
