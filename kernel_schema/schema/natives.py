"""Our words for the few errors that pydantic itself finds: keys that are unknown or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_schema.schema.problems import misplaced_capability, problem
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_key,
)
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from pydantic_core import PydanticCustomError

    from kernel_schema.schema.problems import Loc

_CONFIG_HINTS = {
    "use_local_kernel": "leave it out: a path that starts with `/`, `./`, `../` or `~` is local",
    "schema": "did you mean `$schema`?",
}


def spec_key(kind: str, loc: Loc) -> PydanticCustomError:
    """For a kernel with options."""
    if kind == "missing":
        return problem(
            "missing-key",
            "a kernel with options needs the key `kernel`",
            "add `kernel: org/repo:layer_name`",
        )
    key = loc[-1]
    if key in RANGE_KEYS:
        return misplaced_capability(key)
    if key in DEVICE_NAMES or key in MODE_NAMES:
        kind_of_key = "device" if key in DEVICE_NAMES else "mode"
        return problem(
            "unknown-key",
            f"{quote(key)} is a {kind_of_key}, beside `kernel`",
            f"put `kernel` and its options inside {quote(key)}",
            at_key=True,
        )
    if isinstance(key, str) and closest_key(key, (*SPEC_KEYS, *RANGE_KEYS)) in RANGE_KEYS:
        return _unknown(key, RANGE_KEYS, "a bound of a capability range", RANGE_KEYS)
    return _unknown(key, SPEC_KEYS, "an option of a kernel", SPEC_KEYS)


def is_config_key(key: str) -> bool:
    """Whether a key of the top level is one, or was probably meant to be one.

    >>> is_config_key("inherit"), is_config_key("RMSNorm")
    (True, False)
    """
    return key in _CONFIG_HINTS or closest_key(key, CONFIG_KEYS) is not None


def config_key(kind: str, loc: Loc) -> PydanticCustomError:
    """For the top level."""
    if kind == "missing":
        return problem(
            "missing-key",
            "a config needs the key `kernel_mapping`",
            "write `kernel_mapping: {}` for a config without layers",
        )
    key = loc[-1]
    if isinstance(key, str) and key in _CONFIG_HINTS:
        return problem(
            "unknown-key",
            f"{quote(key)} is not a key of a config",
            _CONFIG_HINTS[key],
            at_key=True,
        )
    return _unknown(key, CONFIG_KEYS, "a key of a config", CONFIG_KEYS)


def _unknown(
    key: object, candidates: tuple[str, ...], what: str, allowed: tuple[str, ...]
) -> PydanticCustomError:
    nearest = closest_key(key, candidates) if isinstance(key, str) else None
    return problem(
        "unknown-key",
        f"{quote(key)} is not {what}: known are {listing(allowed, 'and')}",
        f"did you mean `{nearest}`?" if nearest else None,
        at_key=True,
        meant=nearest,
    )
