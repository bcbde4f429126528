"""From a file to a config, and from all else that callers may hand over as one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema.diagnostics import ConfigError, Diagnostic, Span
from kernel_schema.files.alone import read_alone
from kernel_schema.files.document import Document, Format, InvalidConfigError
from kernel_schema.files.text.lines import LineIndex
from kernel_schema.limits import MAX_BYTES
from kernel_schema.paths import first_bytes, name_of, read_at_most
from kernel_schema.schema import rules
from kernel_schema.schema.alternatives import declared
from kernel_schema.schema.arguments import stated_route, wrong_argument
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.typeguards import is_path, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.codes import Code
    from kernel_schema.schema.arguments import At
    from kernel_schema.schema.rules import Rule

STANDARD_INPUT: Final = "-"
NO_FILE: Final = "<text>"

_FORMATS: Final[dict[str, Format]] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".toml": "toml",
}


class FileAccessError(ConfigError):
    """A config file that cannot be opened, or whose format cannot be told."""


def read(
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    max_bytes: int = MAX_BYTES,
    at: At | None = None,
    overrides: Iterable[str] = (),
) -> Document:
    """Read a config file and keep its text, so that every message can point into it.

    Args:
        path: A YAML, JSON or TOML file; a `pyproject.toml` with a table `[tool.kernel-schema]`; or
            `-` for standard input.
        format: `yaml`, `json` or `toml`; told by the ending of the path if left out.
        max_bytes: Refuse larger files, bases among them.
        at: Where the config stands in a bigger file, as a `Route` is printed or as its steps:
            `trainer.kernels`, `stages[0].kernels`, `x["a.b"].kernels`, `("stages", 0, "kernels")`.
            What is of no harm elsewhere in the file does not count: anchors, tags, keys that are
            no text or are there twice. Left out, it is the whole file.
        overrides: What holds in the place of what the file says, bases included, each as
            `kernel_mapping.RMSNorm=original`: a route into the config and a value, which is YAML.
            The later wins. Relative paths in a value start at the working directory.

    Returns:
        The document. Its `config` holds paths as they are written; `load` makes them absolute.

    Raises:
        FileAccessError: A `ConfigError`, if the file is missing, a directory, cannot be opened or
            has an ending that tells no format.
        ConfigError: With every mistake in the file, or in the overrides: of those each is a text of
            its own, called `<override 1>`, and of a file with mistakes they are not looked at.
        RouteError: A ValueError, if `at` is no route.
    """
    at = None if at is None else stated_route(at)
    text, stated = read_text(path, format=format, max_bytes=max_bytes)
    file = str.__str__(os.fspath(path))
    return loads_document(
        text, format=stated, file=file, at=at, max_bytes=max_bytes, overrides=overrides
    )


def read_text(
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    max_bytes: int = MAX_BYTES,
) -> tuple[str, Format]:
    """The text of a config file, unread, and its format; takes and raises what `read` does."""
    file = str.__str__(os.fspath(path))  # a plain string, whatever class the path has
    stated = format or format_of(file)
    if stated is None:
        message = "the format of standard input cannot be told"
        if file != STANDARD_INPUT:
            # What cannot be opened at all says so first: its ending is no matter then.
            _bytes(file, 0)
            message = f"the format of {quote(file)} cannot be told by its ending"
        help_text = "pass `--format` (in Python `format=`): yaml, json or toml"
        raise _access("unknown-format", file, message, help_text)
    raw = _bytes(file, max_bytes)
    refuse_size(len(raw), file, max_bytes)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8").removeprefix("\ufeff")
        message = f"the file is not UTF-8: byte {raw[error.start]:#04x} at offset {error.start}"
        place = LineIndex(before).point(len(before))
        utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        help_text = "save it as UTF-8" + ": it is UTF-16" * utf16
        raise _content("not-utf8", file, message, help_text, place) from None
    return text, stated


def refuse_size(size: int, file: str, max_bytes: int = MAX_BYTES) -> None:
    """Refuse a file of more bytes: ConfigError with `file-too-large`."""
    if size > max_bytes:
        message = f"the file is larger than {max_bytes} bytes"
        help_text = (
            "allow more with `--max-bytes` (in Python `max_bytes=`) if it really is a config"
        )
        raise _content("file-too-large", file, message, help_text)


def load(
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    max_bytes: int = MAX_BYTES,
    at: At | None = None,
    overrides: Iterable[str] = (),
) -> KernelConfig:
    """Read a config file.

    Args:
        path: As for `read`.
        format: As for `read`.
        max_bytes: As for `read`.
        at: As for `read`.
        overrides: As for `read`.

    Returns:
        The config, with relative local kernels and lock files made absolute, starting at the
        directory of the file: it means the same wherever it goes.

    Raises:
        ConfigError: As `read` does.
        RouteError: As `read` does.
    """
    return read(path, format=format, max_bytes=max_bytes, at=at, overrides=overrides).anchored


def loads(
    text: str,
    *,
    format: Format,
    at: At | None = None,
    directory: str | os.PathLike[str] | None = None,
    overrides: Iterable[str] = (),
) -> KernelConfig:
    """Read a config from a text.

    Args:
        text: What a config file would hold.
        format: `yaml`, `json` or `toml`.
        at: As for `read`.
        directory: Where the paths under `extends` start.
        overrides: As for `read`.

    Returns:
        The config, with paths as they are written.

    Raises:
        ConfigError: With every mistake in the text.
        RouteError: As `read` does.

    >>> config = loads("kernel_mapping: {SiLU: org/repo:SiLU}", format="yaml")
    >>> config.kernel_mapping["SiLU"].layer_name
    'SiLU'
    """
    return loads_document(
        text, format=format, at=at, directory=directory, overrides=overrides
    ).config


def loads_document(
    text: str,
    *,
    format: Format,
    file: str = NO_FILE,
    at: At | None = None,
    directory: str | os.PathLike[str] | None = None,
    max_bytes: int = MAX_BYTES,
    overrides: Iterable[str] = (),
) -> Document:
    """Read a config from a text and keep it, so that every message can point into it.

    Args:
        text: What a config file would hold.
        format: `yaml`, `json` or `toml`.
        file: What messages call it; a `pyproject.toml` states its config in `[tool.kernel-schema]`.
        at: As for `read`.
        directory: Where the paths under `extends` start; at `file`, if that is stated.
        max_bytes: Refuse larger bases.
        overrides: As for `read`.

    Raises:
        ConfigError: With every mistake in the text.
        RouteError: As `read` does.

    >>> text = "{lr: 1e-4, kernels: {kernel_mapping: {SiLU: org/repo:SiLU}}}"
    >>> document = loads_document(text, format="yaml", at="kernels")
    >>> print(document.config.kernel_mapping["SiLU"], document.at)
    org/repo:SiLU kernels
    """
    if format not in _FORMATS.values():
        message = f"{quote(format)} is not a format: formats are yaml, json and toml"
        raise _access("unknown-format", file, message, None)
    folder = None if directory is None else os.fspath(directory)
    try:
        document = read_alone(text, format=format, file=file, at=at)
    except InvalidConfigError as error:
        if "extends" not in text:
            raise
        from kernel_schema.files.composition.bases import beside_bases

        raise beside_bases(error, folder, max_bytes) from None
    if document.extends:
        # Imported here: most files extend none.
        from kernel_schema.files.composition.bases import with_bases

        document = with_bases(document, folder, max_bytes)
    if overrides:
        from kernel_schema.files.composition.overridden import with_overrides

        document = with_overrides(document, overrides)
    return document


def format_of(file: str) -> Format | None:
    """The format that the ending of a path tells, or None."""
    stem, dot, ending = name_of(file).rpartition(".")
    return _FORMATS.get(f"{dot}{ending.lower()}") if stem else None


def _bytes(file: str, max_bytes: int) -> bytes:
    if file == STANDARD_INPUT and sys.stdin is None:  # closed by the caller
        raise _access("unreadable-file", file, "standard input is closed", None)
    if not file:
        raise _access("file-not-found", '""', "a file has a name", None)
    try:
        if file == STANDARD_INPUT:
            return first_bytes(sys.stdin.buffer, max_bytes + 1)
        return read_at_most(file, max_bytes)
    except FileNotFoundError:
        message = "there is no such file"
        if os.path.islink(file):  # noqa: PTH114 (a path keeps its form)
            message = (
                f"it is a link to {quote(os.readlink(file), longest=1000)}, which is not there"  # noqa: PTH115
            )
        raise _access("file-not-found", file, message, None) from None
    except IsADirectoryError:
        raise _access("is-a-directory", file, "this is a directory", "name a file in it") from None
    except (OSError, ValueError) as error:
        # Python words it in another way from version to version.
        null = "no path holds a null character" if "\0" in file else None
        reason = null or getattr(error, "strerror", None) or str(error)
        raise _access("unreadable-file", file, f"it cannot be read: {reason}", None) from None


def _access(code: Code, file: str, message: str, help_text: str | None) -> FileAccessError:
    return FileAccessError([Diagnostic(code, message, help=help_text, file=file)])


def _content(
    code: Code,
    file: str,
    message: str,
    help_text: str | None,
    place: tuple[int, int] = (1, 1),
) -> ConfigError:
    """The error for what a file holds, at one place in it."""
    span = Span(*place, *place)
    return ConfigError([Diagnostic(code, message, help=help_text, file=file, span=span)])


ConfigSource: TypeAlias = KernelConfig | Document | str | os.PathLike[str] | Mapping[str, Any]
"""What is taken as a config: one, a document, the path of a config file, or a plain mapping.

A path is read as `read` does: messages point into the file, and local paths start at it. A mapping
is one of layers, as `KernelConfig` takes it, or what a file holds, with the key `kernel_mapping`;
its mistakes are a `ConfigError` with routes. Anything else is a TypeError that says what it is.
"""

Opened: TypeAlias = KernelConfig | Document
_WANTED = "a `KernelConfig`, a `Document`, the path of a config file or a mapping of layers"


def opened(source: ConfigSource, name: str = "config") -> Opened:
    """The config or the document that an argument stands for.

    Raises:
        ConfigError: If a file or a mapping is no config.
        TypeError: If it is none of what is taken.

    >>> opened({"A": "org/repo:L"}) == opened({"kernel_mapping": {"A": "org/repo:L"}})
    True
    """
    if isinstance(source, (KernelConfig, Document)):
        return source
    if isinstance(source, str) and "\n" in source:
        raise wrong_argument(name, source, f"{_WANTED} (`kernel_schema.loads` reads a text)")
    if isinstance(source, str) or is_path(source):
        return read(source)
    if not is_table(source) or declared(source) is not None:
        raise wrong_argument(name, source, _WANTED)
    config = read_config(source if "kernel_mapping" in source else {"kernel_mapping": source})
    if not isinstance(config, KernelConfig):
        raise ConfigError(config)
    return config


def config_of(source: ConfigSource) -> KernelConfig:
    """The config that is meant, with the relative paths of a file made absolute."""
    config = opened(source)
    return config if isinstance(config, KernelConfig) else config.anchored


def expand(config: ConfigSource) -> tuple[Rule, ...]:
    """What a config says, as rules in the order of the config.

    Args:
        config: A config, in any form of `ConfigSource`.

    Returns:
        A rule for each kernel or `original` that it states.

    >>> (rule,) = expand({"A": {"cuda": {"training": "org/repo:L"}}})
    >>> print(rule.layer_name, rule.device, rule.mode, rule.kernel, "from", rule.route)
    A cuda training org/repo@v1:L from kernel_mapping.A.cuda.training
    """
    return rules.expand(config_of(config))
