"""What is right of a broken config is checked too, and nothing is said of what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.files.composition.valid_part import valid_part
from kernel_schema.files.document import InvalidConfigError
from kernel_schema.lowering.check import Asked, check_part
from kernel_schema.schema.models import read_config

if TYPE_CHECKING:
    from collections.abc import Sequence


def part_of(value: Any) -> Any:
    problems = read_config(value)
    assert not isinstance(problems, ks.KernelConfig)
    part = valid_part(value, problems)
    return part and part.config.model_dump()["kernel_mapping"]


GOOD = {"B": "./gone:L"}


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("org/repo", "original"),
        ({"cdua": "o/r:L"}, "original"),
        ({"cdua": "o/r:L", "cpu": "./a:L"}, {"cpu": "./a:L"}),
        ({"cdua": "o/r:L", "cpu": "o/r"}, "original"),
        # Half a kernel is another kernel.
        ({"kernel": "o/r:L", "version": -1}, "original"),
        ({"kernl": "o/r:L"}, "original"),
        ({"cuda": {"inference": "o/r", "training": "o/r:T"}}, {"cuda": {"training": "o/r:T"}}),
        (
            {"cuda": [{"min_capability": "x", "kernel": "o/r:L"}, {"kernel": "o/r:M"}, {"b": 1}]},
            {"cuda": [{"kernel": "o/r:M"}]},
        ),
        ({"cuda": []}, "original"),
    ],
)
def test_what_is_left(entry: Any, left: Any) -> None:
    assert part_of({"kernel_mapping": {"A": entry, **GOOD}}) == {"A": left, **GOOD}


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"kernel_mapping": {"": "o/r:L", **GOOD}, "more": 1, "inherit_mapping": "no"}, GOOD),
        ({"kernl_mapping": GOOD}, None),
        ({"kernel_mapping": []}, None),
        (GOOD, None),
        ([], None),
    ],
)
def test_of_a_whole_config(value: Any, left: Any) -> None:
    assert part_of(value) == left


def codes(text: str, model: Any = None, **asked: Any) -> Sequence[str]:
    with pytest.raises(InvalidConfigError) as caught:
        ks.loads_document(text, format="yaml")
    part, found = check_part(caught.value, Asked(model, **asked))
    assert part is not None
    return [each.code for each in found]


def test_nothing_is_said_of_what_is_not_there() -> None:
    torch = pytest.importorskip("torch", reason="this is about a model")

    class Norm(torch.nn.Identity):
        kernel_layer_name = "Norm"

    text = """\
kernel_mapping:
  Norm: {cdua: o/r:L, cpu: "./gone:L"}
  Nrom: {cdua: o/r:L}
  Other: "./gone2:L"
"""
    # It was meant to be `cuda`, and the name of a layer is stated whatever stands below it.
    expected = ["missing-local-kernel", "unregistered-layer"]
    found = codes(text, Norm(), device="cuda", ignore=["no-kernel-build"])
    assert found == [*expected, "unregistered-layer", "missing-local-kernel"]
    text = text.replace('Norm: {cdua: o/r:L, cpu: "./gone:L"}', "Norm: {cpu: './gone:L'}")
    assert codes(text, Norm(), device="cuda")[0] == "device-not-covered"


ENTRIES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["o/r:L", "./gone:L", "original", "o/r", "", 3, None]),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(
                ["cuda", "cpu", "cdua", "training", "kernel", "version", "min_capability", "x"]
            ),
            inner,
            max_size=3,
        )
        | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["A", "B", " ", "kernel"]), ENTRIES, max_size=4))
def test_what_is_left_stood_there(layers: dict[str, Any]) -> None:
    value = {"kernel_mapping": layers}
    problems = read_config(value)
    if isinstance(problems, ks.KernelConfig):
        return
    part = valid_part(value, problems)
    mentioned = {each.route.steps[1] for each in problems if len(each.route.steps) > 1}
    if part is None:
        assert mentioned == set(layers)
        return
    assert set(part.incomplete) >= mentioned
    stated = {str(rule) for rule in ks.expand(part.config)}
    for name, entry in layers.items():
        if name in part.incomplete:
            continue
        whole = ks.expand(ks.KernelConfig({name: entry}))
        assert {str(rule) for rule in whole} <= stated
