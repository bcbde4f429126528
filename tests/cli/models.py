"""A small model for the commands, as users keep one in a file beside their config."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """\
import kernels
import torch
from torch import nn


class Norm(nn.Module):
    kernel_layer_name = "Norm"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x, *, scale=1.0):
        return x * self.weight * scale


class Choosy(Norm):
    kernel_layer_name = "Choosy"

    def __init__(self, willing):
        super().__init__()
        self.willing = willing

    @staticmethod
    def kernel_condition(module):
        return module.willing


@kernels.use_kernel_forward_from_hub("double")
def double(x):
    return 2 * x


@kernels.use_kernelized_func(double)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = Norm()

    def forward(self, x):
        return double(self.norm(x))


class Unmapped(Norm):
    kernel_layer_name = "Unmapped"


def build():
    parts = [Block(), Block(), Choosy(True), Choosy(False), Choosy(False), Unmapped()]
    return nn.Sequential(*parts).eval()


def bare():
    return nn.Linear(2, 2)


def parameterless():
    return nn.ReLU()


def by_instance():
    model = nn.Linear(2, 2)
    model.kernel_layer_name = "Norm"
    return model


class Broken(Norm):
    @staticmethod
    def kernel_condition(module):
        raise RuntimeError("no")
"""


@contextmanager
def workplace(directory: Path, columns: int | None = 80) -> Iterator[pytest.MonkeyPatch]:
    """Work in a directory that holds the model as `toy_model`, in a terminal of that width."""
    write(directory, "toy_model.py", MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setattr(sys, "path", list(sys.path))
        if columns is None:
            patch.delenv("COLUMNS", raising=False)
        else:
            patch.setenv("COLUMNS", str(columns))
        sys.modules.pop("toy_model", None)
        try:
            yield patch
        finally:
            sys.modules.pop("toy_model", None)


def call(*arguments: str) -> int:
    """Run the command; the exit code, argparse's own included."""
    try:
        return main(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1


def write(directory: Path, name: str, text: str) -> None:
    """Write a file, the text dedented."""
    (directory / name).write_text(dedent(text), encoding="utf-8")
