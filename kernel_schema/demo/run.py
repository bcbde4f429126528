"""Validate, check, lower and kernelize a real model with a real kernel, and compare the outputs."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Final

from kernel_schema.files.read import read
from kernel_schema.lowering.apply import kernelized
from kernel_schema.lowering.check import check, refuse_errors
from kernel_schema.lowering.lower import lower
from kernel_schema.measure.compare import compare
from kernel_schema.model.inspect import inspect_model

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Generator
    from types import FrameType

    from kernel_schema.measure.results import Comparison

CONFIG_FILE: Final = Path(__file__).parent / "kernels.json"
_TOLERANCE: Final = 1e-5
_SECONDS: Final = 0.1


def run_demo(say: Callable[[str], None], table: Callable[[Comparison], str] = str) -> bool:
    """Run the demo.

    Args:
        say: Takes each line of what there is to tell.
        table: Makes a text of the comparison of the kernel with the model's own layer.

    Returns:
        Whether the kernel really ran, in all places, and agrees with the model's own layer.

    Raises:
        KernelSchemaError: If anything is in the way, kernels not being installed first of all.
    """
    with warnings.catch_warnings():
        # Said where torch is imported, or makes its first tensor, without NumPy: nothing needs it.
        warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
        return _run(say, table)


def _run(say: Callable[[str], None], table: Callable[[Comparison], str]) -> bool:
    document = read(CONFIG_FILE)
    config = document.anchored
    say(f"Config file {CONFIG_FILE}")
    say(_indent(document.text))

    say("\nLowered for the kernels library")
    for layer_name, devices in lower(config, device="cpu").items():
        for device, by_mode in devices.items():
            for mode, repository in by_mode.items():
                say(f"  {layer_name}: {device}: {mode.name}: {type(repository).__name__}")

    # kernels is there, or lowering would have said so: now torch may be imported.
    import torch

    from kernel_schema.demo.model import build_model

    model = build_model()
    say("\nRegistered by the model")
    for layer in inspect_model(model).values():
        say(f"  {layer.layer_name}: {layer.modules} modules ({', '.join(layer.names)})")
    problems = check(config, model)
    refuse_errors(problems)
    say(f"\nChecked: {len(problems)} problems")

    inputs = torch.randn(8, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model(inputs)
        with kernelized(model, config) as report, _calls_by_file() as calls:
            actual = model(inputs)
        restored = model(inputs)
    layer = report.layer("RMSNorm")
    ran = sum(calls[kernel.file] for kernel in layer.kernels)
    difference = (actual - expected).abs().max().item()
    say("\nReplaced")
    say(_indent(str(report)))
    say(f"\nCalls of the kernel's own code: {ran}")
    say(f"Largest difference between the outputs: {difference:.2e}")
    say(
        f"Same output as before once restored: {'yes' if torch.equal(restored, expected) else 'no'}"
    )
    comparison = compare(model, config, inputs, seconds=_SECONDS)
    say("\nKernel beside original")
    say(_indent(table(comparison)))
    right = difference < _TOLERANCE and comparison.ok
    return layer.replaced == layer.total == ran > 0 and right


@contextmanager
def _calls_by_file() -> Generator[Counter[str | None]]:
    """Count the calls of Python functions by the file they stand in."""
    from collections import Counter

    calls: Counter[str | None] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code.co_filename] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def _indent(text: str) -> str:
    return indent(text, "  ")
