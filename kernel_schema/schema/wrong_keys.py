"""What to say of keys that are unknown, missing, or known somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.schema.problems import Problem
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_device,
    closest_key,
    closest_mode,
)
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.codes import Code

_CONFIG_HINTS: Final = {
    "use_local_kernel": "leave it out: a path that starts with `/`, `./`, `../` or `~` is local",
    "schema": "did you mean `$schema`?",
}

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
PYPROJECT_TABLE: Final = Problem(
    "missing-key",
    _NEEDS_MAPPING,
    "only a pyproject.toml has `tool.kernel-schema` before it",
    at_key=True,
)
INHERIT_AMONG_LAYERS: Final = Problem(
    "unknown-key",
    "`inherit_mapping` is no layer, but a key of the config",
    "move it up, beside `kernel_mapping`",
    at_key=True,
)
_SHOWN_LAYERS: Final = 3


def layers_outside(names: list[str]) -> Problem:
    """For layers at the top level, where `kernel_mapping` should be."""
    others = " and the others" if len(names) > _SHOWN_LAYERS else ""
    shown = listing(names[:_SHOWN_LAYERS], "and")
    return Problem("missing-key", _NEEDS_MAPPING, f"put {shown}{others} under it", at_key=True)


def is_config_key(key: str) -> bool:
    """Whether a key of the top level is one, or was probably meant to be one.

    >>> is_config_key("inherit"), is_config_key("RMSNorm")
    (True, False)
    """
    return key in _CONFIG_HINTS or closest_key(key, CONFIG_KEYS) is not None


def unknown_config_key(key: object) -> Problem:
    """For a key of the top level that is none."""
    if isinstance(key, str) and key in _CONFIG_HINTS:
        message = f"{quote(key)} is not a key of a config"
        return Problem("unknown-key", message, _CONFIG_HINTS[key], at_key=True)
    return _unknown(key, CONFIG_KEYS, "a key of a config")


def unknown_option(key: object) -> Problem:
    """For a key of a kernel with options that is none."""
    if key in RANGE_KEYS:
        return misplaced_capability(key)
    if key in DEVICE_NAMES or key in MODE_NAMES:
        kind = "device" if key in DEVICE_NAMES else "mode"
        return Problem(
            "unknown-key",
            f"{quote(key)} is a {kind}, beside `kernel`",
            f"put `kernel` and its options inside {quote(key)}",
            at_key=True,
        )
    if isinstance(key, str) and closest_key(key, (*SPEC_KEYS, *RANGE_KEYS)) in RANGE_KEYS:
        return _unknown(key, RANGE_KEYS, "a bound of a capability range")
    return _unknown(key, SPEC_KEYS, "an option of a kernel")


def _unknown(key: object, known: tuple[str, ...], what: str) -> Problem:
    nearest = closest_key(key, known) if isinstance(key, str) else None
    return Problem(
        "unknown-key",
        f"{quote(key)} is not {what}: known are {listing(known, 'and')}",
        f"did you mean `{nearest}`?" if nearest else None,
        at_key=True,
        meant=nearest,
    )


def unknown_device(key: object) -> Problem:
    """For a key of a device table that is none."""
    if isinstance(key, str) and key in MODE_NAMES:
        return Problem(
            "unknown-device",
            f"{quote(key)} is a mode, beside devices",
            "put modes inside the table of a device",
            at_key=True,
        )
    return _unknown_name("unknown-device", key, "device", closest_device, DEVICE_NAMES)


def unknown_mode(key: object) -> Problem:
    """For a key of a mode table that is none."""
    return _unknown_name("unknown-mode", key, "mode", closest_mode, MODE_NAMES)


def _unknown_name(
    code: Code,
    key: object,
    kind: str,
    closest: Callable[[str], str | None],
    names: tuple[str, ...],
) -> Problem:
    word = key if isinstance(key, str) else ""
    if word in SPEC_KEYS:
        return Problem(
            code,
            f"{quote(key)} is an option of a kernel, beside {kind}s",
            f"write the {kind}'s kernel as a table: kernel and {word}",
            at_key=True,
        )
    if word in RANGE_KEYS:
        return misplaced_capability(word)
    nearest = closest(word)
    return Problem(
        code,
        f"{quote(key)} is not a {kind}: {kind}s are {listing(names, 'and')}",
        f"did you mean `{nearest}`?" if nearest else None,
        at_key=True,
    )


def misplaced_capability(key: object) -> Problem:
    """For a capability bound that stands in none of the lists for it."""
    return Problem(
        "misplaced-capability",
        f"{quote(key)} belongs in a list of capability ranges under cuda or rocm",
        "write the device as a list: `[{min_capability: 90, kernel: ...}]`",
        at_key=True,
    )


def misplaced_key(word: str) -> Problem | None:
    """For a key that has a meaning, but not where it stands; None for one without a meaning."""
    if word in RANGE_KEYS:
        return misplaced_capability(word)
    if word in DEVICE_NAMES:
        return Problem(
            "misplaced-device",
            f"{quote(word)} is a device: devices stand right under a layer",
            "move it up, to stand there",
            at_key=True,
        )
    if word in MODE_NAMES:
        return Problem(
            "misplaced-mode",
            f"{quote(word)} is a mode, inside a mode",
            "put modes side by side",
            at_key=True,
        )
    return None
