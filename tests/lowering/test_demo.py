"""The demo: as a command, in processes of its own, and what makes it fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.demo import run
from kernel_schema.demo.model import build_model
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

# Found before any of the same name; nothing below `kernels` can be imported then.
BLOCK_KERNELS = """\
import sys

class Block:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "kernels":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Block)
"""


def test_exits_0_and_says_what_was_replaced() -> None:
    done = run_python("-m", "kernel_schema", "demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "RMSNorm: cpu: FALLBACK: LocalLayerRepository" in lines
    assert "RMSNorm: 5 modules (0.norm, 1.norm, 2.norm, 3.norm, 4)" in lines
    assert "Checked: 0 problems" in lines
    assert "RMSNorm: 5 of 5 replaced" in lines
    [by] = [line for line in lines if line.startswith("5 by ")]
    assert "DemoRMSNorm" in by
    assert by.endswith(f"{os.sep}layers.py)")
    [difference] = re.findall(r"Largest difference between the outputs: (\S+)", done.stdout)
    assert float(difference) < 1e-5
    assert "Kernel beside original" in lines
    assert any(re.match(r"RMSNorm +float32\[8, 64\] ", line) for line in lines)
    assert lines[-1] == "The kernel ran."


@pytest.mark.slow
def test_ends_with_a_comparison_and_says_nothing_of_numpy() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\nfrom kernel_schema.cli import run; run(['demo'])"
    )
    done = run_python("-c", program)
    assert done.stderr == ""
    _, comparison = done.stdout.split("Kernel beside original\n")
    assert comparison.startswith("  cpu, inference, on float32[8, 64] (")
    assert re.search(r"^  RMSNorm +float32\[8, 64\] .* of 1536$", comparison, re.MULTILINE)
    assert "whole model: " in comparison


@pytest.mark.slow
def test_exits_1_where_the_mapping_is_off() -> None:
    done = run_python("-m", "kernel_schema", "demo", DISABLE_KERNEL_MAPPING="1")
    assert done.returncode == 1
    assert "error[kernel-mapping-disabled]" in done.stderr
    assert "unset DISABLE_KERNEL_MAPPING" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "The kernel ran" not in done.stdout


def test_exits_1_where_kernels_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCK_KERNELS, encoding="utf-8")
    done = run_python("-m", "kernel_schema", "demo", first_on_path=tmp_path)
    assert done.returncode == 1
    assert "error[missing-dependency]" in done.stderr
    assert "pip install 'kernel-schema[torch]'" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_goes_away(unbuffered: str) -> None:
    """What is left of the output goes nowhere, without a word: at the end or at the first line."""
    root = str(Path(ks.__file__).parents[1])
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kernel_schema", "demo"],
            env=os.environ | {"PYTHONPATH": root, "PYTHONUNBUFFERED": unbuffered},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert done.stderr == ""
    # As a shell tells of a process that SIGPIPE has ended.
    assert done.returncode == 128 + 13


class TestInThisProcess:
    @pytest.fixture
    def demo(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[object], tuple[bool, list[str]]]:
        """Runs the demo with another mapping: whether it went well, and what it said."""

        def run_with(mapping: object) -> tuple[bool, list[str]]:
            path = tmp_path / "kernels.json"
            path.write_text(json.dumps({"kernel_mapping": mapping}), encoding="utf-8")
            monkeypatch.setattr(run, "CONFIG_FILE", path)
            said: list[str] = []
            return run.run_demo(said.append), said

        return run_with

    def test_as_it_is(self) -> None:
        said: list[str] = []
        assert run.run_demo(said.append)
        assert "Same output as before once restored: yes" in said
        assert "Calls of the kernel's own code: 5" in "\n".join(said)

    def test_kernel_that_is_not_there(self, demo: Callable[..., object]) -> None:
        with pytest.raises(ks.ModelCheckError, match="missing-local-kernel"):
            demo({"RMSNorm": "./nothing:DemoRMSNorm"})

    def test_kernel_that_does_not_run(self, demo: Callable[..., tuple[bool, list[str]]]) -> None:
        ran, said = demo({"RMSNorm": "original"})
        assert not ran
        assert "Calls of the kernel's own code: 0" in "\n".join(said)

    def test_kernel_that_computes_something_else(
        self, tmp_path: Path, demo: Callable[..., tuple[bool, list[str]]]
    ) -> None:
        off = KernelLayer("Off", "hidden_states", arguments="hidden_states")
        write_kernel_repository(tmp_path / "off", [off])
        ran, said = demo({"RMSNorm": "./off:Off"})
        assert not ran
        assert "Calls of the kernel's own code: 5" in "\n".join(said)

    def test_model_is_always_the_same(self) -> None:
        states = [build_model().state_dict() for _ in range(2)]
        assert states[0].keys() == states[1].keys()
        assert all(bool((states[0][key] == states[1][key]).all()) for key in states[0])
