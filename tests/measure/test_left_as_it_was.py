"""Whatever is compared, and however it ends: the model and the random state are as before."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import kernel_schema as ks
from tests.measure.planted import Model, Norm, inputs, model

if TYPE_CHECKING:
    from pathlib import Path


def config(planted: Path, layer: str = "Copy") -> ks.KernelConfig:
    return ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, layer))})


def state(host: nn.Module) -> Any:
    """All that a comparison might change, by value or by identity."""
    return (
        [
            {key: id(value) for key, value in vars(part).items() if key != "training"}
            for part in host.modules()
        ],
        [part.training for part in host.modules()],
        [part._forward_pre_hooks for part in host.modules()],
        {name: value.clone() for name, value in host.state_dict().items()},
        [None if each.grad is None else each.grad.clone() for each in host.parameters()],
        torch.get_rng_state(),
        random.getstate(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


class Counting(Model):
    """It keeps statistics, draws numbers, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.statistics = nn.BatchNorm1d(8)
        self.seen: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        x = nn.functional.dropout(self.statistics(x), 0.1, self.training)
        return super().forward(x) + random.random()  # noqa: S311


@pytest.mark.parametrize(
    ("mode", "layer", "backward"),
    [("inference", "InPlace", False), ("inference", "Right", True), ("training", "Right", False)],
)
def test_after_a_comparison(planted: Path, mode: str, layer: str, backward: bool) -> None:  # noqa: FBT001
    host = Counting().train(mode == "training")
    host.first.weight.grad = torch.ones(16)
    x = inputs()
    before, given = state(host), x.clone()
    comparison = ks.compare(host, config(planted, layer), x, backward=backward, seconds=0)
    assert comparison.ok
    assert comparison.mode == mode
    assert same(before, state(host))
    assert torch.equal(x, given)
    assert x.grad is None


def test_what_ran_a_kernel_before_does_so_after(planted: Path) -> None:
    host = model()
    ks.kernelize(host, config(planted, "Twice"))
    before = str(ks.audit(host))
    comparison = ks.compare(host, config(planted), inputs(), seconds=0)
    # Against the model's own forward, and not against the kernel that was there.
    assert all(each.differences[0].exact for each in comparison.layers)
    assert str(ks.audit(host)) == before
    assert ks.audit(host).layer("RMSNorm").replaced == 2


class Interrupting(Norm):
    """It is called once by the capture, and stops what calls it later."""

    after = 1
    error: type[BaseException] = KeyboardInterrupt

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Interrupting.after -= 1
        if Interrupting.after < 0:
            raise self.error
        return super().forward(x)


@pytest.mark.parametrize("after", range(8))
def test_after_an_interrupt(planted: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    host = model()
    host.first = Interrupting().eval()
    monkeypatch.setattr(Interrupting, "after", after)
    before = state(host)
    with pytest.raises(KeyboardInterrupt):
        ks.compare(host, config(planted), inputs(), seconds=0)
    assert same(before, state(host))


def test_a_forward_that_fails_is_told(planted: Path) -> None:
    host = model()
    before = state(host)
    with pytest.raises(ks.ModelCheckError) as caught:
        ks.compare(host, config(planted), torch.ones(3), seconds=0)
    (found,) = caught.value.diagnostics
    assert found.code == "model-fails"
    assert "float32[3]" in found.message
    assert caught.value.__cause__ is not None
    assert same(before, state(host))


@pytest.mark.parametrize("wrong", [None, 3, "text", [torch.ones(1)], lambda: 3])
def test_inputs_that_are_none(planted: Path, wrong: Any) -> None:
    with pytest.raises(TypeError, match="a dict of keyword arguments"):
        ks.compare(model(), config(planted), wrong)


def test_every_form_of_inputs(planted: Path) -> None:
    x = inputs()
    for form in (x, (x,), {"x": x}, lambda: x, lambda: {"x": x}):
        comparison = ks.compare(model(), config(planted), form, seconds=0)
        assert comparison.ok
        assert comparison.inputs == "float32[2, 8, 16]"


def test_a_config_that_replaces_nothing_compares_nothing() -> None:
    comparison = ks.compare(model(), {"RMSNorm": "original"}, inputs(), seconds=0)
    assert comparison.layers == ()
    assert comparison.model is None
    assert comparison.ok


class Told:
    """Counts what it is told of."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def begin(self, work: Any, total: int) -> None:
        assert work == "measuring"
        self.total += total

    def advance(self, work: Any, amount: int) -> None:
        assert work == "measuring"
        self.done += amount
        assert self.done <= self.total


def test_progress_is_told(planted: Path) -> None:
    told = Told()
    ks.compare(model(), config(planted), inputs(), seconds=0, progress=told)
    # The model without kernels and with them, and the layer on two shapes.
    assert (told.done, told.total) == (4, 4)
