"""What reaches layers is copied as it is: strides, aliases, nesting; and only so much of it."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import kernel_schema as ks
from kernel_schema.measure.runs import capture
from kernel_schema.measure.runs.nested import copied, tensors_in
from tests.measure.planted import Norm, inputs, model

if TYPE_CHECKING:
    from pathlib import Path

Pair = namedtuple("Pair", "first second")  # noqa: PYI024 (as layers of others give it)


@dataclass(frozen=True)
class Box:
    held: Any


class Cache:
    def __init__(self, keys: torch.Tensor) -> None:
        self.keys = keys
        self.itself = self


def test_a_copy_has_the_strides_and_the_aliases_of_what_it_is_of() -> None:
    base = torch.arange(24.0).reshape(4, 6)
    given = (base.t()[1:], base[:, 2], base.expand(2, 4, 6), torch.tensor(1.0), torch.ones(0))
    made = copied(given)
    for old, new in zip(given, made, strict=True):
        assert torch.equal(old, new)
        assert (old.shape, old.stride()) == (new.shape, new.stride())
        assert old.numel() == 0 or old.data_ptr() != new.data_ptr()
    made[1].fill_(-1)
    # It is a view of the same memory as two of the others, as before.
    assert (made[0][1] == -1).all()
    assert (made[2][:, :, 2] == -1).all()
    assert torch.equal(base, torch.arange(24.0).reshape(4, 6))


def test_whatever_holds_tensors_is_copied_with_them() -> None:
    x = torch.ones(2, requires_grad=True)
    module = nn.Linear(2, 2)
    given = [Pair(x, {"a": Box(x)}), OrderedDict(b=[x]), Cache(x * 2), "text", None, module]
    made = copied(given)
    assert len(tensors_in(made)) == len(tensors_in(given)) == 2
    pair, table, cache, text, nothing, same = made
    assert isinstance(pair, Pair)
    assert pair.first is pair.second["a"].held is table["b"][0]
    assert pair.first is not x
    assert not pair.first.requires_grad
    assert isinstance(table, OrderedDict)
    assert cache.itself is cache
    assert cache.keys is not given[2].keys
    assert (text, nothing, same) == ("text", None, module)


def test_what_takes_too_many_bytes_is_left_out_and_told(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, "Twice"))})
    whole = ks.compare(model(), config, inputs(), seconds=0)
    assert (len(whole.layers), whole.left_out) == (2, 0)
    monkeypatch.setattr(capture, "MAX_BYTES", inputs().nbytes)
    part = ks.compare(model(), config, inputs(), seconds=0)
    assert (len(part.layers), part.left_out) == (1, 1)
    assert "copies of their inputs take too much: 1" in str(part)


class Host(nn.Module):
    """Many layers of one name, of which each has weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(Norm() for _ in range(9))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for norm in self.norms:
            x = norm(x)
        return x


def test_a_sample_of_the_layers_of_one_name_or_all(planted: Path) -> None:
    config = ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, "Copy"))})
    (layer,) = ks.compare(Host().eval(), config, inputs(), seconds=0).layers
    assert layer.names == ("norms.0", "norms.4", "norms.8")
    assert layer.calls == 9
    (layer,) = ks.compare(Host().eval(), config, inputs(), seconds=0, every=True).layers
    assert layer.names == tuple(f"norms.{index}" for index in range(9))


def test_layers_run_under_autocast_as_they_were_called(planted: Path) -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(16, 16)
            self.norm = Norm()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.norm(self.linear(x))

    config = ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, "Copy"))})
    (layer,) = ks.compare(Mixed().eval(), config, inputs(), seconds=0).layers
    assert layer.dtype == "bfloat16"
    assert layer.differences[0].dtype == "float32"
    assert layer.differences[0].exact


@pytest.mark.benchmark
def test_the_time_of_a_layer_is_that_of_torch_alone(planted: Path) -> None:
    from torch.utils.benchmark import Timer

    layer, x = Norm(1024).eval(), torch.randn(64, 1024)
    config = ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, "Copy"))})
    (row,) = ks.compare(layer, config, x, seconds=0.5).layers
    with torch.no_grad():
        timer = Timer("layer(x)", globals={"layer": layer, "x": x}, num_threads=1)
        alone = sorted(timer.blocked_autorange(min_run_time=0.5).times)
    assert row.times is not None
    told = row.times.original
    quarter = len(alone) // 4
    assert told.low <= alone[-1 - quarter]
    assert told.high >= alone[quarter]
