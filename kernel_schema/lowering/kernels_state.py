"""The private state of the kernels library that nothing public tells: the only place that reads it.

Each function answers from what is loaded and never imports kernels: where it is not loaded, nothing
is registered, replaced or switched off. Names as of kernels 0.14.1 to 0.17.
"""

from __future__ import annotations

import sys
from typing import Any


def _variable(module: str, name: str) -> Any:
    loaded = sys.modules.get(module)
    return None if loaded is None else vars(loaded)[name]


def active_mapping() -> dict[str, dict[str, Any]]:
    """The mapping that `kernels.kernelize` would use here: layer -> device -> `DeviceRepos`.

    Inside `kernels.use_kernel_mapping` it is a private copy; elsewhere it is shared by everybody.
    """
    variable = _variable("kernels.layer.globals", "_KERNEL_MAPPING")
    return {} if variable is None else variable.get()


def loaded_layers() -> dict[Any, type]:
    """The kernels that were loaded in this process: repository object -> class of the layer."""
    return _variable("kernels.layer.layer", "_CACHED_LAYER") or {}


def is_mapping_disabled() -> bool | None:
    """What kernels made of `DISABLE_KERNEL_MAPPING` at its import; None if it is not loaded."""
    return _variable("kernels.layer.globals", "_DISABLE_KERNEL_MAPPING")
