"""How results are shown: a module for each output format, and what they share."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TextIO

    from kernel_schema.cli.output.result import CheckResult

OUTPUT_FORMATS: Final = ("text", "concise", "json", "github", "sarif")


def show(result: CheckResult, output_format: str, stream: TextIO) -> None:
    """Show a result; the module of a format is loaded only when it is asked for."""
    import_module(f"{__name__}.{output_format}").render(result, stream)


def show_statistics(result: CheckResult, output_format: str, stream: TextIO) -> None:
    """Show how often each code was found, the most frequent first."""
    import_module(f"{__name__}.statistics").render(result, output_format, stream)
