"""Wrong texts and what the readers say of each: `yaml.txt`, `json.txt` and `toml.txt`.

A text stands after `>>>` as Python writes it, its problems below. To write the files anew, and then
look at the difference: `python -m tests.files.reader_errors`.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_schema.files.json import read_json
from kernel_schema.files.parsed import Parsed, ReadError
from kernel_schema.files.toml import read_toml
from kernel_schema.files.yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_schema.diagnostics import Diagnostic, Span

READERS: dict[str, Callable[[str], Parsed]] = {
    "yaml": read_yaml,
    "json": read_json,
    "toml": read_toml,
}

_FOLDER = Path(__file__).parent


def place(span: Span | None) -> str:
    """A span as `line:column-line:column`."""
    assert span is not None
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def shown(problem: Diagnostic) -> str:
    """A problem as `line:column-line:column code: message`, and its help in a second line."""
    help_line = f"\n    help: {problem.help}" if problem.help else ""
    return f"{place(problem.span)} {problem.code}: {problem.message}{help_line}"


def problems(read: Callable[[str], Parsed], text: str) -> str:
    """All problems of a text, or nothing if it can be read."""
    try:
        read(text)
    except ReadError as error:
        return "\n".join(map(shown, error.problems))
    return ""


def cases(name: str) -> Iterator[tuple[str, str]]:
    """The texts of one file with what should be said of them."""
    content = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    for case in content.split(">>> ")[1:]:
        literal, _, expected = case.partition("\n")
        yield ast.literal_eval(literal), expected.strip("\n")
