"""What a value was meant to be that is no version of a kernel, or no bound of capabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.references import MAX_VERSION, NEWEST, is_revision
from kernel_schema.schema.vocabulary import LOWEST_LIKELY, MAX_CAPABILITY
from kernel_schema.typeguards import is_list, is_tuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_schema.schema.problems import Advice

# Versions that may grow, and those with points, as package managers have them.
_LIKE_A_VERSION: Final = re.compile(
    r"(?:[\^~]|[~=>]?={1,2})?\s*v?([0-9]{1,9})(?:\.(?:[0-9]+|[xX*]))*\+?\s*(?:,.*)?"
)


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
    help_text, repair = _integer_advice(value, "version", MAX_VERSION)
    if help_text is not None or not isinstance(value, (str, float)):
        return help_text, repair
    word = str(value).strip()
    if (meant := version_in(word)) is not None:
        help_text = f"versions are whole numbers, and no ranges: write {meant}"
        return help_text, Repair("replace", meant, safe=False)
    if word.lower() in NEWEST:
        return "nothing stands for the newest version: write its number", None
    if isinstance(value, str) and is_revision(word) and not word[0].isdigit():
        help_text = f"write a branch or a commit as `revision: {word}`"
        return help_text, Repair("rename", "revision", safe=False)
    return None, None


def bound_advice(value: object) -> Advice:
    """What to write for a bound."""
    if (is_tuple(value) or is_list(value)) and _is_pair(value):
        meant = 10 * value[0] + value[1]
        return f"write {meant}", Repair("replace", meant)
    if isinstance(value, (float, str)) and (meant := capability_in(str(value))) is not None:
        help_text = f"write {meant}"
        if str(meant) not in str(value):
            help_text = f"capability {meant / 10} is written {meant}"
        elif isinstance(value, str) and value.strip() == str(meant):
            help_text += ", without quotes"
        return help_text, Repair("replace", meant)
    return _integer_advice(value, "bound", MAX_CAPABILITY)


_CAPABILITY: Final = re.compile(
    r"(?:>=?|=)?\s*(?:(?:sm|compute|cc|capability)[_ -]?)?([0-9]{1,3})(?:\.([0-9]))?[af]?\+?",
    re.IGNORECASE,
)


def capability_in(text: str) -> int | None:
    """The capability that a text names in any of the usual ways; None for any other text.

    >>> [capability_in(text) for text in ("sm_90", "9.0", "sm80", "9", "90.0", "0.5", "cuda")]
    [90, 90, 80, 90, 90, None, None]
    """
    match = _CAPABILITY.fullmatch(text.strip())
    if match is None:
        return None
    number, fraction = int(match[1]), match[2]
    if number >= LOWEST_LIKELY:
        return number if fraction in {None, "0"} else None
    # No GPU is beyond 20.0.
    return 10 * number + int(fraction or 0) if number else None


def _is_pair(value: Sequence[Any]) -> bool:
    """Whether it is a capability as torch gives it: `(9, 0)`."""
    digits = all(type(part) is int and part >= 0 for part in value)
    return len(value) == 2 and digits and value[0] <= MAX_CAPABILITY // 10 and value[1] < 10


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
