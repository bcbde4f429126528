"""What each diagnostic code means: the one source of `--explain`, `codes` and the README's table.

The texts are data, in `codes.toml` beside this module; they are read when somebody asks for them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

# A list of words, which reads better with several on a line.
Code: TypeAlias = Literal[
    # syntax
    "complex-key", "duplicate-key", "empty-document", "forbidden-character", "json-comment",
    "key-too-long", "lone-surrogate", "non-string-key", "not-a-number", "number-out-of-range",
    "syntax-error", "too-deep", "too-many-problems", "yaml-alias", "yaml-anchor", "yaml-directive",
    "yaml-merge", "yaml-missing-space", "yaml-multiple-documents", "yaml-tab", "yaml-tag",
    # file
    "cannot-write", "file-not-found", "file-too-large", "invalid-override", "invalid-setting",
    "is-a-directory", "missing-base", "missing-table", "not-utf8", "nothing-there", "unknown-code",
    "unknown-format", "unreadable-file", "unused-ignore",
    # config
    "capability-not-supported", "conflicting-pins", "empty-capability-range", "empty-entry",
    "fusion-not-supported", "invalid-capability", "invalid-entry", "invalid-extends",
    "invalid-inherit-mapping", "invalid-kernel-mapping", "invalid-kernel-reference",
    "invalid-layer-name", "invalid-lockfile", "invalid-revision", "invalid-schema-uri",
    "invalid-trust-remote-code", "invalid-version",
    "misplaced-capability", "misplaced-device", "misplaced-list",
    "misplaced-mode", "misplaced-option", "misplaced-original", "missing-key",
    "overlapping-capability", "unknown-device", "unknown-key", "unknown-mode",
    # model
    "ambiguous-kernel-reference", "capability-not-built", "crossing-capability", "data-parallel",
    "device-not-covered", "hides-inherited", "inactive-copies", "invalid-kernel-metadata",
    "kernel-without-backward", "kernel-without-compile", "managed-by-transformers",
    "missing-local-kernel", "missing-lockfile", "mixed-compile-regions", "mixed-signatures",
    "mixed-training-state", "no-kernel-build", "overridden-forward", "same-kernel-id",
    "signature-mismatch", "unknown-kernel-layer", "unlikely-capability",
    "unlikely-layer-name", "unlikely-revision", "unregistered-layer", "untrusted-revision",
    "unusable-kernel-layer",
    # environment
    "broken-dependency", "hub-kernels-disabled", "incompatible-kernels-version",
    "kernel-mapping-disabled", "local-kernels-override", "missing-dependency", "no-such-gpu",
    # kernelize
    "capability-needed", "device-not-inferable", "failing-kernel-condition", "foreign-kernel-code",
    "hooked-module", "inside-replaced-layer", "kernel-changed-since-load", "kernel-gone",
    "kernel-load-failed", "kernel-needs-layout", "kernel-not-applied",
    "kernel-without-backward-in-training", "kernel-without-compile-in-compiled",
    "never-selected-mode", "not-applied", "plan-not-met", "stale-mode", "unknown-target",
    "unsupported-by-kernels", "unsupported-device", "unsupported-repository",
    "unusable-lockfile",
    # lock
    "hub-access", "hub-unreachable", "kernel-changed", "kernel-loaded-before",
    "kernel-not-fetched", "lock-not-used", "lock-out-of-step", "rank-missing",
    "ranks-differ", "unknown-kernel-repository",
    "unknown-kernel-revision", "unknown-kernel-version", "untrusted-publisher",
    # policy
    "forbidden-inherited-kernels", "forbidden-license", "forbidden-local-kernel",
    "forbidden-publisher", "forbidden-repository", "forbidden-trust-remote-code",
    "invalid-policy", "kernel-not-pinned", "kernel-too-new", "unsigned-kernel",
    # measure
    "guilty-kernel", "kernel-beyond-tolerance", "kernel-fails", "kernel-never-called",
    "kernel-slower", "model-fails",
    # hub
    "dirty-kernel-build", "kernel-moved", "missing-python-package", "moving-kernel",
    "newer-kernel-version", "unsure-kernel-layer",
]  # fmt: skip
"""What a problem is called: the codes of `codes.toml`, so that a type checker refuses any other."""

Stage = Literal[
    "syntax", "file", "config", "model", "environment", "kernelize", "lock", "policy", "measure",
    "hub",
]  # fmt: skip
"""When a problem is found: in the text, in its file, in what it says, by a check with the model and
the files that the config names, in what is installed and set, while kernels are put in place,
where kernels are locked, fetched, or loaded as they are locked, where a policy judges them, where
they are measured, or by a check that asks the Hub."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means: in a line, in 2 to 6 lines, and by an example that gives it."""

    name: str
    summary: str
    explanation: str
    stage: Stage
    wrong: str
    right: str
    severity: Literal["error", "warning"] = "error"
    format: Literal["yaml", "json", "toml", "python", "shell"] = "yaml"


@cache
def catalogue() -> Mapping[str, Meaning]:
    """Every code by its name, in the order of the stages, and by name within a stage."""
    from importlib.resources import files

    if sys.version_info >= (3, 11):
        from tomllib import loads
    else:
        from tomli import loads

    text = files("kernel_schema").joinpath("codes.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: Meaning(name=name, **{key: value.strip("\n") for key, value in fields.items()})
            for name, fields in loads(text).items()
        }
    )
