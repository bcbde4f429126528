"""The program for one GPU, part by part; `python -m tests.gpu` prints the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("norm", "timing", "inference", "training", "compiled", "planted", "commands")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not torch.cuda.is_available() or torch.version.hip is not None,
        reason="needs an NVIDIA GPU",
    ),
]


@pytest.mark.parametrize("name", PARTS)
def test_on_this_gpu(name: str, tmp_path: Path) -> None:
    from tests.gpu import program

    assert tuple(part.__name__ for part in program.PARTS) == PARTS
    figures = program.Figures()
    figures.run(getattr(program, name), tmp_path)
    assert figures.ok, figures.table()
