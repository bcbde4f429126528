"""A typed, validated schema for running the layers of a model on custom kernels.

The flow, from a file to a model that runs kernels::

    text -> Document -> KernelConfig -> rules -+-> diagnostics     (check)
                                               +-> kernels mapping (lower) -> model and report

Words:
    kernel: A layer of a kernel repository on the Hugging Face Hub or on disk, written
        `org/repo:layer_name` or `path:layer_name`.
    layer name: The name under which a model registers a layer, `kernel_layer_name` of its class.
    device: `cpu`, `cuda`, `mps`, `neuron`, `npu`, `rocm`, `tpu` or `xpu`.
    mode: How a model runs, as `kernels.Mode` has it. `fallback` means "any mode that is not named".
    capability: Compute capability of a GPU; 90 means 9.0.
    original: The model's own forward, kept on purpose.
    lower: Turn a config into the mapping of the kernels library.
    kernelize: Put kernels in place of the forwards of a model, as `kernels.kernelize` does.

Importing this package imports neither torch nor kernels.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

__version__ = "0.1.0"


@cache
def _homes() -> dict[str, str]:
    """Where each public name lives. The one list of them is the stub that type checkers read."""
    from ast import ImportFrom, parse
    from pkgutil import get_data

    imports = parse(get_data(__name__, "__init__.pyi") or b"").body
    return {
        alias.name: str(node.module)
        for node in imports
        if isinstance(node, ImportFrom)
        for alias in node.names
    }


def __getattr__(name: str) -> object:
    # Imported when first asked for, so that importing the package costs nothing that is not used.
    homes = _homes()
    if name == "__all__":
        value: object = sorted({*homes, "__version__"})
    elif name in homes:
        value = getattr(import_module(homes[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes(), "__all__"})
