"""The closed vocabularies, and ranges of capability."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_schema import Capabilities, DeviceType, ModeName
from kernel_schema.schema.ranges import EVERY_CAPABILITY
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    DEVICE_NAMES,
    MODE_NAMES,
    closest_key,
    closest_of,
)


def test_members_are_strings() -> None:
    for member in (*DeviceType, *ModeName):
        assert member == member.value
        assert str(member) == f"{member}" == member.value
        assert hash(member) == hash(member.value)
    assert tuple(DeviceType) == DEVICE_NAMES
    assert tuple(ModeName) == MODE_NAMES
    assert {"cuda", "rocm"} == CAPABILITY_DEVICES


def test_devices_and_modes_are_those_of_the_format() -> None:
    assert DEVICE_NAMES == ("cpu", "cuda", "mps", "neuron", "npu", "rocm", "tpu", "xpu")
    assert [mode.kernels_name for mode in ModeName] == [
        "INFERENCE",
        "TRAINING",
        "INFERENCE|TORCH_COMPILE",
        "TRAINING|TORCH_COMPILE",
        "FALLBACK",
    ]


@pytest.mark.parametrize("name", [*DEVICE_NAMES, *MODE_NAMES])
def test_a_right_word_is_its_own_nearest(name: str) -> None:
    kind = "device" if name in DEVICE_NAMES else "mode"
    assert closest_of(name, ("device", "mode", "key")) == (kind, name)


def test_words_of_no_vocabulary() -> None:
    assert closest_of("banana", ("device",)) == (None, None)
    assert closest_of("banana", ("mode",)) == (None, None)
    assert closest_key("banana", ("kernel",)) is None
    # A word of one vocabulary is no word of another.
    assert closest_of("gpu", ("mode",)) == (None, None)
    assert closest_of("eval", ("device",)) == (None, None)
    assert closest_key("commit", ("kernel",)) is None


@pytest.mark.parametrize(
    ("capabilities", "text", "width", "bounded"),
    [
        (Capabilities(), "every capability", sys.maxsize, False),
        (Capabilities(90), "capability 90 and above", sys.maxsize - 90, True),
        (Capabilities(0, 89), "capability 0 to 89", 89, True),
        (Capabilities(90, 90), "capability 90", 0, True),
    ],
)
def test_capabilities(capabilities: Capabilities, text: str, width: int, bounded: bool) -> None:  # noqa: FBT001 (a column)
    assert str(capabilities) == text
    assert capabilities.width == width
    assert capabilities.bounded is bounded
    assert (capabilities == EVERY_CAPABILITY) is not bounded


RANGES = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
    lambda bounds: Capabilities(min(bounds), max(bounds))
)


@given(RANGES, RANGES)
def test_ranges_overlap_where_both_hold_something(one: Capabilities, other: Capabilities) -> None:
    held = [number for number in range(10) if one.holds(number) and other.holds(number)]
    assert one.overlaps(other) == other.overlaps(one) == bool(held)
    assert one.width == sum(one.holds(number) for number in range(10)) - 1
