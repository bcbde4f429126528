"""What is put back, and when: restore, kernelized, copies, hooks, shared functions."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from accelerate import cpu_offload
from accelerate.hooks import (
    AlignDevicesHook,
    ModelHook,
    add_hook_to_module,
    remove_hook_from_module,
)
from torch import nn

import kernel_schema as ks
from tests.lowering.toys import Choosy, Norm, Pristine, double, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


def by_hand(x: torch.Tensor) -> torch.Tensor:
    return 13 * x


def by_kernels(model: nn.Module, ref: ks.LocalRef, layer_name: str = "Norm") -> None:
    """Kernelize without us."""
    repository = kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)
    with kernels.use_kernel_mapping({layer_name: {"cpu": repository}}):
        kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")


class TestRestore:
    def test_twice_kernelized_once_restored(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        for name in ("Norm", "Other", "Norm"):
            ks.kernelize(model, ks.KernelConfig({"Norm": kernel(name)}))
        assert factor(model) == 4 * 9
        ks.restore(model)
        assert pristine.changes() == []
        ks.restore(model)
        assert pristine.changes() == []

    def test_undoes_what_kernels_did_by_itself(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        by_kernels(model, kernel("Norm"))
        assert factor(model) == 4 * 9
        ks.restore(model)
        assert pristine.changes() == []

    def test_through_a_part_of_the_model(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        ks.restore(model[0])
        assert ks.audit(model).layer("Norm").replaced == 1
        assert factor(model) == 4 * 3

    def test_forward_set_by_hand_comes_back(self, kernel: Kernel) -> None:
        model = make_model()
        model[0].norm.forward = by_hand
        pristine = Pristine(model)
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        for _ in range(2):
            assert ks.kernelize(model, config).layer("Norm").replaced == 2
            assert factor(model) == 4 * 9
        ks.restore(model)
        assert pristine.changes() == []
        assert factor(model) == 4 * 13

    def test_forward_set_by_hand_on_a_layer_without_kernel(self, kernel: Kernel) -> None:
        """kernels gives such a layer its class's forward: ours stays as it was."""
        model = make_model()
        model[3].forward = by_hand
        pristine = Pristine(model)
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert report.layer("LateNorm").replaced == 0
        assert model[3].forward is by_hand
        assert factor(model) == 4 * 9 * 13
        ks.restore(model)
        assert pristine.changes() == []
        assert factor(model) == 4 * 13

    def test_forward_set_by_hand_after_kernelize_stays(self, kernel: Kernel) -> None:
        model = make_model()
        model[3].forward = by_hand
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": kernel("Norm")}))
        newest = functools.partial(by_hand)
        model[0].norm.forward = newest
        model[3].forward = newest
        ks.restore(model)
        assert vars(model[0].norm)["forward"] is newest
        assert vars(model[3])["forward"] is newest
        assert factor(model) == 4 * 13 * 13

    def test_latest_forward_set_by_hand_comes_back(self, kernel: Kernel) -> None:
        model = Norm()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        model.forward = by_hand
        ks.kernelize(model, config)
        model.forward = newest = functools.partial(by_hand)
        ks.kernelize(model, config)
        ks.restore(model)
        assert vars(model)["forward"] is newest

    def test_any_callable_may_be_a_forward(self, kernel: Kernel) -> None:
        @dataclass(slots=True)
        class Unhashable:
            factor: int

            def __call__(self, x: torch.Tensor) -> torch.Tensor:
                return self.factor * x

        model = nn.Sequential(Choosy(willing=False), Choosy(willing=True))
        for layer in model:
            layer.forward = Unhashable(17)
        pristine = Pristine(model)
        assert ks.audit(model).replaced == 0
        report = ks.kernelize(model, ks.KernelConfig({"Choosy": kernel("Norm")}))
        assert report.layer("Choosy").replaced == 1
        assert factor(model) == 3 * 17
        assert ks.audit(model).replaced == 1
        ks.restore(model)
        assert pristine.changes() == []


class TestKernelized:
    def test_replaced_within_and_exactly_as_before_after(self, kernel: Kernel) -> None:
        model = make_model()
        model[3].forward = by_hand
        pristine = Pristine(model)
        with ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")})) as report:
            assert report.replaced == 2
            assert factor(model) == 4 * 9 * 13
        assert pristine.changes() == []

    def test_nested(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        with ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")}), mode="training"):
            outer, audited = Pristine(model), ks.audit(model)
            assert audited.mode is ks.ModeName.TRAINING
            with ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Other")})):
                assert factor(model) == 4 * 25
                assert ks.audit(model).mode is ks.ModeName.INFERENCE
            assert outer.changes() == []
            assert ks.audit(model) == audited
            assert factor(model) == 4 * 9
        assert pristine.changes() == []
        assert ks.audit(model).mode is None

    def test_the_block_raises(self, kernel: Kernel) -> None:
        model = make_model()
        pristine = Pristine(model)
        with (
            pytest.raises(ZeroDivisionError),
            ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")})),
        ):
            _ = 1 / 0
        assert pristine.changes() == []

    def test_kernelize_and_restore_within(self, kernel: Kernel) -> None:
        model = make_model()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        ks.kernelize(model, config)
        before = Pristine(model)
        for change in (
            lambda: ks.restore(model),
            lambda: ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Other")})),
            lambda: by_kernels(model, kernel("Other")),
        ):
            with ks.kernelized(model, config):
                change()
            assert before.changes() == []
            assert factor(model) == 4 * 9

    def test_as_a_decorator(self, kernel: Kernel) -> None:
        model = Norm()

        @ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        def run() -> float:
            return factor(model)

        assert (run(), factor(model), run()) == (3, 1, 3)


class TestFunctions:
    """Functions are singletons of the process."""

    def test_shared_by_two_models(self, kernel: Kernel) -> None:
        one, other = make_model(), make_model()
        ks.kernelize(one, ks.KernelConfig({"double": kernel("Double")}))
        assert factor(other) == 11 * 11
        assert ks.audit(other).layer("double").replaced == 2
        ks.restore(other)
        assert factor(one) == 4
        assert ks.audit(one).replaced == 0

    def test_failure_in_another_model_leaves_them(self, kernel: Kernel) -> None:
        one, other = make_model(), make_model().train()
        ks.kernelize(one, ks.KernelConfig({"double": kernel("Double")}))
        with pytest.raises(ks.KernelNotAppliedError):
            ks.kernelize(other, ks.KernelConfig({"Norm": kernel("NoBackward")}))
        assert factor(one) == 11 * 11

    def test_kernelized_in_another_model(self, kernel: Kernel) -> None:
        one, other = make_model(), make_model()
        ks.kernelize(one, ks.KernelConfig({"double": kernel("Double"), "Norm": kernel("Norm")}))
        with ks.kernelized(other, ks.KernelConfig({"Norm": kernel("Norm")})):
            assert factor(one) == 4 * 9
        assert factor(one) == (11 * 3) ** 2
        assert "forward" in vars(double)
        ks.restore(one)
        assert "forward" not in vars(double)

    def test_the_other_model_keeps_its_note(self, kernel: Kernel) -> None:
        """The layers of `one` are as they were chosen, whatever happens to the function."""
        one, other = make_model(), make_model()
        ks.kernelize(one, ks.KernelConfig({"double": kernel("Double"), "Norm": kernel("Norm")}))
        ks.kernelize(other, ks.KernelConfig({"double": kernel("Double")}))
        one.train()
        assert [found.code for found in ks.audit(one).diagnostics] == ["stale-mode"]


class Counting(ModelHook):
    """Counts its calls."""

    def __init__(self) -> None:
        self.before = self.after = 0

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        self.before += 1
        return args, kwargs

    def post_forward(self, module: nn.Module, output: Any) -> Any:
        self.after += 1
        return output


class TestHooks:
    """accelerate puts its hooks in front of `forward`, where kernels writes over them."""

    def test_hooks_run_and_so_do_kernels(self, kernel: Kernel) -> None:
        model = make_model()
        hooks = [Counting(), Counting(), Counting()]
        for module, hook in zip((model[0].norm, model[1], model[3]), hooks, strict=True):
            add_hook_to_module(module, hook)
        pristine = Pristine(model)
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        for runs in (1, 2):
            report = ks.kernelize(model, config)
            assert report.layer("Norm").replaced == 2
            assert ks.audit(model).layer("Norm").replaced == 2
            assert factor(model) == 4 * 9
            assert [(hook.before, hook.after) for hook in hooks] == [(runs, runs)] * 3
        ks.restore(model)
        assert factor(model) == 4
        assert [(hook.before, hook.after) for hook in hooks] == [(3, 3)] * 3
        # A bound method of the class is as good as the one that accelerate had bound.
        assert set(pristine.changes()) == {"_old_forward"}
        assert ks.audit(model).replaced == 0

    def test_kernelized_puts_the_very_hooks_back(self, kernel: Kernel) -> None:
        model = make_model()
        hook = Counting()
        add_hook_to_module(model[0].norm, hook)
        pristine = Pristine(model)
        with ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")})):
            assert factor(model) == 4 * 9
        assert pristine.changes() == []
        assert hook.before == 1

    def test_failure_puts_the_very_hooks_back(self, kernel: Kernel) -> None:
        model = make_model().train()
        add_hook_to_module(model[0].norm, Counting())
        pristine = Pristine(model)
        with pytest.raises(ks.KernelNotAppliedError):
            ks.kernelize(model, ks.KernelConfig({"Norm": kernel("NoBackward")}))
        assert pristine.changes() == []

    def test_hook_removed_after_kernelize(self, kernel: Kernel) -> None:
        model = Norm()
        add_hook_to_module(model, Counting())
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        remove_hook_from_module(model)
        assert factor(model) == 3
        assert ks.audit(model).replaced == 1
        ks.restore(model)
        assert "forward" not in vars(model)
        assert factor(model) == 1

    def test_hook_added_after_kernelize(self, kernel: Kernel) -> None:
        model = Norm()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        hook = Counting()
        add_hook_to_module(model, hook)
        assert ks.audit(model).replaced == 1
        assert factor(model) == 3
        ks.restore(model)
        assert ks.audit(model).replaced == 0
        assert factor(model) == 1
        assert hook.before == 2

    def test_hook_in_front_of_a_forward_set_by_hand(self, kernel: Kernel) -> None:
        model = Norm()
        model.forward = by_hand
        hook = Counting()
        add_hook_to_module(model, hook)
        pristine = Pristine(model)
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert factor(model) == 3
        ks.restore(model)
        assert pristine.changes() == []
        assert factor(model) == 13
        assert hook.before == 2

    def test_hook_that_kernels_wrote_over(self, kernel: Kernel) -> None:
        """Without us the hook is lost; audit tells what runs, not what the hook remembers."""
        model = Norm()
        hook = Counting()
        add_hook_to_module(model, hook)
        by_kernels(model, kernel("Norm"))
        assert factor(model) == 3
        assert hook.before == 0
        assert ks.audit(model).replaced == 1
        ks.restore(model)
        assert ks.audit(model).replaced == 0
        assert factor(model) == 1

    def test_align_devices_hook(self, kernel: Kernel) -> None:
        model = make_model()
        for norm in (model[0].norm, model[3]):
            add_hook_to_module(norm, AlignDevicesHook("cpu", io_same_device=True))
        assert ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")})).replaced == 2
        assert factor(model) == 4 * 9

    def test_cpu_offload(self, kernel: Kernel) -> None:
        """The parameters wait elsewhere: the kernel must find them in place when it runs."""
        model = make_model()
        cpu_offload(model, execution_device=torch.device("cpu"))
        assert model[0].norm.weight.device.type == "meta"
        config = ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": kernel("Other")})
        with pytest.raises(ks.LoweringError, match="device-not-inferable"):
            ks.kernelize(model, config)
        report = ks.kernelize(model, config, device="cpu")
        assert report.replaced == 3
        assert factor(model) == 4 * 9 * 5
        assert model[0].norm.weight.device.type == "meta"
        ks.restore(model)
        assert factor(model) == 4
        assert model[0].norm.weight.device.type == "meta"


class TestCopies:
    def test_deepcopy(self, kernel: Kernel) -> None:
        model = make_model()
        model[3].forward = by_hand
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": kernel("Other")}))
        twin = copy.deepcopy(model)
        with torch.no_grad():
            twin[3].weight.fill_(2)
        assert (factor(model), factor(twin)) == (4 * 9 * 5, 4 * 9 * 10)
        assert ks.audit(twin).layers == ks.audit(model).layers
        ks.restore(model)
        assert (factor(model), factor(twin)) == (4 * 13, 4 * 9 * 10)
        ks.restore(twin)
        assert factor(twin) == 4 * 13

    def test_pickle(self, kernel: Kernel) -> None:
        """A pickled module finds its class's forward again: audit says so."""
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert ks.audit(model).replaced == 2
        twin = pickle.loads(pickle.dumps(model[0].norm))  # noqa: S301 (our own)
        audited = ks.audit(twin)
        assert audited.replaced == (factor(twin) == 3)
        assert audited.mode is None
        ks.restore(twin)
        assert factor(twin) == 1
        assert ks.kernelize(twin, ks.KernelConfig({"Norm": kernel("Norm")})).replaced == 1

    def test_state_dict_is_not_touched(self, kernel: Kernel) -> None:
        model = make_model()
        model[3].forward = by_hand
        before = list(model.state_dict())
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": kernel("Norm")}))
        assert list(model.state_dict()) == before
        model.load_state_dict(make_model().state_dict())


class TestLifetime:
    def test_model_can_be_collected(self, kernel: Kernel) -> None:
        model = make_model()
        model[3].forward = by_hand
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        report = ks.kernelize(model, config)
        with ks.kernelized(model, config):
            ks.audit(model)
        with pytest.raises(ks.ModelCheckError):
            ks.kernelize(model, ks.KernelConfig({"Nrom": kernel("Norm")}))
        with pytest.raises(ks.ModelCheckError, match="signature-mismatch"):
            ks.kernelize(model, ks.KernelConfig({"Norm": kernel("TwoArguments")}))
        dead = weakref.ref(model), weakref.ref(model[0].norm)
        del model
        gc.collect()
        assert [one() for one in dead] == [None, None]
        assert report.replaced == 2

    def test_from_another_thread(self, kernel: Kernel) -> None:
        model = make_model()
        reports: list[ks.Report] = []
        thread = threading.Thread(
            target=lambda: reports.append(
                ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
            )
        )
        thread.start()
        thread.join()
        assert reports[0].replaced == 2
        assert factor(model) == 4 * 9
        ks.restore(model)
        assert factor(model) == 4
