"""Random configs and random mappings of the kernels library, for the tests of fidelity.

Every kernel that is drawn has a name of its own, so that it tells where it was stated.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import kernels
from hypothesis import strategies as st
from kernels.layer.repos import DeviceRepos

from kernel_schema import Capabilities, DeviceType, ModeName
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

LAYER_NAMES = ("A", "B", "C")
RUN_MODES = tuple(mode for mode in ModeName if mode is not ModeName.FALLBACK)
BOUNDS = (None, 0, 1, 70, 75, 80, 89, 90, 100, 9999)
HIGHEST_BOUND = max(bound for bound in BOUNDS if bound is not None)
MOST_RANGES = 5


def _is_known(device: DeviceType) -> bool:
    try:
        DeviceRepos.create_repo(kernels.Device(device.value))
    except ValueError:
        return False
    return True


def _takes_ranges(device: DeviceType) -> bool:
    # kernels before 0.15 has no ranges for rocm.
    return device in CAPABILITY_DEVICES and hasattr(kernels, f"{device.value.upper()}Properties")


DEVICES = tuple(device for device in DeviceType if _is_known(device))
"""The devices of the installed kernels: `tpu` came late."""
RANGE_DEVICES = tuple(device for device in DEVICES if _takes_ranges(device))

MODES: dict[ModeName, kernels.Mode] = {
    ModeName.INFERENCE: kernels.Mode.INFERENCE,
    ModeName.TRAINING: kernels.Mode.TRAINING,
    ModeName.INFERENCE_TORCH_COMPILE: kernels.Mode.INFERENCE | kernels.Mode.TORCH_COMPILE,
    ModeName.TRAINING_TORCH_COMPILE: kernels.Mode.TRAINING | kernels.Mode.TORCH_COMPILE,
    ModeName.FALLBACK: kernels.Mode.FALLBACK,
}
# kernels takes any combination as a key; those beyond our five are never selected.
_NEVER_SELECTED = kernels.Mode.TORCH_COMPILE
_KERNELS_MODES = (*MODES.values(), _NEVER_SELECTED)


@cache
def intervals(most: int = MOST_RANGES) -> SearchStrategy[list[Capabilities]]:
    """Ranges between which kernels chooses: none twice, no equally wide two that overlap."""
    bound = st.sampled_from(BOUNDS)
    return st.lists(st.tuples(bound, bound), min_size=1, max_size=most + 2).map(
        lambda pairs: list(_without_clashes(pairs))[:most] or [Capabilities()]
    )


def _without_clashes(pairs: Sequence[tuple[int | None, int | None]]) -> Iterator[Capabilities]:
    kept: list[Capabilities] = []
    for low, high in pairs:
        lowest = 0 if low is None else low
        highest = sys.maxsize if high is None else high
        drawn = Capabilities(min(lowest, highest), max(lowest, highest))
        if not any(other.width == drawn.width and other.overlaps(drawn) for other in kept):
            kept.append(drawn)
            yield drawn


@st.composite
def tables(draw: DrawFn, layer_names: tuple[str, ...] = LAYER_NAMES) -> dict[str, Any]:
    """What a config file may hold under `kernel_mapping`, with every shape of entry."""
    named = draw(st.lists(st.sampled_from(layer_names), unique=True))
    return _Drawer(draw, "own").layers(named)


@st.composite
def range_tables(draw: DrawFn, device: DeviceType) -> dict[str, Any]:
    """A table with one layer on one device, in ranges."""
    return {"A": {device.value: _Drawer(draw, "own").ranges()}}


# Made once: hypothesis validates a new strategy each time that it is drawn from.
_SOME_DEVICES = st.lists(st.sampled_from(DEVICES), min_size=1, max_size=4, unique=True) | st.just(
    RANGE_DEVICES
).map(list)
_SOME_MODES = st.lists(st.sampled_from(ModeName), min_size=1, unique=True)
_SOME_KEYS_OF_KERNELS = st.lists(st.sampled_from(_KERNELS_MODES), max_size=4, unique=True)


class _Drawer:
    """Draws entries; counts the kernels, so that each is new."""

    def __init__(self, draw: DrawFn, organisation: str) -> None:
        self._draw = draw
        self._organisation = organisation
        self._numbers = count()

    def layers(self, names: list[str]) -> dict[str, Any]:
        shapes = st.sampled_from(("original", "string", "kernel", "modes", *["devices"] * 4))
        return {name: self._entry(self._draw(shapes)) for name in names}

    def ranges(self) -> list[dict[str, Any]]:
        return [
            self._bounds(one) | self._range_entry() for one in self._draw(intervals(MOST_RANGES))
        ]

    def _entry(self, shape: str) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "original": lambda: "original",
            "string": self._reference,
            "kernel": self._spec,
            "modes": self._modes,
            "devices": self._devices,
            "ranges": self.ranges,
        }
        return makers[shape]()

    def _devices(self) -> dict[str, Any]:
        return {device.value: self._device_entry(device) for device in self._draw(_SOME_DEVICES)}

    def _device_entry(self, device: DeviceType) -> Any:
        ranges = ("ranges",) * 4 if device in RANGE_DEVICES else ()
        shapes = ("original", "string", "kernel", "modes", *ranges)
        return self._entry(self._draw(st.sampled_from(shapes)))

    def _range_entry(self) -> dict[str, Any]:
        shape = self._draw(st.sampled_from(("original", "kernel", "modes")))
        return {"kernel": "original"} if shape == "original" else self._entry(shape)

    def _bounds(self, capabilities: Capabilities) -> dict[str, int]:
        bounds: dict[str, int] = {}
        if capabilities.lowest > 0 or self._draw(st.booleans()):
            bounds["min_capability"] = capabilities.lowest
        if capabilities.highest != sys.maxsize:
            bounds["max_capability"] = capabilities.highest
        return bounds

    def _modes(self) -> dict[str, Any]:
        modes = self._draw(_SOME_MODES)
        return {mode.value: self._spec_or_reference() for mode in modes}

    def _spec_or_reference(self) -> Any:
        return self._spec() if self._draw(st.booleans()) else self._reference()

    def _reference(self) -> str:
        number = next(self._numbers)
        where = self._draw(st.sampled_from(("{}/k{}", "{}/k{}@v3", "{}/k{}@main", "/{}/k{}")))
        return f"{where.format(self._organisation, number)}:L{number}"

    def _spec(self) -> dict[str, Any]:
        number = next(self._numbers)
        options: tuple[dict[str, Any], ...] = (
            {},
            {"version": 2},
            {"revision": "main"},
            {"version": 0, "trust_remote_code": True},
        )
        options_drawn = self._draw(st.sampled_from(options))
        return {"kernel": f"{self._organisation}/k{number}:L{number}", **options_drawn}


@st.composite
def mappings(
    draw: DrawFn,
    layer_names: tuple[str, ...] = LAYER_NAMES,
    devices: tuple[DeviceType, ...] = DEVICES,
) -> dict[str, Any]:
    """What somebody may have registered in the kernels library, in every form that it takes."""
    numbers = count()

    def repository() -> kernels.LayerRepository:
        number = next(numbers)
        return kernels.LayerRepository(f"theirs/k{number}", layer_name=f"L{number}", version=1)

    def value() -> Any:
        if draw(st.integers(0, 3)) == 0:
            return repository()
        modes = draw(_SOME_KEYS_OF_KERNELS)
        return {mode: repository() for mode in modes}

    mapping: dict[str, Any] = {}
    for layer_name in draw(st.lists(st.sampled_from(layer_names), unique=True)):
        by_device = mapping[layer_name] = {}
        for device in draw(st.lists(st.sampled_from(devices), max_size=4, unique=True)):
            if device in RANGE_DEVICES:
                for one in draw(intervals()):
                    by_device[_device_key(device, one)] = value()
            else:
                by_device[device.value] = value()
    return mapping


def _device_key(device: DeviceType, capabilities: Capabilities) -> Any:
    if not capabilities.bounded:
        return device.value
    properties = getattr(kernels, f"{device.value.upper()}Properties")
    bounds = properties(min_capability=capabilities.lowest, max_capability=capabilities.highest)
    return kernels.Device(type=device.value, properties=bounds)
