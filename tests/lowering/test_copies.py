"""Copied models: what a copy holds is not always what its forward calls."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch

import kernel_schema as ks
from tests.lowering.toys import factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


@pytest.fixture
def config(kernel: Kernel) -> ks.KernelConfig:
    return ks.KernelConfig({"double": kernel("Double"), "Norm": kernel("Norm")})


def test_a_copy_is_kernelized(config: ks.KernelConfig) -> None:
    """FACTS F22: deepcopy copies the functions, and forward calls the global ones."""
    original = make_model()
    copied = copy.deepcopy(original)
    report = ks.kernelize(copied, config)
    assert report.layer("double").replaced == 2
    assert factor(copied) == 11 * 11 * 3 * 3
    # The function is shared by all models of the process; the layers are not.
    assert factor(original) == 11 * 11
    assert ks.audit(original).layer("double").replaced == 2
    assert ks.restore(copied) is None
    assert factor(copied) == factor(original) == 4
    assert ks.audit(copied).replaced == 0


def test_a_copy_of_a_kernelized_model_is_restored(config: ks.KernelConfig) -> None:
    original = make_model()
    ks.kernelize(original, config)
    copied = copy.deepcopy(original)
    assert ks.audit(copied).replaced == ks.audit(original).replaced == 4
    ks.restore(copied)
    assert factor(copied) == 4
    assert ks.audit(copied).replaced == 0
    ks.restore(original)


def test_what_a_copy_holds_is_left_alone(config: ks.KernelConfig) -> None:
    copied = copy.deepcopy(make_model())
    held = [dict(block._kernel_funcs) for block in copied[:2]]
    with ks.kernelized(copied, config):
        assert factor(copied) == 11 * 11 * 3 * 3
    assert [dict(block._kernel_funcs) for block in copied[:2]] == held
    assert all("forward" not in vars(block._kernel_funcs["double"]) for block in copied[:2])
    assert factor(copied) == 4


def test_a_copy_registers_what_the_original_does() -> None:
    model = make_model()
    assert torch.equal(model(torch.ones(4)), copy.deepcopy(model)(torch.ones(4)))
    assert ks.inspect_model(copy.deepcopy(model))["double"] == ks.inspect_model(model)["double"]
