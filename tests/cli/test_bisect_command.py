"""`kernel-schema bisect`: trials, results and exit codes, with commands of every kind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.models import call, workplace, write
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

for needed in ("torch", "kernels"):
    pytest.importorskip(needed)

CONFIG = """\
kernel_mapping:
  Norm: ./kernels:Norm
  double: ./kernels:Double
  Choosy: ./kernels:Norm
"""
# What decides without torch: which layers have a kernel in the config of the trial.
JUDGE = """\
import json, os, sys
config = open(os.environ["KERNEL_SCHEMA_CONFIG"], encoding="utf-8").read()
names = ("Norm", "double", "Choosy")
on = {name for name in names if f"  {name}: original" not in config}
if "uncalled" not in sys.argv:
    with open(os.environ["KERNEL_SCHEMA_CALLS"], "a") as file:
        file.write("no line of ours\\n[1]\\n" + '{"version": 1, "calls": {"Norm": "x"}}\\n')
        print(json.dumps({"version": 1, "pid": 1, "calls": dict.fromkeys(on, 2)}), file=file)
print("noise of the command")
def bad(how):
    if how.startswith("SIG"):
        import signal
        os.kill(os.getpid(), getattr(signal, how))
    if how == "hang":
        import time
        time.sleep(100)
    sys.exit(int(how))
guilty = set(sys.argv[1].split("+")) - {""}
if guilty <= on:
    bad(sys.argv[2])
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with workplace(tmp_path):
        write(tmp_path, "kernels.yaml", CONFIG)
        write(tmp_path, "judge.py", JUDGE)
        norm = KernelLayer("Norm", "x * self.weight * scale", arguments="x, *, scale=1.0")
        write_kernel_repository(tmp_path / "kernels", [norm, KernelLayer("Double", "3 * x")])
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        yield tmp_path
        assert list(temporary.iterdir()) == []


def bisect(*command: str, options: tuple[str, ...] = ()) -> int:
    return call("bisect", "kernels.yaml", "--model", "toy_model:build", *options, "--", *command)


def judge(guilty: str, how: str = "1", *more: str, options: tuple[str, ...] = ()) -> int:
    return bisect(sys.executable, "-S", "judge.py", guilty, how, *more, options=options)


def test_one_is_named_with_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("double") == 1
    out, err = capfd.readouterr()
    assert out == "guilty: `double` (4 trials)\n"
    assert "trial 1: bad (exit code 1) with every kernel\n" in err
    assert "trial 2: good (exit code 0) with none\n" in err
    assert "with 2 of 3: without double\n" in err
    assert "kernels.yaml:3:11: error[guilty-kernel]: the kernel of `double` is guilty" in err
    assert "noise of the command" in err


def test_a_pair_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("Norm+Choosy", options=("--output-format=json", "-q")) == 1
    out, err = capfd.readouterr()
    assert err == ""
    told = json.loads(out)
    assert told["conclusion"] == "guilty"
    assert [(each["layer_name"], each["line"]) for each in told["guilty"]] == [
        ("Norm", 2),
        ("Choosy", 4),
    ]
    assert [each["code"] for each in told["diagnostics"]] == ["guilty-kernel"] * 2
    assert told["more"] is False
    assert told["trials"][0] == {
        "on": ["double", "Norm", "Choosy"],
        "answer": "bad",
        "reason": "exit code 1",
        "calls": {"Norm": 2, "double": 2, "Choosy": 2},
    }


def test_good_with_every_kernel(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("nobody") == 0
    assert capfd.readouterr().out == "good with every kernel, of 3 (1 trial)\n"


def test_bad_with_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("") == 2
    assert "bad with none of the kernels too" in capfd.readouterr().out


def test_a_command_that_uses_no_config(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("nobody", "0", "uncalled", options=("-q",)) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "nothing tells that a kernel was in place" in " ".join(err.split())


@pytest.mark.parametrize("how", ["SIGSEGV", "SIGABRT", "3"])
def test_a_crash_is_bad(how: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("Norm", how) == 1
    assert "guilty: `Norm`" in capfd.readouterr().out


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "125", "137"])
def test_what_tells_nothing_names_nobody(how: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("Norm", how) == 2
    assert "undecided: among `double`, `Norm` and `Choosy`" in capfd.readouterr().out


def test_an_interrupted_command_ends_it_all(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("Norm", "SIGINT") == 130
    assert "interrupted" in capfd.readouterr().err


def test_a_command_that_hangs_is_ended_and_bad(capfd: pytest.CaptureFixture[str]) -> None:
    assert judge("Norm+double+Choosy", "hang", options=("--timeout=0.4", "--mode=inference")) == 1
    assert "bad (not ended after 0.4 s)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("./missing", "`./missing` cannot be run: No such file or directory"),
        ("./judge.py", "`./judge.py` cannot be run: Permission denied"),
        ("", "`` cannot be run"),
        ("a\0b", "cannot be run: embedded null byte"),
    ],
)
def test_a_command_that_is_none(command: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert bisect(command) == 2
    assert why in capfd.readouterr().err


def test_a_command_that_a_shell_does_not_find(capfd: pytest.CaptureFixture[str]) -> None:
    assert bisect("sh", "-c", "no-such-command-here") == 2
    assert "it was not found (exit code 127)" in capfd.readouterr().err


def test_calls_that_are_no_file(capfd: pytest.CaptureFixture[str]) -> None:
    assert bisect("sh", "-c", 'mkdir "$KERNEL_SCHEMA_CALLS"') == 2
    assert bisect("sh", "-c", 'mkfifo "$KERNEL_SCHEMA_CALLS"') == 2
    assert bisect("sh", "-c", 'rm -r "$(dirname "$KERNEL_SCHEMA_CALLS")"') == 2
    assert "Traceback" not in capfd.readouterr().err


def test_no_kernel_is_placed(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(place, "kernels.yaml", "kernel_mapping: {Norm: original}\n")
    assert judge("Norm") == 2
    out, err = capfd.readouterr()
    assert "the config puts no kernel in place in this model" in out
    assert "noise" not in err


def test_a_broken_config_names_nobody_guilty(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(place, "kernels.yaml", "kernel_mapping: {Norm: 3}\n")
    assert judge("Norm") == 2
    assert "kernels.yaml:1:" in capfd.readouterr().err
    assert bisect("true", options=("--set", "x")) == 2
    assert call("bisect", "missing.yaml", "--model", "toy_model:build", "--", "true") == 2
    assert call("bisect", "kernels.yaml", "--model", "toy_model:none", "--", "true") == 2
    assert call("bisect", "kernels.yaml", "--model", "toy_model:build") == 2


@pytest.mark.parametrize("option", ["--repeat=0", "--timeout=0", "--timeout=nan", "--repeat=x"])
def test_wrong_options(option: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert bisect("true", options=(option,)) == 2
    assert "invalid number" in capfd.readouterr().err


def test_what_is_after_the_dashes_is_the_command_s(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; sys.exit(sys.argv[1:] != ['--model', '-q'])"
    assert bisect(sys.executable, "-S", "-c", code, "--model", "-q") == 2
    assert "trial 1: good" in capfd.readouterr().err


REAL = """\
import os, sys, torch
import kernel_schema as ks
from toy_model import build

model = build()
ks.kernelize(model, os.environ["KERNEL_SCHEMA_CONFIG"])
with torch.no_grad():
    sys.exit(model(torch.ones(1, 4)).max().item() != 4)
"""


@pytest.mark.slow
def test_a_command_that_kernelizes(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(place, "real.py", REAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        assert bisect(sys.executable, "real.py", options=("--output-format=json",)) == 1
    told: Any = json.loads(capfd.readouterr().out)
    assert [each["layer_name"] for each in told["guilty"]] == ["double"]
    assert told["trials"][0]["calls"] == {"Norm": 2, "double": 2, "Choosy": 1}
    assert told["trials"][1]["calls"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_us_ends_the_command(place: Path, number: int) -> None:
    started = place / "started"
    code = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(100)"
    command = ["kernel_schema", "bisect", "kernels.yaml", "--model", "toy_model:build", "--"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, sys.executable, "-S", "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TMPDIR": str(place / "temporary"),
        },
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_the_help_tells_of_both_variables() -> None:
    result = run_python("-m", "kernel_schema", "bisect", "--help")
    assert "KERNEL_SCHEMA_CONFIG" in result.stdout
    assert "KERNEL_SCHEMA_CALLS" in result.stdout
