"""The tensors in what layers take and give: found, copied with strides and aliases, replaced."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kernel_schema.typeguards import is_table, is_tuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LEAVES = (str, bytes, int, float, complex, type(None), Enum, type, nn.Module, torch.Generator)


def replaced(
    value: Any, change: Callable[[Tensor], Any], memo: dict[int, Any] | None = None
) -> Any:
    """A value with every tensor in it changed; whatever can hold one is a copy.

    Tuples, lists, tables and dataclasses, those of transformers too, and objects with attributes (a
    cache of keys and values, say). What occurs twice does so in the copy.
    """
    memo = {} if memo is None else memo
    if isinstance(value, _LEAVES) or callable(value):
        return value
    if id(value) in memo:
        return memo[id(value)][0]
    made: Any
    if isinstance(value, Tensor):
        made = change(value)
    elif is_tuple(value):
        parts = [replaced(part, change, memo) for part in value]
        kind: Any = type(value)
        made = kind(*parts) if hasattr(value, "_fields") else tuple(parts)
    else:
        made = _copied(value, change, memo)
    memo[id(value)] = (made, value)  # the value too: its id is its own as long as it lives
    return made


def _copied(value: Any, change: Callable[[Tensor], Any], memo: dict[int, Any]) -> Any:
    try:
        made: Any = copy(value)
    except Exception:  # noqa: BLE001 (an object of somebody else that cannot be copied is kept)
        return value
    memo[id(value)] = (made, value)
    if isinstance(value, list):
        made[:] = [replaced(part, change, memo) for part in iter(made)]
    elif is_table(value) and isinstance(value, dict):
        for key, part in value.items():
            made[key] = replaced(part, change, memo)
    elif is_dataclass(value):
        for field in fields(value):
            part = getattr(value, field.name)
            object.__setattr__(made, field.name, replaced(part, change, memo))
    elif hasattr(value, "__dict__") and made is not value:
        attributes: dict[str, Any] = vars(value)
        for key, part in attributes.items():
            made.__dict__[key] = replaced(part, change, memo)
    return made


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor of a value, each once, in the order in which they stand."""
    found: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        found[id(tensor)] = tensor
        return tensor

    replaced(value, note)
    return list(found.values())


def copied(value: Any) -> Any:
    """A value with copies of its tensors, without gradients: same strides, same aliases."""
    tensors = tensors_in(value)
    with torch.no_grad():
        copies = dict(zip(map(id, tensors), _clones(tensors), strict=True))
    return replaced(value, lambda tensor: copies[id(tensor)])


def bytes_in(value: Any) -> int:
    """How many bytes the tensors of a value take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(value))


def _clones(tensors: Iterable[Tensor]) -> Iterable[Tensor]:
    """Copies of tensors; what shares memory shares it in the copies too."""
    groups: dict[Any, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(_memory_of(tensor), []).append(tensor)
    bases: dict[Any, tuple[Tensor, int]] = {}
    for memory, views in groups.items():
        if memory[0] != "alone":
            first = min(int(view.storage_offset()) for view in views)
            size = max(view.storage_offset() + _extent(view) for view in views) - first
            base = views[0].detach().as_strided((size,), (1,), first).clone()
            bases[memory] = (base, first)
    for tensor in tensors:
        memory = _memory_of(tensor)
        if memory not in bases:
            yield tensor.detach().clone()
            continue
        base, first = bases[memory]
        yield base.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset() - first)


def _memory_of(tensor: Tensor) -> Any:
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
    if not plain or tensor.is_quantized or tensor.numel() == 0 or tensor.is_meta:
        return ("alone", id(tensor))
    return (tensor.untyped_storage().data_ptr(), tensor.dtype, tensor.device)


def _extent(tensor: Tensor) -> int:
    """How many elements lie between its first and its last, these included."""
    steps = zip(tensor.size(), tensor.stride(), strict=True)
    return 1 + sum((size - 1) * stride for size, stride in steps)


class _Restrided(torch.autograd.Function):
    """A copy with the strides of the original, through which gradients pass.

    A layer may write into what it gets, which torch forbids for a leaf that wants a gradient.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        """The copy."""
        del ctx
        (made,) = _clones([tensor])
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient, as it is."""
        del ctx
        return gradients[0]


def restrided(tensor: Tensor) -> Tensor:
    """A copy with the strides of a tensor that wants a gradient, through which it passes."""
    function: Any = _Restrided
    return function.apply(tensor)
