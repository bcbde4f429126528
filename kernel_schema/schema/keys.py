"""The rules for tables in the exported JSON Schema: which keys can stand beside which.

`if`/`then`/`else` tell tables apart by their keys, as `shapes.table_shape` does. Keys are limited
by `propertyNames`, whose messages name what is allowed.

The real nodes of keys stand in the flat node itself, hidden from completion; each branch has hints
for the keys that are right there, so that nothing wrong is offered once the shape is decided. Every
node is open (`additionalProperties: true`) for validators that would warn of keys a branch does not
name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.schema.nodes import current, for_editors, node, shared
from kernel_schema.schema.patterns import NOT_LOCAL, NOT_LOCAL_NOT_PINNED, anchored
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES, ORIGINAL, SPEC_KEYS
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kernel_schema.schema.nodes import Keywords

OPEN: Final = {"additionalProperties": True}
_PINS: Final = ("version", "revision", "lockfile")
_OPTIONS: Final = SPEC_KEYS[1:]
_ANY_TYPE: Final = ["array", "boolean", "integer", "null", "number", "object", "string"]


def properties(table: Keywords) -> Iterable[tuple[str, Keywords]]:
    """The keys of a table with their nodes."""
    return table.get("properties", {}).items()


def shared_rules(branches: Mapping[str, Keywords]) -> Keywords:
    """The rules by keys, the same wherever the same tables may stand."""
    rules = by_keys(branches, {})
    place = "_".join(name for name in ("kernel", "modes", "devices") if name in branches)
    rules["then"] = shared("keys_beside_kernel", {**_any_type(), **rules["then"]})
    rules["else"] = shared(f"keys_of_{place}", {**_any_type(), **rules["else"]})
    return rules


def by_keys(branches: Mapping[str, Keywords], bounds: Mapping[str, Keywords]) -> Keywords:
    """The rules for tables by the keys that they have.

    Args:
        branches: `kernel`, and `devices` and `modes` where they may stand.
        bounds: Properties that may stand in every table here.
    """
    return {
        "if": _has_kernel(),
        "then": kernel_keys(branches["kernel"], bounds),
        "else": _without_kernel(branches, bounds),
    }


def _has_kernel() -> Keywords:
    return {"type": "object", **required(["kernel"])}


def required(keys: list[str]) -> Keywords:
    """Keys that must be there; strict validators want them to be known in the same node."""
    return {"required": keys, "properties": dict.fromkeys(keys, True), **OPEN}


def _without_kernel(branches: Mapping[str, Keywords], bounds: Mapping[str, Keywords]) -> Keywords:
    tables = [branches[name] for name in ("modes", "devices") if name in branches]
    rules = _undecided(branches, bounds)
    for table in tables:
        rules = {
            "if": _none_of(key for key, _ in properties(table)),
            "then": rules,
            "else": limits(table["propertyNames"], {**dict(properties(table)), **bounds}),
            **OPEN,
        }
    return rules


def _undecided(branches: Mapping[str, Keywords], bounds: Mapping[str, Keywords]) -> Keywords:
    """For a table without `kernel`, device and mode: something is missing or misspelt."""
    kernel = dict(properties(branches["kernel"]))
    tables = {
        key: real
        for name in ("devices", "modes")
        if name in branches
        for key, real in properties(branches[name])
    }
    options = {key: kernel[key] for key in _OPTIONS}
    message = f"this table takes `kernel` with its options{_or_tables(branches)}"
    if bounds:
        message += f", beside {listing(list(bounds), 'and')}"
    names = node(type="string", errorMessage=message)
    offered = {"kernel": kernel["kernel"], **tables, **bounds}
    rules: Keywords = {
        "if": _none_of(options),
        "then": limits(names, offered, also=options),
        "else": {
            "if": {"propertyNames": only([*options, *bounds]), **OPEN},
            "then": _lacking_kernel({**kernel, **bounds}),
            "else": limits(names, {**kernel, **bounds}, also=offered),
            **OPEN,
        },
        **OPEN,
    }
    if not bounds:
        return rules
    return {
        "if": {"propertyNames": only(bounds), **OPEN},
        "then": _lacking_kernel(offered),
        "else": rules,
        **OPEN,
    }


def _lacking_kernel(offered: Mapping[str, Keywords]) -> Keywords:
    # Apart from the hints: the YAML service makes a snippet of keys that are required beside them.
    message = "this table needs the key `kernel`: add `kernel: org/repo:layer_name`"
    lacking = {**required(["kernel"]), **node(errorMessage=message)}
    return {"allOf": [lacking], **_hints(offered)}


def _or_tables(branches: Mapping[str, Keywords]) -> str:
    parts = {"devices": DEVICE_NAMES, "modes": MODE_NAMES}
    named = [f"{what} ({', '.join(names)})" for what, names in parts.items() if what in branches]
    return "".join(f", or {part}" for part in named)


def kernel_keys(kernel: Keywords, bounds: Mapping[str, Keywords]) -> Keywords:
    """The rules for a table with `kernel`: its options, offered only where they may stand."""
    options = dict(properties(kernel))
    message = f"beside `kernel` can stand {listing([*_OPTIONS, *bounds], 'and')}"
    rules = limits(
        node(type="string", errorMessage=message),
        {"kernel": options["kernel"], **bounds},
        also={key: options[key] for key in _OPTIONS},
    )
    return {**rules, "dependencies": kernel["dependencies"], **_offered(options)}


def _offered(options: Mapping[str, Keywords]) -> Keywords:
    """Hints for options where nothing speaks against them."""
    if not for_editors():
        return {}
    pins = _hints({key: options[key] for key in _PINS})
    return {
        "if": {"properties": {"kernel": _matching(NOT_LOCAL)}, **OPEN},
        "then": {
            **_hints({"trust_remote_code": options["trust_remote_code"]}),
            "if": {
                "properties": {
                    "kernel": _matching(NOT_LOCAL_NOT_PINNED),
                    **dict.fromkeys(_PINS, False),
                },
                **OPEN,
            },
            "then": pins,
        },
    }


def exclusive_options(schema: Keywords) -> None:
    """At most one pin, the one in the reference included, and options for Hub kernels only.

    Args:
        schema: What pydantic derives from `KernelSpec`; gets the rules.
    """
    schema["dependencies"] = {
        "version": _alone("version", ["revision", "lockfile"]),
        "revision": _alone("revision", ["lockfile"]),
        "lockfile": _alone("lockfile", []),
        "trust_remote_code": {
            "properties": {"kernel": _on_the_hub("trust_remote_code", NOT_LOCAL)},
            **OPEN,
        },
    }


def _alone(pin: str, others: list[str]) -> Keywords:
    message = (
        f"`{pin}` pins the kernel already: state at most one of `@...`, {listing(_PINS, 'and')}"
    )
    return {
        "properties": {
            **dict.fromkeys(others, False),
            "kernel": _on_the_hub(pin, NOT_LOCAL_NOT_PINNED),
        },
        **(node(errorMessage=message) if others else {}),
        **OPEN,
    }


def _on_the_hub(option: str, pattern: str) -> Keywords:
    without = " without `@...`" if pattern == NOT_LOCAL_NOT_PINNED else ""
    message = f"`{option}` needs a kernel on the Hub, written `org/repo:layer_name`{without}"
    return {**_matching(pattern), **node(errorMessage=message)}


def original_or(kernel: Keywords, bounds: Mapping[str, Keywords]) -> Keywords:
    """The rules for a range with `kernel`, which may be `original` if it has no options."""
    message = (
        f"beside `kernel: {ORIGINAL}` only the bounds can stand: {listing(list(bounds), 'and')}"
    )
    alone = {"kernel": dict(properties(kernel))["kernel"], **bounds}
    return {
        "if": {"properties": {"kernel": {"const": ORIGINAL}}, **OPEN},
        "then": limits(node(type="string", errorMessage=message), alone),
        "else": kernel_keys(kernel, bounds),
        **OPEN,
    }


def limits(
    names: Keywords, keys: Mapping[str, Keywords], *, also: Mapping[str, Keywords] | None = None
) -> Keywords:
    """A branch in which only some keys can stand.

    Args:
        names: The node for names, with the message for any other.
        keys: The keys that are offered, with their real nodes.
        also: Keys that can stand too, but are not offered.
    """
    allowed = list(dict.fromkeys([*keys, *(also or ())]))
    limited = {**names, "enum": allowed, **node(doNotSuggest=True)}
    texts = limited.pop("enumDescriptions", None)
    if texts is not None and len(texts) == len(allowed):
        limited["enumDescriptions"] = texts
    limited.pop("description", None)
    return {"propertyNames": limited, **_hints(keys)}


def _hints(keys: Mapping[str, Keywords]) -> Keywords:
    hints = {key: hint(real) for key, real in keys.items()} if for_editors() else {}
    return {**({"properties": hints} if hints else {}), **OPEN}


def hint(real: Keywords) -> Keywords:
    """What completion shows for a key; the rules for its value stand elsewhere."""
    export = current()
    definitions = export.definitions if export is not None else {}
    name = real.get("$ref", "").rpartition("/")[2]
    return {"description": definitions.get(name, real)["description"], **OPEN}


def _none_of(keys: Iterable[str]) -> Keywords:
    return {"properties": dict.fromkeys(keys, False), **OPEN}


def only(keys: Iterable[str]) -> Keywords:
    """A node for names that are among these."""
    return {"type": "string", "enum": list(keys), **node(doNotSuggest=True)}


def _matching(pattern: str) -> Keywords:
    return {**_any_type(), "pattern": anchored(pattern)}


def _any_type() -> Keywords:
    # Strict validators want a type beside each keyword that is for one type; the type of the value
    # is judged elsewhere, and a second message on it would help nobody.
    return {} if for_editors() else {"type": list(_ANY_TYPE)}
