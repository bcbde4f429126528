"""What transformers tests of its own `KernelConfig`, of the one that takes its place by one import.

Redone on models and kernels of this machine, after the behaviour that tests/kernels/test_kernels.py
of transformers asks for; what that file holds of attention kernels and of variables is no matter
of a config. Two of its tests cannot pass: `test_multi_device_mapping_filters_correctly` and
`test_single_device_mapping_still_works` read the mapping of the object that was passed after
`create_compatible_mapping` has rewritten it. That it is rewritten is the defect, for which one
config could not serve two models. What they are after is asked of `model.kernel_config` here.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from tests.integrations.conftest import NORMS

torch = pytest.importorskip("torch")
kernels = pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")

from kernel_schema.integrations.transformers import KernelConfig  # noqa: E402 (an extra)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integrations.conftest import Calls, Kernel


@pytest.fixture
def config(kernel: Kernel) -> Any:
    return KernelConfig({"RMSNorm": str(kernel("Norm"))})


def generating(model: Any) -> Callable[[], Any]:
    return lambda: model.generate(torch.tensor([[1, 2]]), max_new_tokens=3, do_sample=False)


def forwards(model: Any) -> dict[str, Any]:
    """The code of each forward that is not the one of its class."""
    code = {name: (module.forward.__code__, module) for name, module in model.named_modules()}
    return {name: own for name, (own, of) in code.items() if own is not type(of).forward.__code__}


def test_the_mapping_is_used(load: Any, calls: Calls, config: KernelConfig) -> None:
    model, plain = load(config), load()
    assert model.use_kernels
    assert not plain.use_kernels
    assert torch.equal(generating(model)(), generating(plain)())
    assert set(calls(generating(model))) == {"Norm"}
    assert calls(generating(plain)) == []
    assert not forwards(plain)


def test_the_same_by_setting_use_kernels(load: Any, config: KernelConfig) -> None:
    model = load()
    model.set_use_kernels(True, config)  # noqa: FBT003 (a function of transformers)
    assert model.use_kernels
    assert len(forwards(model)) == NORMS
    assert forwards(model) == forwards(load(config))


def test_a_copy_of_a_model_without_kernels(load: Any, config: KernelConfig) -> None:
    plain = load()
    model = copy.deepcopy(plain)
    model.set_use_kernels(True, config)  # noqa: FBT003 (as above)
    assert len(forwards(model)) == NORMS
    assert not forwards(plain)


def test_switching_off_takes_nothing_out(load: Any, config: KernelConfig) -> None:
    model = load(config)
    model.use_kernels = False  # transformers says once in a process that this does nothing
    assert not model.use_kernels
    assert len(forwards(model)) == NORMS


def test_a_name_that_no_layer_has(load: Any, kernel: Kernel) -> None:
    with pytest.raises(ValueError, match="did you mean `RMSNorm`") as caught:
        load(KernelConfig({"RMSNorm1": str(kernel("Norm"))}))
    assert "unregistered-layer" in str(caught.value)


def test_a_value_of_a_wrong_type() -> None:
    """transformers says so when a model is loaded; this, before."""
    with pytest.raises(ValueError, match="invalid-entry"):
        KernelConfig({"RMSNorm": 1})


def test_setting_use_kernels_twice_changes_nothing(load: Any, config: KernelConfig) -> None:
    model = load(config)
    applied, placed = model.kernel_config, {**forwards(model)}
    bound = [vars(module).get("forward") for module in model.modules()]
    model.use_kernels = True
    assert model.use_kernels
    assert model.kernel_config is applied
    assert forwards(model) == placed
    assert [vars(module).get("forward") for module in model.modules()] == bound


def test_training_and_inference_have_kernels_of_their_own(
    load: Any, calls: Calls, kernel: Kernel
) -> None:
    by_mode = {"training": str(kernel("Other")), "inference": str(kernel("Norm"))}
    model = load(KernelConfig({"RMSNorm": {"cpu": by_mode}}))

    def forward() -> object:
        return model(torch.tensor([[1, 2]]))

    assert calls(forward) == ["Norm"] * NORMS
    assert calls(model.train() and forward) == ["Other"] * NORMS
    assert calls(model.eval() and forward) == ["Norm"] * NORMS


@pytest.mark.parametrize("several", [True, False])
def test_only_the_device_of_the_model_counts(load: Any, kernel: Kernel, several: bool) -> None:  # noqa: FBT001 (a parameter)
    reference = str(kernel("Norm"))
    devices = {"cpu": reference, "cuda": "org/none:Norm", "rocm": "org/none:Norm"}
    config = KernelConfig({"RMSNorm": devices if several else reference})
    model = load(config)
    assert list(model.kernel_config.kernel_mapping["RMSNorm"]) == ["cpu"]
    # The object that was passed is as it was, and serves the next model.
    assert config.kernel_mapping == {}
    assert config["kernel_mapping"]["RMSNorm"] == (devices if several else reference)
    assert forwards(load(config)) == forwards(model)
