"""Blocks of `kernelized` that overlap: in threads, in tasks, and in whatever order they end."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import torch

import kernel_schema as ks
from kernel_schema.lowering.restore import Snapshot
from tests.lowering.toys import Norm, Pristine, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel = Callable[[str], ks.LocalRef]


@pytest.fixture
def configs(kernel: Kernel) -> list[ks.KernelConfig]:
    """Each names another kernel, or other layers."""
    return [
        ks.KernelConfig({"Norm": kernel("Norm"), "double": kernel("Double")}),
        ks.KernelConfig({"Norm": kernel("Other")}),
        ks.KernelConfig({"double": kernel("Double"), "LateNorm": kernel("Norm")}),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_of_ending(configs: list[ks.KernelConfig], order: tuple[int, ...]) -> None:
    model = make_model()
    pristine = Pristine(model)
    blocks = [ExitStack() for _ in configs]
    for block, config in zip(blocks, configs, strict=True):
        block.enter_context(ks.kernelized(model, config))
    assert factor(model) == 11 * 11 * 3  # what the last one says
    still_open = set(range(3))
    for index in order:
        blocks[index].close()
        still_open.discard(index)
        if 2 in still_open:
            assert factor(model) == 11 * 11 * 3
        elif still_open:
            assert factor(model) == {0: 11 * 11 * 9, 1: 4 * 25}[max(still_open)]
    assert pristine.changes() == []
    assert ks.audit(model).replaced == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_two_models_share_a_function(
    configs: list[ks.KernelConfig], order: tuple[int, ...]
) -> None:
    models = [make_model(), make_model()]
    pristine = [Pristine(model) for model in models]
    blocks = [ExitStack(), ExitStack()]
    for block, model in zip(blocks, models, strict=True):
        block.enter_context(ks.kernelized(model, configs[0]))
    for index in order:
        blocks[index].close()
    assert [changed.changes() for changed in pristine] == [[], []]
    assert factor(models[0]) == factor(models[1]) == 4


def test_threads(configs: list[ks.KernelConfig]) -> None:
    """All share the function `double`, which each puts a kernel into and takes it out of."""
    errors: list[BaseException] = []

    def work(index: int) -> None:
        try:
            model = make_model()
            for _ in range(10):
                with ks.kernelized(model, configs[index % 3]) as report:
                    assert report.replaced
                ks.kernelize(model, configs[index % 3])
                ks.restore(model)
        except BaseException as error:  # noqa: BLE001 (told by the test)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert factor(make_model()) == 4


def test_what_was_undone_is_not_undone_again(configs: list[ks.KernelConfig]) -> None:
    """Another thread may have put a kernel into a function that models share."""
    model = make_model()
    snapshot = Snapshot(model)
    snapshot.put_back()
    with ks.kernelized(model, configs[0]):
        snapshot.put_back()
        assert factor(model) == 11 * 11 * 9


def test_tasks(configs: list[ks.KernelConfig]) -> None:
    model = make_model()
    pristine = Pristine(model)

    async def task(config: ks.KernelConfig, waits: int) -> None:
        with ks.kernelized(model, config):
            for _ in range(waits):
                await asyncio.sleep(0)

    async def together() -> None:
        await asyncio.gather(*(task(config, 5 - index) for index, config in enumerate(configs)))

    asyncio.run(together())
    assert pristine.changes() == []
    assert factor(model) == 4


def test_what_is_done_to_a_model_inside_stays(configs: list[ks.KernelConfig]) -> None:
    model = make_model()

    def by_hand(x: torch.Tensor) -> torch.Tensor:
        return 13 * x

    with ks.kernelized(model, configs[0]):
        model[0].norm.forward = by_hand
        handle = model[1].norm.register_forward_hook(lambda *_: None)
    assert model[0].norm.forward is by_hand
    assert factor(model) == 13 * 4
    assert len(model[1].norm._forward_hooks) == 1
    handle.remove()
    del model[0].norm.forward
    assert ks.audit(model).replaced == 0


def test_a_hook_of_accelerate_that_is_added_inside_stays(configs: list[ks.KernelConfig]) -> None:
    hooks = pytest.importorskip("accelerate.hooks")
    seen: list[Any] = []

    class Counting(hooks.ModelHook):
        def pre_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(module)
            return args, kwargs

    model = make_model()
    with ks.kernelized(model, configs[0]):
        hooks.add_hook_to_module(model[0].norm, Counting())
        assert factor(model) == 11 * 11 * 9
    assert factor(model) == 4
    assert len(seen) == 2
    hooks.remove_hook_from_module(model[0].norm)
    assert factor(model) == 4


def test_nothing_keeps_a_class_alive(kernel: Kernel) -> None:
    class Local(Norm):
        pass

    model = torch.nn.Sequential(Local())
    config = ks.KernelConfig({"Norm": kernel("Norm")})
    with ks.kernelized(model, config):
        ks.audit(model)
    ks.check(config, model)
    ks.explain(config, model)
    dead = weakref.ref(Local), weakref.ref(model)
    del model, Local
    gc.collect()
    assert [alive() for alive in dead] == [None, None]
