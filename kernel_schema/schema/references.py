"""The grammar of a kernel reference: one parser and one formatter for everybody.

A reference is `org/repo[@version|@revision]:layer` on the Hub, or `path:layer` on disk. The rule
for repository ids is the Hub's own, as `huggingface_hub.utils.validate_repo_id` states it, and the
organisation is always required.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from kernel_schema.diagnostics import ConfigError, Diagnostic
from kernel_schema.typeguards import as_text
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VERSION: Final = 999_999_999
"""Highest kernel version: nine digits, which a pattern can express too."""

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
_VERSION = re.compile(r"v(0|[1-9][0-9]*)")
_REVISION = re.compile(REVISION_PATTERN)
_LAYER = re.compile(LAYER_PATTERN)
_LOCAL_START = re.compile(LOCAL_START_PATTERN)
_SURROGATE = re.compile("[\ud800-\udfff]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://+")

_PART_LENGTH = 96
_set: Final = object.__setattr__  # references are frozen
_RULE: Final = "a kernel is written `org/repo:layer_name`"
_LOCAL_RULE: Final = "a local kernel is written `path:layer_name`"


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
            _refuse(f"{quote(str(self))} reads as another reference", _RULE)

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
            _refuse(f"{quote(str(self))} reads as another reference", _RULE)

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


def _hub_ref(repo_id: str, pin: str | None, layer_name: str) -> HubRef | None:
    version = None
    if pin is not None and (match := _VERSION.fullmatch(pin)):
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


def _refuse(message: str, help_text: str | None) -> NoReturn:
    raise ConfigError([Diagnostic("invalid-kernel-reference", message, help=help_text)])


def refusal(text: str) -> tuple[str, str | None]:
    """What is wrong with a text that is no reference, and what to do."""
    return _problem(text), _help(text)


def _problem(text: str) -> str:
    ways = _wrong_on_disk(text) if is_local(text) else _wrong_on_hub(text)
    return next(message for wrong, message in ways if wrong)


# The ways in which a text may be wrong, from the outside in: whether it is, and what to say then.
_Ways: TypeAlias = "Iterator[tuple[object, str]]"


def _wrong_on_hub(text: str) -> _Ways:
    yield not text.strip(), f"{show(text)} is blank: {_RULE}"
    shown = quote(text)
    yield _URL.match(text), f"{shown} is a URL: {_RULE}"
    yield text.split(maxsplit=1) != [text], f"{shown} contains white space"
    yield not text.isascii(), f"{shown} contains characters that are not ASCII"
    repo, colon, layer = text.partition(":")
    yield not colon, f"{shown} names no layer: {_RULE}"
    yield "/" not in repo, f"{shown} has no `org/repo` before the colon: {_RULE}"
    yield not layer, f"{shown} names no layer after the colon: {_RULE}"
    yield ":" in layer, f"{shown} has more than one colon: {_RULE}"
    repo_id, at, pin = repo.partition("@")
    yield not repo_id, f"{shown} has no `org/repo` before the `@`: {_RULE}"
    problem = repo_id_problem(repo_id)
    yield problem, f"{quote(repo_id)} is not a repository id: {problem}"
    yield (
        at and not pin,
        f"{shown} has nothing after `@`: write `@v1` for a version or `@main` for a revision",
    )
    version = _VERSION.fullmatch(pin)
    too_long = version is not None and len(version[1]) > len(str(MAX_VERSION))
    yield too_long, f"{shown} has a version above {MAX_VERSION}"
    characters = "letters, digits, `_`, `.`, `/` and `-`"
    yield (
        at and not is_revision(pin),
        f"{shown} has a revision with other characters than {characters}",
    )
    yield True, f"{quote(layer)} is not a layer name: it must be a Python identifier"


def _wrong_on_disk(text: str) -> _Ways:
    shown = quote(text)
    path, colon, layer = text.rpartition(":")
    yield not colon or not is_local(path), f"{shown} names no layer: {_LOCAL_RULE}"
    yield not layer, f"{shown} names no layer after the colon"
    wrong_layer = f"{quote(layer)} is not a layer name: it must be a Python identifier"
    yield not _LAYER.fullmatch(layer), wrong_layer
    yield not is_text(text), f"{shown} contains characters that are not Unicode text"
    yield True, f"{shown} contains control characters"


def repo_id_problem(repo_id: str) -> str | None:
    """Which of the Hub's rules for repository ids a text breaks, or None."""
    return next((message for wrong, message in _wrong_repo_id(repo_id) if wrong), None)


def _wrong_repo_id(repo_id: str) -> _Ways:
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


def _help(text: str) -> str | None:
    bare = _without_address(text)
    for candidate in _repairs(bare):
        if read_kernel_ref(candidate) is not None:
            return f"did you mean {quote(candidate)}?"
    if not is_local(bare) or bare.endswith(":") or ":" not in bare[len("C:") :]:
        candidate = f"{bare.rstrip(':/')}:LayerName"
        if read_kernel_ref(candidate) is not None:
            return f"add the layer, as in {quote(candidate)}"
    if text.count("/") > 1 and not _URL.match(text) and read_kernel_ref(f"./{text}") is not None:
        return f"for a repository on disk write {quote('./' + text)}"
    rule = _LOCAL_RULE if is_local(text) else _RULE
    return None if rule in _problem(text) else rule


def _without_address(text: str) -> str:
    """What is left of a reference without white space, quotes and the address of a web page."""
    outer = text.strip().strip("\"'`").strip()
    if is_local(outer):
        # A path may hold blanks, a layer may not.
        path, colon, layer = outer.rpartition(":")
        cleaned = f"{path}{colon}{''.join(layer.split())}" if len(path) > 1 else outer
        return re.sub(r"[\x00-\x1f\x7f]", "", cleaned)
    bare = "".join(text.split()).strip("\"'`")
    url = _URL.match(bare)
    if url is not None and bare.startswith("file"):
        path = f"/{bare[url.end() :]}"
        return path[1:] if is_local(path[1:]) else path
    rest = bare[url.end() :] if url is not None else bare
    host = _HUB_HOST.match(rest) or (_HOST.match(rest) if bare.startswith("http") else None)
    rest = rest[host.end() :] if host is not None else rest
    page = _HUB_PAGE.fullmatch(rest)
    return f"{page[1]}@{page[2]}{page[3] or ''}" if page is not None else rest


_HUB_HOST = re.compile(r"(?:www\.)?(?:huggingface\.co|hf\.co)/(?:kernels/)?")
_HOST = re.compile(r"[^/]+/(?:kernels/)?")
_HUB_PAGE = re.compile(r"([^/]+/[^/]+)/(?:tree|blob|resolve)/([^/:]+)(?:/[^:]*)?(:.*)?")


def _repairs(bare: str) -> Iterator[str]:
    """What the user may have meant, most likely first."""
    if not is_local(bare):
        bare = bare.replace("\\", "/").strip("/@").rstrip(":")
        bare = re.sub(r"/+", "/", re.sub(r":+", ":", bare))
    yield bare
    repo, colon, layer = bare.rpartition(":")
    if colon:
        name, at, pin = layer.partition("@")
        if at:
            yield f"{repo}@{name}:{pin}" if _VERSION.fullmatch(name) else f"{repo}@{pin}:{name}"
        name = name.strip("()[]{}<>\"'`")
        yield f"{repo}:{re.split(r'[./]', name.removesuffix('.forward'))[-1]}"
        yield f"{repo}:{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
        yield f"{repo.rstrip('@/')}:{layer}"
        yield f"{repo.removesuffix('.git')}:{layer}"
        yield f"{re.sub(r'-{2,}', '-', repo)}:{layer}"
    parts = re.split(r"[/:#,;=]", bare)
    if len(parts) == 3 and all(parts) and not is_local(bare):
        yield f"{parts[0]}/{parts[1]}:{parts[2]}"
    if len(parts) == 2 and "." in parts[1]:
        repo_name, _, layer_name = parts[1].rpartition(".")
        yield f"{parts[0]}/{repo_name}:{layer_name}"
