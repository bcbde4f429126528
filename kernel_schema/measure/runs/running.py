"""One run of a layer that leaves no trace: its state, the seed and the precision are put back."""

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from kernel_schema.measure.runs.nested import copied, replaced, restrided, tensors_in

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

SEED: Final = 0
_LOWER: Final = {
    torch.float32: (torch.float16, torch.bfloat16),
    torch.float64: (torch.float16, torch.bfloat16, torch.float32),
}


class Call(NamedTuple):
    """What reached a layer: copies of its arguments, and how torch was set."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    autocast: torch.dtype | None
    wants_gradient: tuple[bool, ...]  # for each tensor in the arguments, in their order

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Fresh copies: a layer may write into what it gets."""
        return copied((self.args, self.kwargs))


class Results(NamedTuple):
    """What a run gave: the value, and the gradients by what they are of."""

    value: Any
    gradients: dict[str, Tensor | None]


def precision_for(dtypes: Iterable[torch.dtype], device: str) -> torch.dtype:
    """The dtype of a reference: float64 on a CPU and for what is float32 itself, else float32.

    Apple's GPUs know no float64.
    """
    half = all(dtype in _LOWER[torch.float32] for dtype in dtypes if dtype.is_floating_point)
    return torch.float32 if device == "mps" or (device != "cpu" and half) else torch.float64


def synchronize(device: str) -> None:
    """Wait for a GPU: what fails there is told by the call that made it fail."""
    if device == "cuda":
        torch.cuda.synchronize()


@contextmanager
def same_seed(device: str) -> Generator[None]:
    """Whatever draws numbers in the block: afterwards it goes on as if it had drawn none."""
    devices = list(range(torch.cuda.device_count())) if device == "cuda" else []
    state = random.getstate()
    untyped: Any = torch.random
    with untyped.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(state)


def seed() -> None:
    """Begin anew: the next run draws the same numbers as the one before."""
    random.seed(SEED)
    untyped: Any = torch
    untyped.manual_seed(SEED)


@contextmanager
def unchanged(module: nn.Module) -> Generator[None]:
    """Put back what a forward changes in a module and those in it: buffers and attributes."""
    states = [(part.__dict__, dict(part.__dict__)) for part in module.modules()]
    tables = [
        (table, dict(table))
        for _, state in states
        for table in (state["_buffers"], state["_parameters"], state["_modules"])
    ]
    with torch.no_grad():
        buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for table, before in (*states, *tables):
            table.clear()
            table.update(before)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)


class InPrecision(TorchFunctionMode):
    """All floating-point arithmetic in a higher precision, whatever dtype the code asks for."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.lower = _LOWER[dtype]

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        name = getattr(func, "__name__", "")
        if name == "__get__":
            value = func(*args)
            return self.dtype if type(value) is torch.dtype and value in self.lower else value
        if func in (Tensor.float, Tensor.half, Tensor.bfloat16):
            return args[0].to(self.dtype)
        named = {key: self._raised(value) for key, value in (kwargs or {}).items()}
        return func(*self._raised(args), **named)

    def _raised(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(self.dtype) if value.dtype in self.lower else value
        if isinstance(value, torch.dtype):
            return self.dtype if value in self.lower else value
        if type(value) in (tuple, list):
            return type(value)(map(self._raised, value))
        return value


@contextmanager
def _raised(module: nn.Module, dtype: torch.dtype) -> Generator[None]:
    """A module with its parameters and buffers in a higher precision, for a block."""
    lower = _LOWER[dtype]
    made: dict[int, Tensor] = {}  # one that is shared stays so
    tables: list[tuple[dict[str, Any], dict[str, Any]]] = []
    try:
        for part in module.modules():
            for table in (part.__dict__["_parameters"], part.__dict__["_buffers"]):
                tables.append((table, dict(table)))
                for key, tensor in table.items():
                    if tensor is not None and tensor.dtype in lower:
                        raised = tensor.detach().to(dtype).requires_grad_(tensor.requires_grad)
                        table[key] = made.setdefault(id(tensor), raised)
        yield
    finally:
        for table, before in tables:
            table.update(before)


@contextmanager
def as_called(call: Call, device: str, precision: torch.dtype | None = None) -> Generator[None]:
    """Set torch as it was where the layer was called; for a reference, exact."""
    with ExitStack() as stack:
        dtype = call.autocast if precision is None else None
        stack.enter_context(torch.autocast(device, dtype=dtype, enabled=dtype is not None))
        if precision is not None:
            before = torch.get_default_dtype(), torch.get_float32_matmul_precision()
            stack.callback(torch.set_default_dtype, before[0])
            stack.callback(torch.set_float32_matmul_precision, before[1])
            torch.set_default_dtype(precision)
            torch.set_float32_matmul_precision("highest")
            stack.enter_context(InPrecision(precision))
        yield


class Layer(NamedTuple):
    """A forward to run: the original of a carrier, or the kernel in its place."""

    carrier: nn.Module
    forward: Callable[..., Any]
    device: str

    def run(
        self, call: Call, *, precision: torch.dtype | None = None, backward: bool, grad: bool
    ) -> Results:
        """Run it once on fresh copies; what it changes in its module is put back."""
        with ExitStack() as stack:
            stack.enter_context(unchanged(self.carrier))
            if precision is not None:
                stack.enter_context(_raised(self.carrier, precision))
            stack.enter_context(torch.set_grad_enabled(grad or backward))
            prepared = self.prepare(call, precision=precision, backward=backward)
            seed()
            with as_called(call, self.device, precision):
                value = self.forward(*prepared.args, **prepared.kwargs)
            gradients = self.gradients(value, prepared.leaves) if backward else {}
            synchronize(self.device)
            return Results(replaced(value, Tensor.detach), gradients)

    def prepare(self, call: Call, *, precision: torch.dtype | None, backward: bool) -> Prepared:
        """Fresh arguments, and the leaves of which gradients are asked."""
        args, kwargs = call.arguments()
        tensors = tensors_in((args, kwargs))
        if precision is not None:
            lower = _LOWER[precision]
            raised = {
                id(tensor): tensor.to(precision) if tensor.dtype in lower else tensor
                for tensor in tensors
            }
            args, kwargs = replaced((args, kwargs), lambda tensor: raised[id(tensor)])
            tensors = [raised[id(tensor)] for tensor in tensors]
        leaves: dict[str, Tensor] = {}
        if backward:
            passed: dict[int, Tensor] = {}
            for index, (tensor, wanted) in enumerate(
                zip(tensors, call.wants_gradient, strict=True)
            ):
                if wanted:
                    leaves[f"input {index}"] = tensor.requires_grad_()
                    passed[id(tensor)] = restrided(tensor)
            args, kwargs = replaced((args, kwargs), lambda tensor: passed.get(id(tensor), tensor))
            leaves |= _parameters(self.carrier)
        return Prepared(args, kwargs, leaves)

    def gradients(self, value: Any, leaves: Mapping[str, Tensor]) -> dict[str, Tensor | None]:
        """The gradients of leaves, for the same gradient of the outputs each time."""
        return dict(zip(leaves, self.backward(value, leaves)(), strict=True))

    def backward(
        self, value: Any, leaves: Mapping[str, Tensor]
    ) -> Callable[[], tuple[Tensor | None, ...]]:
        """The backward pass, ready to run."""
        outputs = [
            tensor
            for tensor in tensors_in(value)
            if tensor.is_floating_point() and tensor.requires_grad
        ]
        if not outputs:
            raise NoGradientError("its result has no gradient")
        gradients = _cotangents(outputs)
        asked = list(leaves.values())
        return lambda: torch.autograd.grad(outputs, asked, gradients, allow_unused=True)


class NoGradientError(RuntimeError):
    """A forward whose result has no gradient, where one is asked for."""


class Prepared(NamedTuple):
    """The arguments of one run, and the leaves of which gradients are asked."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    leaves: dict[str, Tensor]


def _parameters(module: nn.Module) -> dict[str, Tensor]:
    """What of a module learns, as it stands in it now: `parameters()` wants no plain tensors."""
    found: dict[int, tuple[str, Tensor]] = {}
    untyped: Any = module
    parts: list[tuple[str, nn.Module]] = list(untyped.named_modules())
    for prefix, part in parts:
        table: dict[str, Tensor | None] = part.__dict__["_parameters"]
        for key, tensor in table.items():
            if tensor is not None and tensor.requires_grad:
                found.setdefault(id(tensor), (f"{prefix}.{key}".removeprefix("."), tensor))
    return dict(found.values())


def _cotangents(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of outputs, the same numbers in every dtype: bfloat16 has the fewest digits."""
    generator = torch.Generator(outputs[0].device).manual_seed(SEED)
    return [
        torch.randn(output.shape, generator=generator, device=output.device)
        .bfloat16()
        .to(output.dtype)
        for output in outputs
    ]
