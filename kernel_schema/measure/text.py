"""A comparison for people: narrow lines, times with a unit that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_schema.measure.results import ComparedLayer, Comparison, Difference, Paired

_MANY: Final = 1000
_ROWS: Final = 4
HEADER: Final = ("layer", "input", "times", "ratio", "error", "differing")
LEGEND: Final = (
    "input: what reaches the layer first, how often in a forward, and its part of that; times: "
    "original, then kernel; ratio: kernel to original, and its quartiles; error: the kernel's "
    "largest against the original in a higher precision, as a part of the largest value, and what "
    "is allowed; differing: values that are not the original's, and by how much at most"
)


def comparison_text(comparison: Comparison) -> str:
    """What `str` gives: one line for each row, and what was found."""
    lines = [headline(comparison)]
    layers, others = shown(comparison)
    lines += ["; ".join(", ".join(cell) for cell in row(layer)) for layer in layers]
    lines += others
    lines += model_lines(comparison)
    return "\n".join([*lines, *map(str, comparison.diagnostics)])


def headline(comparison: Comparison) -> str:
    """On what it was measured."""
    capability = "" if comparison.capability is None else f", capability {comparison.capability}"
    return (
        f"{comparison.device}{capability}, {comparison.mode}, on {comparison.inputs} "
        f"({comparison.machine})"
    )


def shown(comparison: Comparison) -> tuple[list[ComparedLayer], list[str]]:
    """The layers to show, and what is said of others: experts may get many shapes of one kind.

    Of a layer name those that are wrong are, and else those that take most of the time.
    """
    rows: list[ComparedLayer] = []
    told: list[str] = []
    for name in dict.fromkeys(layer.layer_name for layer in comparison.layers):
        of_name = comparison.of_layer(name)
        ranked = sorted(of_name, key=lambda layer: (not _is_wrong(layer), -(layer.share or 0)))
        wrong = sum(map(_is_wrong, of_name))
        kept = ranked[: max(_ROWS, wrong)]
        rows += [layer for layer in of_name if layer in kept]
        if len(of_name) > len(kept):
            told.append(
                f"{name}: right on {len(of_name) - len(kept)} other inputs, which take less"
            )
    return rows, told


def _is_wrong(layer: ComparedLayer) -> bool:
    return layer.failure is not None or any(each.beyond for each in layer.differences)


def row(layer: ComparedLayer) -> tuple[list[str], ...]:
    """The cells of one row, as `HEADER` names them; each is some lines."""
    tensor = f"{layer.dtype}{list(layer.shape)}" if layer.dtype else "no tensor"
    calls = f"{layer.calls} call{'s' if layer.calls != 1 else ''}"
    if layer.share is not None:
        calls += f", {layer.share:.0%}"
    start = ([layer.layer_name], [tensor, calls])
    if layer.times is None or not layer.differences:
        return (*start, ["-"], ["-"], ["-"], ["fails"])
    worst = max(layer.differences, key=lambda each: (each.beyond, each.largest_relative))
    *times, ratio, spread = times_cells(layer.times)
    return (*start, times, [ratio, spread], error_cell(worst), differing_cell(worst))


def times_cells(times: Paired) -> tuple[str, str, str, str]:
    """The time of each, and their ratio with its quartiles."""
    spread = f"{times.ratio_low:.2f}-{times.ratio_high:.2f}"
    ratio = f"{times.ratio:.2f}"
    return duration(times.original.median), duration(times.kernel.median), ratio, spread


def error_cell(each: Difference) -> list[str]:
    """What a kernel errs, and what it may: `1.2e-3`, `of 3.1e-2`; `!` where that is too much."""
    error = f"{each.largest_relative:.1e}{' !' if each.beyond else ''}"
    limit = f"of {each.tolerance:.1e}"
    return [error, limit] if each.what == "output" else [error, limit, each.what]


def differing_cell(each: Difference) -> list[str]:
    """How many values are not those of the original, and by how much."""
    if each.exact:
        return ["none"]
    counted = f"{each.differing} of {each.total}"
    # Of numbers near zero, next to others that are not, they are many and say nothing.
    few = each.ulps is not None and each.ulps < _MANY
    return [counted, f"{each.ulps:.3g} ulp"] if few else [counted]


def model_lines(comparison: Comparison) -> list[str]:
    """The whole model in a line or two, and what was not measured."""
    lines: list[str] = []
    whole = comparison.model
    if whole is not None and whole.times is not None:
        original, kernel, ratio, spread = times_cells(whole.times)
        lines.append(f"whole model: {original}, with kernels {kernel}, ratio {ratio} ({spread})")
        if whole.difference is not None:
            each = whole.difference
            lines.append(
                f"  outputs: {each.largest_relative:.1e} of the largest value at most, cosine "
                f"{each.cosine:.6f}, differing: {', '.join(differing_cell(each))}"
            )
        if whole.original_memory is not None and whole.kernel_memory is not None:
            lines.append(
                f"  memory peak: {size(whole.original_memory)}, with kernels "
                f"{size(whole.kernel_memory)}"
            )
    if comparison.left_out:
        lines.append(
            f"calls not compared, as copies of their inputs take too much: {comparison.left_out}"
        )
    return lines


def duration(seconds: float) -> str:
    """Seconds with three digits and a unit that fits.

    >>> duration(1.5e-6), duration(0.0213), duration(2.5)
    ('1.50 us', '21.3 ms', '2.50 s')
    """
    for unit, factor in (("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds)} s"


def size(number: int) -> str:
    """Bytes with three digits and a unit that fits.

    >>> size(1536), size(3 * 2**30)
    ('1.50 KiB', '3.00 GiB')
    """
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{_three(value)} {unit}"
        value /= 1024
    return f"{_three(value)} GiB"


def _three(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"
