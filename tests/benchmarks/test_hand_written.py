"""The hand-written validator is a fair measure: it gives and reports what the models do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kernel_schema import ConfigError, KernelConfig
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES, RANGE_KEYS, SPEC_KEYS
from tests.benchmarks.configs import (
    SHAPES,
    faulty_document,
    mixed_document,
    mixed_entry,
    plain_document,
)
from tests.benchmarks.hand_written import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def reported(build: Callable[[Any], object], document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The code and the route of every error; none where the document is right."""
    try:
        build(document)
    except ValidationError as error:
        diagnostics = ConfigError.from_validation_error(error).diagnostics
    except ConfigError as error:
        diagnostics = error.diagnostics
    else:
        return set()
    return {(diagnostic.code, str(diagnostic.route)) for diagnostic in diagnostics}


@pytest.mark.parametrize("make", [plain_document, mixed_document])
def test_both_validators_build_the_same(make: Callable[[int], dict[str, Any]]) -> None:
    document = make(10 * len(SHAPES))
    ours, theirs = KernelConfig.model_validate(document), validate(document)
    assert ours == theirs
    assert ours.model_dump() == theirs.model_dump()


def test_both_validators_report_the_same() -> None:
    document = faulty_document()
    ours, theirs = (reported(build, document) for build in (KernelConfig.model_validate, validate))
    assert ours == theirs
    assert len(ours) > 50


_KEYS = st.sampled_from(
    [*DEVICE_NAMES[:3], *MODE_NAMES[:2], *RANGE_KEYS, *SPEC_KEYS, "cdua", "banana", ""]
)
_LEAVES = st.sampled_from(
    [
        *("org/repo:L", "org/repo@v1:L", "org/repo@main:L", "./norm:L", "original"),
        *("none", "org/repo", "a:b/c", "main", None, True, 0, 1, 89, 90, -1, 1.5),
    ]
)
_ENTRIES = st.recursive(
    _LEAVES | st.integers(0, len(SHAPES) - 1).map(mixed_entry),
    lambda inner: (
        st.dictionaries(_KEYS, inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(entry=_ENTRIES)
def test_both_validators_agree_on_whatever_stands_for_a_layer(entry: Any) -> None:
    document = {"kernel_mapping": {"A": entry}}
    ours, theirs = (reported(build, document) for build in (KernelConfig.model_validate, validate))
    event("refused" if ours else "accepted")
    assert ours == theirs
    if not ours:
        assert KernelConfig.model_validate(document) == validate(document)
