"""How far a kernel's values are from the original's, and from those of a reference."""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from kernel_schema.measure.results import Difference
from kernel_schema.measure.runs.nested import tensors_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK: Final = 2**24
_ROUNDINGS: Final = 4
_SUMMANDS: Final = 256


def default_tolerance(dtype: torch.dtype) -> float:
    """How much of the largest value a kernel may err, by the dtype of what it gives.

    With `eps`, the distance from 1 to the next number (IEEE 754): a value that is computed exactly
    and rounded once errs by `eps / 2` of itself. In 8 and 16 bits results are rounded, and no
    sums, which kernels and torch keep in float32: `4 * eps` is room for some intermediate results
    that the one rounds and the other does not (0.031 in bfloat16, 0.0039 in float16). In float32
    and float64 the sums themselves are rounded, and kernels add in another order: over n summands
    that errs by about `sqrt(n) * eps` (Higham, Accuracy and Stability of Numerical Algorithms,
    4.2), and `256 * eps` is that for n = 65536 (3.1e-5 in float32). Integers are to be equal.
    """
    if not dtype.is_floating_point:
        return 0.0
    eps = torch.finfo(dtype).eps
    return (_SUMMANDS if torch.finfo(dtype).bits > 16 else _ROUNDINGS) * eps


def other_form(original: Any, kernel: Any) -> str | None:
    """Why the kernel's result cannot stand in for the original's; None if it can."""
    ours, theirs = _described(kernel), _described(original)
    return None if ours == theirs else f"it gives {ours}, the original {theirs}"


def _described(value: Any) -> str:
    tensors = tensors_in(value)
    if not tensors:
        return f"no tensor but {type(value).__name__}"
    return ", ".join(map(tensor_text, tensors))


def tensor_text(tensor: Tensor) -> str:
    """The dtype and the shape of a tensor: `bfloat16[2, 8, 64]`."""
    return f"{dtype_text(tensor.dtype)}{list(tensor.shape)}"


def dtype_text(dtype: torch.dtype) -> str:
    """A dtype as torch names it, without `torch.`."""
    return str(dtype).removeprefix("torch.")


def difference(
    what: str, original: Tensor, kernel: Tensor, reference: Tensor, tolerance: float | None
) -> Difference:
    """Compare what a kernel gives with the original's, and with a reference of it.

    Without a `tolerance` it is the default of the dtype, or twice what the original errs itself,
    whichever is more.
    """
    tally = _Tally()
    for chunk in _chunks(original, kernel, reference):
        tally.add(*chunk)
    own = tally.relative(tally.original_error)
    if tolerance is None:
        default = default_tolerance(original.dtype)
        tolerance = max(default, 2 * own) if own < inf else default
    return Difference(
        what,
        dtype_text(original.dtype),
        tally.kernel_error,
        tally.relative(tally.kernel_error),
        own,
        tally.scale,
        tally.cosine,
        tally.differing,
        tally.total,
        tally.ulps,
        tolerance,
    )


def merged(differences: Iterable[Difference]) -> list[Difference]:
    """One for each `what`: that which comes nearest to its tolerance, with the counts of all."""
    by_what: dict[str, list[Difference]] = {}
    for each in differences:
        by_what.setdefault(each.what, []).append(each)
    return [_merged(group) for group in by_what.values()]


def _merged(group: list[Difference]) -> Difference:
    worst = max(group, key=lambda each: (each.beyond, each.largest_relative))
    ulps = [each.ulps for each in group if each.ulps is not None]
    return replace(
        worst,
        cosine=min(each.cosine for each in group),
        differing=sum(each.differing for each in group),
        total=sum(each.total for each in group),
        ulps=max(ulps, default=None),
    )


def _chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same parts of tensors of one shape: in float64 the whole may not fit."""
    flat = [tensor.detach().reshape(-1) for tensor in tensors]
    for start in range(0, flat[0].numel(), _CHUNK):
        yield tuple(tensor[start : start + _CHUNK] for tensor in flat)


class _Tally:
    """What is summed up over chunks."""

    def __init__(self) -> None:
        self.kernel_error = 0.0
        self.original_error = 0.0
        self.scale = 0.0
        self.differing = 0
        self.total = 0
        self.ulps: float | None = None
        self._products = [0.0, 0.0, 0.0]

    def add(self, original: Tensor, kernel: Tensor, reference: Tensor) -> None:
        eps = _spacing_of(original.dtype)
        wide = torch.float32 if original.device.type == "mps" else torch.float64
        original, kernel, reference = (
            tensor.to(wide) for tensor in _real(original, kernel, reference)
        )
        same = (original == kernel) | (original.isnan() & kernel.isnan())
        self.total += original.numel()
        self.differing += int((~same).sum())
        # Where the original overflows, in float16 say, and the reference does not, it is the
        # reference that a kernel is held against; where neither is finite, the original.
        exact = torch.where(reference.isfinite(), reference, original)
        agree = same | (kernel == reference)
        excused = agree & ~(kernel.isfinite() & exact.isfinite())
        self.kernel_error = max(self.kernel_error, _largest(kernel - exact, ~excused))
        finite = original.isfinite() & reference.isfinite()
        self.original_error = max(self.original_error, _largest(original - reference, finite))
        self.scale = max(self.scale, _largest(reference, reference.isfinite()))
        both = kernel.isfinite() & exact.isfinite()
        ours, theirs = kernel[both], exact[both]
        for index, (one, other) in enumerate(((ours, theirs), (ours, ours), (theirs, theirs))):
            self._products[index] += float(torch.dot(one, other))
        if eps is not None:
            self.ulps = max(self.ulps or 0.0, _ulps(original, kernel, same, eps))

    def relative(self, error: float) -> float:
        """An error as a part of the largest value; of nothing but zeros any error is infinite."""
        if error == 0:
            return 0.0
        return error / self.scale if self.scale else inf

    @property
    def cosine(self) -> float:
        mixed, ours, theirs = self._products
        if ours == theirs == 0:
            return 1.0
        return mixed / sqrt(ours) / sqrt(theirs) if ours and theirs else 0.0


def _real(*tensors: Tensor) -> Iterator[Tensor]:
    for tensor in tensors:
        yield torch.view_as_real(tensor).reshape(-1) if tensor.is_complex() else tensor


def _spacing_of(dtype: torch.dtype) -> tuple[float, float] | None:
    if not dtype.is_floating_point:
        return None
    info = torch.finfo(dtype)
    return info.eps, info.smallest_normal


def _largest(values: Tensor, where: Tensor) -> float:
    """The largest absolute value where asked for; one that is NaN there counts as infinite."""
    chosen = values[where].abs()
    return float(chosen.nan_to_num(nan=inf, posinf=inf).max()) if chosen.numel() else 0.0


def _ulps(original: Tensor, kernel: Tensor, same: Tensor, spacing: tuple[float, float]) -> float:
    eps, smallest = spacing
    chosen = ~same
    ours, theirs = kernel[chosen], original[chosen]
    # frexp has mantissas from 1/2 on: the spacing at a value is eps at half its power of two.
    _, exponent = torch.frexp(theirs.abs().clamp(min=smallest))
    steps = (ours - theirs).abs() / torch.ldexp(torch.full_like(theirs, eps / 2), exponent)
    return float(steps.nan_to_num(nan=inf, posinf=inf).max()) if steps.numel() else 0.0
