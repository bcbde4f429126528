"""What a value was meant to be that is no version of a kernel, or no bound of capabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.meant.capabilities import bounds_in, shown
from kernel_schema.schema.references import MAX_VERSION, NEWEST, is_revision
from kernel_schema.schema.vocabulary import MAX_CAPABILITY, RANGE_KEYS
from kernel_schema.typeguards import is_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.schema.problems import Advice

# Versions that may grow, and those with points, as package managers have them.
_LIKE_A_VERSION: Final = re.compile(
    r"(?:[\^~]|[~=>]?={1,2})?\s*v?([0-9]{1,9})(?:\.(?:[0-9]+|[xX*]))*\+?\s*(?:,.*)?"
)
_BEFORE_VERSION: Final = re.compile(r"\A(?:@|version|v\.?)?\s*(?=v?[0-9])v?", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"[0-9]+(?:[-_:][0-9]{1,3})*")


def version_in(text: str) -> int | None:
    """The version that a text begins at or is near to, in the words of package managers.

    >>> [version_in(text) for text in (">=1", "^1", "1.2", "~=1.2", "1.x", ">=1,<3", "==2")]
    [1, 1, 1, 1, 1, 1, 2]
    >>> version_in("<2"), version_in("main"), version_in("latest")
    (None, None, None)
    """
    match = _LIKE_A_VERSION.fullmatch(text.strip())
    return int(match[1]) if match else None


def version_advice(value: object) -> Advice:
    """What to write for a version."""
    if is_list(value) and len(value) == 1 and not is_list(value[0]):
        value = value[0]
        if type(value) is int and 0 <= value <= MAX_VERSION:
            return f"write {value}", Repair("replace", value)
    help_text, repair = _integer_advice(value, "version", MAX_VERSION)
    if help_text is not None or not isinstance(value, (str, float)):
        return help_text, repair
    word = _BEFORE_VERSION.sub("", str(value).strip())
    if word != str(value) and word.isdigit() and len(word) < len(str(MAX_VERSION)):
        return f"write {int(word)}, without quotes", Repair("replace", int(word))
    if (meant := version_in(word)) is not None:
        help_text = f"versions are whole numbers, and no ranges: write {meant}"
        return help_text, Repair("replace", meant, safe=False)
    if word.lower() in NEWEST:
        return "nothing stands for the newest version: write its number", None
    if re.match("[<>!=~^]", word):
        return "versions are whole numbers, and no ranges: write its number", None
    if isinstance(value, str) and is_revision(word) and not _NUMBERS.fullmatch(word):
        help_text = f"write a branch or a commit as `revision: {word}`"
        return help_text, Repair("rename", "revision", safe=False)
    return None, None


def bound_advice(value: object, key: str, table: Mapping[Any, Any]) -> Advice:
    """What to write for a bound, which stands under a key of the table of its range."""
    stated = bounds_in(value)
    alone = len(stated) == 1 and (_is_bare(value) or not key)
    meant = stated.get(key, stated.get(_LOW) if alone else None)
    rest = {name: item for name, item in table.items() if name != key}
    if meant is not None and (len(stated) == 1 or not rest.keys().isdisjoint(stated)):
        help_text = f"write {meant}"
        if isinstance(value, str) and value.strip() == str(meant):
            help_text += ", without quotes"
        elif alone and isinstance(value, (float, str)) and str(meant) not in str(value):
            help_text = f"capability {meant / 10} is written {meant}"
        return help_text, Repair("replace", meant, safe=len(stated) == 1)
    if stated and key and rest.keys().isdisjoint(stated):
        repair = Repair("replace", {**stated, **rest}, up=1, safe=False)
        return f"write `{shown(stated)}`", repair
    too_high = type(value) is int and value > MAX_CAPABILITY and key != _LOW
    is_word = isinstance(value, (str, float)) and str(value).strip().lower() in _UNBOUNDED
    if key and (too_high or is_word or value == -1):
        return "leave the bound out to state none", Repair("remove", safe=False)
    return _integer_advice(value, "bound", MAX_CAPABILITY)


_LOW: Final = RANGE_KEYS[0]
_UNBOUNDED: Final = NEWEST | {"", "-inf", "all", "any", "inf", "infinity", "max", "none", "null"}


def _is_bare(value: object) -> bool:
    """Whether a value is a capability alone, and says nothing of what is above or below it."""
    return not isinstance(value, str) or re.search(r"[<>=+\u2264\u2265]", value) is None


def _integer_advice(value: object, name: str, highest: int) -> Advice:
    if value is None:
        return f"leave the {name} out to state none", Repair("remove")
    if isinstance(value, str):
        digits = value.strip().removeprefix("v")
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(highest)):
            return f"write {int(digits)}, without quotes", Repair("replace", int(digits))
    if isinstance(value, float) and value.is_integer() and 0 <= value <= highest:
        return f"write {int(value)}", Repair("replace", int(value))
    return None, None
