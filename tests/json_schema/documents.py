"""Documents with the verdict of the pydantic models, and which of it no schema can give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from kernel_schema import ConfigError, KernelConfig
from kernel_schema.files.composition.stated import extends_problems
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.read import read_text
from kernel_schema.schema.references import is_repo_id, read_kernel_ref
from tests.corpus.cases import FOLDERS, Case, cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from kernel_schema import Diagnostic
    from kernel_schema.files.parsed import Parsed

SEMANTIC_CODES = {"empty-capability-range", "overlapping-capability"}
_NUMBERS = {"invalid-version", "invalid-capability"}
# A part of a repository id that is longer than 96 characters; `.git` at its end.
_SUSPECT = re.compile(r"(?<=[^/:@]{96})[A-Za-z0-9_.-]+|\.git(?=[:@]|\Z)")


class Document(NamedTuple):
    """What a file holds.

    Args:
        case: The file.
        value: Its plain value.
    """

    case: Case
    value: Any


def readers() -> dict[str, Callable[[str], Parsed]]:
    """The reader of each format."""
    from kernel_schema.files.json import read_json
    from kernel_schema.files.toml import read_toml
    from kernel_schema.files.yaml import read_yaml

    return {"json": read_json, "toml": read_toml, "yaml": read_yaml}


def corpus() -> Iterator[Document]:
    """The files of the corpus that have a value at all."""
    known = readers()
    for case in cases(*FOLDERS):
        try:
            text, written = read_text(case.path)
            parsed = known[written](text)
        except (ConfigError, ReadError):
            continue
        table = parsed.sub(("tool", "kernel-schema")) if case.name == "pyproject.toml" else parsed
        if table is not None:
            yield Document(case, table.value)


def problems(value: Any, model: type[BaseModel] = KernelConfig) -> tuple[Diagnostic, ...]:
    """Everything that a pydantic model has against a document, or a part of one."""
    if model is KernelConfig and isinstance(value, dict) and "extends" in value:  # as in a file
        value = dict(value)
        if wrong := extends_problems(value.pop("extends")):
            return tuple(wrong)
    try:
        model.model_validate(value)
    except ValidationError as error:
        return ConfigError.from_validation_error(error).diagnostics
    return ()


def refused_by_a_schema(value: Any, model: type[BaseModel] = KernelConfig) -> bool:
    """Whether anything is wrong with a document, or a part of one, that a schema can state."""
    return not all(is_semantic(found, value) for found in problems(value, model))


def is_semantic(found: Diagnostic, value: Any) -> bool:
    """Whether a diagnostic is one that no schema can give."""
    if found.code in SEMANTIC_CODES:
        return True
    here = _at(value, found.route.steps)
    if found.code in _NUMBERS:
        # Every validator takes 1.0 for an integer.
        limit = 999_999_999 if found.code == "invalid-version" else 9999
        return isinstance(here, float) and here.is_integer() and 0 <= here <= limit
    if found.code == "invalid-kernel-reference":
        return isinstance(here, str) and read_kernel_ref(_without_suspects(here)) is not None
    if found.code == "invalid-trust-remote-code":
        # What is trusted is a list: of text beside its key, no schema says more.
        listed = isinstance(found.route.steps[-1], int)
        return listed and isinstance(here, str) and is_repo_id(_without_suspects(here))
    if found.code == "invalid-lockfile":
        # Which characters are printable is a table of Unicode, not a pattern.
        return isinstance(here, str) and not here.isascii()
    return False


def _without_suspects(text: str) -> str:
    """A text without what no pattern finds in its repository: a long part, or `.git` behind it."""
    repository = re.split("[:@]", text, maxsplit=1)[0]
    return _SUSPECT.sub("", repository) + text[len(repository) :]


def _at(value: Any, steps: tuple[Any, ...]) -> Any:
    for step in steps:
        known = range(len(value)) if isinstance(value, list) else value
        if not isinstance(value, (dict, list)) or step not in known:
            return None  # a key that is missing
        value = value[step]
    return value
