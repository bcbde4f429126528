"""The rule for names that others choose and we only keep: one line of text, and not a long one."""

from __future__ import annotations

import re
from typing import Final

from kernel_schema.schema.references import is_text

MAX_LENGTH: Final = 1000
"""How many characters a layer name and `$schema` may have."""

CONTROL_CLASS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters and line separators, as the inside of a class of a pattern."""

_CONTROL = re.compile(f"[{CONTROL_CLASS}]")


def line_problem(text: str) -> str | None:
    """What keeps a text from being such a name, or None.

    >>> line_problem("RMSNorm") is None, line_problem(chr(0x2028))
    (True, 'contains control characters or line separators')
    """
    if not is_text(text):
        return "contains characters that are not Unicode text"
    if _CONTROL.search(text) is not None:
        return "contains control characters or line separators"
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    return None
