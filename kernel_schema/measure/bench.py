"""The comparison itself: capture, run both, measure, judge; and leave the model as it was."""

from __future__ import annotations

import platform
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from kernel_schema.diagnostics import Diagnostic, ModelCheckError
from kernel_schema.lowering.apply import kernelize
from kernel_schema.lowering.restore import ONE_AT_A_TIME, Snapshot, restore
from kernel_schema.lowering.situate import placed as with_places
from kernel_schema.measure.judging import failure, findings
from kernel_schema.measure.layers import Sampled, compared_layer
from kernel_schema.measure.results import ComparedModel, Comparison
from kernel_schema.measure.runs.capture import Watch
from kernel_schema.measure.runs.differences import difference, merged, other_form
from kernel_schema.measure.runs.nested import copied, replaced, tensors_in
from kernel_schema.measure.runs.running import same_seed, seed, synchronize, unchanged
from kernel_schema.measure.runs.switch import KernelError, Switch, kernels_in
from kernel_schema.measure.runs.timing import Timed, paired, peak_memory
from kernel_schema.model.inspect import inspect_model
from kernel_schema.model.target import capability_of
from kernel_schema.model.wrappers import is_compiled
from kernel_schema.schema.vocabulary import ModeName
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

    from kernel_schema.files.read import Opened
    from kernel_schema.locks.progress import Progress
    from kernel_schema.measure.inputs import ModelInputs
    from kernel_schema.measure.results import ComparedLayer, Difference
    from kernel_schema.model.types import Module


class Asked(NamedTuple):
    """What a comparison is to be: the arguments of `compare`."""

    backward: bool
    tolerance: float | None
    every: bool
    seconds: float
    progress: Progress
    kernelize: Mapping[str, Any]


def compared(model: Module, source: Opened, inputs: ModelInputs, asked: Asked) -> Comparison:
    """What `compare` gives."""
    # Held all the while: the functions of a model are shared by all models of a process.
    with ONE_AT_A_TIME:
        snapshot = Snapshot(model)
        try:
            snapshot.take_out()
            return _Bench(model, source, inputs, asked).comparison()
        finally:
            snapshot.put_back()


class _Bench:
    """One comparison, with what its steps share."""

    def __init__(self, model: Module, source: Opened, inputs: ModelInputs, asked: Asked) -> None:
        self._model = model
        self._source = source
        self._inputs = inputs
        self._asked = asked
        self.report = kernelize(model, source, **asked.kernelize)
        self._placed = kernels_in(model)
        restore(model)
        self._switch = Switch(self._placed)
        device, mode = self.report.device, self.report.mode
        if device is None or mode is None:
            raise AssertionError("kernelize tells for what it has chosen")  # pragma: no cover
        self._device, self._mode = device, mode
        self._kind = next((each.device.type for each in model.parameters()), device.value)
        training = mode in (ModeName.TRAINING, ModeName.TRAINING_TORCH_COMPILE)
        self._grad = training or asked.backward

    def comparison(self) -> Comparison:
        """All of it."""
        replaced_by_name: defaultdict[str, int] = defaultdict(int)
        for each in self._placed.values():
            replaced_by_name[each.item.layer_name] += 1
        layers: tuple[ComparedLayer, ...] = ()
        whole: ComparedModel | None = None
        failed: Diagnostic | None = None
        left_out = 0
        with same_seed(self._kind), unchanged(self._model):
            self._asked.progress.begin("measuring", 2)
            watch, output = self._captured()
            left_out = watch.left_out
            self._asked.progress.begin("measuring", len(watch.samples))
            self._asked.progress.advance("measuring", 1)
            if self._placed:
                whole, failed = self._whole(output)
            self._asked.progress.advance("measuring", 1)
            layers = tuple(self._layers(watch))
        share_of = None if whole is None or whole.times is None else whole.times.original.median
        if share_of is not None:
            layers = tuple(_with_share(layer, share_of) for layer in layers)
        calls = {name: len(ids) for name, ids in self._switch.called.items()}
        # One that raises stops the forward: what comes behind it was not reached, and not judged.
        counted = replaced_by_name if failed is None else dict.fromkeys(replaced_by_name, 1)
        judged = calls if failed is None else counted
        found = list(findings(layers, replaced_by_name, judged))
        named = {each.route for each in found if each.code == "kernel-fails"}
        if failed is not None and failed.route not in named:
            found.insert(0, failed)
        return Comparison(
            layers,
            whole,
            self.report,
            calls,
            self._device,
            capability_of(self._device),
            self._mode,
            machine(self._kind),
            self._inputs.described,
            left_out,
            (*self.report.diagnostics, *with_places(self._source, found)),
        )

    def _run(self) -> Any:
        """One forward of the model, on copies: layers may write into what they get."""
        args, kwargs = copied((self._inputs.args, self._inputs.kwargs))
        seed()
        with torch.set_grad_enabled(self._grad), unchanged(self._model):
            value = self._model(*args, **kwargs)
            synchronize(self._kind)
        return replaced(value, lambda tensor: tensor.detach())

    def _captured(self) -> tuple[Watch, Any]:
        watch = Watch(
            [each.item for each in self._placed.values()],
            device=self._kind,
            every=self._asked.every,
        )
        with _eager(self._model):
            watching = Snapshot(self._model)
            try:
                watch.put_in()
                return watch, self._run()
            except Exception as error:
                raise _model_fails(error, self._inputs) from error
            finally:
                watching.put_back()

    def _whole(self, output: Any) -> tuple[ComparedModel | None, Diagnostic | None]:
        try:
            with _eager(self._model):
                self._switch.on(counted=True)
                value = self._run()
        except KernelError as error:
            return None, failure(error.layer_name, f" in {error.name}", in_one_line(error.error))
        except Exception as error:  # noqa: BLE001 (of the model, on what a kernel has given)
            names = ", ".join(self._switch.called)
            reason = f"the model fails on what a kernel gives: {in_one_line(error)}"
            return None, failure(names, "", reason)
        finally:
            self._switch.off()
        with torch.set_grad_enabled(self._grad):
            both = self._timed(kernels=False), self._timed(kernels=True)
            times = paired(*both, self._kind, seconds=2 * self._asked.seconds)
            memory = [_peak(timed, self._kind) for timed in both]
        self._switch.off()
        return ComparedModel(_of_outputs(output, value), times, *memory), None

    def _timed(self, *, kernels: bool) -> Timed:
        """One forward of the model, which is switched before each."""

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            (self._switch.on if kernels else self._switch.off)()
            return copied((self._inputs.args, self._inputs.kwargs))

        def run(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> object:
            return self._model(*arguments[0], **arguments[1])

        return Timed(setup, run, fresh=True)

    def _layers(self, watch: Watch) -> Generator[ComparedLayer]:
        for kind, samples in watch.samples.items():
            placed = [self._placed[id(sample.carrier.carrier)] for sample in samples]
            sampled = Sampled(
                kind,
                *watch.first.get(kind, ("", ())),
                watch.calls[kind],
                list(zip(placed, samples, strict=True)),
            )
            yield compared_layer(
                sampled,
                device=self._kind,
                seconds=self._asked.seconds,
                backward=self._asked.backward,
                grad=self._grad,
                tolerance=self._asked.tolerance,
            )
            self._asked.progress.advance("measuring", 1)


def _with_share(layer: ComparedLayer, forward: float) -> ComparedLayer:
    if layer.times is None:
        return layer
    return replace(layer, share=layer.calls * layer.times.original.median / forward)


def _of_outputs(original: Any, kernel: Any) -> Difference | None:
    """The outputs of the whole model; None where they are not of one form, or no tensors."""
    if other_form(original, kernel) is not None:
        return None
    pairs = zip(tensors_in(original), tensors_in(kernel), strict=True)
    found = merged(difference("output", theirs, ours, theirs, None) for theirs, ours in pairs)
    return found[0] if found else None


def _peak(timed: Timed, device: str) -> int | None:
    prepared = timed.setup()
    return peak_memory(lambda: timed.run(prepared), device)


def _model_fails(error: Exception, inputs: ModelInputs) -> ModelCheckError:
    return ModelCheckError(
        [
            Diagnostic(
                "model-fails",
                f"the model's own forward fails on {inputs.described}: {in_one_line(error)}",
                help="hand over what its forward takes: `inputs=`, `--inputs` on the command line",
            )
        ]
    )


def _eager(model: Module) -> AbstractContextManager[object]:
    """What `torch.compile` compiles runs as it is written, for a block: it can be watched so."""
    if not inspect_model(model).compiled and not is_compiled(model):
        return nullcontext()  # the other takes seconds to load
    return torch.compiler.set_stance("force_eager")


def machine(device: str) -> str:
    """What is measured on, in words."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"{platform.machine()} {device}, {threads} threads, torch {torch.__version__}"
