"""What lies above a module in a model and changes how it runs.

Known by full names of classes, so that neither peft nor transformers need be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.model.wrappers import COMPILED, full_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_schema.model.types import Module

_DATA_PARALLEL: Final = "torch.nn.parallel.data_parallel.DataParallel"
_COPIES: Final = "peft.utils.other.ModulesToSaveWrapper"
_MANAGED: Final = "transformers.modeling_utils.PreTrainedModel"
_ADAPTER: Final = "kernel_schema.integrations.kernel_config.AppliedKernelConfig"
_KINDS: Final = frozenset({COMPILED, _DATA_PARALLEL, _COPIES, _MANAGED})


class Place(NamedTuple):
    """Where a module is.

    Args:
        compiled: Whether it lies in a region that `torch.compile` compiles.
        replicated: Whether `DataParallel` copies it to several devices.
        idle: The name of the copy that runs in its place, where PEFT keeps several.
        inside: The registered modules around it, the outermost first.
    """

    compiled: bool = False
    replicated: bool = False
    idle: str = ""
    inside: tuple[Module, ...] = ()

    def around(self, module: Module) -> Place:
        """The place of what a registered module holds."""
        return self._replace(inside=(*self.inside, module))


ANYWHERE: Final = Place()


def kind_of(cls: type) -> str | None:
    """The name of the class that gives what is below it another place; None for others."""
    return next((name for name in map(full_name, cls.__mro__) if name in _KINDS), None)


def below(place: Place, kind: str | None, module: Module) -> Place:
    """The place of a module and of what it holds, which is that above it but for its kind."""
    state: Mapping[str, Any] = module.__dict__
    if kind == COMPILED or state.get("_compiled_call_impl") is not None:
        place = place._replace(compiled=True)
    if kind == _DATA_PARALLEL and len(state.get("device_ids", ())) > 1:
        place = place._replace(replicated=True)
    return place


def is_managed(kind: str | None, module: Module) -> bool:
    """Whether transformers puts its own kernels into a model at each change of mode (5.x)."""
    return kind == _MANAGED and bool(module.__dict__.get("_use_kernels"))


def applied_config(module: Module) -> Any:
    """The config of ours that transformers puts into a model which it manages; None if another."""
    adapter: Any = module.__dict__.get("kernel_config")
    return adapter.config if full_name(adapter.__class__) == _ADAPTER else None


def idle_copies(kind: str | None, module: Module) -> Iterator[tuple[Module, str]]:
    """The copies that PEFT keeps of a module and does not run, with the key of the one that runs.

    `modules_to_save` keeps what it found, and a copy for each adapter (peft 0.18 to 0.21).
    """
    if kind != _COPIES:
        return
    wrapper: Any = module
    copies = {"original_module": wrapper.original_module}
    copies |= {f"modules_to_save.{key}": copy for key, copy in wrapper.modules_to_save.items()}
    runs = next((f"modules_to_save.{adapter}" for adapter in wrapper.active_adapters), "")
    if wrapper.disable_adapters or runs not in copies:
        runs = "original_module"
    yield from ((saved, runs) for key, saved in copies.items() if key != runs)
