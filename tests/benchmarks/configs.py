"""Large configs for the benchmarks: right ones, and one with a mistake of every kind."""

from __future__ import annotations

from typing import Any, Final

SHAPES: Final = ("string", "kernel", "devices", "modes", "ranges", "original")


def plain_document(size: int) -> dict[str, Any]:
    """As many layers, each with a plain string."""
    return {"kernel_mapping": {f"Layer{i}": _reference(i) for i in range(size)}}


def mixed_document(size: int) -> dict[str, Any]:
    """As many layers, one sixth of each shape."""
    return {"kernel_mapping": {f"Layer{i}": mixed_entry(i) for i in range(size)}}


def mixed_entry(i: int) -> Any:
    """An entry whose shape follows from its number."""
    shape = SHAPES[i % len(SHAPES)]
    if shape == "string":
        return _reference(i)
    if shape == "kernel":
        return {"kernel": _reference(i), "version": i % 7, "trust_remote_code": False}
    if shape == "devices":
        return {"cuda": _reference(i), "rocm": f"{_reference(i)}Rocm", "cpu": "original"}
    if shape == "modes":
        return {"inference": _reference(i), "training": {"kernel": _reference(i), "version": 2}}
    if shape == "ranges":
        return {
            "cuda": [
                {"min_capability": 90, "kernel": _reference(i)},
                {"min_capability": 75, "max_capability": 89, "kernel": f"{_reference(i)}Ampere"},
            ]
        }
    return "original"


def _reference(i: int) -> str:
    return f"kernels-community/kernel_{i % 97}:Layer{i}"


def faulty_document() -> dict[str, Any]:
    """A config with a mistake of every kind that the validators know."""
    good = "org/repo:Layer"
    wrong_entries: list[Any] = [
        "org/repo",
        "none",
        "a:b/c",
        "./norm",
        "org/repo@:L",
        42,
        None,
        {},
        [],
        [good],
        {"banana": 1},
        {"cdua": good},
        {"infrence": good},
        {"version": 1},
        {"min_capability": 90, "kernel": good},
        {"kernel": "original"},
        {"kernel": good, "verison": 1},
        {"kernel": good, "version": True, "revision": "main"},
        {"kernel": "org/repo@v1:L", "version": 1},
        {"kernel": "./norm:L", "version": 1, "trust_remote_code": True},
        {"kernel": 3, "trust_remote_code": "yes", "lockfile": ""},
        {"cuda": good, "gpu": good},
        {"cuda": good, "inference": good},
        {"cuda": "org/repo", "hip": {"kernel": 1}, "cpu": {"kernel": good, "version": "1"}},
        {"cpu": [{"kernel": good}], "mps": None, "cuda": {"cuda": good}},
        {"cuda": [{"min_capability": 9.0, "kernel": good}, {"max_capability": True, "kernel": 1}]},
        {"cuda": [{"min_capability": 90, "max_capability": 80, "kernel": good}, good, {}]},
        {"cuda": [{"kernel": good}, {"min_capability": 0, "kernel": good}]},
        {"rocm": [{"min_capability": 90}, {"inference": "original"}, {"banana": good}]},
        {"training": "original", "fallback": {"inference": good}},
        {"training": good, "eval": good, "fallback": None},
        {"training": {"kernel": good, "min_capability": 1}},
        (good, {"version": -1}),
        (good, 1),
        ("org/repo", {"version": 1, "revision": "main", "extra": 1}),
    ]
    layers: dict[Any, Any] = {f"Layer{i}": entry for i, entry in enumerate(wrong_entries)}
    layers |= {"": good, " padded ": "org/repo", 7: good, "Right": good}
    return {
        "kernel_mapping": layers,
        "inherit_mapping": "yes",
        "$schema": 1,
        "use_local_kernel": True,
    }
