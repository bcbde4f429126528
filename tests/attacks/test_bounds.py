"""No file costs much more than its size: each command runs under a limit of memory and of time."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import tracemalloc
from time import process_time
from timeit import repeat
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import kernel_schema as ks
from kernel_schema.choice.plan import Standing
from kernel_schema.choice.planning import standing_of
from kernel_schema.choice.situation import LayerRules
from kernel_schema.cli.opening import check_files
from kernel_schema.limits import MAX_BYTES, MAX_KEY, MAX_PROBLEMS
from kernel_schema.model.inspect import RegisteredLayer
from tests.attacks.costly import KEY, VALID, WRONG, ranges

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEGABYTES = 512
"""What a command may take, addresses included; Python and pydantic take a quarter of it."""

SECONDS = 60
"""Of the processor; none takes a tenth on a quiet machine."""

SMALL = 10_000
FORMATS = ("text", "concise", "json", "github", "sarif")


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python under the limits."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        preexec_fn=limit,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    assert ran.returncode in {0, 1}, (ran.returncode, ran.stderr[-500:])
    return ran


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run("-m", "kernel_schema", *arguments, cwd=cwd)


def write(folder: Path, name: str, size: int) -> str:
    text = {**VALID, **WRONG}[name](size)
    folder.joinpath(name).write_text(text, encoding="utf-8")
    return name


@pytest.mark.parametrize("output_format", ["text", pytest.param("sarif", marks=pytest.mark.slow)])
def test_all_of_them_in_one_check(tmp_path: Path, output_format: str) -> None:
    names = [write(tmp_path, name, 5000) for name in (*VALID, *WRONG)]
    # Among so many ranges there are some for the capabilities of no GPU.
    options = ("--output-format", output_format, "--ignore", "unlikely-capability")
    ran = command("check", *options, *names, cwd=tmp_path)
    assert ran.returncode == 1
    assert {name for name in names if name in ran.stdout} == set(WRONG)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*VALID, *WRONG])
def test_one_as_large_as_may_be(tmp_path: Path, name: str) -> None:
    size = MAX_BYTES - (MAX_BYTES // 4 if "on-one-line" in name else 0)  # of wide characters
    ran = command("check", write(tmp_path, name, size), cwd=tmp_path)
    assert ran.returncode == (name in WRONG)
    assert "too large" not in ran.stdout
    assert len(ran.stdout) < 1000 * (MAX_PROBLEMS + 1)


@pytest.mark.thorough
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("name", ["null-layers.yaml", "mistakes-on-one-line.json"])
def test_in_every_output_format(tmp_path: Path, name: str, output_format: str) -> None:
    write(tmp_path, name, MAX_BYTES // 2)
    assert command("check", "--output-format", output_format, name, cwd=tmp_path).returncode == 1


@pytest.mark.thorough
@pytest.mark.parametrize("to", ["yaml", "json", "toml"])
@pytest.mark.parametrize("name", VALID)
def test_convert(tmp_path: Path, name: str, to: str) -> None:
    write(tmp_path, name, MAX_BYTES)
    ran = command("convert", "--to", to, name, cwd=tmp_path)
    assert ran.returncode == 0
    assert len(ran.stdout) < 3 * MAX_BYTES


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("distinct-ranges.json", "other-ranges.json"),
        ("ranges-below-a-long-name.json", "other-ranges-below-a-long-name.json"),
        ("plain-layers.yaml", "devices-and-modes.json"),
    ],
)
def test_diff(tmp_path: Path, old: str, new: str) -> None:
    for name in (old, new):
        write(tmp_path, name, MAX_BYTES)
    assert command("diff", old, new, cwd=tmp_path).returncode == 1


@pytest.mark.thorough
@pytest.mark.parametrize("name", VALID)
def test_digest(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, MAX_BYTES)
    program = f"import kernel_schema as ks; print(ks.load({name!r}).digest())"
    assert run("-c", program, cwd=tmp_path).stdout.startswith("sha256:")


MATRIX = """
import kernel_schema as ks
from kernel_schema.cli.output.json import matrix_json
from kernel_schema.cli.output.plans import Stated
from kernel_schema.model.inspect import RegisteredLayer
document = ks.read("distinct-ranges.json")
rows = ks.plan_matrix(document, RegisteredLayer("RMSNorm", 1, 0, (), (), 0))
print(len(matrix_json(rows, Stated(document))))
"""


@pytest.mark.slow
def test_one_layer_everywhere(tmp_path: Path) -> None:
    write(tmp_path, "distinct-ranges.json", MAX_BYTES)
    assert int(run("-c", MATRIX, cwd=tmp_path).stdout) == 9999 + 1


# Growth, in calls: twice the size is twice the work.


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called, those in C among them."""
    number = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return number


def assert_linear(work: Callable[[int], Callable[[], object]], size: int) -> None:
    """Work of a size, and of twice the size; the first time is not counted: it fills caches."""
    work(2 * size)()
    once, twice = (calls_of(work(size * factor)) for factor in (1, 2))
    assert twice < 2.6 * once


@pytest.mark.parametrize("name", [*VALID, *WRONG])
def test_a_check_grows_with_the_size(tmp_path: Path, name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        file = str(tmp_path / write(tmp_path, name, size))
        return lambda: check_files([file], max_bytes=MAX_BYTES)

    # Of a size at which there are less than a thousand problems: more would be no more work.
    assert_linear(work, 3000 if "long-name" in name else 1500)


def matrix_of(size: int) -> Callable[[], object]:
    document = ks.loads_document(ranges("RMSNorm")(size), format="json")
    layer = RegisteredLayer("RMSNorm", 1, 0, (), (), 0)
    return lambda: ks.plan_matrix(document, layer, inherited=())


def digest_of(size: int) -> Callable[[], object]:
    return ks.loads(ranges(KEY)(size), format="json").digest


def diff_of(size: int) -> Callable[[], object]:
    one, other = (
        ks.loads(ranges(KEY, kernel)(size), format="json") for kernel in ("o/r:L", "o/r:M")
    )
    return lambda: ks.diff(one, other)


def standing_at(size: int) -> Callable[[], object]:
    own = ks.expand(ks.loads(ranges("RMSNorm")(size), format="json"))
    (entry,) = ks.expand(ks.KernelConfig({"RMSNorm": {"cuda": "o/r:L"}}))

    def judge() -> None:
        assert standing_of(entry, LayerRules(own)) is Standing.REPLACED

    return judge


@pytest.mark.parametrize(
    "work", [matrix_of, digest_of, diff_of, standing_at], ids=lambda work: work.__name__
)
def test_work_grows_with_the_size(work: Callable[[int], Callable[[], object]]) -> None:
    assert_linear(work, 2 * SMALL)


# The limits themselves.


@pytest.mark.parametrize("name", ["json", "yaml", "toml"])
@pytest.mark.parametrize("length", [MAX_KEY, MAX_KEY + 1])
def test_a_key_has_a_thousand_characters_at_most(name: Any, length: int) -> None:
    key = "é" * length
    text = {
        "json": f'{{"kernel_mapping":\n{{"{key}": "o/r:L"}}}}',
        "yaml": f'kernel_mapping:\n "{key}": o/r:L\n',
        "toml": f'[kernel_mapping]\n"{key}" = "o/r:L"\n',
    }[name]
    if length == MAX_KEY:
        assert list(ks.loads(text, format=name).kernel_mapping) == [key]
        return
    with pytest.raises(ks.ConfigError) as caught:
        ks.loads(text, format=name)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.line) == ("key-too-long", 2)
    assert len(found.message) < 200


def test_keys_of_other_tools_are_theirs(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.{KEY}x]\n[tool.kernel-schema.kernel_mapping]\n", encoding="utf-8")
    assert ks.load(path) == ks.KernelConfig({})


@pytest.mark.parametrize("count", [MAX_PROBLEMS, MAX_PROBLEMS + 1, 20 * MAX_PROBLEMS])
@pytest.mark.parametrize(
    "mapping",
    [
        lambda count: {f"L{number}": None for number in range(count)},
        lambda count: {"L": {"cuda": [None] * count}},
        lambda count: {"L": {"cuda": "o/r:L"} | {f"d{n:05}": "o/r:L" for n in range(count)}},
        lambda count: {"L": {"kernel": "o/r:L"} | {f"x{n:05}": 1 for n in range(count)}},
        lambda count: {"L": {"kernel": "o/r:L", "trust_remote_code": [1] * count}},
        # What stands below a wrong key is not told, and does not count.
        lambda count: {" L": {"cuda": [None] * count}} | {f"L{n}": 1 for n in range(count - 1)},
    ],
    ids=["layers", "ranges", "devices", "options", "publishers", "a wrong key"],
)
def test_a_config_made_in_python_has_a_thousand_problems_at_most(
    count: int, mapping: Callable[[int], Any]
) -> None:
    with pytest.raises(ValidationError) as caught:
        ks.KernelConfig(mapping(count))
    codes = [error["type"] for error in caught.value.errors(include_url=False)]
    more = count > MAX_PROBLEMS
    assert len(codes) == min(count, MAX_PROBLEMS) + more
    assert codes.count("too-many-problems") == more == (codes[-1] == "too-many-problems")


@pytest.mark.parametrize("reference", ["org/repo:{}", "org/repo@{}:L", "./{}:L"])
def test_nothing_long_is_kept_of_what_was_read(reference: str) -> None:
    """What many files name is read once, but a name as long as a file is not kept for the next."""
    ks.expand({"A": reference.format("n")})
    tracemalloc.start()
    try:
        for index in range(100):
            ks.expand({"A": reference.format("n" * 10_000 + str(index))})
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 200_000


@pytest.mark.parametrize("piece", ["\u00a0", "{{", ",", "a ", "a:\n", "- "])
def test_advice_takes_time_as_the_text_is_long(piece: str) -> None:
    def cost(length: int) -> float:
        text = f"kernel_mapping:\n  A: {piece * (length // len(piece))}\n"

        def refused() -> None:
            with pytest.raises(ks.ConfigError):
                ks.loads(text, format="yaml")

        return min(repeat(refused, timer=process_time, number=1, repeat=3))

    # Eight times as long: 64 times the work, were it quadratic.
    assert cost(24_000) < 24 * max(cost(3_000), 1e-3)
