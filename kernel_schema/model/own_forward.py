"""What a layer's own forward is, where its author chose between several when it was imported.

transformers (5.16 to 5.24) lets `use_kernel_func_from_hub_with_fallback` take a function of an
installed package where there is one, and else a reference in plain torch that can be 20 times
slower; nothing but a closure tells which.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def own_forward_of(cls: type) -> str | None:
    """What runs where no kernel is put in place of a class; None where there was no choice.

    Args:
        cls: A class that carries a registered name, that of a function included.

    >>> def decorate(torch_function, package, implementation):
    ...     is_new_implementation = implementation is not torch_function
    ...
    ...     def wrapped(x):
    ...         return (package, is_new_implementation, implementation, torch_function)
    ...
    ...     return wrapped
    >>> class Scan:
    ...     forward = decorate(len, "mamba_ssm", len)
    >>> own_forward_of(Scan)
    'torch reference (the fast path needs the package mamba_ssm)'
    """
    cells = closure_of(getattr(cls, "forward", None))
    if "func" in cells:  # kernels' class around a function
        cells = closure_of(cells["func"])
    chosen, package = cells.get("is_new_implementation"), cells.get("package")
    if not isinstance(chosen, bool) or not isinstance(package, str):
        return None
    if chosen:
        return f"that of the package {package}"
    return f"torch reference (the fast path needs the package {package})"


def own_forwards(classes: Iterable[type]) -> str | None:
    """What runs where no kernel is put in place of any of several classes, as `own_forward_of`."""
    return "; ".join(dict.fromkeys(filter(None, map(own_forward_of, classes)))) or None


def closure_of(function: Any) -> Mapping[str, Any]:
    """What a function, or that of a method, has in its closure, by name."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType) or function.__closure__ is None:
        return {}
    try:
        contents = [cell.cell_contents for cell in function.__closure__]
    except ValueError:  # one that is not filled yet
        return {}
    return dict(zip(function.__code__.co_freevars, contents, strict=True))
