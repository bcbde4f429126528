"""What is to be said of a key at the top of a config that is none of its keys."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.arguments import fusion_problem
from kernel_schema.schema.meant.keys import NEEDS_MAPPING, OUT, unknown_key, wrong_key
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    FREE_PREFIX,
    MODE_NAMES,
    ORIGINAL,
    closest_key,
    is_free,
)
from kernel_schema.typeguards import is_table
from kernel_schema.wording import listing, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.schema.problems import Steps

INHERIT_AMONG_LAYERS: Final = Problem(
    "unknown-key",
    "`inherit_mapping` is no layer, but a key of the config",
    "move it up, beside `kernel_mapping`",
    at_key=True,
)
_SHOWN_LAYERS: Final = 3
_OF_PRETRAINED: Final = f"{OUT}it is an argument of `from_pretrained`"
_CONFIG_HINTS: Final = {
    "use_local_kernel": f"{OUT}a path that starts with `/`, `./`, `../` or `~` is local",
    **dict.fromkeys(
        (
            *("use_kernels", "allow_all_kernels", "attn_implementation", "experts_implementation"),
            *("device_map", "dtype", "torch_dtype"),
        ),
        _OF_PRETRAINED,
    ),
    "schema": "did you mean `$schema`?",
    "version": f"{OUT}versions are stated for each kernel",
}
_FUSIONS: Final = "fusions"


def layers_outside(names: list[str]) -> Problem:
    """For layers at the top level, where `kernel_mapping` should be."""
    others = " and the others" if len(names) > _SHOWN_LAYERS else ""
    shown = listing(names[:_SHOWN_LAYERS], "and")
    return Problem("missing-key", NEEDS_MAPPING, f"put {shown}{others} under it", at_key=True)


def is_config_key(key: str, value: Any) -> bool:
    """Whether a key of the top level is one, or was probably meant to be one."""
    if is_free(key) or key == _FUSIONS or key in _CONFIG_HINTS or _NOTE.fullmatch(key):
        return True
    return _holds_mapping(value) or closest_key(key, CONFIG_KEYS) is not None


def unknown_config_key(key: object, table: Mapping[Any, Any], steps: Steps = ()) -> Problem | None:
    """For a key of the top level that is none; None for one that is free."""
    del steps  # there is one such table
    if is_free(key):
        return None
    if key == _FUSIONS:
        return fusion_problem()
    if key == "extends":
        message = "`extends` is for files: here a config states everything itself"
        return wrong_key(message, "read it with `kernel_schema.load`")
    message = f"{quote(key)} is not a key of a config"
    if _holds_mapping(table[key]):
        help_text = f"move `kernel_mapping` up, and leave {quote(key)} out"
        return wrong_key(message, help_text, meant="kernel_mapping")
    if isinstance(key, str) and (help_text := _CONFIG_HINTS.get(key)):
        out = help_text.startswith(OUT)
        repair = Repair("remove", safe=key != "version") if out else Repair("rename", "$schema")
        return wrong_key(message, help_text, repair)
    if isinstance(key, str) and _NOTE.fullmatch(key):
        free = _free_name(key, table)
        help_text = f"name it {quote(free)}: keys with `x-` are free"
        return wrong_key(message, help_text, Repair("rename", free))
    if isinstance(key, str) and key[:1].isspace():
        return wrong_key(message, f"only spaces indent, and {show(key[0])} is none")
    if is_table(table.get("kernel_mapping")) and _is_entry(table[key]):
        return wrong_key(message, "put it under `kernel_mapping`")
    return unknown_key(key, CONFIG_KEYS, "a key of a config", table)


# Where JSON has no comments, people write keys.
_NOTE: Final = re.compile(r"[_#/$]+(comments?|notes?|)|comments?", re.IGNORECASE)


def _free_name(key: str, table: Mapping[Any, Any]) -> str:
    """The name for a comment: none of those that are there, or that comments above it get."""
    taken = Counter[str]()
    for other in table:
        if isinstance(other, str) and (note := _NOTE.fullmatch(other)):
            name = f"{FREE_PREFIX}{(note[1] or 'comment').lower()}"
            taken[name] += 1
            while (free := name if taken[name] == 1 else f"{name}-{taken[name]}") in table:
                taken[name] += 1
            if other == key:
                return free
    raise KeyError(key)


def _is_entry(value: Any) -> bool:
    """Whether a value can only be meant for a layer."""
    if isinstance(value, str):
        return value == ORIGINAL or read_kernel_ref(value) is not None
    return is_table(value) and not _OF_ENTRIES.isdisjoint(value)


_OF_ENTRIES: Final = frozenset(("kernel", *DEVICE_NAMES, *MODE_NAMES))


def _holds_mapping(value: Any, deep: int = 2) -> bool:
    if not is_table(value):
        return False
    if is_table(value.get("kernel_mapping")):
        return True
    return deep > 0 and any(_holds_mapping(inner, deep - 1) for inner in value.values())
