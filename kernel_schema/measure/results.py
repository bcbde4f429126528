"""What a comparison tells: plain numbers, in seconds and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import Severity

if TYPE_CHECKING:
    from kernel_schema.choice.report import Report
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one call takes, in seconds.

    Args:
        median: The median of the runs.
        low: The lower quartile.
        high: The upper quartile.
        runs: How many were measured; on a CPU each is the mean of a block of calls.
    """

    median: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True, slots=True)
class Paired:
    """Original and kernel, measured in turn: what the machine does meanwhile hits both.

    Args:
        original: The time of the original.
        kernel: The time of the kernel.
        ratio: The median, over the pairs, of the kernel's time divided by the original's.
        ratio_low: The lower quartile of the same.
        ratio_high: The upper quartile of the same.
    """

    original: Timing
    kernel: Timing
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a kernel's values are from those of the original, over all that was compared.

    Values that are not finite in the same way in both (NaN, or an infinity of the same sign) are no
    difference.

    Args:
        what: Of which values: `output`, `gradient of weight`, ...
        dtype: Their dtype, as torch names it.
        largest_absolute: The kernel's largest error against the reference.
        largest_relative: The same, divided by `scale`.
        original_relative: What the original errs itself, in its own dtype, divided by `scale`.
        scale: The largest absolute value of the reference.
        cosine: Of kernel and reference, the smallest one.
        differing: How many values differ from those of the original, in its own dtype.
        total: How many values were compared.
        ulps: The largest such difference, in units in the last place of the original's value; None
            for values that are no floating-point numbers.
        tolerance: How much of `scale` a kernel may err.
    """

    what: str
    dtype: str
    largest_absolute: float
    largest_relative: float
    original_relative: float
    scale: float
    cosine: float
    differing: int
    total: int
    ulps: float | None
    tolerance: float

    @property
    def exact(self) -> bool:
        """Whether no value differs from the original's."""
        return self.differing == 0

    @property
    def beyond(self) -> bool:
        """Whether the kernel errs by more than it may; what is the original's value never does."""
        return not self.exact and not self.largest_relative <= self.tolerance


@dataclass(frozen=True, slots=True)
class ComparedLayer:
    """One layer name, with tensors of one kind: what was measured there.

    Args:
        layer_name: The registered name.
        kernel: The kernel that runs there.
        dtype: The dtype of the first tensor that reaches the layer, as torch names it.
        shape: The shape of it.
        inputs: All tensors that reach the layer, as text: `bfloat16[2, 8, 64]`, in their order.
        names: The modules and functions on whose inputs both were run.
        calls: How often the layer is called so in one forward of the model, wherever it stands.
        differences: Of the output, and with `backward` of every gradient; empty if it failed.
        failure: Why the kernel cannot stand in for the original here; None if it can.
        times: One call of each; None if it failed.
        backward_times: The same for the backward pass, where that was asked for.
        share: Which part of the model's forward the original takes, all calls together.
        original_memory: The most bytes that a call of the original allocates; None on a CPU, where
            torch does not count them.
        kernel_memory: The same of the kernel.
        reference: The dtype of the reference; `original` where the original runs in its own only.
    """

    layer_name: str
    kernel: Kernel | None
    dtype: str
    shape: tuple[int, ...]
    inputs: tuple[str, ...]
    names: tuple[str, ...]
    calls: int
    differences: tuple[Difference, ...] = ()
    failure: str | None = None
    times: Paired | None = None
    backward_times: Paired | None = None
    share: float | None = None
    original_memory: int | None = None
    kernel_memory: int | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """The whole model, with all kernels and with none.

    Args:
        difference: Of the outputs, against those of the original: there is no reference in a higher
            precision, and nothing is judged.
        times: One forward of each.
        original_memory: The most bytes that a forward allocates; None on a CPU.
        kernel_memory: The same with the kernels.
    """

    difference: Difference | None
    times: Paired | None
    original_memory: int | None = None
    kernel_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` has measured.

    Args:
        layers: By layer name, and by what reaches the layer.
        model: The whole model; None where no kernel runs, or one of them fails.
        report: What was replaced by which kernel, and what was kept and why.
        calls: How many modules and functions of each replaced layer name one forward called.
        device: The device, as kernels has it.
        capability: Its compute capability, where it has one.
        mode: The mode for which kernels were chosen.
        machine: What was measured on: the name of the GPU or the CPU, and torch.
        inputs: What the model was run on, in words.
        left_out: How many calls were not compared because what reaches them takes too many bytes.
        diagnostics: What was found, and what `kernelize` had to tell.
    """

    layers: tuple[ComparedLayer, ...]
    model: ComparedModel | None
    report: Report
    calls: dict[str, int]
    device: DeviceType
    capability: int | None
    mode: ModeName
    machine: str
    inputs: str
    left_out: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found that is an error."""
        return not any(each.severity is Severity.ERROR for each in self.diagnostics)

    def of_layer(self, layer_name: str) -> tuple[ComparedLayer, ...]:
        """What was measured for one layer name."""
        return tuple(layer for layer in self.layers if layer.layer_name == layer_name)

    def __str__(self) -> str:
        # Imported here: a program that reads the numbers prints none of it.
        from kernel_schema.measure.text import comparison_text

        return comparison_text(self)
