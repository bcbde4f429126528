"""What is to be said of a key at the top of a config that is none of its keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.arguments import fusion_problem
from kernel_schema.schema.meant.beside import is_entry, layers_beside, some
from kernel_schema.schema.meant.keys import NEEDS_MAPPING, NOTE, OUT, unknown_key, wrong_key
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    FREE_PREFIX,
    SPEC_KEYS,
    closest_key,
    closest_of,
    is_free,
)
from kernel_schema.typeguards import is_table
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from kernel_schema.schema.problems import Steps

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
    **dict.fromkeys(
        ("check", "error", "exclude", "ignore", "lint", "off", "select", "warn"),
        "settings stand in `[tool.kernel-schema.check]` of a pyproject.toml",
    ),
    "schema": "did you mean `$schema`?",
    **dict.fromkeys(
        ("kernel", *SPEC_KEYS[1:3], "trust_remote_code"), f"{OUT}each kernel states its own"
    ),
    **dict.fromkeys(("device", "mode", "capability"), f"{OUT}each layer states its own"),
}
_FUSIONS: Final = "fusions"


def without_layers(config: Mapping[Any, Any]) -> tuple[Mapping[Any, Any], Any, Problem | None]:
    """A config without the layers beside its keys; the first of them, and what to say of it."""
    outside = [
        key
        for key, value in config.items()
        if isinstance(key, str)
        and isinstance(value, (str, Mapping))
        and not is_config_key(key, value)
    ]
    if not outside:
        return config, None, None
    problem = Problem("missing-key", NEEDS_MAPPING, f"put {some(outside)} under it", at_key=True)
    if "kernel_mapping" in config:
        problem = layers_beside(outside, config)
    layers = frozenset(outside)
    rest = {key: value for key, value in config.items() if key not in layers}
    return {**rest, "kernel_mapping": {}}, outside[0], problem


def is_config_key(key: str, value: Any) -> bool:
    """Whether a key of the top level is one, or was probably meant to be one."""
    if is_free(key) or key == _FUSIONS or key in _CONFIG_HINTS or NOTE.fullmatch(key):
        return True
    return (
        _holds_mapping(value)
        or _holds_layers(value, key)
        or closest_key(key, CONFIG_KEYS) is not None
    )


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
    if key == "kernel" and "kernel_mapping" not in table:
        help_text = "name the layer: `kernel_mapping: {RMSNorm: {kernel: ...}}`"
        return wrong_key(message, help_text, meant="kernel_mapping")
    if isinstance(key, str) and (problem := _told_by_word(key, message, table)):
        return problem
    if is_table(table.get("kernel_mapping")) and is_entry(table[key]):
        return wrong_key(message, "put it under `kernel_mapping`")
    return _other(key, table)


def _other(key: object, table: Mapping[Any, Any]) -> Problem:
    """For a key that is known from nowhere: what it holds tells, or it was to be free."""
    problem = unknown_key(key, CONFIG_KEYS, "a key of a config", table)
    if problem.help is not None or not isinstance(key, str):
        return problem
    if _holds_layers(table[key], key) and "kernel_mapping" not in table:
        repair = Repair("rename", "kernel_mapping", safe=False)
        help_text = "did you mean `kernel_mapping`?"
        return replace(problem, help=help_text, repair=repair, meant="kernel_mapping")
    begins = _OF_FREE.match(key)
    free = f"{FREE_PREFIX}{key[begins.end() :] if begins else key}"
    if free in table or free == FREE_PREFIX:
        return problem
    help_text = f"leave it out, or name it {quote(free)}: keys with `x-` are free"
    repair = Repair("rename", free) if begins else None
    return replace(problem, help=help_text, repair=repair)


# How files of others begin keys that are free.
_OF_FREE: Final = re.compile(r"(?:x[-_]|[._])+", re.IGNORECASE)


def _holds_layers(value: Any, key: str) -> bool:
    """Whether a table holds layers, and neither devices nor modes; nor is it that of a device."""
    if not is_table(value) or not value or is_entry(value):
        return False
    if closest_of(key, ("device", "mode"))[0] is not None:
        return False
    return all(key in CONFIG_KEYS or is_entry(item) for key, item in value.items())


def _told_by_word(key: str, message: str, table: Mapping[Any, Any]) -> Problem | None:
    """For a key that says by itself what it was to be."""
    if help_text := _CONFIG_HINTS.get(key):
        repair = Repair("rename", "$schema") if key == "schema" else None
        if help_text.startswith(OUT):
            repair = Repair("remove", safe="states its own" not in help_text)
        return wrong_key(message, help_text, repair)
    if NOTE.fullmatch(key):
        free = _free_name(key, table)
        help_text = f"name it {quote(free)}: keys with `x-` are free"
        return wrong_key(message, help_text, Repair("rename", free))
    if key[:1].isspace():
        return wrong_key(message, f"only spaces indent, and {show(key[0])} is none")
    return _dotted(key, message, table) if key.startswith(_DOTTED) else None


_DOTTED: Final = "kernel_mapping."


def _dotted(key: str, message: str, table: Mapping[Any, Any]) -> Problem:
    """For `kernel_mapping.RMSNorm`: nothing but TOML, and no quotes there, makes tables of dots."""
    layers = {
        name.removeprefix(_DOTTED): value
        for name, value in table.items()
        if isinstance(name, str) and name.startswith(_DOTTED)
    }
    rest = {name: value for name, value in table.items() if not str(name).startswith(_DOTTED)}
    stated = rest.get("kernel_mapping", {})
    repair = None
    if is_table(stated) and not any("." in name or name in stated for name in layers):
        repair = Repair("replace", {**rest, "kernel_mapping": {**stated, **layers}}, 1, safe=False)
    layer = key.removeprefix(_DOTTED).partition(".")[0]
    help_text = f"layers stand below `kernel_mapping`: `kernel_mapping: {{{layer}: ...}}`"
    return wrong_key(message, help_text, repair, meant="kernel_mapping")


def _free_name(key: str, table: Mapping[Any, Any]) -> str:
    """The name for a comment: none of those that are there, or that comments above it get."""
    taken = Counter[str]()
    for other in table:
        if isinstance(other, str) and (note := NOTE.fullmatch(other)):
            name = f"{FREE_PREFIX}{(note[1] or 'comment').lower()}"
            taken[name] += 1
            while (free := name if taken[name] == 1 else f"{name}-{taken[name]}") in table:
                taken[name] += 1
            if other == key:
                return free
    raise KeyError(key)


def _holds_mapping(value: Any, deep: int = 2) -> bool:
    if not is_table(value):
        return False
    if is_table(value.get("kernel_mapping")):
        return True
    return deep > 0 and any(_holds_mapping(inner, deep - 1) for inner in value.values())
