"""The `kernel-schema` command."""

from __future__ import annotations

import gc
import os

# typing takes a tenth of `--help`: what that loads does without, as the modules at the top do.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str] | None = None) -> int:
    """Be the command, once in a process that is ours; takes and returns what `main` does."""
    # Most of a call is importing, and a collector that looks for garbage among modules while they
    # load, and once more at the end, takes a sixth of it.
    gc.disable()
    # Looking for plugins of pydantic takes as long as checking a file, and a command uses none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # The Hub is asked for what a command needs, and for nothing on the side.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from kernel_schema.cli.main import main

        return main(arguments)
    finally:
        gc.freeze()
