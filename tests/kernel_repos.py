"""Kernel repositories on disk that `kernels.LocalLayerRepository` loads on any machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# A build for each: kernels wants one that goes with the torch that is installed.
BACKENDS = ("cpu", "cuda")

_INIT = """\
from . import layers

__all__ = ["layers"]
"""
_HEADER = """\
import torch
from torch import nn

"""


@dataclass(frozen=True, slots=True)
class KernelLayer:
    """A layer of a kernel repository: stateless, as kernels demands.

    Args:
        name: Name of the class.
        result: What `forward` returns, as a Python expression of its arguments and `self`.
        arguments: The arguments of `forward`, after `self`.
        has_backward: The flag of this name; None sets none, which counts as true.
        can_torch_compile: The flag of this name; None sets none, which counts as false.
    """

    name: str
    result: str
    arguments: str = "x"
    has_backward: bool | None = None
    can_torch_compile: bool | None = None

    @property
    def source(self) -> str:
        """The code of the class."""
        flags = [("has_backward", self.has_backward), ("can_torch_compile", self.can_torch_compile)]
        lines = [f"    {name} = {value}" for name, value in flags if value is not None]
        return "\n".join(
            [
                f"class {self.name}(nn.Module):",
                *lines,
                f"    def forward(self, {self.arguments}):",
                f"        return {self.result}",
                "",
            ]
        )


def write_kernel_repository(
    directory: Path, layers: Iterable[KernelLayer] | str, *, backends: Iterable[str] = BACKENDS
) -> Path:
    """Write a kernel repository and return its directory.

    Args:
        directory: Where; made if it is not there.
        layers: The layers, or the whole text of `layers.py`.
        backends: The backends to write builds for. The code is the same in each.
    """
    code = layers if isinstance(layers, str) else _HEADER + "\n".join(one.source for one in layers)
    for backend in backends:
        build = directory / "build" / f"torch-{backend}"
        build.mkdir(parents=True)
        metadata = {
            "name": "test-kernel",
            # kernels puts the module into `sys.modules` under this id.
            "id": f"_test_kernel_{backend}_{uuid4().hex}",
            "version": 1,
            "license": "Apache-2.0",
            "python-depends": [],
            "backend": {"type": backend},
        }
        (build / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        (build / "__init__.py").write_text(_INIT, encoding="utf-8")
        (build / "layers.py").write_text(code, encoding="utf-8")
    return directory
