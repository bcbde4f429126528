"""What runs in a model, planned or seen: plain data, and its text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from kernel_schema.paths import home_path
from kernel_schema.schema.references import is_local
from kernel_schema.schema.rules import LocalKernel
from kernel_schema.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType, ModeName


@dataclass(frozen=True, slots=True)
class KernelInUse:
    """A kernel that runs in place of forwards of one registered name.

    Args:
        kernel: The kernel as it was asked for; None if kernels does not know it any more.
        layer_class: Name of its class.
        file: The file its code came from, or None.
        count: How many modules and functions it replaces.
    """

    kernel: Kernel | None
    layer_class: str
    file: str | None
    count: int

    def __str__(self) -> str:
        name = str(self.kernel) if self.kernel is not None else self.layer_class
        return printable(f"{name} ({self.file})" if self.file is not None else name)


@dataclass(frozen=True, slots=True)
class Kept:
    """Forwards that were left as they are.

    Args:
        reason: Why.
        count: How many modules and functions.
    """

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class LayerOutcome:
    """What runs for one registered name: what a plan and a report of it have in common."""

    layer_name: str
    modules: int
    functions: int
    kernels: tuple[KernelInUse, ...]
    kept: tuple[Kept, ...]
    own_forward: str | None = field(default=None, kw_only=True)

    _REPLACED: ClassVar[str]

    @property
    def total(self) -> int:
        """How many modules and functions there are."""
        return self.modules + self.functions

    @property
    def replaced(self) -> int:
        """How many of them run a kernel."""
        return sum(kernel.count for kernel in self.kernels)

    def __str__(self) -> str:
        lines = [f"{self.layer_name}: {self.replaced} of {self.total} {self._REPLACED}"]
        lines += [f"  {kernel.count} by {kernel}" for kernel in self.kernels]
        lines += [f"  {kept.count} kept: {kept.reason}" for kept in self.kept]
        if self.kept and self.own_forward is not None:
            lines.append(f"  its own forward: {self.own_forward}")
        return "\n".join(map(printable, lines))


class LayerReport(LayerOutcome):
    """What happened to one registered name.

    Args:
        layer_name: The name.
        modules: How many modules carry it.
        functions: How many modules hold a function that carries it.
        kernels: What runs in place of them.
        kept: What was left, by reason.
        own_forward: What runs there, where the author chose between several when it was imported:
            a function of a package, or a reference in plain torch.
    """

    __slots__ = ()
    _REPLACED = "replaced"


LayerT_co = TypeVar("LayerT_co", bound=LayerOutcome, covariant=True)


class Outcome(Generic[LayerT_co]):
    """What runs in a model: what a plan and a report have in common."""

    __slots__ = ()
    layers: tuple[LayerT_co, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def total(self) -> int:
        """How many modules and functions carry a registered name."""
        return sum(layer.total for layer in self.layers)

    @property
    def replaced(self) -> int:
        """How many of them run a kernel."""
        return sum(layer.replaced for layer in self.layers)

    def layer(self, layer_name: str) -> LayerT_co:
        """What is told of one registered name.

        Raises:
            KeyError: If the model does not register it.
        """
        return {layer.layer_name: layer for layer in self.layers}[layer_name]

    def __str__(self) -> str:
        lines = [str(layer) for layer in self.layers] or ["the model registers no layer"]
        return "\n".join([*lines, *map(str, self.diagnostics)])


@dataclass(frozen=True, slots=True)
class Report(Outcome[LayerReport]):
    """What runs in a model right now.

    Args:
        layers: One report for each registered name.
        device: The device for which kernels were chosen, where known.
        mode: The mode for which kernels were chosen, where known.
        diagnostics: What deserves attention.
    """

    layers: tuple[LayerReport, ...]
    device: DeviceType | None = None
    mode: ModeName | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def as_loaded(kernel: Kernel) -> Kernel:
    """A kernel of a rule as it is told of once kernels has loaded it: with `~` replaced.

    >>> as_loaded(LocalKernel("./a/../norm", "Layer")).path
    './a/../norm'
    """
    if isinstance(kernel, LocalKernel):
        return replace(kernel, path=reference_path(home_path(kernel.path)))
    if kernel.lockfile is not None:
        return replace(kernel, lockfile=str(home_path(kernel.lockfile)))
    return kernel


def reference_path(path: Path) -> str:
    """A path as a reference has to spell it: Path drops a leading `./`."""
    text = str(path)
    return text if is_local(text) else f"./{text}"
