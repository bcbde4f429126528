"""The Hub path for real: from a config, through the kernels library, to a kernel that ran.

One process (see `session`) runs every scenario against a loopback Hub; the tests look at what came
out. `ALONE` runs kernels without us, so that a mistake of the Hub itself is seen as one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema

from .processes import clean_environment
from .scenarios import (
    ALL_NAMES,
    ALONE,
    DISTRUSTED,
    DOWN,
    FACTORS,
    FAILS,
    LOCKS,
    MISTAKES,
    NO_LOCK_FILE,
    RUNS,
    UP,
    Case,
    Fails,
    Runs,
    sha,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.slow


def _scenario(case: Case) -> dict[str, Any]:
    return {"name": case.name, "mapping": case.mapping, "before": case.before}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came out of every scenario, by the lists above."""
    plan = {
        "locks": LOCKS,
        "alone": ALONE,
        "up": [_scenario(case) for case in UP],
        "down": [_scenario(case) for case in DOWN],
        "mistakes": MISTAKES,
    }
    session = subprocess.run(
        [sys.executable, "-m", f"{__package__}.session"],
        input=json.dumps(plan),
        cwd=tmp_path_factory.mktemp("hub"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert session.returncode == 0, session.stderr[-5000:]
    outcomes: dict[str, Any] = json.loads(session.stdout)
    return outcomes


def _by_name(cases: Sequence[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def _outcome(outcomes: Mapping[str, Any], case: Case) -> dict[str, Any]:
    found: dict[str, Any] = {**outcomes["up"], **outcomes["down"]}[case.name]
    return found


def _kernel(case: Case, layer_name: str) -> str:
    """The kernel for inference on the CPU in the words of messages: `org/repo@v1:Layer`."""
    rules = kernel_schema.expand(kernel_schema.KernelConfig(case.mapping))
    found = [
        rule.kernel
        for rule in rules
        if rule.layer_name == layer_name
        and rule.device in {None, "cpu"}
        and rule.mode in {None, "inference"}
    ]
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize("label", ALONE)
def test_kernels_alone_takes_its_kernel_from_the_hub(outcomes: dict[str, Any], label: str) -> None:
    outcome = outcomes["alone"][label]
    assert outcome["error"] is None
    assert outcome["factors"]["DemoNorm"] == [FACTORS[label]] * 2
    # The Hub saw it, so the watch over the other steps can be believed.
    asked = outcome["steps"]["kernelize"]
    assert any("/api/kernels/trusted-org/plain/" in request for request in asked)


@_by_name(RUNS)
def test_the_kernel_of_the_config_runs(outcomes: dict[str, Any], case: Runs) -> None:
    outcome = _outcome(outcomes, case)
    assert outcome["errors"] == {}
    factor = FACTORS[case.label]
    assert outcome["report"]["DemoNorm"] == [[_kernel(case, "DemoNorm"), 2]]
    assert outcome["factors"] == {"DemoScale": [1], "DemoNorm": [factor] * 2, "OtherNorm": [1]}
    assert outcome["lowered"] == outcome["factors"]
    snapshot = f"snapshots/{sha(case.repo_id, case.label)}/build/"
    for file in outcome["files"]["DemoNorm"]:
        assert snapshot in Path(file).as_posix()
    assert outcome["restored"]


def test_a_function_and_every_name_get_their_kernel(outcomes: dict[str, Any]) -> None:
    outcome = outcomes["up"][ALL_NAMES.name]
    assert outcome["errors"] == {}
    assert outcome["report"] == {
        "DemoScale": [["trusted-org/norm@v2:DemoScale", 1]],
        "DemoNorm": [["trusted-org/norm@dev:DemoNorm", 2]],
        "OtherNorm": [["trusted-org/norm@v1:DemoNorm", 1]],
    }
    assert outcome["factors"] == {"DemoScale": [3], "DemoNorm": [7, 7], "OtherNorm": [2]}
    assert outcome["restored"]


@_by_name(FAILS)
def test_what_cannot_be_used_is_told_in_one_message(outcomes: dict[str, Any], case: Fails) -> None:
    error = _outcome(outcomes, case)["errors"]["kernelize"]
    assert error["ours"], error
    # The layer, the kernel with what pins it, and the cause.
    # A lock file that is not there is found before any kernel is looked for: its path is enough.
    kernel = () if case is NO_LOCK_FILE else (_kernel(case, case.layer),)
    for part in (case.layer, *kernel, *case.says):
        assert part in error["text"], error["text"]


@_by_name(FAILS)
def test_a_failure_leaves_every_forward_as_it_was(outcomes: dict[str, Any], case: Fails) -> None:
    outcome = _outcome(outcomes, case)
    assert outcome["kept"]
    factor = 1 if case.before is None else FACTORS["v2"]
    assert outcome["factors"] == {"DemoScale": [factor], "DemoNorm": [factor] * 2, "OtherNorm": [1]}
    files = [file for found in outcome["files"].values() for file in found]
    assert [file is None for file in files] == [case.before is None] * 3 + [True]


@_by_name(DISTRUSTED)
def test_no_file_of_an_untrusted_publisher_is_fetched(
    outcomes: dict[str, Any], case: Fails
) -> None:
    asked = _outcome(outcomes, case)["steps"]["kernelize"]
    assert "GET /api/organizations/stranger/overview" in asked
    assert not [request for request in asked if "/resolve/" in request or "/tree/" in request]


def _is_of_the_hub(asked: str) -> bool:
    return asked.startswith(("GET /", "HEAD /")) or "127.0.0.1" in asked


@_by_name([*RUNS, ALL_NAMES, *FAILS])
def test_only_kernelize_asks_the_network(outcomes: dict[str, Any], case: Case) -> None:
    steps = _outcome(outcomes, case)["steps"]
    assert {name: asked for name, asked in steps.items() if asked and name != "kernelize"} == {}
    always = {"construct", "check", "sanitize", "lower", "kernelize", "audit", "restore"}
    assert set(steps) == always | {"message" if isinstance(case, Fails) else "report"}
    # And kernelize asks nobody but the Hub.
    assert [asked for asked in steps["kernelize"] if not _is_of_the_hub(asked)] == []


def test_the_watch_hears_a_connection_that_is_refused(outcomes: dict[str, Any]) -> None:
    for case in DOWN:
        asked = _outcome(outcomes, case)["steps"]["kernelize"]
        assert any("127.0.0.1" in contact for contact in asked)


def test_a_config_that_is_wrong_by_itself_asks_nothing(outcomes: dict[str, Any]) -> None:
    assert len(outcomes["mistakes"]) == len(MISTAKES)
    for mapping, outcome in zip(MISTAKES, outcomes["mistakes"], strict=True):
        assert outcome["codes"], mapping
        assert outcome["steps"] == {"construct": []}


@_by_name([*RUNS, *FAILS])
def test_checking_finds_nothing_wrong_but_a_lock_file(outcomes: dict[str, Any], case: Case) -> None:
    """What only the Hub knows is no matter of `check`; a lock file is on disk."""
    errors = _outcome(outcomes, case)["errors"]
    assert ("sanitize" in errors) == (case is NO_LOCK_FILE)
