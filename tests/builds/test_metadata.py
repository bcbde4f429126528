"""`metadata.json`, against kernels' own reader."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("kernels")

from kernels._rust import Metadata as Theirs

from kernel_schema.builds.metadata import BACKENDS, parse_metadata

GOOD: dict[str, Any] = {
    "name": "demo-norm",
    "id": "_demo",
    "version": 1,
    "license": "Apache-2.0",
    "python-depends": [],
    "backend": {"type": "cpu"},
}
VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 1.0, 2**40, "", "a", "ab", "Demo", "demo_norm", "cuda", "0.17.0", "0.17",
    "x.y.z", [], ["torch"], [1], {}, {"type": "cuda"}, {"type": "gpu"}, {"type": 1},
    {"type": "cuda", "archs": ["9.0"]}, {"type": "cuda", "archs": None},
    {"type": "cuda", "archs": "9.0"}, {"type": "cuda", "archs": [9]},
)  # fmt: skip


def accepts(text: str) -> bool:
    try:
        Theirs.from_bytes(text.encode())
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("field", [*GOOD, "kernels-minver", "unknown"])
def test_each_field_is_held_as_kernels_holds_it(field: str) -> None:
    texts = [json.dumps({**GOOD, field: value}) for value in VALUES]
    texts.append(json.dumps({key: value for key, value in GOOD.items() if key != field}))
    for text in texts:
        assert (not parse_metadata(text).problems) == accepts(text), text


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "\ufeff{}", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert parse_metadata(text).problems
    assert not accepts(text)


def test_all_mistakes_come_at_once() -> None:
    problems = parse_metadata('{"name": "A", "backend": {"type": "gpu", "archs": 1}}').problems
    assert len(problems) == 7


def test_every_backend_is_one_of_kernels() -> None:
    for backend in BACKENDS:
        assert accepts(json.dumps({**GOOD, "backend": {"type": backend}}))


@pytest.mark.parametrize("kernel", [None, True, False])
@pytest.mark.parametrize("builder", [None, True, False])
def test_what_was_built_of_changes_is_as_kernels_sees_it(
    kernel: bool | None,  # noqa: FBT001 (drawn)
    builder: bool | None,  # noqa: FBT001
) -> None:
    def git(dirty: bool | None) -> Any:  # noqa: FBT001
        return {"sha": "0" * 40, "dirty": dirty}

    provenance: dict[str, Any] = {"kernel-builder": {"version": "0.17.0"}}
    if builder is not None:
        provenance["kernel-builder"] |= git(builder)
    if kernel is not None:
        provenance["kernel"] = git(kernel)
    text = json.dumps({**GOOD, "provenance": provenance})
    theirs = Theirs.from_bytes(text.encode()).provenance
    assert theirs is not None
    assert parse_metadata(text).dirty == theirs.dirty


@pytest.mark.parametrize("provenance", [None, [], "x", {"kernel": True}, {"kernel-builder": 1}])
def test_a_provenance_that_is_none_says_nothing(provenance: Any) -> None:
    assert not parse_metadata(json.dumps({**GOOD, "provenance": provenance})).dirty
