"""How often each code was found."""

from __future__ import annotations

from collections import Counter
from typing import TextIO

from kernel_schema.cli.output.json import write_object
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.codes import catalogue


def render(result: CheckResult, output_format: str, stream: TextIO) -> None:
    """Write a line, or a member of an object, for each code."""
    counts = Counter(diagnostic.code for diagnostic in result.diagnostics)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if output_format == "json":
        write_object(
            stream,
            files=result.files,
            errors=result.errors,
            warnings=result.warnings,
            statistics=dict(ordered),
        )
        return
    digits = max((len(str(count)) for count in counts.values()), default=0)
    widest = max(map(len, counts), default=0)
    for code, count in ordered:
        write_lines(f"{count:>{digits}}  {code:<{widest}}  {catalogue()[code].summary}", stream)
