"""Ranks in this process: a real group of torch.distributed, with one rank in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import distributed

import kernel_schema as ks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .server import Hub

MAPPING = {"A": "trusted-org/norm@v1:DemoNorm", "B": "trusted-org/uses@v1:DemoNorm"}
CPU = "torch2.13-cpu-x86_64-linux"


@pytest.fixture(autouse=True)
def _a_group(tmp_path: Path) -> Iterator[None]:
    place = (tmp_path / "group").as_uri()
    distributed.init_process_group("gloo", init_method=place, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


class TestFetch:
    def test_asks_what_one_process_asks(self, hub: Hub) -> None:
        lock = ks.fetch(MAPPING, targets=[CPU], group=distributed.group.WORLD)
        assert {str(each.pin) for each in lock.kernels} >= {"trusted-org/norm@v1"}
        asked = len(hub.requests)
        assert asked > 0
        assert ks.fetch(MAPPING, targets=[CPU], group=distributed.group.WORLD) == lock
        assert len(hub.requests) < 2 * asked

    def test_a_failure_names_its_rank(self, hub: Hub) -> None:
        with pytest.raises(ks.HubError, match=r"rank 0") as caught:
            ks.fetch({"A": "trusted-org/nope@v1:L"}, targets=[CPU], group=distributed.group.WORLD)
        assert caught.value.diagnostics[0].code == "unknown-kernel-repository"
        assert hub.requests

    def test_no_group(self) -> None:
        with pytest.raises(TypeError, match="process group"):
            ks.fetch(MAPPING, group=1)


class TestSame:
    def test_one_is_like_itself(self) -> None:
        model = torch.nn.Linear(2, 2)
        model.kernel_layer_name = "A"  # type: ignore[assignment]
        plan = ks.explain(ks.KernelConfig({"A": "original"}), model, device="cpu")
        ks.same_on_all_ranks(plan)
        ks.same_on_all_ranks(plan, distributed.group.WORLD)
        with pytest.raises(TypeError, match="process group"):
            ks.same_on_all_ranks(plan, group="world")
