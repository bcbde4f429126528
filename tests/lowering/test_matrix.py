"""One layer on every device and in every mode."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.choice.choose import pieces_of
from tests.lowering.draws import BOUNDS, DEVICES, LAYER_NAMES, RUN_MODES, mappings, tables
from tests.lowering.toys import Choosy, Norm

DEVICE_NAMES = [device.value for device in ks.DeviceType]


def rows_of(entry: Any, **options: Any) -> dict[str, list[str]]:
    """What runs, by device and range, in kernels' order of modes."""
    config = ks.KernelConfig({} if entry is None else {"Norm": entry}, **options)
    layer = ks.inspect_model(Norm())["Norm"]
    return {
        f"{device} {'' if piece is None else piece}".strip(): [
            str(plan.kernels[0].kernel) if plan.kernels else "-" for plan in plans.values()
        ]
        for (device, piece), plans in ks.plan_matrix(config, layer).items()
    }


def test_nothing_is_named() -> None:
    assert rows_of(None) == {}
    assert rows_of(None, inherit_mapping=False) == {}


def test_a_plain_entry_is_everywhere() -> None:
    assert rows_of("org/repo:L") == dict.fromkeys(DEVICE_NAMES, ["org/repo@v1:L"] * 4)


def test_original_is_everywhere() -> None:
    assert rows_of("original") == dict.fromkeys(DEVICE_NAMES, ["-"] * 4)


def test_ranges_and_modes() -> None:
    entry = {
        "xpu": {"inference": "org/i:L", "training_torch_compile": "org/t:L"},
        "cuda": [
            {"min_capability": 90, "kernel": "org/hopper:L"},
            {"min_capability": 75, "max_capability": 80, "training": "org/ampere:L"},
        ],
    }
    hopper, train, infer = "org/hopper@v1:L", "org/t@v1:L", "org/i@v1:L"
    assert rows_of(entry) == {
        "cuda capability 0 to 74": ["-"] * 4,
        "cuda capability 75 to 80": ["org/ampere@v1:L", "org/ampere@v1:L", "-", "-"],
        "cuda capability 81 to 89": ["-"] * 4,
        "cuda capability 90 and above": [hopper] * 4,
        "xpu": [infer, train, train, train],
    }


def test_what_is_inherited_fills_the_other_devices() -> None:
    repository = kernels.LayerRepository("theirs/k", layer_name="L", version=1)
    narrow = kernels.Device("cuda", kernels.CUDAProperties(121, 121))
    with kernels.use_kernel_mapping({"Norm": {"mps": repository, narrow: repository}}):
        rows = rows_of({"xpu": "org/repo:L"})
        assert rows_of({"xpu": "org/repo:L"}, inherit_mapping=False).keys() == {"xpu"}
    assert {name: kernel for name, (kernel, *_) in rows.items()} == {
        "cuda capability 0 to 120": "-",
        "cuda capability 121": "theirs/k@v1:L",
        "cuda capability 122 and above": "-",
        "mps": "theirs/k@v1:L",
        "xpu": "org/repo@v1:L",
    }


def test_conditions_are_left_aside() -> None:
    config = ks.KernelConfig({"Choosy": {"cpu": "org/repo:L"}})
    layer = ks.inspect_model(Choosy(willing=False))["Choosy"]
    ((_, plans),) = ks.plan_matrix(config, layer).items()
    assert [plan.replaced for plan in plans.values()] == [1] * 4


def test_a_document_gives_lines() -> None:
    text = "kernel_mapping:\n  Norm:\n    cpu: org/repo:L\n"
    layer = ks.inspect_model(Norm())["Norm"]
    rows = ks.plan_matrix(ks.loads_document(text, format="yaml"), layer)
    (plans,) = rows.values()
    spans = [plan.chosen and plan.chosen.span for plan in plans.values()]
    assert spans == [ks.Span(3, 10, 3, 20)] * 4


bounds = st.sampled_from([bound for bound in BOUNDS if bound is not None] + [sys.maxsize])
ranges = st.tuples(bounds, bounds).map(lambda pair: ks.Capabilities(min(pair), max(pair)))


@given(st.lists(ranges, max_size=5), ranges, st.integers(0, 10_000))
def test_inside_a_piece_nothing_changes(
    drawn: list[ks.Capabilities], within: ks.Capabilities, capability: int
) -> None:
    pieces = pieces_of(drawn, within)
    assert pieces[0].lowest == within.lowest
    assert pieces[-1].highest == within.highest
    for piece, following in pairwise(pieces):
        assert piece.highest + 1 == following.lowest
    for piece in pieces:
        for one in drawn:
            assert one.holds(piece.lowest) == one.holds(piece.highest)
    holding = [piece for piece in pieces if piece.holds(capability)]
    assert len(holding) == within.holds(capability)


@dataclass(frozen=True)
class Question:
    """What is asked of `explain`, and what there is to answer it."""

    table: dict[str, Any]
    inherited: dict[str, Any]
    name: str
    device: ks.DeviceType
    capability: int
    mode: ks.ModeName


questions = st.builds(
    Question,
    table=tables(),
    inherited=mappings(),
    name=st.sampled_from(LAYER_NAMES),
    device=st.sampled_from(DEVICES),
    capability=st.integers(0, 9999),
    mode=st.sampled_from(RUN_MODES),
)


@settings(max_examples=150, deadline=None)
@given(questions)
def test_a_cell_is_what_explain_says(asked: Question) -> None:
    config = ks.KernelConfig(asked.table)
    model = type("Layer", (Norm,), {"kernel_layer_name": asked.name})()
    with kernels.use_kernel_mapping(asked.inherited, inherit_mapping=False):
        rows = ks.plan_matrix(config, ks.inspect_model(model)[asked.name])
        target = {"device": asked.device, "capability": asked.capability, "mode": asked.mode}
        plan = ks.explain(config, model, **target).layer(asked.name)
    cells = [
        plans[asked.mode]
        for (device, piece), plans in rows.items()
        if device is asked.device and (piece is None or piece.holds(asked.capability))
    ]
    named = any(one.rule.device in (None, asked.device) for one in plan.candidates)
    assert len(cells) == named
    for cell in cells:
        assert cell.kernels == plan.kernels
        assert cell.rule == plan.rule
