"""One layer name on one kind of input: original, kernel and reference, and the time of each."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from kernel_schema.lowering.forwards import forward_key
from kernel_schema.measure.results import ComparedLayer
from kernel_schema.measure.runs.differences import difference, dtype_text, merged, other_form
from kernel_schema.measure.runs.nested import tensors_in
from kernel_schema.measure.runs.running import Layer, as_called, precision_for, unchanged
from kernel_schema.measure.runs.timing import Timed, paired, peak_memory
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from torch import nn

    from kernel_schema.measure.results import Difference, Paired
    from kernel_schema.measure.runs.capture import Kind, Sample
    from kernel_schema.measure.runs.running import Call, Prepared, Results
    from kernel_schema.measure.runs.switch import Placed


class Sampled(NamedTuple):
    """Calls of one kind: what was counted, and what was kept of them."""

    kind: Kind
    dtype: str
    shape: tuple[int, ...]
    calls: int
    samples: list[tuple[Placed, Sample]]


def compared_layer(
    sampled: Sampled,
    *,
    device: str,
    seconds: float,
    backward: bool,
    grad: bool,
    tolerance: float | None,
) -> ComparedLayer:
    """Run original and kernel on each sample; time them on the first."""
    placed, sample = sampled.samples[0]
    row = ComparedLayer(
        sampled.kind.layer_name,
        placed.kernel,
        sampled.dtype,
        sampled.shape,
        sampled.kind.inputs,
        tuple(each.item.name for each, _ in sampled.samples),
        sampled.calls,
    )
    found: list[Difference] = []
    references: dict[str, None] = {}
    for each, kept in sampled.samples:
        both = _Both(each, kept.call, device, backward=backward, grad=grad)
        reference, name = both.reference()
        references[name] = None
        try:
            found += both.differences(reference, tolerance)
        except KernelFailure as error:
            return replace(row, failure=f"in {each.item.name}, {error}")
    both = _Both(placed, sample.call, device, backward=backward, grad=grad)
    return replace(
        row,
        differences=tuple(merged(found)),
        times=both.times(seconds),
        backward_times=both.backward_times(seconds) if backward else None,
        original_memory=both.memory(both.original),
        kernel_memory=both.memory(both.kernel),
        reference=", ".join(references),
    )


def own_forward(carrier: nn.Module) -> Callable[..., Any]:
    """The forward of a carrier's class, bound to it."""
    own: Any = type(carrier).forward
    return MethodType(own, carrier)


class KernelFailure(Exception):  # noqa: N818 (told of a kernel, not an error of ours)
    """Why a kernel cannot stand in for the original."""


class _Both:
    """Original and kernel of one carrier, on one call."""

    def __init__(
        self, placed: Placed, call: Call, device: str, *, backward: bool, grad: bool
    ) -> None:
        carrier: Any = placed.item.carrier
        own = carrier.__dict__.get(forward_key(carrier))
        self.original = Layer(carrier, own or own_forward(carrier), device)
        self.kernel = Layer(carrier, placed.forward, device)
        self._carrier: nn.Module = carrier
        self._call = call
        self._device = device
        self._backward = backward
        self._grad = grad
        self._own = self._run(self.original)

    def _run(self, layer: Layer, precision: torch.dtype | None = None) -> Results:
        return layer.run(self._call, precision=precision, backward=self._backward, grad=self._grad)

    def reference(self) -> tuple[Results, str]:
        """The original in a higher precision; itself, where it does not run in another."""
        tensors = tensors_in((self._call.args, self._call.kwargs, *self._carrier.parameters()))
        precision = precision_for((tensor.dtype for tensor in tensors), self._device)
        try:
            results = self._run(self.original, precision)
        except Exception:  # noqa: BLE001 (code for one dtype, of somebody else)
            return self._own, "original"
        shapes = [[each.shape for each in tensors_in(some.value)] for some in (results, self._own)]
        if shapes[0] != shapes[1]:
            return self._own, "original"
        return results, dtype_text(precision)

    def differences(self, reference: Results, tolerance: float | None) -> list[Difference]:
        """How far the kernel's results are from the original's.

        Raises:
            KernelFailure: If it raises, or gives something of another form.
        """
        try:
            results = self._run(self.kernel)
        except Exception as error:
            raise KernelFailure(f"it raises {in_one_line(error)}") from error
        other = other_form(self._own.value, results.value)
        if other is not None:
            raise KernelFailure(other)
        values = (tensors_in(each.value) for each in (self._own, results, reference))
        originals, kernels, references = values
        compared = [
            (f"output {index}" if len(originals) > 1 else "output", trio)
            for index, trio in enumerate(zip(originals, kernels, references, strict=True))
        ]
        for name, own in self._own.gradients.items():
            trio = (own, results.gradients[name], reference.gradients[name])
            there = next((each for each in trio if each is not None), None)
            if there is not None:
                filled = [torch.zeros_like(there) if each is None else each for each in trio]
                compared.append((f"gradient of {name}", (filled[0], filled[1], filled[2])))
        return [difference(what, *trio, tolerance) for what, trio in compared]

    def times(self, seconds: float) -> Paired:
        """One forward of each, in turn."""
        return self._paired(self._forward(self.original), self._forward(self.kernel), seconds)

    def _forward(self, layer: Layer) -> Timed:
        def run(prepared: Prepared) -> object:
            return layer.forward(*prepared.args, **prepared.kwargs)

        def setup() -> Prepared:
            return layer.prepare(self._call, precision=None, backward=self._grad)

        return Timed(setup, run, fresh=self._writes(layer))

    def _writes(self, layer: Layer) -> bool:
        """Whether it writes into what it gets: then each run needs copies of its own."""
        with self._as_called():
            prepared = layer.prepare(self._call, precision=None, backward=False)
            layer.forward(*prepared.args, **prepared.kwargs)
        before = tensors_in((self._call.args, self._call.kwargs))
        after = tensors_in((prepared.args, prepared.kwargs))
        return not (
            len(before) == len(after)
            and all(
                torch.allclose(old, new, rtol=0, atol=0, equal_nan=True)
                for old, new in zip(before, after, strict=True)
            )
        )

    def backward_times(self, seconds: float) -> Paired:
        """One backward pass of each, in turn."""
        return self._paired(self._backwards(self.original), self._backwards(self.kernel), seconds)

    def _backwards(self, layer: Layer) -> Timed:
        def setup() -> Callable[[], object]:
            prepared = layer.prepare(self._call, precision=None, backward=True)
            value = layer.forward(*prepared.args, **prepared.kwargs)
            return layer.backward(value, prepared.leaves)

        def run(ready: Callable[[], object]) -> None:
            ready()

        return Timed(setup, run, fresh=True)

    def _paired(self, original: Timed, kernel: Timed, seconds: float) -> Paired:
        with self._as_called():
            return paired(original, kernel, self._device, seconds=seconds)

    @contextmanager
    def _as_called(self) -> Generator[None]:
        with (
            unchanged(self._carrier),
            torch.set_grad_enabled(self._grad),
            as_called(self._call, self._device),
        ):
            yield

    def memory(self, layer: Layer) -> int | None:
        """The most bytes that one call allocates; None on a CPU."""
        with self._as_called():
            prepared = layer.prepare(self._call, precision=None, backward=self._grad)
            return peak_memory(
                lambda: layer.forward(*prepared.args, **prepared.kwargs), self._device
            )
