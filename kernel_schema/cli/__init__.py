"""The `kernel-schema` command."""

from kernel_schema.cli.main import main

__all__ = ["main"]
