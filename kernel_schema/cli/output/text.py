"""For people: the problem, the line it stands in, and carets under the very place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TextIO

from kernel_schema.cli.output.result import CheckResult
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.diagnostics import Diagnostic, Severity
from kernel_schema.wording import printable

_COLOURS: Final = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


def render(result: CheckResult, stream: TextIO) -> None:
    """Show each problem with its line of source and its help."""
    if not result.diagnostics:
        return
    # Imported here: a file with nothing wrong needs none of it.
    from kernel_schema.files.text.excerpt import lines_of

    paint, linked = _painter(stream), _linker(stream)
    named = {diagnostic.file for diagnostic in result.diagnostics}
    lines = {file: lines_of(text) for file, text in result.texts.items() if file in named}
    for diagnostic in result.diagnostics:
        shown = _shown(diagnostic, lines.get(diagnostic.file or ""), paint, linked)
        write_lines(shown, stream, painted=True)


def _painter(stream: TextIO) -> Callable[[str, str], str]:
    """What gives a text a style: on a terminal only, and never with NO_COLOR."""
    from rich.console import COLOR_SYSTEMS, Console
    from rich.style import Style

    # Nothing is laid out here; without a size, rich trips over a COLUMNS that is no number.
    console = Console(file=stream, legacy_windows=False, width=80, height=25)
    colours = None if console.no_color else COLOR_SYSTEMS.get(console.color_system or "")
    if colours is None:
        return lambda text, _: text
    # Not printed by the console, which takes a millisecond for a problem.
    return lambda text, style: Style.parse(style).render(text, color_system=colours)


def _linker(stream: TextIO) -> Callable[[str], str]:
    """What gives a style the link to the page of a code: on a terminal, where it shows styles.

    One that knows no links leaves them out. In a log, in which `FORCE_COLOR` may want styles, they
    would be rubbish.
    """
    if not stream.isatty():
        return lambda _: ""
    # Imported here: a file with nothing wrong needs none of it.
    from kernel_schema.addresses import page_of

    return lambda code: f" link {page_of(code)}"


def _shown(
    diagnostic: Diagnostic,
    lines: Sequence[str] | None,
    paint: Callable[[str, str], str],
    linked: Callable[[str], str],
) -> str:
    colour = _COLOURS[diagnostic.severity]
    place = diagnostic.place
    shown = [
        paint(printable(f"{place}: "), "bold") * bool(place)
        + paint(f"{diagnostic.severity}[{diagnostic.code}]", colour + linked(diagnostic.code))
        + paint(f": {printable(diagnostic.message)}", "bold")
    ]
    lead = "  "
    if diagnostic.span is not None and lines is not None:
        from kernel_schema.files.text.excerpt import excerpt

        line, indent, width = excerpt(lines, diagnostic.span)
        number = str(diagnostic.span.line)
        margin = " " * len(number)
        shown += [
            paint(f"{margin} |", "blue"),
            paint(f"{number} | ", "blue") + line,
            paint(f"{margin} | ", "blue") + " " * indent + paint("^" * width, colour),
        ]
        lead = paint(f"{margin} = ", "blue")
    if diagnostic.help:
        shown.append(lead + paint("help: ", "bold") + printable(diagnostic.help))
    return "\n".join((*shown, ""))
