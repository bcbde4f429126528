"""`kernel-schema server`: a language server on standard input and output."""

from __future__ import annotations

import argparse
import gc
import logging
import os
from importlib.util import find_spec

from kernel_schema.cli.exits import FINDINGS, OK, complain


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 (it has none)
    """2 if the extra is not installed; 1 if the editor goes without `shutdown`, else 0."""
    if find_spec("pygls") is None:
        return complain("the language server needs pygls: pip install 'kernel-schema[server]'")
    from kernel_schema.server.features import build_server

    # A command ends before garbage matters; a server does not.
    gc.enable()
    gc.freeze()
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    # Standard output is for messages alone: whatever else is printed goes beside it.
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    server = build_server()
    try:
        server.start_io(stdout=messages)
    finally:
        server.end_model()
    return OK if server.is_shut_down else FINDINGS
