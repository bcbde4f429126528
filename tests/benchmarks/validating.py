"""The models of the schema, against the validator that one would write by hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import kernel_schema as ks
from tests.benchmarks.claims import Claim, Pair
from tests.benchmarks.configs import mixed_document, plain_document

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from tests.benchmarks.timing import Effort

LAYERS: Final = 10_000


def _validation(
    make: Callable[[int], dict[str, Any]],
) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        from tests.benchmarks.hand_written import validate

        document = make(effort.size(LAYERS, 12))
        assert ks.KernelConfig.model_validate(document) == validate(document)
        yield Pair(
            lambda: ks.KernelConfig.model_validate(document),
            lambda: validate(document),
        )

    return prepare


CLAIMS: Final = (
    Claim(
        "validating.strings",
        f"validating {LAYERS:,} layers, plain strings",
        "a hand-written validator",
        None,
        1.2,
        _validation(plain_document),
    ),
    Claim(
        "validating.mix",
        f"validating {LAYERS:,} layers, all forms",
        "a hand-written validator",
        None,
        2.0,
        _validation(mixed_document),
    ),
)
