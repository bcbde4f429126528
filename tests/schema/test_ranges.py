"""Ranges that clash or cross, against the plain definition: every pair looked at."""

from __future__ import annotations

import sys
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kernel_schema import Capabilities, KernelConfig, check

_bound = st.none() | st.integers(0, 12)


def capabilities(entry: dict[str, Any]) -> Capabilities:
    return Capabilities(entry.get("min_capability", 0), entry.get("max_capability", sys.maxsize))


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    low, high = draw(_bound), draw(_bound)
    if low is not None and high is not None and low > high:
        low, high = high, low
    bounds = {"min_capability": low, "max_capability": high}
    return {key: bound for key, bound in bounds.items() if bound is not None} | {"kernel": "o/r:L"}


def reported_in(listed: list[dict[str, Any]]) -> list[tuple[str, int]]:
    try:
        config_of(listed)
    except ValidationError as error:
        return [(detail["type"], int(detail["loc"][-1])) for detail in error.errors()]
    return []


def config_of(listed: list[dict[str, Any]]) -> KernelConfig:
    return KernelConfig({"A": {"cuda": listed}})


@given(st.lists(entries(), min_size=1, max_size=12))
def test_ranges_clash_as_the_rule_says(listed: list[dict[str, Any]]) -> None:
    found = [capabilities(entry) for entry in listed]
    expected = [
        index
        for index, own in enumerate(found)
        if any(own.width == other.width and own.overlaps(other) for other in found[:index])
    ]
    assert reported_in(listed) == [("overlapping-capability", index) for index in expected]


@given(st.lists(entries(), min_size=1, max_size=12))
def test_ranges_cross_as_the_rule_says(listed: list[dict[str, Any]]) -> None:
    kept: list[dict[str, Any]] = []
    for entry in listed:
        own = capabilities(entry)
        others = [capabilities(other) for other in kept]
        if not any(own.width == other.width and own.overlaps(other) for other in others):
            kept.append(entry)
    crossing: dict[Capabilities, set[Capabilities]] = {}
    for low, high in combinations(sorted(map(capabilities, kept)), 2):
        if low.lowest < high.lowest <= low.highest < high.highest:
            crossing.setdefault(high, set()).add(low)
    reported = {
        capabilities(kept[int(diagnostic.route.steps[3])]): diagnostic.message
        for diagnostic in check(config_of(kept), select=["crossing-capability"])
    }
    assert reported.keys() == crossing.keys()
    for high, message in reported.items():
        assert any(message.startswith(f"{low} and {high} cross") for low in crossing[high])
