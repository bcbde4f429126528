"""`compare`: is a kernel right, and is it faster, on what really reaches the layers of a model."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from kernel_schema.locks.progress import SILENT
from kernel_schema.lowering.situate import taken
from kernel_schema.schema.arguments import wrong_argument

if TYPE_CHECKING:
    from collections.abc import Collection

    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.progress import Progress
    from kernel_schema.measure.inputs import Inputs
    from kernel_schema.measure.results import Comparison
    from kernel_schema.model.types import DeviceInput, ModeInput, Module


def compare(
    model: Module,
    config: ConfigSource,
    inputs: Inputs | None = None,
    *,
    backward: bool = False,
    tolerance: float | None = None,
    every: bool = False,
    seconds: float = 0.2,
    mode: ModeInput | None = None,
    device: DeviceInput | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    progress: Progress = SILENT,
) -> Comparison:
    """Run each kernel of a config beside the original, on what reaches it in one forward.

    Both get the same copies, the same seed and the same state, and are held against the original
    in a higher precision: float64 on a CPU and for layers in float32, else float32. Their times
    are measured in turn, after a warm-up: on a GPU by device events with a cold L2 cache, as
    `triton.testing.do_bench` does; on a CPU in short blocks of calls. The model is as it was
    afterwards, whatever happens: its forwards, its buffers, its gradients, the random state.

    Args:
        model: The model, with its weights, on the device and in the mode in which it is to run.
        config: What is wanted, in any form of `ConfigSource`.
        inputs: What the forward of the model takes: a tensor, a tuple of arguments, a dict of
            keyword arguments, or a callable that gives one of them. Left out, a transformers model
            gets random token ids of its vocabulary.
        backward: Compare the gradients of inputs and parameters too, and time them.
        tolerance: How much of the largest value a kernel may err; by dtype if left out: 4 `eps` in
            16 bits and less (0.031 in bfloat16), 256 `eps` in float32 and float64, or twice what
            the original errs itself, where that is more.
        every: Compare all layers of one name; the first, the middle and the last if left out, and
            any that is called in another way.
        seconds: About how long each layer is timed, and the whole model twice as long.
        mode: As for `kernelize`.
        device: As for `kernelize`.
        ignore: As for `kernelize`.
        select: As for `kernelize`.
        progress: Is told how far the work has come: `measuring`, in steps.

    Returns:
        What was measured, by layer name and by what reaches the layer. Its diagnostics tell of
        `kernel-beyond-tolerance`, `kernel-never-called` and `kernel-fails`, which are errors, and
        of `kernel-slower`.

    Raises:
        ModelCheckError: If the model's own forward fails on the inputs (`model-fails`), or as
            `kernelize` does.
        KernelSchemaError, TypeError: As `kernelize` does; a TypeError also for inputs that are
            none of what is taken.

    >>> import torch
    >>> from kernel_schema import read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE
    >>> comparison = compare(build_model(), read(CONFIG_FILE), torch.ones(8, 64))
    >>> comparison.ok, [(layer.layer_name, layer.calls) for layer in comparison.layers]
    (True, [('RMSNorm', 5)])
    """
    source = taken(config, model)
    if tolerance is not None:
        number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not (number and isfinite(tolerance) and tolerance >= 0):
            raise wrong_argument("tolerance", tolerance, "a number from 0 on")
    # Imported here, with torch: whoever hands over a model has loaded it.
    from kernel_schema.measure.bench import Asked, compared
    from kernel_schema.measure.inputs import model_inputs

    asked = Asked(
        backward=backward,
        tolerance=tolerance,
        every=every,
        seconds=seconds,
        progress=progress,
        kernelize={"mode": mode, "device": device, "ignore": ignore, "select": select},
    )
    return compared(model, source, model_inputs(model, inputs), asked)
