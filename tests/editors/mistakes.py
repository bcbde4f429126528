"""What people get wrong, each with the place that must be marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REF = "org/repo:L"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a config.

    Args:
        name: A name for it.
        data: The whole config.
        route: The keys that lead to what is wrong.
        at: Whether the `key`, the `value`, or the `table` that lacks something is wrong.
    """

    name: str
    data: Any
    route: tuple[str | int, ...]
    at: str = "value"

    def __str__(self) -> str:
        return self.name


def _entry(name: str, entry: Any, *route: str | int, at: str = "value") -> Mistake:
    """A mistake below a layer."""
    return Mistake(
        name, {"kernel_mapping": {"Norm": entry}}, ("kernel_mapping", "Norm", *route), at
    )


def _kernel(name: str, options: dict[str, Any], key: str, at: str = "value") -> Mistake:
    """A mistake in the options of a kernel."""
    return _entry(name, {"kernel": REF, **options}, key, at=at)


def _range(name: str, entry: dict[str, Any], *route: str | int, at: str = "value") -> Mistake:
    """A mistake in a capability range."""
    return _entry(name, {"cuda": [entry]}, "cuda", 0, *route, at=at)


MISTAKES = [
    Mistake("unknown key of the config", {"kernel_maping": {}}, ("kernel_maping",), "key"),
    Mistake("no kernel_mapping", {"inherit_mapping": True}, (), "table"),
    Mistake("kernel_mapping is a list", {"kernel_mapping": [REF]}, ("kernel_mapping",)),
    Mistake(
        "inherit_mapping is a word",
        {"kernel_mapping": {}, "inherit_mapping": "yes"},
        ("inherit_mapping",),
    ),
    Mistake("lockfile is true", {"lockfile": True, "kernel_mapping": {}}, ("lockfile",)),
    Mistake(
        "layer name with a blank at its end",
        {"kernel_mapping": {"Norm ": REF}},
        ("kernel_mapping", "Norm "),
        "key",
    ),
    _entry("layer is a number", 5),
    _entry("layer is null", None),
    _entry("layer is a list", [REF]),
    _entry("layer is an empty table", {}),
    _entry("no layer in the reference", "org/repo"),
    _entry("reference is a URL", "https://host/org/repo:L"),
    _entry("version above the highest", "org/repo@v1000000000:L"),
    _entry("misspelt device", {"cdua": REF}, "cdua", at="key"),
    _entry("misspelt device beside another", {"cpu": REF, "cdua": REF}, "cdua", at="key"),
    _entry("mode beside a device", {"cuda": REF, "training": REF}, "training", at="key"),
    _entry("device beside kernel", {"kernel": REF, "cuda": REF}, "cuda", at="key"),
    _entry("misspelt mode", {"infrence": REF}, "infrence", at="key"),
    _entry("misspelt mode beside another", {"training": REF, "infer": REF}, "infer", at="key"),
    _entry("device inside a device", {"cuda": {"cpu": REF}}, "cuda", "cpu", at="key"),
    _entry("original for a mode", {"training": "original"}, "training"),
    _entry("options without kernel", {"version": 1}, at="table"),
    _entry("misspelt kernel", {"kernle": REF, "version": 1}, "kernle", at="key"),
    _kernel("misspelt option", {"verison": 1}, "verison", "key"),
    _kernel("version in quotes", {"version": "1"}, "version"),
    _kernel("version is true", {"version": True}, "version"),
    _kernel("version below zero", {"version": -1}, "version"),
    _kernel("version is a table", {"version": {}}, "version"),
    _kernel("revision with a blank", {"revision": "a b"}, "revision"),
    _kernel("lockfile is a number", {"lockfile": 1}, "lockfile"),
    _kernel("trust is a word", {"trust_remote_code": "yes"}, "trust_remote_code"),
    _kernel("trust is an empty list", {"trust_remote_code": []}, "trust_remote_code"),
    _entry(
        "trust lists no repository",
        {"kernel": REF, "trust_remote_code": ["org"]},
        "trust_remote_code",
        0,
    ),
    _kernel("two pins", {"version": 1, "revision": "main"}, "revision", "key"),
    _entry("pinned twice", {"kernel": "org/repo@v1:L", "version": 1}, "kernel"),
    _entry("option of a local kernel", {"kernel": "./norm:L", "version": 1}, "kernel"),
    _entry("ranges of the CPU", {"cpu": [{"kernel": REF}]}, "cpu"),
    _entry("no range in the list", {"cuda": []}, "cuda"),
    _range("bound with a point", {"min_capability": 9.5, "kernel": REF}, "min_capability"),
    _range("bound in quotes", {"max_capability": "90", "kernel": REF}, "max_capability"),
    _range("range without kernel", {"min_capability": 90}, at="table"),
    _range("misspelt bound", {"min_capabilty": 90, "kernel": REF}, "min_capabilty", at="key"),
    _range("device in a range", {"cpu": REF}, "cpu", at="key"),
    _range("original with an option", {"kernel": "original", "version": 1}, "version", at="key"),
    _kernel("bound beside kernel", {"min_capability": 90}, "min_capability", "key"),
]
