"""The table of codes in schemas/README.md, and their page: `python tests/update_readme.py`."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.codes import Meaning

ROOT = Path(__file__).parent.parent
README = ROOT / "schemas" / "README.md"
PAGE = ROOT / "schemas" / "codes.md"
BEGIN = "<!-- codes: begin -->"
END = "<!-- codes: end -->"

_TABLE = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)


def updated(text: str, codes: Iterable[Meaning]) -> str:
    """The text of a page with the table between its two marks made anew.

    Raises:
        ValueError: If the marks are not there, each on a line of its own, exactly once.
    """
    table = render_table(codes)
    text, count = _TABLE.subn(lambda _: table, text)
    if count != 1:
        raise ValueError(f"the page needs `{BEGIN}` and `{END}` once, each on its own line")
    return text


def render_table(codes: Iterable[Meaning]) -> str:
    """A Markdown table with one row for each code: its summary, and the heart of its example."""
    rows = ["| Code | What is wrong | For example |", "| --- | --- | --- |"]
    for code in codes:
        name = f"[`{code.name}`]({PAGE.name}#{code.name})" + (
            " (warning)" if code.severity == "warning" else ""
        )
        rows.append(f"| {name} | {_in_cell(code.summary)} | {_as_code(heart(code))} |")
    return "\n".join(rows) + "\n"


def heart(code: Meaning) -> str:
    """The last line of a code's wrong example that its right one has not, without indentation."""
    wrong, right = code.wrong.splitlines(), code.right.splitlines()
    opcodes = difflib.SequenceMatcher(a=wrong, b=right, autojunk=False).get_opcodes()
    last = max(end for kind, start, end, *_ in opcodes if kind != "equal" and start < end)
    return wrong[last - 1].strip(" ").replace("\t", "\\t")


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _as_code(text: str) -> str:
    mark = "``" if "`" in text else "`"
    return f"{mark}{_in_cell(text)}{mark}"


def main() -> None:
    """Write both."""
    from kernel_schema.codes import catalogue
    from tests.codes_page import render_page

    codes = catalogue().values()
    text = updated(README.read_text(encoding="utf-8"), codes)
    README.write_text(text, encoding="utf-8", newline="\n")
    PAGE.write_text(render_page(codes), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    # The package may not be installed where this is run from.
    sys.path.insert(0, str(ROOT))
    main()
