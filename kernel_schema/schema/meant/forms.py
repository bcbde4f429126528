"""What a value was meant to be that is nothing its holder takes: other ways to say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.alternatives import ENTRIES, alternative
from kernel_schema.schema.arguments import key_problem, repository_problem
from kernel_schema.schema.meant.capabilities import (
    as_ranges,
    capability_in,
    shown,
    shown_ranges,
    target_in,
)
from kernel_schema.schema.meant.keys import LAYER_DEPTH, misplaced_key
from kernel_schema.schema.meant.lists import meant_list, meant_mapping
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import read_kernel_ref
from kernel_schema.schema.values import not_a_reference
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    closest_of,
    is_every_device,
    joined_names,
)
from kernel_schema.typeguards import is_list, is_path, is_table
from kernel_schema.wording import listing, normalise_word, quote, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.schema.alternatives import Holder
    from kernel_schema.schema.problems import Advice, Steps
    from kernel_schema.schema.vocabulary import KeyKind

_OF_KIND: Final[dict[KeyKind, tuple[str, ...]]] = {"device": DEVICE_NAMES, "mode": MODE_NAMES}
_OPTIONS: Final = frozenset(SPEC_KEYS[1:])
_BOUNDS: Final = frozenset(RANGE_KEYS)
_NOTHING: Final = (None, None)


def misfit(value: Any, holder: Holder, steps: Steps = ()) -> tuple[Steps, Problem]:
    """What is wrong with a value that is nothing that `holder` takes, and where below it.

    `steps` lead to it.
    """
    if is_table(value) and value:
        return _misfit_table(value, holder, steps)
    forms = ENTRIES[holder].forms
    if (is_table(value) or is_list(value)) and not value:
        kind = "list" if is_list(value) else "table"
        message = f"an empty {kind} says nothing: {forms}"
        help_text, repair = _NOTHING if holder == "mode" else _kept(holder, safe=False)
        return (), Problem("empty-entry", message, help_text, repair=repair)
    if is_list(value):
        message = f"a list cannot stand here: {forms}"
        help_text, repair = meant_list(value, holder)
        return (), Problem("misplaced-list", message, help_text, repair=repair)
    if value is None or value is False:
        message = f"{show(value)} cannot stand here: {forms}"
        if value is None:
            message = f"nothing stands here: {forms}"
        help_text, repair = _kept(holder)
        return (), Problem("invalid-entry", message, help_text, repair=repair)
    if is_path(value):
        return (), not_a_reference(value)
    if problem := repository_problem(value):
        return (), problem
    help_text, repair = _NOTHING
    if holder == "range" and isinstance(value, str):
        help_text = "write it as a table with the key `kernel`"
        repair = Repair("replace", {"kernel": value})
    message = f"{show(value)} cannot stand here: {forms}"
    return (), Problem("invalid-entry", message, help_text, repair=repair)


def _kept(holder: Holder, *, safe: bool = True) -> Advice:
    """What to write for no kernel."""
    original = ENTRIES[holder].original
    if original is None:
        return "leave the mode out to state none", Repair("remove", safe=False)
    kept = {"kernel": ORIGINAL} if holder == "range" else ORIGINAL
    return f"to keep the model's own forward write {original}", Repair("replace", kept, safe=safe)


def _misfit_table(table: Mapping[Any, Any], holder: Holder, steps: Steps) -> tuple[Steps, Problem]:
    for key in table:
        if problem := key_problem(key):
            return (key,), problem
    words = [key for key in table if isinstance(key, str)]
    if holder == "layer" and steps[-1:] == ("kernel_mapping",):
        inner = "`kernel_mapping` stands inside of `kernel_mapping`"
        help_text, repair = "leave one of the two out", Repair("replace", table, 1, safe=False)
        return (), Problem("unknown-key", inner, help_text, at_key=True, repair=repair)
    if holder == "layer" and steps and (problem := _transposed(steps[-1], words)):
        return (), problem
    for word in words if holder != "mode" else ():
        if problem := key_with_capability(word, table, steps, of_layer=holder == "layer"):
            return (word,), problem
    known = {name for kind in ENTRIES[holder].kinds for name in _OF_KIND.get(kind, ())}
    for word in sorted(words, key=known.__contains__):
        if problem := _out_of_place(word, holder, steps) or _of_devices(word, table, holder):
            return (word,), problem
    return (), _unknown_table(words, table, holder)


def _out_of_place(word: str, holder: Holder, steps: Steps) -> Problem | None:
    """For a device, a mode or a bound that stands elsewhere."""
    problem = misplaced_key(word)
    if problem is None or word not in DEVICE_NAMES or len(steps) != LAYER_DEPTH + 1:
        return problem
    if holder != "mode":
        return problem
    return replace(problem, help=f"turn them round: `{word}: {{{steps[-1]}: ...}}`")


def _unknown_table(words: Sequence[str], table: Mapping[Any, Any], holder: Holder) -> Problem:
    key = words[0] if words else next(iter(table))
    message = f"a table with the key {quote(key)} cannot stand here: {ENTRIES[holder].forms}"
    help_text, repair = _wrapped(key, table, holder)
    if isinstance(key, str) and isinstance(table[key], str):
        # `org/repo: Layer`, with a blank after the colon, is a table in YAML.
        joined = f"{key}:{table[key]}"
        if read_kernel_ref(joined):
            help_text = f"did you mean the text {quote(joined)}?"
            repair = Repair("replace", joined, safe=len(table) == 1)
    return Problem("unknown-key", message, help_text, repair=repair)


_NOT: Final = frozenset(("disable", "disabled", "off", "original", "skip"))
_USED: Final = frozenset(("active", "enable", "enabled", "on", "use", "use_kernel"))


def _wrapped(key: Any, table: Mapping[Any, Any], holder: Holder) -> Advice:
    """For a table that only holds an entry, or says that there is none."""
    value = table[key]
    if len(table) > 1 or not isinstance(key, str):
        return _NOTHING
    word = normalise_word(key)
    if (value is True and word in _NOT) or (value is False and word in _USED):
        return _kept(holder, safe=False)
    if read_kernel_ref(key) and (value is None or (is_table(value) and {*value} <= _OPTIONS)):
        if not value:
            return f"did you mean the text {quote(key)}?", Repair("replace", key, safe=False)
        repair = Repair("replace", {"kernel": key, **value}, safe=False)
        return f"write {quote(f'kernel: {key}')}", repair
    if isinstance(value, str) or alternative(value) not in ENTRIES[holder].takes:
        return _NOTHING
    return f"leave {quote(key)} out, and write what it holds", Repair("replace", value, safe=False)


def _of_devices(word: str, table: Mapping[Any, Any], holder: Holder) -> Problem | None:
    """For a key that was to stand for every device, or for several."""
    if holder != "layer":
        return None
    message = f"{quote(word)} is not a device"
    if several := joined_names(word, DEVICE_NAMES):
        help_text = f"write a key for each: {listing(several, 'and')}"
        every = dict.fromkeys(several, table[word])
        safe = all(name in word.lower() for name in several)
        repair = Repair("replace", every, up=1, safe=safe) if len(table) == 1 else None
    elif len(table) == 1 and is_every_device(word):
        help_text = f"leave {quote(word)} out: what stands for a layer itself is for every device"
        repair = Repair("replace", table[word], up=1)
    else:
        return None
    return Problem("unknown-device", message, help_text, at_key=True, repair=repair)


def _transposed(name: Any, words: Sequence[str]) -> Problem | None:
    """For a device or a mode that holds layers, where a layer holds devices and modes."""
    kind, meant = closest_of(name, ("device", "mode")) if isinstance(name, str) else _NOTHING
    if kind is None or meant is None or not words:
        return None
    message = f"{quote(name)} is a {kind}, where a layer belongs"
    help_text = f"layers come first: `{words[0]}: {{{meant}: ...}}`"
    code = "misplaced-device" if kind == "device" else "misplaced-mode"
    return Problem(code, message, help_text, at_key=True)


_MOST_KEYS: Final = 50


def wrong_name(
    problem: Problem, key: Any, table: Mapping[Any, Any], steps: Steps, holder: Holder
) -> Problem:
    """What is to be said of the name of a layer, device or mode in which there is a problem."""
    if holder == "layer":
        return problem
    return key_with_capability(key, table, steps, of_layer=holder == "device") or problem


def key_with_capability(
    key: Any, table: Mapping[Any, Any], steps: Steps, *, of_layer: bool
) -> Problem | None:
    """For `sm_90: ...` or `cuda>=90: ...`: capabilities are bounds, and no keys."""
    target = target_in(key) if isinstance(key, str) else None
    if target is None:
        return None
    of_layer = of_layer or len(steps) == LAYER_DEPTH
    of_range = bool(steps) and isinstance(steps[-1], int)
    device, bounds = target
    is_one = "is" if capability_in(key) is not None else "states"
    message = f"{quote(key)} {is_one} a capability, and capabilities are no keys"
    # Of many keys each would look at all.
    written: Any = as_ranges(table, of_layer=of_layer) if len(table) <= _MOST_KEYS else None
    if of_range and written is not None:
        written = written[0] if len(written) == 1 else None
    help_text = f"write bounds: `{{{shown(bounds)}, kernel: ...}}`"
    if of_layer:
        lists: Mapping[str, Any] = written or {device: [bounds]}
        listed = [name for name in CAPABILITY_DEVICES if is_list(lists.get(name))]
        snippets = [f"{name}: {shown_ranges(lists[name])}" for name in sorted(listed)]
        help_text = f"write a list under a device: `{', '.join(snippets)}`"
    elif not of_range:
        help_text = f"write a list: `{shown_ranges(written or [bounds])}`"
    repair = Repair("replace", written, up=1, safe=False) if written is not None else None
    return Problem("misplaced-capability", message, help_text, at_key=True, repair=repair)


def misfit_mapping(value: Any) -> Problem:
    """For what stands as `kernel_mapping` and is no table of layers."""
    message = f"{show(value)} is not a table of layers for `kernel_mapping`"
    help_text, repair = meant_mapping(value)
    return Problem("invalid-kernel-mapping", message, help_text, repair=repair)
