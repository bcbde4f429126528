"""The `kernel-schema` command."""

from __future__ import annotations

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str] | None = None) -> int:
    """Be the command: what the script and `python -m kernel_schema` call, once in a process.

    Args:
        arguments: As for `main`.

    Returns:
        The exit code.
    """
    # Most of a call is importing, and a collector that looks for garbage among modules while they
    # load, and once more at the end, takes a tenth of it.
    gc.disable()
    try:
        from kernel_schema.cli.main import main

        return main(arguments)
    finally:
        gc.freeze()
