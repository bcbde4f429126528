"""The default table of a transformers that is not installed: its source is read, never run."""

from __future__ import annotations

import ast
import re
import sys
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.integrations.transformers import table_rules
from kernel_schema.lowering.upstream import import_kernels, kernel_of
from kernel_schema.paths import exists, home_path, is_directory, names_a_user, read_at_most
from kernel_schema.schema.references import HubRef, read_kernel_ref
from kernel_schema.wording import printable, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_schema.schema.rules import Rule

_MAX_WHEEL: Final = 100_000_000
_MAX_SOURCE: Final = 1_000_000
_MAX_MEMBERS: Final = 50_000
_MEMBER: Final = b"PK\x01\x02"
"""Begins the entry of a member in the directory of a zip file."""

_PACKAGES: Final = ("transformers", "src/transformers", ".")
_SOURCE: Final = "integrations/hub_kernels.py"
_TABLE: Final = "_KERNEL_MAPPING"
_REPOSITORIES: Final = ("FuncRepository", "LayerRepository")
_PLACES: Final = ("CUDAProperties", "Device", "ROCMProperties")
"""Classes of kernels of which an object is no more than its arguments."""

_REQUIREMENT: Final = re.compile(r"transformers\s*(?:[=<>!~].*)?|\d+(?:\.\d+)+", re.DOTALL)
_VERSION: Final = re.compile(r"^__version__ = [\"']([\w.+-]{1,50})[\"']", re.MULTILINE)


class DefaultTableError(ValueError):
    """A place in which no default table of transformers is found."""

    def __str__(self) -> str:
        return printable(super().__str__())


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a table that only running it would tell.

    Args:
        layer_name: The layer that it speaks of; None where it may speak of any.
        line: Its line in the source.
        text: That line.
    """

    layer_name: str | None
    line: int
    text: str

    def __str__(self) -> str:
        what = "its default table" if self.layer_name is None else quote(self.layer_name)
        return printable(f"{what} cannot be read in line {self.line}: {quote(self.text)}")


@dataclass(frozen=True, slots=True)
class DefaultTable:
    """The default table of a version of transformers.

    Args:
        version: As that transformers states it; None where it does not.
        rules: What the table says, as rules.
        unread: What of it is not understood.
    """

    version: str | None
    rules: tuple[Rule, ...]
    unread: tuple[Unread, ...]


def read_default_table(place: str) -> DefaultTable:
    """Read the default table of a transformers without installing, importing or running it.

    Args:
        place: A wheel, or a folder into which one was unpacked, or with a checkout.

    Raises:
        DefaultTableError: If there is none, or it is larger than any wheel of transformers.
        LoweringError: If kernels is not installed: its objects stand in the table.
    """
    if _REQUIREMENT.fullmatch(wanted := place.strip()) and not exists(home_path(place)):
        wanted = wanted if wanted.startswith("transformers") else f"transformers=={wanted}"
        raise DefaultTableError(
            "nothing is downloaded here; get the wheel, and name it: "
            f"pip download --no-deps {quote(wanted, chr(39))}"
        )
    source, version = _sources(place)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise DefaultTableError(f"{_SOURCE}:{line}: this is not Python") from None
    reader = _Reader(source)
    table = reader.read(tree)
    stated = _VERSION.search(version)
    return DefaultTable(
        stated and stated[1], tuple(table_rules(table)), tuple(sorted(reader.unread, key=_line))
    )


def _line(unread: Unread) -> int:
    return unread.line


def _sources(place: str) -> tuple[str, str]:
    """The texts of the module with the table, and of the one with the version."""
    if names_a_user(place):
        raise DefaultTableError("the home directory of another user is not looked up")
    path = home_path(place)
    members = (_SOURCE, "__init__.py")
    if is_directory(path):
        for package in _PACKAGES:
            if exists(path / package / _SOURCE):
                texts = (_read(path / package / member, _MAX_SOURCE) for member in members)
                source, version = texts
                return _text(source), _text(version)
        raise DefaultTableError(f"there is no transformers/{_SOURCE} in it")
    raw = _read(path, _MAX_WHEEL)
    # The directory of a zip file is read as a whole: without this, however large it is.
    if raw.count(_MEMBER) > _MAX_MEMBERS:
        raise DefaultTableError(f"it has more than {_MAX_MEMBERS} files")
    source, version = (_member(raw, f"transformers/{member}") for member in members)
    return _text(source), _text(version)


def _read(path: Path, limit: int) -> bytes:
    try:
        raw = read_at_most(path, limit)
    except (OSError, ValueError) as error:
        raise DefaultTableError(getattr(error, "strerror", None) or str(error)) from None
    return _bounded(raw, path.name, limit)


def _member(raw: bytes, name: str) -> bytes:
    """A file of a wheel; no more of it is unpacked than may be read."""
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            info = archive.getinfo(name)
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise DefaultTableError(f"{name} is compressed in a way that no wheel is")
            with archive.open(info) as file:
                return _bounded(file.read(_MAX_SOURCE + 1), name, _MAX_SOURCE)
    except KeyError:
        raise DefaultTableError(f"there is no {name} in it") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        # NotImplementedError and what an encrypted file gives are RuntimeErrors.
        raise DefaultTableError(f"it is no wheel: {error}") from None


def _bounded(raw: bytes, name: str, limit: int) -> bytes:
    if len(raw) > limit:
        raise DefaultTableError(f"{name} is larger than {limit} bytes, and none of theirs is")
    return raw


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise DefaultTableError("its source is not UTF-8") from None


class _NotUnderstoodError(Exception):
    """An expression that is more than names and literals."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.line = node.lineno


class _Reader:
    """Makes the table of its literal; what is none is kept in `unread`."""

    def __init__(self, source: str) -> None:
        self.unread: list[Unread] = []
        # Lines as Python counts them: `str.splitlines` would split at more.
        self._lines = re.split(r"\r\n?|\n", source)
        self._kernels = import_kernels()

    def read(self, tree: ast.Module) -> dict[str, dict[Any, Any]]:
        literals: list[ast.Dict] = []
        for node in ast.walk(tree):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as literal)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as literal)
                ) if name == _TABLE:
                    literals.append(literal)
                case (
                    ast.Assign(targets=[ast.Name(id=name), *_])
                    | ast.AugAssign(target=ast.Name(id=name))
                    | ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del())
                    | ast.Call(func=ast.Attribute(value=ast.Name(id=name)))
                ) if name == _TABLE:
                    # It is changed after it was made.
                    self._note(None, node.lineno)
                case _:
                    pass
        if not literals:
            raise DefaultTableError(f"its {_SOURCE} states no table {quote(_TABLE)}")
        for literal in literals[1:]:
            self._note(None, literal.lineno)
        return dict(self._layers(literals[0]))

    def _layers(self, literal: ast.Dict) -> Iterator[tuple[str, dict[Any, Any]]]:
        for key, value in zip(literal.keys, literal.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                self._note(None, value.lineno)
            elif not isinstance(value, ast.Dict):
                self._note(key.value, value.lineno)
            else:
                yield key.value, dict(self._devices(key.value, value))

    def _devices(self, layer_name: str, literal: ast.Dict) -> Iterator[tuple[Any, Any]]:
        for key, value in zip(literal.keys, literal.values, strict=True):
            entry = self._understood(layer_name, key or value, value)
            if entry is not None:
                yield entry

    def _understood(
        self, layer_name: str, key: ast.expr, value: ast.expr
    ) -> tuple[Any, Any] | None:
        try:
            return self._device(key), self._entry(value)
        except _NotUnderstoodError as error:
            self._note(layer_name, error.line)
        except RecursionError:
            self._note(layer_name, value.lineno)
        return None

    def _device(self, node: ast.expr) -> Any:
        device = self._value(node, _PLACES)
        if not isinstance(device, (str, self._kernels.Device)):
            raise _NotUnderstoodError(node)
        return device

    def _entry(self, node: ast.expr) -> Any:
        """A repository, or repositories by mode."""
        if not isinstance(node, ast.Dict):
            return self._repository(node)
        return {
            self._mode(key or value): self._repository(value)
            for key, value in zip(node.keys, node.values, strict=True)
        }

    def _repository(self, node: ast.expr) -> Any:
        repository = self._value(node, _REPOSITORIES)
        # Its class checks no types.
        if not isinstance(read_kernel_ref(str(kernel_of(repository))), HubRef):
            raise _NotUnderstoodError(node)
        return repository

    def _mode(self, node: ast.expr) -> Any:
        match node:
            case ast.Attribute(value=ast.Name(id="Mode"), attr=name):
                return self._checked(node, lambda: self._kernels.Mode[name])
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._checked(node, lambda: self._mode(left) | self._mode(right))
            case _:
                raise _NotUnderstoodError(node)

    def _value(self, node: ast.expr, classes: tuple[str, ...] = ()) -> Any:
        """A literal, or an object of one of these classes of kernels."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=items) if all(isinstance(item, ast.Constant) for item in items):
                return [str(self._value(item)) for item in items]
            case ast.Attribute(value=ast.Name(id="sys"), attr="maxsize"):
                return sys.maxsize
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=options) if (
                name in classes and all(option.arg for option in options)
            ):
                stated = [self._value(argument, classes) for argument in arguments]
                named = {str(each.arg): self._value(each.value, classes) for each in options}
                return self._checked(node, lambda: getattr(self._kernels, name)(*stated, **named))
            case _:
                raise _NotUnderstoodError(node)

    def _checked(self, node: ast.expr, make: Callable[[], Any]) -> Any:
        """What kernels makes of it, or that it does not take it."""
        try:
            return make()
        except _NotUnderstoodError:
            raise
        except Exception as error:  # of whatever kind the checks of its classes raise
            raise _NotUnderstoodError(node) from error

    def _note(self, layer_name: str | None, line: int) -> None:
        self.unread.append(Unread(layer_name, line, self._lines[line - 1].strip()))
