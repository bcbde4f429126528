"""What is installed and set around us that keeps kernels from running.

Each cause is told from the facts that the libraries themselves go by, never from a guess.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from kernel_schema.diagnostics import Diagnostic

# transformers.utils.ENV_VARS_TRUE_VALUES
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None.

    >>> version_of("no-such-distribution") is None
    True
    """
    # Imported here: it takes as long as reading a config.
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


DISABLE_HELP: Final = "unset DISABLE_KERNEL_MAPPING, or set it to 0, before Python starts"
MAPPING_DISABLED: Final = Diagnostic(
    "kernel-mapping-disabled",
    "DISABLE_KERNEL_MAPPING is set: the kernels library keeps every original forward",
    help=DISABLE_HELP,
)


def local_overrides() -> dict[str, str]:
    """`LOCAL_KERNELS`: directories that kernels takes in place of repositories of the Hub.

    Returns:
        Path by repository id, read as kernels reads the variable; empty if it is malformed, in
        which case kernels itself refuses it when it loads a kernel.
    """
    entries = os.environ.get("LOCAL_KERNELS", "").split(":")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def registration_disabled() -> Diagnostic | None:
    """Why transformers, as it is loaded here, registers no layer at all; None if it does."""
    hub_kernels: Any = sys.modules.get("transformers.integrations.hub_kernels")
    imports: Any = sys.modules.get("transformers.utils.import_utils")
    if imports is None:
        return None
    installed = version_of("kernels")
    if not imports.is_kernels_available():
        lowest = getattr(imports, "KERNELS_MIN_VERSION", None)
        highest = getattr(imports, "KERNELS_MAX_VERSION", None)
        wanted = (
            f">={lowest}" + (f",<{highest}" if highest else "") if lowest else "another version"
        )
        have = f"kernels {installed} is installed" if installed else "kernels is not installed"
        return Diagnostic(
            "incompatible-kernels-version",
            f"transformers {version_of('transformers')} switched kernels off, so that no model "
            f"registers any layer: it wants kernels {wanted}, and {have}",
            help=f"pip install 'kernels{wanted}', or a transformers that goes with kernels "
            f"{installed}"
            if lowest and installed
            else "pip install 'kernel-schema[transformers]'",
        )
    setting = os.environ.get("USE_HUB_KERNELS", "YES").upper()
    enabled = getattr(hub_kernels, "_kernels_enabled", setting in _TRUE)
    if enabled:
        return None
    return Diagnostic(
        "hub-kernels-disabled",
        "USE_HUB_KERNELS is off: transformers registers no layer of any model",
        help="unset USE_HUB_KERNELS, or set it to 1, before Python starts",
    )
