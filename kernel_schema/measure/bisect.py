"""`bisect`: which kernel of a config is guilty, by running a model with some of them at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_schema.files.read import config_of
from kernel_schema.lowering.apply import kernelized
from kernel_schema.lowering.restore import runs_kernel
from kernel_schema.lowering.situate import placed, taken
from kernel_schema.measure.bisecting.bisection import Trial, conclude
from kernel_schema.measure.bisecting.search import Answer
from kernel_schema.measure.bisecting.suspects import plans_of, suspects_of, without
from kernel_schema.model.calls import Counting
from kernel_schema.model.carriers import carriers
from kernel_schema.schema.arguments import wrong_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.measure.bisecting.bisection import Bisection
    from kernel_schema.model.types import DeviceInput, ModeInput, Module


def bisect(
    model: Module,
    config: ConfigSource,
    is_good: Callable[[Any], bool | None],
    *,
    repeat: int = 1,
    mode: ModeInput | None = None,
    device: DeviceInput | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    progress: Callable[[Trial], None] | None = None,
) -> Bisection:
    """Name the kernel of a config that makes a model go wrong, or those that do so together.

    The model is run with every kernel and with none, and then with as few sets of them as name the
    guilty: of 40 at most 8 more for one, 16 for a pair. What is switched is an entry of the
    config, or of the mapping that it inherits, that puts a kernel in place in this model: on, its
    kernel runs, off, the model's own forward does.

    Args:
        model: The model. Its forwards and its training state are in each trial what they were at
            the beginning, and at the end; its parameters and buffers are left as `is_good` leaves
            them, which has to start from the same ones each time if it trains.
        config: What is wanted, in any form of `ConfigSource`.
        is_good: Takes the model with the kernels of a trial in place, and tells whether all is
            well; None where it cannot tell. What it raises ends the bisection and is raised.
        repeat: How often each set is run, until it is bad: more than once where what is wrong
            shows now and then.
        mode: As for `kernelize`; inferred once, for all trials.
        device: As for `kernelize`.
        ignore: As for `kernelize`.
        select: As for `kernelize`.
        progress: Called after each run.

    Returns:
        What is named, every run, and the kernels that were never called: nothing acquits those.
        Where answers contradict each other, nothing is named.

    Raises:
        KernelSchemaError: As `kernelize` does.
        TypeError: As `kernelize` does; also for an `is_good` that cannot be called.

    >>> import torch
    >>> from kernel_schema import read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE
    >>> x = torch.ones(8, 64)
    >>> model = build_model()
    >>> right = model(x)
    >>> bisection = bisect(
    ...     model, read(CONFIG_FILE), lambda model: torch.allclose(model(x), right, atol=1e-4)
    ... )
    >>> print(bisection)
    good with every kernel, of 1 (1 trial)
    """
    source = taken(config, model)
    if not callable(is_good):
        raise wrong_argument("is_good", is_good, "a function of the model")
    if type(repeat) is not int or repeat < 1:
        raise wrong_argument("repeat", repeat, "an integer from 1 on")
    training = _TrainingState(model)
    (plan,) = plans_of(source, model, [mode], device=device)
    suspects = suspects_of([plan])
    names = [suspect.layer_name for suspect in suspects]

    def run(on: Collection[str]) -> Trial:
        training.put_back()
        off = [name for name in names if name not in on]
        # The source itself, so that what is wrong with it is told with its place.
        wanted: Opened = without(config_of(source), off) if off else source
        counting = Counting(runs_kernel)
        try:
            with kernelized(model, wanted, mode=mode, device=device, ignore=ignore, select=select):
                counting.count(carriers(model))
                told = is_good(model)
        finally:
            counting.stop()
            training.put_back()
        answer = Answer.UNKNOWN if told is None else Answer.GOOD if told else Answer.BAD
        return Trial(tuple(on), answer, f"is_good returned {told!r:.80}", counting.calls)

    bisection = conclude(suspects, run, repeat=repeat, progress=progress)
    return bisection.placed(lambda diagnostics: placed(source, diagnostics))


class _TrainingState:
    """Which modules of a model are in training."""

    def __init__(self, model: Any) -> None:
        self._training = [(module, module.training) for module in model.modules()]

    def put_back(self) -> None:
        """Make it what it was: by it kernels are chosen."""
        for module, training in self._training:
            if module.training is not training:
                module.training = training
