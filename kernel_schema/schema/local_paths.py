"""Paths inside a config: made absolute where a file is read, relative where one is written."""

from __future__ import annotations

import os
import re
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel

from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.models import CapabilityEntry, DeviceMapping, KernelSpec, ModeMapping
from kernel_schema.schema.references import LocalRef
from kernel_schema.typeguards import is_tuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.schema.models import KernelConfig

_ROOTED = re.compile(r"~|[/\\]|[A-Za-z]:[/\\]")


def anchor(config: KernelConfig, directory: str | os.PathLike[str]) -> KernelConfig:
    """The same config with relative local kernels and lock files made absolute.

    >>> from kernel_schema import KernelConfig
    >>> config = anchor(KernelConfig({"A": "./norm:Layer"}), "/kernels")
    >>> str(config.kernel_mapping["A"])
    '/kernels/norm:Layer'
    """
    base = str(directory).rstrip(os.sep)

    def absolute(path: str) -> str:
        return path if _ROOTED.match(path) else os.path.normpath(f"{base}{os.sep}{path}")

    return _map_paths(config, absolute)


def detach(config: KernelConfig, directory: str | os.PathLike[str]) -> KernelConfig:
    """The same config with absolute paths below a directory made relative: undoes `anchor`."""
    prefix = os.path.normpath(str(directory)).rstrip(os.sep) + os.sep

    def relative(path: str) -> str:
        below = path.removeprefix(prefix)
        return path if below == path or os.path.normpath(path) != path else f"./{below}"

    return _map_paths(config, relative)


def stated_paths(config: KernelConfig) -> list[str]:
    """The paths of all local kernels and lock files."""
    paths: list[str] = []

    def note(path: str) -> str:
        paths.append(path)
        return path

    _map_paths(config, note)
    return paths


def _map_paths(config: KernelConfig, change: Callable[[str], str]) -> KernelConfig:
    layers = {name: _entry(entry, change) for name, entry in config.kernel_mapping.items()}
    return _changed(config, {"kernel_mapping": FrozenDict(layers)})


_Model = TypeVar("_Model", bound=BaseModel)


def _changed(model: _Model, update: dict[str, Any]) -> _Model:
    # Not the copy of our own models, which validates: what was right is right with other paths.
    return cast("_Model", BaseModel.model_copy(model, update=update))


def _entry(entry: Any, change: Callable[[str], str]) -> Any:
    if isinstance(entry, LocalRef):
        # Not checked once more: what the folders above are called need not be text.
        moved = copy(entry)
        object.__setattr__(moved, "path", change(entry.path))
        return moved
    if isinstance(entry, KernelSpec):
        changed: dict[str, Any] = {"kernel": _entry(entry.kernel, change)}
        if entry.lockfile is not None:
            changed["lockfile"] = change(entry.lockfile)
        return _changed(entry, changed)
    if isinstance(entry, CapabilityEntry):
        return _changed(entry, {"entry": _entry(entry.entry, change)})
    if isinstance(entry, (DeviceMapping, ModeMapping)):
        items = {key: _entry(value, change) for key, value in entry.items()}
        return _changed(entry, {"root": FrozenDict(items)})
    if is_tuple(entry):
        return tuple(_entry(ranged, change) for ranged in entry)
    return entry
