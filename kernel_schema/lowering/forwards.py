"""The forward that runs in a module, and which kernel it is of.

kernels binds a kernel's `forward` to the module and keeps the classes it has loaded (0.14 to 0.17);
accelerate's hooks stand in front of a forward and keep the real one as `_old_forward` (accelerate
1.x, `add_hook_to_module`).
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.choice.planning import CONDITION_IS_FALSE
from kernel_schema.choice.report import KernelInUse, as_loaded
from kernel_schema.diagnostics import LoweringError
from kernel_schema.lowering.upstream import globals_of, kernel_of, loaded_layers
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import Module
    from kernel_schema.schema.rules import Kernel

NO_KERNEL: Final = "no kernel was put in its place"


def forward_key(carrier: Module) -> str:
    """Where a carrier keeps the forward that runs: behind accelerate's hook, if one is in front.

    A hook is a partial; where kernels has written over it, the bound method of a kernel stands.
    """
    state = carrier.__dict__
    hooked = "_hf_hook" in state and not isinstance(state.get("forward"), MethodType)
    return "_old_forward" if hooked else "forward"


def replacement(carrier: Module) -> Any:
    """The function that runs in place of the class's own forward, or None."""
    forward = carrier.__dict__.get(forward_key(carrier))
    function = getattr(forward, "__func__", forward)
    own: Any = type(carrier).forward
    return None if function is None or function is own else function


def is_own_or_kernel(carrier: Module, forward: Any, known: Mapping[int, Any]) -> bool:
    """Whether a forward is the class's own or one of `known_kernels`, and not somebody else's."""
    function = getattr(forward, "__func__", forward)
    own: Any = type(carrier).forward
    return function is own or id(function) in known


def why_kept(carrier: Carrier) -> str:
    """Why a carrier runs no kernel, as far as it can tell by itself."""
    function = replacement(carrier.carrier)
    if function is not None:
        where = getattr(function, "__module__", None)
        return f"its forward is {quote(getattr(function, '__qualname__', function))} of {where}"
    try:
        if not carrier.condition_holds():
            return CONDITION_IS_FALSE
    except LoweringError as error:
        return error.diagnostics[0].message
    return NO_KERNEL


def known_kernels() -> dict[int, list[tuple[Kernel, type]]]:
    """What kernels has loaded in this process: `id` of a forward function -> kernels that have it.

    By `id`, since what users set as a forward need not be hashable; kernels keeps classes alive.
    """
    kernels: dict[int, list[tuple[Kernel, type]]] = {}
    for repository, cls in loaded_layers().items():
        loaded = (kernel_of(repository), cls)
        kernels.setdefault(id(getattr(cls, "forward", cls)), []).append(loaded)
    return kernels


def loaded_class(kernel: Kernel) -> type | None:
    """The class of a kernel that was loaded in this process."""
    loaded = (pair for pairs in known_kernels().values() for pair in pairs)
    return next((cls for known, cls in loaded if known == as_loaded(kernel)), None)


def in_use(known: list[tuple[Kernel, type]], count: int, meant: Kernel | None) -> KernelInUse:
    """The kernel whose forward runs: several references can lead to it, `meant` first of all."""
    kernel, cls = known[-1]
    for loaded, loaded_class in known:
        if meant is not None and loaded == as_loaded(meant):
            kernel, cls = meant, loaded_class
    return KernelInUse(kernel, cls.__name__, globals_of(cls).get("__file__"), count)
