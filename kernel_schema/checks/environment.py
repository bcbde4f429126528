"""What is installed and set around us that keeps kernels from running.

Each cause is told from the facts that the libraries themselves go by, never from a guess.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.choice.situation import Situation

TRUE_WORDS: Final = frozenset({"1", "ON", "YES", "TRUE"})
"""What transformers and huggingface_hub take for "yes": their `ENV_VARS_TRUE_VALUES`."""


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
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
    """`LOCAL_KERNELS`, directory by repository id: what kernels takes in place of the Hub's.

    Read as kernels reads it; empty if it is malformed, which kernels refuses when it loads one.
    """
    entries = os.environ.get("LOCAL_KERNELS", "").split(":")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def registration_disabled() -> Diagnostic | None:
    """Why transformers, as it is loaded here, registers no layer at all; None if it does."""
    imports: Any = sys.modules.get("transformers.utils.import_utils")
    if imports is None:
        return None
    if not imports.is_kernels_available():
        installed = version_of("kernels")
        lowest = getattr(imports, "KERNELS_MIN_VERSION", None)
        highest = getattr(imports, "KERNELS_MAX_VERSION", None)
        bound = f",<{highest}" if highest else ""
        version = f">={lowest}{bound}" if lowest else "another version"
        have = f"kernels {installed} is installed" if installed else "kernels is not installed"
        help_text = "pip install 'kernel-schema[transformers]'"
        if lowest and installed:
            other = f"a transformers that goes with kernels {installed}"
            help_text = f"pip install 'kernels{version}', or {other}"
        return Diagnostic(
            "incompatible-kernels-version",
            f"transformers {version_of('transformers')} switched kernels off, so that no model "
            f"registers any layer: it wants kernels {version}, and {have}",
            help=help_text,
        )
    hub_kernels = sys.modules.get("transformers.integrations.hub_kernels")
    setting = os.environ.get("USE_HUB_KERNELS", "YES").upper()
    if getattr(hub_kernels, "_kernels_enabled", setting in TRUE_WORDS):
        return None
    return Diagnostic(
        "hub-kernels-disabled",
        "USE_HUB_KERNELS is off: transformers registers no layer of any model",
        help="unset USE_HUB_KERNELS, or set it to 1, before Python starts",
    )


def obstacles(situation: Situation) -> Iterator[Diagnostic]:
    """What keeps everything from running in the model of a situation, whatever a config says."""
    if situation.disabled:
        yield MAPPING_DISABLED
    if not situation.layers and (cause := registration_disabled()):
        yield cause
