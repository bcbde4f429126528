"""What stands beside a key and belongs below it, or higher up: rows that are not indented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.alternatives import alternative
from kernel_schema.schema.meant.keys import no_name, wrong_key
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    SPEC_KEYS,
)
from kernel_schema.wording import listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_schema.schema.alternatives import Holder

_SHOWN: Final = 3
_BELOW: Final[dict[Holder, frozenset[str]]] = {
    "layer": frozenset((*DEVICE_NAMES, *MODE_NAMES, *SPEC_KEYS)),
    "device": frozenset(MODE_NAMES),
}


def some(names: list[str]) -> str:
    """The first few names, for a help."""
    others = " and the others" if len(names) > _SHOWN else ""
    return f"{listing(names[:_SHOWN], 'and')}{others}"


def fallen_out(
    table: Mapping[Any, Any], holder: Holder
) -> Iterator[tuple[Any, list[Any], Problem]]:
    """For keys that hold nothing, each with the keys behind it that belong below it."""
    below = _BELOW.get(holder, frozenset())
    keys = list(table)
    for index, key in enumerate(keys):
        if table[key] is not None:
            continue
        names = [*_first(keys[index + 1 :], below)]
        if names:
            message = f"nothing stands here, and {quote(names[0])} stands beside it"
            inner = {name: table[name] for name in names}
            nested = {
                other: inner if other == key else value
                for other, value in table.items()
                if other not in inner
            }
            repair = Repair("replace", nested, up=1)
            help_text = f"put {some(names)} below it"
            yield (
                key,
                names,
                Problem("invalid-entry", message, help_text, at_key=True, repair=repair),
            )


def _first(keys: list[Any], known: frozenset[str]) -> Iterator[str]:
    for key in keys:
        if not isinstance(key, str) or key not in known:
            return
        yield key


def strays(layers: Mapping[Any, Any]) -> Iterator[tuple[Any, Problem]]:
    """For keys among layers that are no layers: those of the config, and comments."""
    for key, value in layers.items():
        if isinstance(key, str) and not is_entry(value) and (problem := no_name(key, "layer")):
            yield key, problem


def is_entry(value: Any) -> bool:
    """Whether a value can only be meant for a layer."""
    if isinstance(value, str):
        return value == ORIGINAL or read_kernel_ref(value) is not None
    return alternative(value) in _OF_LAYERS


_OF_LAYERS: Final = frozenset(("string", "kernel", "devices", "modes"))


def layers_beside(names: list[str], config: Mapping[Any, Any]) -> Problem:
    """For layers at the top level, beside a `kernel_mapping` that holds nothing."""
    first = names[0]
    if first[:1].isspace():
        message = f"{quote(first)} is not a key of a config"
        return wrong_key(message, f"only spaces indent, and {show(first[0])} is none")
    message = f"`kernel_mapping` holds nothing, and {quote(first)} stands beside it"
    layers = {name: config[name] for name in names}
    nested = {
        key: layers if key == "kernel_mapping" else value
        for key, value in config.items()
        if key not in layers
    }
    repair = Repair("replace", nested, up=1)
    return Problem(
        "missing-key", message, f"put {some(names)} below it", at_key=True, repair=repair
    )
