"""What a layer comes to once something in it is set: as data, before it is read by the grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel_schema.schema.alternatives import alternative
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    ModeName,
)
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.routes import Step

_DEVICES: Final = frozenset(DEVICE_NAMES)
_MODES: Final = frozenset(MODE_NAMES)


class Misfit(Exception):  # noqa: N818 (what is set does not fit what stands there)
    """A step that leads nowhere; `left` says how many steps are behind it."""

    def __init__(self, message: str, left: int, help_text: str | None = None) -> None:
        super().__init__(message)
        self.left = left
        self.help = help_text


def put(entry: Any, steps: Sequence[Step], value: Any) -> Any:
    """An entry with a value at a place in it.

    What stands there is replaced, and nothing else changes its meaning: an entry without devices
    goes on for every other device, one without modes as `fallback`, and a plain kernel with an
    option is the table of both.

    Raises:
        Misfit: If there can be no such place.

    >>> put("org/repo:L", ["version"], 2)
    {'kernel': 'org/repo:L', 'version': 2}
    >>> put("org/repo:L", ["inference"], "org/other:L")
    {'fallback': 'org/repo:L', 'inference': 'org/other:L'}
    >>> put([{"kernel": "org/repo:L"}], [0, "min_capability"], 90)
    [{'kernel': 'org/repo:L', 'min_capability': 90}]
    """
    if not steps:
        return value
    step, *rest = steps
    if is_list(entry) or isinstance(step, int):
        ranges = _ranges(entry, step, len(rest))
        index = int(step)
        return [*ranges[:index], put(ranges[index], rest, value), *ranges[index + 1 :]]
    table = _opened(entry, step, len(rest))
    return {**table, step: put(table.get(step), rest, value)}


def _ranges(entry: Any, step: Step, left: int) -> Sequence[Any]:
    """The list that a step leads into."""
    if not is_list(entry):
        there = "nothing stands here" if entry is None else f"{show(entry)} is no list"
        raise Misfit(f"{there}: there is no `[{step}]`", left, "set the list as a whole")
    if not isinstance(step, int) or step >= len(entry):
        name = f"[{step}]" if isinstance(step, int) else step
        message = f"there is no {quote(name)} in a list of {len(entry)}"
        raise Misfit(message, left, "positions in a list count from `[0]`")
    return entry


def _opened(entry: Any, key: str, left: int) -> Mapping[str, Any]:
    """The table that says the same as an entry, where a key of some kind goes beside the rest."""
    if entry is None:
        return {}
    kind = alternative(entry)
    if key in _DEVICES and kind in {"string", "kernel", "modes"}:
        return dict.fromkeys(DEVICE_NAMES, entry)
    if key in _MODES and kind in {"string", "kernel"}:
        bounds = {
            bound: entry[bound] for bound in RANGE_KEYS if bound in entry and kind != "string"
        }
        kernel = entry
        if kind == "kernel":
            spec = {option: entry[option] for option in entry if option not in bounds}
            kernel = spec["kernel"] if len(spec) == 1 else spec
        if kernel == ORIGINAL:
            message = f"{quote(ORIGINAL)} stands for no single mode, and would for the others"
            raise Misfit(message, left, "set what is above it as a whole")
        return {**bounds, ModeName.FALLBACK.value: kernel}
    if is_table(entry):
        return entry
    # An option of a plain kernel; whatever else is set there is told by itself.
    return {"kernel": entry} if key in SPEC_KEYS and entry != ORIGINAL else {}
