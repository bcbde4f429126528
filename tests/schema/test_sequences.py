"""Any sequence is a list, as OmegaConf's `ListConfig` is; text, bytes and tuples are not."""

from __future__ import annotations

from collections import UserList, UserString
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

import kernel_schema as ks


class Listed(Sequence[Any]):
    """A sequence that is no list: no more than `collections.abc` asks for."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


RANGES = ({"min_capability": 90, "kernel": "o/r:L"}, {"kernel": "o/r:M", "max_capability": 89})


@pytest.mark.parametrize("make", [Listed, lambda *items: UserList(items)])
def test_a_sequence_is_a_list(make: Any) -> None:
    spec = {"kernel": "o/r:L", "trust_remote_code": make("o/r")}
    assert ks.KernelConfig({"A": {"cuda": make(*RANGES)}, "B": spec}) == ks.KernelConfig(
        {"A": {"cuda": [*RANGES]}, "B": {**spec, "trust_remote_code": ["o/r"]}}
    )


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"cuda": Listed()}, "empty-entry"),
        (Listed(*RANGES), "misplaced-list"),
        ({"cuda": Listed(*RANGES, RANGES[0])}, "overlapping-capability"),
        ({"cpu": Listed(*RANGES)}, "capability-not-supported"),
        *(
            ({"cuda": text}, "invalid-entry")
            for text in (b"o/r:L", bytearray(b"o/r:L"), memoryview(b"o"), UserString("o/r:L"))
        ),
    ],
)
def test_what_is_said_of_lists_is_said_of_sequences(entry: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ks.KernelConfig({"A": entry})
    assert [error["type"] for error in caught.value.errors()] == [code]


@pytest.mark.parametrize(
    ("bound", "help_text"),
    [
        ((9, 0), "write 90"),
        ([8, 6], "write 86"),
        (Listed(12, 1), "write 121"),
        ((9, 10), None),
        ((9, 0, 0), None),
        ((9.0, 0), None),
        ((True, 0), None),
        ((-9, 0), None),
        (("9", "0"), None),
        ((10**9, 0), None),
        ((), None),
    ],
)
def test_a_capability_as_torch_gives_it(bound: Any, help_text: str | None) -> None:
    with pytest.raises(ValidationError) as caught:
        ks.KernelConfig({"A": {"cuda": [{"min_capability": bound, "kernel": "o/r:L"}]}})
    (problem,) = ks.ConfigError.from_validation_error(caught.value).diagnostics
    assert (problem.code, problem.help) == ("invalid-capability", help_text)
    with pytest.raises(ks.LoweringError) as raised:
        ks.check({}, capability=bound)
    assert raised.value.diagnostics[0].help == help_text
