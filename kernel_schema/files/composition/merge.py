"""What a config means on top of its bases, and which file states each part of that."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.files.local_paths import moved
from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.models import DeviceMapping, KernelConfig
from kernel_schema.schema.vocabulary import DeviceType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.files.document import Document, Origin

    _Stated = tuple[object, Origin]
    _Layer = dict[DeviceType | None, _Stated]
    """What runs on each device; under None stands what runs on every one."""

_INHERITED: Final = ("lockfile", "inherit_mapping")


def merged(document: Document, bases: Iterable[tuple[Document, str]]) -> Document:
    """A document whose config has what its bases say where it says nothing itself.

    What a file says of a layer and a device replaces what its bases say there, and an entry without
    devices speaks of every one. Of two bases the later wins. `inherit_mapping` and `lockfile` are
    those of the nearest file that states them.

    Args:
        document: The document.
        bases: Each base, with its path from the folder of the document.
    """
    configs = [(base, moved(base.config, os.path.dirname(path))) for base, path in bases]
    layers: dict[str, _Layer] = {}
    for base, config in (*configs, (document, document.config)):
        _lay_over(layers, base, config)
    fields: dict[str, Any] = {
        "kernel_mapping": FrozenDict({name: _entry(layer) for name, layer in layers.items()})
    }
    if document.config.schema_uri is not None:
        fields["schema_uri"] = document.config.schema_uri
    stated: dict[str, tuple[int, Document]] = {}
    for key in _INHERITED:
        # The later first: of two that are as near it wins.
        near = [
            (base.stated[key][0] + 1, base.stated[key][1], config)
            for base, config in reversed(configs)
            if key in base.stated
        ]
        if key in document.config.model_fields_set:
            near = [(0, document, document.config)]
        if near:
            distance, owner, config = min(near, key=lambda each: each[0])
            fields[key] = getattr(config, key)
            stated[key] = distance, owner
    origins = {
        (name, device and device.value): origin
        for name, layer in layers.items()
        for device, (_, origin) in layer.items()
    }
    return replace(
        document,
        config=KernelConfig.of_read(fields),
        origins=origins,
        stated=stated,
        bases=tuple(base for base, _ in configs),
    )


def _lay_over(layers: dict[str, _Layer], document: Document, config: KernelConfig) -> None:
    for name, entry in config.kernel_mapping.items():
        own = dict(_by_device(document, name, entry))
        below = layers.get(name, {})
        if None in own or not below:
            layers[name] = own
        elif None in below:
            whole, origin = below[None]
            everywhere = replace(origin, for_every_device=True)
            layers[name] = dict.fromkeys(DeviceType, (whole, everywhere)) | own
        else:
            layers[name] = below | own


def _by_device(
    document: Document, name: str, entry: object
) -> Iterator[tuple[DeviceType | None, _Stated]]:
    if isinstance(entry, DeviceMapping):
        for device, below in entry.items():
            yield device, (below, document.origin(name, device.value))
    else:
        yield None, (entry, document.origin(name, None))


def _entry(layer: _Layer) -> object:
    if None in layer:
        return layer[None][0]
    return DeviceMapping.of_read(
        FrozenDict({device: entry for device, (entry, _) in layer.items()})
    )
