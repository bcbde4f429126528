"""Of a file full of mistakes a thousand are reported, in a time that grows no faster than it."""

from __future__ import annotations

import gc
import io
import json
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.opening import check_files
from kernel_schema.cli.output import show
from kernel_schema.limits import MAX_BYTES, MAX_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_schema.cli.output.result import CheckResult


def lines(head: str, line: Callable[[int], str]) -> Callable[[int], str]:
    """A text of any size: a head, and lines by their number."""

    def build(size: int) -> str:
        pieces = [head]
        for number in count():
            size -= len(pieces[-1])
            if size <= 0:
                return "".join(pieces)
            pieces.append(line(number))
        raise AssertionError

    return build


def layers(entry: str) -> Callable[[int], str]:
    """Layers that all say the same, `#` being their number."""
    return lines("kernel_mapping:\n", lambda i: f"  L{i}: {entry.replace('#', str(i))}\n")


def ranges(bounds: Callable[[int], str]) -> Callable[[int], str]:
    """Capability ranges of one device."""
    return lines(
        "kernel_mapping:\n  A:\n    cuda:\n",
        lambda i: f"      - {{{bounds(i)}, kernel: 'o/r:L'}}\n",
    )


CASES: dict[str, Callable[[int], str]] = {
    "equal ranges": ranges(lambda i: "min_capability: 75"),
    "nested ranges": ranges(lambda i: f"min_capability: {i % 4999}, max_capability: {9999 - i}"),
    "crossing ranges": ranges(lambda i: f"min_capability: {i}, max_capability: {2 * i + 4000}"),
    "equally wide ranges": ranges(lambda i: f"min_capability: {i}, max_capability: {i + 50}"),
    "ranges without an end": ranges(lambda i: f"min_capability: {i % 9999}"),
    "wrong references": layers("org/repo"),
    "references with spaces": layers("' org / repo : L'"),
    "web addresses": layers("https://huggingface.co/org/repo#:X"),
    "colons without a space": layers("RMS:org/repo:X"),
    "empty tables": layers("{}"),
    "lists": layers("[1]"),
    "missing local kernels": layers("./no/#:X"),
    "one missing local kernel": layers("./no:X"),
    "missing lock files": layers("{kernel: 'o/r:L', lockfile: ./l#}"),
    "misspelt devices": lines(
        "kernel_mapping:\n  A:\n    cuda: o/r:L\n", lambda i: f"    cdua{i}: o/r:L\n"
    ),
    "the same misspelt device": layers("{cdua: o/r:L}"),
    "misspelt modes": lines(
        "kernel_mapping:\n  A:\n    training: o/r:L\n", lambda i: f"    trainin{i}: o/r:L\n"
    ),
    "misspelt options": lines(
        "kernel_mapping:\n  A:\n    kernel: o/r:L\n", lambda i: f"    verison{i}: 1\n"
    ),
    "misspelt keys of the config": lines("kernel_mapping: {}\n", lambda i: f"inherit_{i}: true\n"),
    "layers outside of kernel_mapping": lines("", lambda i: f"L{i}: o/r:L\n"),
    "duplicate keys": lines("kernel_mapping:\n", lambda i: "  L: o/r:L\n"),
    "one long line": lines("kernel_mapping: {z: o/r:L", lambda i: f", '漢{i}': 漢/字"),
}
# One problem whatever the size, and none up to some size.
FEW_PROBLEMS = {"layers outside of kernel_mapping", "nested ranges", "ranges without an end"}
SMALL, LARGE = 20_000, 80_000


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("output_format", ["text"])
def test_time_grows_with_the_size(tmp_path: Path, case: str, output_format: str) -> None:
    small, large = (write(tmp_path / f"{size}.yaml", CASES[case](size)) for size in (SMALL, LARGE))
    # Four times as much takes four times as long; with the square of the size it were sixteen.
    assert seconds(large, output_format) < 9 * seconds(small, output_format)


@pytest.mark.thorough
@pytest.mark.parametrize("output_format", ["concise", "json", "github", "sarif"])
def test_time_grows_with_the_size_in_every_format(tmp_path: Path, output_format: str) -> None:
    test_time_grows_with_the_size(tmp_path, "wrong references", output_format)


def write(path: Path, text: str) -> str:
    path.write_text(text + "}" * text.startswith("kernel_mapping: {z"), encoding="utf-8")
    return str(path)


def seconds(file: str, output_format: str) -> float:
    """What a check takes at best."""
    times = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            begun = time.process_time()
            show(check(file), output_format, io.StringIO())
            times.append(time.process_time() - begun)
    finally:
        gc.enable()
    return min(times)


def check(file: str) -> CheckResult:
    result = check_files([file], max_bytes=MAX_BYTES)
    assert not result.refused
    return result


@pytest.mark.parametrize("count", [1, MAX_PROBLEMS, MAX_PROBLEMS + 1, 5 * MAX_PROBLEMS])
def test_the_first_thousand_are_told_and_that_there_are_more(tmp_path: Path, count: int) -> None:
    text = "".join(("kernel_mapping:\n", *(f"  L{i}: org/repo\n" for i in range(count))))
    result = check(write(tmp_path / "k.yaml", text))
    told = min(count, MAX_PROBLEMS)
    codes = ["invalid-kernel-reference"] * told + ["too-many-problems"] * (count > MAX_PROBLEMS)
    assert [found.code for found in result.diagnostics] == codes
    lines = [found.span and found.span.line for found in result.diagnostics]
    assert lines == [*range(2, len(codes) + 2)]
    shown = io.StringIO()
    show(result, "json", shown)
    assert len(json.loads(shown.getvalue())["diagnostics"]) == len(codes)


def test_what_checks_find_is_limited_too(tmp_path: Path) -> None:
    result = check(write(tmp_path / "k.yaml", CASES["missing local kernels"](LARGE)))
    codes = [found.code for found in result.diagnostics]
    assert codes == ["missing-local-kernel"] * MAX_PROBLEMS + ["too-many-problems"]
    assert [found.span and found.span.line for found in result.diagnostics] == [
        *range(2, MAX_PROBLEMS + 2),
        MAX_PROBLEMS + 1,
    ]


def test_every_one_of_many_equal_mistakes_has_its_help(tmp_path: Path) -> None:
    result = check(write(tmp_path / "k.yaml", CASES["the same misspelt device"](LARGE)))
    told = [found.help for found in result.diagnostics]
    assert told == ["did you mean `cuda`?"] * MAX_PROBLEMS + [None]


@pytest.mark.thorough
@pytest.mark.parametrize("case", sorted(CASES.keys() - FEW_PROBLEMS))
def test_no_case_is_told_without_end(tmp_path: Path, case: str) -> None:
    result = check(write(tmp_path / "k.yaml", CASES[case](150_000)))
    codes = [found.code for found in result.diagnostics]
    assert len(codes) == MAX_PROBLEMS + 1
    assert codes[-1] == "too-many-problems"
    assert codes.count("too-many-problems") == 1
