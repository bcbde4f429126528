"""The grammar of a kernel reference: one parser and one formatter for everybody.

A reference is `org/repo[@version|@revision]:layer` on the Hub, or `path:layer` on disk. The rule
for repository ids is the Hub's own, as `huggingface_hub.utils.validate_repo_id` states it, and the
organisation is always required.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from kernel_schema.diagnostics import ConfigError, Diagnostic
from kernel_schema.typeguards import as_text
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.diagnostics import Repair

MAX_VERSION: Final = 999_999_999
"""Highest kernel version: nine digits, which a pattern can express too."""

NEWEST: Final = frozenset(("latest", "newest", "*", "x"))
"""What other tools call the newest version: kernels has no word for it."""

# Patterns mean the same to Python, JavaScript and Rust: ASCII classes, no look-around.
# One part of a repository id: no '-' or '.' at its ends, never '--' or '..'.
_PART: Final = r"[A-Za-z0-9_]+(?:(?:-(?:\.-)*\.?|\.(?:-\.)*-?)[A-Za-z0-9_]+)*"
REPO_ID_PATTERN: Final = f"{_PART}/{_PART}"
VERSION_PATTERN: Final = r"v(?:0|[1-9][0-9]{0,8})"
REVISION_PATTERN: Final = r"[A-Za-z0-9_./-]+"
LAYER_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]*"
LOCAL_START_PATTERN: Final = r"(?:/|\\\\|\.{1,2}[/\\]|~|[A-Za-z]:[/\\])"
_LOCAL_PATH: Final = LOCAL_START_PATTERN + r"[^\x00-\x1f\x7f]*"

_HUB_REF: Final = re.compile(rf"({REPO_ID_PATTERN})(?:@({REVISION_PATTERN}))?:({LAYER_PATTERN})")
_LOCAL_REF = re.compile(rf"({_LOCAL_PATH}):({LAYER_PATTERN})")
_REPO_ID = re.compile(REPO_ID_PATTERN)
VERSION: Final = re.compile(r"v(0|[1-9][0-9]*)")
_REVISION = re.compile(REVISION_PATTERN)
_LOCAL_START = re.compile(LOCAL_START_PATTERN)
_SURROGATE = re.compile("[\ud800-\udfff]")

_PART_LENGTH = 96
SHORT: Final = 200
"""What has at most so many characters may be kept for files to come."""
KEPT: Final = 1024
"""How much is kept of each kind."""

_set: Final = object.__setattr__  # references are frozen
HUB_RULE: Final = "a kernel is written `org/repo:layer_name`"


@dataclass(frozen=True, slots=True)
class HubRef:
    """A layer of a kernel repository on the Hub.

    Args:
        repo_id: `org/repo`, by the Hub's own rule.
        layer_name: Name of the layer in the repository, a Python identifier.
        version: Kernel version, written `@v<version>`; None if the reference states none.
        revision: Git branch, tag or commit, written `@<revision>`; None if it states none.

    Raises:
        ConfigError: With code `invalid-kernel-reference`, if a part breaks its rule or both
            `version` and `revision` are given.

    >>> str(HubRef("kernels-community/activation", "Silu", version=1))
    'kernels-community/activation@v1:Silu'
    """

    repo_id: str
    layer_name: str
    version: int | None = None
    revision: str | None = None

    def __post_init__(self) -> None:
        if self.version is not None and self.revision is not None:
            _refuse("a kernel has a version or a revision, not both", "leave one of them out")
        for name in ("repo_id", "layer_name", "revision"):
            _set(self, name, as_text(getattr(self, name)) or getattr(self, name))
        if parse_kernel_ref(str(self)) != self:
            _refuse(f"{quote(str(self))} reads as another reference", HUB_RULE)

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.repo_id}@v{self.version}:{self.layer_name}"
        if self.revision is not None:
            return f"{self.repo_id}@{self.revision}:{self.layer_name}"
        return f"{self.repo_id}:{self.layer_name}"


@dataclass(frozen=True, slots=True)
class LocalRef:
    """A layer of a kernel repository on disk.

    Args:
        path: Directory of the repository. A path that could be read as a Hub repository gets
            `./` in front.
        layer_name: Name of the layer in the repository, a Python identifier.

    Raises:
        ConfigError: With code `invalid-kernel-reference`, if a part breaks its rule.

    >>> str(LocalRef("kernels/norm", "MyNorm"))
    './kernels/norm:MyNorm'
    """

    path: str
    layer_name: str

    def __init__(self, path: str | os.PathLike[str], layer_name: str) -> None:
        text = as_text(os.fspath(path))
        if not text:
            _refuse("a local kernel needs a path", "write `.` for the working directory")
        if not _LOCAL_START.match(text):
            text = f"./{text}"
        _set(self, "path", text)
        _set(self, "layer_name", as_text(layer_name) or layer_name)
        if parse_kernel_ref(str(self)) != self:
            _refuse(f"{quote(str(self))} reads as another reference", HUB_RULE)

    def __str__(self) -> str:
        return f"{self.path}:{self.layer_name}"


def parse_kernel_ref(text: str) -> HubRef | LocalRef:
    """Read a kernel reference.

    Args:
        text: `org/repo:layer`, `org/repo@v1:layer`, `org/repo@revision:layer` or `path:layer`.

    Raises:
        ConfigError: With code `invalid-kernel-reference`, saying which rule is broken.

    >>> parse_kernel_ref("kernels-community/activation@v1:Silu").version
    1
    >>> parse_kernel_ref("./kernels/norm:MyNorm").path
    './kernels/norm'
    >>> try:
    ...     parse_kernel_ref("org/repo/Layer")
    ... except ConfigError as error:
    ...     print(error.diagnostics[0].help)
    did you mean `org/repo:Layer`?
    """
    ref = read_kernel_ref(text)
    if ref is None:
        # Imported here: what is right needs none of it.
        from kernel_schema.schema.meant.spellings import refusal

        _refuse(*refusal(text))
    return ref


def is_local(text: str) -> bool:
    """Whether a reference or path is written as a path on disk."""
    return _LOCAL_START.match(text) is not None


def is_repo_id(text: str) -> bool:
    """Whether `text` is a repository id of the Hub, with its organisation."""
    return _REPO_ID.fullmatch(text) is not None and repo_id_problem(text) is None


def is_revision(text: str) -> bool:
    """Whether `text` can name a git revision."""
    return _REVISION.fullmatch(text) is not None


def is_text(text: str) -> bool:
    """Whether `text` can be written to a file: it has no lone surrogates."""
    return _SURROGATE.search(text) is None


def read_kernel_ref(text: str) -> HubRef | LocalRef | None:
    """What `parse_kernel_ref` gives, or None where it raises."""
    return _kept(text) if len(text) <= SHORT else _read(text)


def _read(text: str) -> HubRef | LocalRef | None:
    if match := _HUB_REF.fullmatch(text):
        repo_id, pin, layer_name = match.groups()
        suspect = len(repo_id) > _PART_LENGTH or repo_id.endswith(".git")
        if suspect and repo_id_problem(repo_id) is not None:
            return None
        return _hub_ref(repo_id, pin, layer_name)
    match = _LOCAL_REF.fullmatch(text)
    if match is not None and is_text(text):
        ref = object.__new__(LocalRef)
        _set(ref, "path", match[1])
        _set(ref, "layer_name", match[2])
        return ref
    return None


# Many files name the same few kernels.
_kept: Final = lru_cache(maxsize=KEPT)(_read)


def _hub_ref(repo_id: str, pin: str | None, layer_name: str) -> HubRef | None:
    version = None
    if pin is not None and (match := VERSION.fullmatch(pin)):
        if len(match[1]) > len(str(MAX_VERSION)):
            return None
        version, pin = int(match[1]), None
    # The text has just been checked: the constructor would do so once more.
    ref = object.__new__(HubRef)
    _set(ref, "repo_id", repo_id)
    _set(ref, "layer_name", layer_name)
    _set(ref, "version", version)
    _set(ref, "revision", pin)
    return ref


def _refuse(message: str, help_text: str | None, repair: Repair | None = None) -> NoReturn:
    problem = Diagnostic("invalid-kernel-reference", message, help=help_text, repair=repair)
    raise ConfigError([problem])


# The ways in which a text may be wrong, from the outside in: whether it is, and what to say then.
Ways: TypeAlias = "Iterator[tuple[object, str]]"


def repo_id_problem(repo_id: str) -> str | None:
    """Which of the Hub's rules for repository ids a text breaks, or None."""
    return next((message for wrong, message in _wrong_repo_id(repo_id) if wrong), None)


def _wrong_repo_id(repo_id: str) -> Ways:
    org, _, name = repo_id.partition("/")
    yield "/" in name, "it must have exactly one `/`, as in `org/repo`"
    for part in (org, name):
        yield not part, "it must have an organisation and a name, as in `org/repo`"
        too_long = f"{quote(part)} is longer than {_PART_LENGTH} characters"
        yield len(part) > _PART_LENGTH, too_long
        yield "--" in part or ".." in part, "`--` and `..` are forbidden"
        yield part.strip("-.") != part, f"{quote(part)} starts or ends with `-` or `.`"
    yield repo_id.endswith(".git"), "it must not end in `.git`"
    yield (not _REPO_ID.fullmatch(repo_id), "only letters, digits, `-`, `_` and `.` are allowed")
