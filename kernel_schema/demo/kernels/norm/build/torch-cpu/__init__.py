"""A kernel repository as small as one can be: one layer, any CPU."""

from . import layers

__all__ = ["layers"]
