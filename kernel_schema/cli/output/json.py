"""For programs: one JSON object with a version of its own; the documentation tells its keys.

Enumerations of text are text, and tuples are lists: `json` takes both as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TextIO

from kernel_schema.addresses import page_of
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_json
from kernel_schema.diagnostics import Diagnostic

if TYPE_CHECKING:
    from kernel_schema.choice.plan import Candidate, LayerPlan, Plan
    from kernel_schema.choice.planning import Matrix
    from kernel_schema.cli.output.plans import Stated
    from kernel_schema.diagnostics import Fix
    from kernel_schema.schema.ranges import Capabilities

VERSION: Final = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def render(result: CheckResult, stream: TextIO) -> None:
    """Write counts and diagnostics."""
    write_object(
        stream,
        files=result.files,
        errors=result.errors,
        warnings=result.warnings,
        diagnostics=diagnostics_json(result.diagnostics),
    )


def write_object(stream: TextIO | None = None, **members: Any) -> None:
    """Write what a command has for programs, its version first."""
    write_json({"version": VERSION, **members}, stream)


def file_json(file: str) -> str:
    r"""The name of a file.

    One that is no UTF-8 holds halves of surrogate pairs in Python, at which other readers of JSON
    stop: it is shown as messages show it.

    >>> file_json("k.yaml"), file_json(chr(0xDCFF))
    ('k.yaml', '\\udcff')
    """
    return file.encode(errors="backslashreplace").decode()


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Diagnostics; lines and columns count from 1, ends are not included."""
    return [
        {
            "file": None if diagnostic.file is None else file_json(diagnostic.file),
            "line": diagnostic.span and diagnostic.span.line,
            "column": diagnostic.span and diagnostic.span.column,
            "end_line": diagnostic.span and diagnostic.span.end_line,
            "end_column": diagnostic.span and diagnostic.span.end_column,
            "severity": diagnostic.severity,
            "code": diagnostic.code,
            "url": page_of(diagnostic.code),
            "message": diagnostic.message,
            "help": diagnostic.help,
            "route": diagnostic.route.steps,
            "fix": diagnostic.fix and _fix_json(diagnostic.fix),
        }
        for diagnostic in diagnostics
    ]


def _fix_json(fix: Fix) -> dict[str, Any]:
    """What mends a problem: edits to make together, and whether that is certain."""
    edits = [
        {
            "line": edit.span.line,
            "column": edit.span.column,
            "end_line": edit.span.end_line,
            "end_column": edit.span.end_column,
            "text": edit.text,
        }
        for edit in fix.edits
    ]
    return {"safe": fix.safe, "edits": edits}


def range_json(capabilities: Capabilities | None) -> dict[str, int | None] | None:
    """A range of capability; null where there is none, and for the bound that it lacks."""
    if capabilities is None or not capabilities.bounded:
        return None
    highest = capabilities.highest if capabilities.bounded_above else None
    return {"min": capabilities.lowest, "max": highest}


def plan_json(plan: Plan, stated: Stated) -> dict[str, Any]:
    """What will run, for one device and mode."""
    spans = {name: stated.span_of(name) for name in plan.unregistered}
    missing = [
        {"layer_name": name, "line": span.line, "file": span.file} for name, span in spans.items()
    ]
    return {
        "device": plan.device,
        "capability": plan.capability,
        "mode": plan.mode,
        "replaced": plan.replaced,
        "total": plan.total,
        "layers": [_layer_json(layer, stated) for layer in plan.layers],
        "unregistered": missing,
        "unmapped": plan.unmapped,
    }


def _layer_json(layer: LayerPlan, stated: Stated) -> dict[str, Any]:
    kernel = stated.kernel(layer.rule) if layer.rule is not None else None
    return {
        "layer_name": layer.layer_name,
        "modules": layer.modules,
        "functions": layer.functions,
        "classes": layer.classes,
        "kernels": [{"kernel": kernel, "count": used.count} for used in layer.kernels if kernel],
        "kept": [{"reason": kept.reason, "count": kept.count} for kept in layer.kept],
        "own_forward": layer.own_forward,
        "steps": layer.steps,
        "gaps": [range_json(gap) for gap in layer.gaps],
        "candidates": [_candidate_json(candidate, stated) for candidate in layer.candidates],
    }


def _candidate_json(candidate: Candidate, stated: Stated) -> dict[str, Any]:
    rule = candidate.rule
    return {
        "kernel": stated.kernel(rule) if rule.kernel is not None else None,
        "device": rule.device,
        "capability": range_json(rule.capabilities),
        "mode": rule.mode,
        **_place(candidate),
        "status": candidate.status,
        "reason": candidate.reason,
        "standing": candidate.standing,
    }


def _place(candidate: Candidate) -> dict[str, int | str | None]:
    """Where the config states a rule, and in which base; nowhere for what is inherited."""
    if candidate.span is None or candidate.standing is not None:
        return {"line": None, "file": None}
    return {"line": candidate.span.line, "file": candidate.span.file}


def matrix_json(matrix: Matrix, stated: Stated) -> list[dict[str, Any]]:
    """What will run for one layer, everywhere."""
    return [
        {
            "device": device,
            "capability": range_json(capabilities),
            "modes": {mode: _cell_json(plan, stated) for mode, plan in plans.items()},
        }
        for (device, capabilities), plans in matrix.items()
    ]


def _cell_json(plan: LayerPlan, stated: Stated) -> dict[str, Any] | None:
    if not plan.kernels or plan.chosen is None:
        return None
    return {"kernel": stated.kernel(plan.chosen.rule), **_place(plan.chosen)}
