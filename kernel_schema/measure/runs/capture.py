"""What really reaches the layers of a model: watched in one forward, and kept as copies."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from kernel_schema.lowering.forwards import forward_key
from kernel_schema.measure.runs.differences import dtype_text, tensor_text
from kernel_schema.measure.runs.nested import bytes_in, copied, tensors_in
from kernel_schema.measure.runs.running import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from kernel_schema.model.carriers import Carrier

MAX_BYTES: Final = 2**30
"""Copies of what reaches layers take no more than this, 1 GiB, in all."""


class Kind(NamedTuple):
    """Calls that are alike: of one layer name, with tensors of the same dtypes and shapes."""

    layer_name: str
    inputs: tuple[str, ...]


class Sample(NamedTuple):
    """One call that was kept."""

    carrier: Carrier
    call: Call


class Watch:
    """The forwards of carriers, watched.

    Of each layer name the first, the middle and the last carrier are sampled, and whatever brings
    tensors of a kind that was not seen; with `every`, each carrier.
    """

    def __init__(self, carriers: Sequence[Carrier], *, device: str, every: bool) -> None:
        self.calls: Counter[Kind] = Counter()
        self.called: defaultdict[str, set[int]] = defaultdict(set)
        self.samples: defaultdict[Kind, list[Sample]] = defaultdict(list)
        self.first: dict[Kind, tuple[str, tuple[int, ...]]] = {}
        self.left_out = 0
        self._bytes = 0
        self._device = device
        self._seen: set[Any] = set()
        self._carriers = carriers
        of_name: defaultdict[str, list[int]] = defaultdict(list)
        for carrier in carriers:
            of_name[carrier.layer_name].append(id(carrier.carrier))
        self._sampled = {
            each
            for ids in of_name.values()
            for each in (ids if every else (ids[0], ids[len(ids) // 2], ids[-1]))
        }

    def put_in(self) -> None:
        """Begin to watch; whoever calls this puts the forwards back."""
        for carrier in {id(each.carrier): each for each in self._carriers}.values():
            module = carrier.carrier
            key = forward_key(module)
            forward = module.__dict__.get(key) or module.forward
            module.__dict__[key] = self._watched(carrier, forward)

    def _watched(self, carrier: Carrier, forward: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(forward)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._note(carrier, args, kwargs)
            return forward(*args, **kwargs)

        return watched

    def _note(self, carrier: Carrier, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tensors = tensors_in((args, kwargs))
        kind = Kind(carrier.layer_name, tuple(map(tensor_text, tensors)))
        self.calls[kind] += 1
        self.called[carrier.layer_name].add(id(carrier.carrier))
        if kind not in self.first and tensors:
            self.first[kind] = dtype_text(tensors[0].dtype), tuple(tensors[0].shape)
        # Strides, weights and what is no tensor make other code run, too.
        alike = (kind, _form(carrier, tensors))
        sampled = id(carrier.carrier) in self._sampled
        key = (*alike, id(carrier.carrier)) if sampled else alike
        if key in self._seen or (not sampled and alike in self._seen):
            return
        self._seen |= {key, alike}
        size = bytes_in((args, kwargs))
        if self._bytes + size > MAX_BYTES and self._bytes:
            self.left_out += 1
            return
        self._bytes += size
        self.samples[kind].append(Sample(carrier, self._call(args, kwargs, tensors)))

    def _call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: Sequence[Tensor]
    ) -> Call:
        autocast = (
            torch.get_autocast_dtype(self._device)
            if torch.is_autocast_enabled(self._device)
            else None
        )
        wanted = [tensor.requires_grad for tensor in tensors]
        if not any(wanted):
            wanted = [tensor.is_floating_point() for tensor in tensors]
        kept_args, kept_kwargs = copied((args, kwargs))
        return Call(kept_args, kept_kwargs, autocast, tuple(wanted))


def _form(carrier: Carrier, tensors: Sequence[Tensor]) -> Any:
    strides = tuple(tensor.stride() for tensor in tensors if tensor.layout is torch.strided)
    weights = tuple(map(tensor_text, carrier.carrier.parameters()))
    return type(carrier.carrier), carrier.holder.training, strides, weights
