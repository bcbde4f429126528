"""What the kernels library loads."""

from . import layers

__all__ = ["layers"]
