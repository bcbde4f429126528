"""What stands in an editor: the texts that are open, and what each is for us."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from kernel_schema.files.document import Format
from kernel_schema.files.inner import PYPROJECT, TABLE
from kernel_schema.files.read import NO_FILE, format_of
from kernel_schema.findings.wanted import is_config_name, states_config
from kernel_schema.paths import name_of
from kernel_schema.routes import Step
from kernel_schema.server.positions import EditedText

_LANGUAGES: Final[Mapping[str, Format]] = {
    "yaml": "yaml",
    "json": "json",
    "jsonc": "json",
    "toml": "toml",
}
_DRIVE = re.compile(r"/[A-Za-z]:")
# How a file of another name says that it is a config: by our schema, or by its first key.
_SCHEMA = re.compile(r"kernel-config(?:\.plain)?\.schema\.json")
_STATES_MAPPING: Final = {
    "yaml": re.compile(r"^kernel_mapping[ \t]*:", re.MULTILINE),
    "json": re.compile(r'^(?:[ \t]{0,4}|\s*\{[ \t]*)"kernel_mapping"[ \t]*:', re.MULTILINE),
    "toml": re.compile(r"^(?:\[kernel_mapping[\].]|kernel_mapping[ \t]*[.=])", re.MULTILINE),
}


@dataclass(frozen=True, eq=False)
class OpenText:
    """A text that is open, as it is now; another one after each change.

    Args:
        uri: What the editor calls it.
        version: The number of its state.
        edited: The text.
        format: How it is read; None if neither its name nor its language tells.
    """

    uri: str
    version: int | None
    edited: EditedText
    language: str = ""
    format: Format | None = field(init=False)

    def __post_init__(self) -> None:
        told = format_of(self.file) if self.path is not None else None
        object.__setattr__(self, "format", told or _LANGUAGES.get(self.language))

    @property
    def path(self) -> str | None:
        """Where its file is, or will be; None for one that has no place yet."""
        return path_of(self.uri)

    @property
    def file(self) -> str:
        """What messages call it: what lies below the working directory, from there."""
        if self.path is None:
            return NO_FILE
        if not os.path.isabs(self.path):
            return self.path
        try:
            below = os.path.relpath(self.path)
        except OSError:  # the working directory is gone
            return self.path
        return self.path if below.startswith(os.pardir) else below

    @property
    def is_config(self) -> bool:
        """Whether it is a config: by its name, our schema, a table or a first key that say so."""
        text = self.edited.text
        if self.format is None:
            return False
        if self.path is not None and name_of(self.path) == PYPROJECT:
            return states_config(text.encode("utf-8", "surrogatepass"))
        if self.path is not None and is_config_name(name_of(self.path)):
            return True
        return any(each.search(text) for each in (_SCHEMA, _STATES_MAPPING[self.format]))

    def inside(self, steps: tuple[Step, ...]) -> tuple[Step, ...] | None:
        """A way in the file as one in the config that stands there; None beside that."""
        table = ()
        if self.path is not None and name_of(self.path) == PYPROJECT:
            table = TABLE.steps
        return steps[len(table) :] if steps[: len(table)] == table else None

    @property
    def has_schema(self) -> bool:
        """Whether it names our schema: then another service completes what that says."""
        return _SCHEMA.search(self.edited.text) is not None


def path_of(uri: str) -> str | None:
    """The path that a URI stands for; None if it is that of no file.

    >>> path_of("file:///tmp/a%20b/kernels.yaml"), path_of("untitled:Untitled-1")
    ('/tmp/a b/kernels.yaml', None)
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file":
        return None
    path = unquote(parts.path, errors="surrogateescape")
    if parts.netloc not in {"", "localhost"}:
        return f"//{parts.netloc}{path}"
    return path[1:] if os.name == "nt" and _DRIVE.match(path) else path


def uri_of(path: str) -> str:
    """The URI of a file.

    >>> path_of(uri_of("/tmp/a b/ü#1.yaml"))
    '/tmp/a b/ü#1.yaml'
    """
    return Path(os.path.abspath(path)).as_uri()
