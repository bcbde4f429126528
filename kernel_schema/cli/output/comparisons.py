"""A comparison for people, and for programs."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

from kernel_schema.cli.output.json import diagnostics_json, file_json
from kernel_schema.cli.output.layout import paragraph, table
from kernel_schema.cli.output.plans import carriers_text
from kernel_schema.measure.results import ComparedLayer, Comparison
from kernel_schema.measure.text import HEADER, LEGEND, headline, model_lines, row, shown
from kernel_schema.typeguards import is_list, is_table, is_tuple


def comparison_text(comparison: Comparison) -> str:
    """On what it was measured, a table, the whole model, and what runs no kernel."""
    parts = [paragraph(headline(comparison))]
    layers, others = shown(comparison)
    if layers:
        parts.append(table(HEADER, [row(layer) for layer in layers]))
        parts.append(paragraph(LEGEND))
    lines = [paragraph(line) for line in (*others, *model_lines(comparison))]
    for layer in comparison.report.layers:
        if not layer.kernels:
            why = "; ".join(dict.fromkeys(kept.reason for kept in layer.kept))
            lines.append(paragraph(f"{layer.layer_name} ({carriers_text(layer)}): {why}"))
        elif comparison.model is not None and (
            (called := comparison.calls.get(layer.layer_name, 0)) < layer.replaced
        ):
            lines.append(
                paragraph(f"{layer.layer_name}: {called} of {layer.replaced} kernels were called")
            )
    if lines:
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def comparison_json(comparison: Comparison, file: str) -> dict[str, Any]:
    """The same for programs: times in seconds, memory in bytes; what is infinite or NaN is text."""
    return {
        "file": file_json(file),
        "device": comparison.device,
        "capability": comparison.capability,
        "mode": comparison.mode,
        "machine": comparison.machine,
        "inputs": comparison.inputs,
        "layers": [_layer_json(layer) for layer in comparison.layers],
        "model": None if comparison.model is None else _finite(asdict(comparison.model)),
        "replaced": {
            layer.layer_name: {
                "replaced": layer.replaced,
                "total": layer.total,
                "called": comparison.calls.get(layer.layer_name, 0),
            }
            for layer in comparison.report.layers
        },
        "left_out": comparison.left_out,
        "diagnostics": diagnostics_json(comparison.diagnostics),
    }


def _layer_json(layer: ComparedLayer) -> dict[str, Any]:
    members: dict[str, Any] = {
        **_finite(asdict(layer)),
        "kernel": None if layer.kernel is None else str(layer.kernel),
    }
    members["differences"] = [
        {**_finite(asdict(each)), "exact": each.exact, "beyond": each.beyond}
        for each in layer.differences
    ]
    return members


def _finite(value: Any) -> Any:
    """JSON knows no infinity and no NaN: other readers stop at what Python writes for them."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if is_table(value):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if is_list(value) or is_tuple(value) else value
