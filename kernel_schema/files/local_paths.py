"""Paths inside a config: absolute where a file is read, relative where one is written."""

from __future__ import annotations

import operator
import os
import re
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel

from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.models import (
    CapabilityEntry,
    DeviceMapping,
    KernelConfig,
    KernelSpec,
    ModeMapping,
)
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.typeguards import is_tuple

if TYPE_CHECKING:
    from collections.abc import Callable

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


def moved(config: KernelConfig, folder: str) -> KernelConfig:
    """The same config with its relative paths, which start in a folder, told from outside of it.

    >>> from kernel_schema import KernelConfig
    >>> config = moved(KernelConfig({"A": "./norm:Layer", "B": "../norm:Layer"}), "shared")
    >>> str(config.kernel_mapping["A"]), str(config.kernel_mapping["B"])
    ('./shared/norm:Layer', './norm:Layer')
    """
    return _map_paths(config, lambda path: told_from(folder, path))


def told_from(folder: str, path: str) -> str:
    """A path that starts in a folder, told from outside of it."""
    if not folder or _ROOTED.match(path):
        return path
    path = os.path.normpath(os.path.join(folder, path))
    return path if path.startswith("..") or os.path.isabs(path) else f"./{path}"


def stated_paths(config: KernelConfig) -> list[str]:
    """The paths of all local kernels and lock files."""
    paths: list[str] = []

    def note(path: str) -> str:
        paths.append(path)
        return path

    _map_paths(config, note)
    return paths


def _map_paths(config: KernelConfig, change: Callable[[str], str]) -> KernelConfig:
    layers = {
        name: changed
        for name, entry in config.kernel_mapping.items()
        if not isinstance(entry, HubRef) and (changed := _entry(entry, change)) is not entry
    }
    changed: dict[str, Any] = {}
    if config.lockfile is not None:
        changed["lockfile"] = change(config.lockfile)
    if layers:
        changed["kernel_mapping"] = FrozenDict({**config.kernel_mapping, **layers})
    return _changed(config, changed) if changed else config


_Model = TypeVar("_Model", bound=BaseModel)


def _changed(model: _Model, update: dict[str, Any]) -> _Model:
    # Not the copy of our own models, which validates: what was right is right with other paths.
    return cast("_Model", BaseModel.model_copy(model, update=update))


def _entry(entry: Any, change: Callable[[str], str]) -> Any:
    """The same entry with its paths changed: itself where it has none, as most have."""
    if isinstance(entry, (HubRef, str)):
        return entry
    if isinstance(entry, LocalRef):
        # Not checked once more: what the folders above are called need not be text.
        moved = copy(entry)
        object.__setattr__(moved, "path", change(entry.path))
        return moved
    if isinstance(entry, KernelSpec):
        kernel = _entry(entry.kernel, change)
        changed = {} if kernel is entry.kernel else {"kernel": kernel}
        if entry.lockfile is not None:
            changed["lockfile"] = change(entry.lockfile)
        return _changed(entry, changed) if changed else entry
    if isinstance(entry, CapabilityEntry):
        inner = _entry(entry.entry, change)
        return entry if inner is entry.entry else _changed(entry, {"entry": inner})
    if isinstance(entry, (DeviceMapping, ModeMapping)):
        items = {key: _entry(value, change) for key, value in entry.root.items()}
        if all(items[key] is value for key, value in entry.root.items()):
            return entry
        return _changed(entry, {"root": FrozenDict(items)})
    if is_tuple(entry):
        ranges = tuple(_entry(ranged, change) for ranged in entry)
        return entry if all(map(operator.is_, ranges, entry)) else ranges
    return entry
