"""Paths in a config: made absolute where a file is read, relative where one is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from kernel_schema import KernelConfig
from kernel_schema.files.local_paths import anchor, detach
from tests.strategies import configs

RELATIVE = {
    "A": "./norm:L",
    "B": {"kernel": "../norm:L"},
    "C": {"training": "./a b/norm:L", "fallback": {"kernel": "./norm:L"}},
    "D": {
        "cpu": "./norm:L",
        "cuda": [
            {"min_capability": 90, "kernel": "./norm:L"},
            {"training": "./norm:L"},
            {"max_capability": 80, "kernel": "original"},
        ],
        "rocm": {"kernel": "org/repo:L", "lockfile": "kernels.lock"},
    },
    "E": "original",
    "F": "org/repo:L",
}
ABSOLUTE = {
    "A": "/home/k/norm:L",
    "B": {"kernel": "/home/norm:L"},
    "C": {"training": "/home/k/a b/norm:L", "fallback": {"kernel": "/home/k/norm:L"}},
    "D": {
        "cpu": "/home/k/norm:L",
        "cuda": [
            {"min_capability": 90, "kernel": "/home/k/norm:L"},
            {"training": "/home/k/norm:L"},
            {"max_capability": 80, "kernel": "original"},
        ],
        "rocm": {"kernel": "org/repo:L", "lockfile": "/home/k/kernels.lock"},
    },
    "E": "original",
    "F": "org/repo:L",
}


def test_every_place_of_a_path() -> None:
    assert anchor(KernelConfig(RELATIVE), "/home/k").model_dump()["kernel_mapping"] == ABSOLUTE


def test_and_back() -> None:
    # What lies outside the directory, and what was written in another way, stays absolute.
    expected: dict[str, Any] = RELATIVE | {"B": {"kernel": "/home/norm:L"}}
    expected["D"]["rocm"] = {"kernel": "org/repo:L", "lockfile": "./kernels.lock"}
    assert detach(KernelConfig(ABSOLUTE), "/home/k").model_dump()["kernel_mapping"] == expected


@pytest.mark.parametrize("path", ["/norm", "~/norm", "C:\\norm", "c:/norm"])
def test_paths_that_start_somewhere_stay(path: str) -> None:
    config = KernelConfig({"A": f"{path}:L"})
    assert anchor(config, "/home/k") == config


@pytest.mark.parametrize(
    "path", ["/home/k2/norm", "/home/k/../norm", "/home/k/a/../norm", "/home/k"]
)
def test_paths_that_do_not_lie_below_stay(path: str) -> None:
    config = KernelConfig({"A": f"{path}:L"})
    assert detach(config, "/home/k") == config


@given(configs())
def test_what_was_made_absolute_comes_back(config: KernelConfig) -> None:
    anchored = anchor(config, "/home/k")
    assert anchor(anchored, "/elsewhere") == anchored
    assert anchor(detach(anchored, "/home/k"), "/home/k") == anchored
    assert KernelConfig.model_validate(anchored.model_dump()) == anchored
