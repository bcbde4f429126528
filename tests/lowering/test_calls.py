"""Calls are counted where `KERNEL_SCHEMA_CALLS` is set, and where it is not nothing is done."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import torch

import kernel_schema as ks
from kernel_schema.lowering.restore import runs_kernel
from kernel_schema.model.calls import Counting
from kernel_schema.model.carriers import carriers
from tests.lowering.subprocesses import run_python
from tests.lowering.toys import make_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

X = torch.ones(1, 4)


@pytest.fixture
def counted(kernel: Callable[[str], ks.LocalRef]) -> Iterator[tuple[Any, Counting]]:
    """A model with kernels for `Norm` and `double`, of which the calls are counted."""
    model = make_model()
    ks.kernelize(model, {"Norm": kernel("Norm"), "double": kernel("Double")})
    counting = Counting(runs_kernel)
    counting.count(carriers(model))
    yield model, counting
    counting.stop()
    ks.restore(model)


def hooks(model: Any) -> int:
    return sum(len(item.carrier._forward_pre_hooks) for item in carriers(model))


def test_modules_and_functions_are_counted(counted: tuple[Any, Counting]) -> None:
    model, counting = counted
    assert counting.calls == {"Norm": 0, "double": 0}
    counting.count(carriers(model))  # once is enough
    model(X)
    assert counting.calls == {"Norm": 2, "double": 2}
    counting.stop()
    assert hooks(model) == 0


def test_the_model_s_own_forward_is_not_counted(counted: tuple[Any, Counting]) -> None:
    model, counting = counted
    ks.restore(model)
    model(X)
    assert counting.calls == {"Norm": 0, "double": 0}


def test_a_copy_is_counted_with_its_model(counted: tuple[Any, Counting]) -> None:
    model, counting = counted
    deepcopy(model)(X)
    assert counting.calls["Norm"] == 2


def test_nothing_is_done_where_the_variable_is_not_set(
    kernel: Callable[[str], ks.LocalRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNEL_SCHEMA_CALLS", raising=False)
    model = make_model()
    with ks.kernelized(model, {"Norm": kernel("Norm")}):
        assert hooks(model) == 0


@pytest.mark.slow
def test_a_graph_stays_whole_and_is_built_once(counted: tuple[Any, Counting]) -> None:
    model, counting = counted
    built = 0

    def backend(graph: Any, _: object) -> Any:
        nonlocal built
        built += 1
        return graph.forward

    compiled: Any = torch.compile(model, backend=backend, fullgraph=True)
    before = counting.calls
    for _ in range(3):
        compiled(X)
    assert built == 1
    assert before == {"Norm": 0, "double": 0}
    assert counting.calls == {"Norm": 1, "double": 1}


SCRIPT = """
import os, sys, torch, torch.multiprocessing as processes
import kernel_schema as ks
from tests.lowering.toys import make_model

def work(number, config):
    model = make_model()
    ks.kernelize(model, config)
    for _ in range(number + 1):
        model[0](torch.ones(1, 4))

if __name__ == "__main__":
    config = {"Norm": sys.argv[1], "LateNorm": sys.argv[1]}
    work(0, config)
    if sys.argv[2] == "spawn":
        processes.spawn(work, (config,), nprocs=2)
    elif os.fork():
        os.wait()
    else:
        work(4, config)
        sys.exit(0)
"""


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["spawn", "fork"])
def test_each_process_appends_a_line_at_its_end(
    kernel: Callable[[str], ks.LocalRef], tmp_path: Path, way: str
) -> None:
    file = tmp_path / "calls.jsonl"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    result = run_python(str(script), str(kernel("Norm")), way, KERNEL_SCHEMA_CALLS=str(file))
    assert result.returncode == 0, result.stderr
    told = lines(file)
    assert len({line["pid"] for line in told}) == len(told)
    assert {line["version"] for line in told} == {1}
    expected = [1, 1, 2] if way == "spawn" else [1, 5]
    assert sorted(line["calls"]["Norm"] for line in told) == expected
    assert {line["calls"]["LateNorm"] for line in told} == {0}


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_told_and_no_more(
    kernel: Callable[[str], ks.LocalRef], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    result = run_python(
        str(script), str(kernel("Norm")), "fork", KERNEL_SCHEMA_CALLS=str(tmp_path / "no" / "file")
    )
    assert result.returncode == 0
    assert "KERNEL_SCHEMA_CALLS" in result.stderr
    assert "Traceback" not in result.stderr
