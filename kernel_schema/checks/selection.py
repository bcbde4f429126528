"""Codes as users name them: one by its name, several by a pattern such as `missing-*`."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any, Final, get_args

from kernel_schema.codes import Code
from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.wording import Suggester, quote

CODES: Final[tuple[Code, ...]] = get_args(Code)

NOT_ALWAYS_ASKED: Final[frozenset[Code]] = frozenset((
    # with a model, or where kernels is loaded
    "data-parallel", "device-not-covered", "hides-inherited", "inactive-copies",
    "managed-by-transformers", "mixed-compile-regions", "mixed-signatures",
    "mixed-training-state", "overridden-forward", "signature-mismatch", "unregistered-layer",
    "broken-dependency", "hub-kernels-disabled", "incompatible-kernels-version",
    "kernel-mapping-disabled", "local-kernels-override", "missing-dependency", "no-such-gpu",
    # of kernels of the Hub, where they are in its cache
    "capability-not-built", "invalid-kernel-metadata", "kernel-without-backward",
    "kernel-without-compile", "no-kernel-build", "same-kernel-id", "unknown-kernel-layer",
    "unusable-kernel-layer",
))  # fmt: skip
"""What a check of files alone may leave unasked: that it is not found there says nothing."""

OF_THE_HUB: Final[frozenset[Code]] = frozenset((
    "hub-access", "hub-unreachable", "unknown-kernel-repository", "unknown-kernel-revision",
    "unknown-kernel-version", "untrusted-publisher", "dirty-kernel-build", "kernel-moved",
    "missing-python-package", "moving-kernel", "newer-kernel-version", "unsure-kernel-layer",
))  # fmt: skip
"""What only the Hub tells."""


def fitting(pattern: str) -> tuple[Code, ...]:
    """The codes that a name or a pattern means; none if it means none.

    >>> fitting("missing-l*"), fitting("unknown-device"), fitting("no-such-code")
    (('missing-local-kernel', 'missing-lockfile'), ('unknown-device',), ())
    """
    if not is_pattern(pattern):
        return tuple(code for code in CODES if code == pattern)
    return tuple(code for code in CODES if fnmatchcase(code, pattern))


def is_pattern(name: str) -> bool:
    """Whether a name is meant for several codes."""
    return not _WILDCARDS.isdisjoint(name)


def unknown(pattern: str) -> tuple[str, str | None]:
    """What to say of a name or pattern that fits no code, and what was probably meant.

    >>> unknown("unknown-devise")
    ('there is no code `unknown-devise`', 'unknown-device')
    >>> unknown("mising-*")
    ('no code fits `mising-*`', 'missing-*')
    """
    if not is_pattern(pattern):
        # Elsewhere a beginning means all that begins so, and a word stands for all there are.
        several = "*" if pattern.lower() == "all" else f"{pattern.strip('-')}-*"
        if several == "*" or fitting(several):
            return f"there is no code {quote(pattern)}", several
        return f"there is no code {quote(pattern)}", Suggester(CODES).closest(pattern)
    words = [code.split("-") for code in CODES]
    # Whole words with a star behind or before them.
    parts = [f"{'-'.join(code[:end])}-*" for code in words for end in range(1, len(code))]
    parts += [f"*-{'-'.join(code[start:])}" for code in words for start in range(1, len(code))]
    return f"no code fits {quote(pattern)}", Suggester(parts).closest(pattern)


def codes_of(patterns: Collection[str]) -> frozenset[Code]:
    """The codes that names and patterns mean.

    Raises:
        LoweringError: With code `unknown-code`, if one of them means none.
    """
    codes = _ALL.intersection(patterns)
    for pattern in patterns if len(codes) < len(patterns) else ():
        fit = fitting(pattern)
        if not fit:
            message, meant = unknown(pattern)
            help_text = None if meant is None else f"did you mean {quote(meant)}?"
            raise LoweringError([Diagnostic("unknown-code", message, help=help_text)])
        codes |= frozenset(fit)
    return codes


def outside(ignore: Collection[str], select: Collection[str] | None) -> frozenset[Code]:
    """The codes that are not asked for; takes what `check` takes, and raises what `codes_of` does.

    A TypeError is raised for what is no collection of names, a single one included.

    >>> "unknown-device" in outside([], ["unknown-*"]), "too-deep" in outside([], ["unknown-*"])
    (False, True)
    """
    _need_codes("ignore", ignore)
    if select is not None:
        _need_codes("select", select)
    left_out = codes_of(ignore) if ignore else frozenset[Code]()
    return left_out if select is None else left_out | (_ALL - codes_of(select))


def _need_codes(argument: str, codes: object) -> None:
    names: Any = codes
    if isinstance(codes, str) or not (
        isinstance(codes, Collection) and all(isinstance(name, str) for name in names)
    ):
        raise wrong_argument(argument, names, 'a list of codes, `["unregistered-layer"]`')


_ALL: Final = frozenset(CODES)
_WILDCARDS: Final = frozenset("*?[")
