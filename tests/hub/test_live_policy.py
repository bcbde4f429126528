"""What of a policy only the Hub can tell, asked of a Hub of ours; kernels verifies signatures."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.hub.live_policy import LivePolicy
from kernel_schema.policies.judgement import case_of

from .catalog import DEP, USES
from .server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

pytestmark = pytest.mark.usefixtures("fresh")

NORM = "trusted-org/norm"
MAPPING = {"A": f"{NORM}@v1:DemoNorm", "B": f"{USES}@v1:DemoNorm"}
# The commits of the loopback Hub are of 31 January.
NOW = datetime(2026, 2, 4, 12, tzinfo=timezone.utc)


def found(config: Any, **policy: Any) -> list[tuple[str, str]]:
    asked = LivePolicy([ks.Policy(), ks.Policy(**policy)], now=NOW)
    return [(each.code, each.message) for each in asked.forbidden(case_of(config))]


@pytest.fixture
def config(hub: Hub, tmp_path: Path) -> ks.KernelConfig:
    path = tmp_path / "kernels.yaml.lock"
    path.write_text(ks.lock(MAPPING).dumps(), encoding="utf-8")
    hub.requests.clear()
    return ks.KernelConfig(MAPPING, lockfile=path, inherit_mapping=False)


class TestAge:
    def test_of_old_commits(self, config: ks.KernelConfig, hub: Hub) -> None:
        assert found(config, min_age_days=4) == []
        assert len(hub.requests) == 3  # one for each kernel, dependencies among them
        hub.requests.clear()
        assert found(config, require_lock=True) == []
        assert hub.requests == []

    def test_of_new_ones(self, config: ks.KernelConfig) -> None:
        told = found(config, min_age_days=5)
        assert [code for code, _ in told] == ["kernel-too-new"] * 3
        assert "4 days old, and the policy waits 5 days" in told[0][1]
        assert any(f"`{DEP}@v1`, on which `{USES}@v1` depends, is at" in line for _, line in told)

    def test_without_a_lock(self, hub: Hub) -> None:
        unlocked = ks.KernelConfig({"A": f"{NORM}@main:DemoNorm"}, inherit_mapping=False)
        assert [code for code, _ in found(unlocked, min_age_days=5)] == ["kernel-too-new"]
        assert found(unlocked, min_age_days=4) == []
        entry = {"kernel": f"{NORM}:DemoNorm", "lockfile": "./kernels.lock"}
        theirs = ks.KernelConfig({"A": entry}, inherit_mapping=False)
        assert [code for code, _ in found(theirs, min_age_days=4)] == ["kernel-too-new"]

    def test_that_nobody_tells_is_not_allowed(self, config: ks.KernelConfig, hub: Hub) -> None:
        hub.faults.append(Fault("/commits/", status=403))
        assert {code for code, _ in found(config, min_age_days=4)} == {"hub-access"}


def test_a_publisher_who_was_trusted_when_it_was_locked(tmp_path: Path, hub: Hub) -> None:
    mapping = {"A": "stranger/norm@v1:DemoNorm"}
    lock = ks.lock(mapping)
    path = tmp_path / "forged.lock"
    forged = lock.dumps().replace('"trusted_publisher": false', '"trusted_publisher": true')
    path.write_text(forged, encoding="utf-8")
    config = ks.KernelConfig(mapping, lockfile=path, inherit_mapping=False)
    policy = ks.Policy(require_trusted_publisher=True)
    assert ks.check_policy(config, policy) == ()
    assert [code for code, _ in found(config, **policy.model_dump())] == ["untrusted-publisher"]


class TestSignatures:
    def test_of_what_is_not_here(self, config: ks.KernelConfig) -> None:
        told = found(config, require_signature=True)
        assert [code for code, _ in told] == ["unsigned-kernel"] * 3
        assert "no locked build here" in told[0][1]

    def test_of_what_is_not_signed(self, config: ks.KernelConfig) -> None:
        """No signed kernel was at hand: that one passes was not tried."""
        pytest.importorskip("kernels")
        ks.fetch(config)
        told = found(config, require_signature=True)
        assert [code for code, _ in told] == ["unsigned-kernel"] * 3
        expected = ("SignatureBundleMissing", "cannot verify any", "cannot be verified here")
        assert any(reason in told[0][1] for reason in expected)


def test_by_the_command(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"inherit_mapping: false\nkernel_mapping:\n  A: {NORM}@v1:DemoNorm\n"
    (tmp_path / "kernels.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text("min_age_days: 100000\n", encoding="utf-8")
    call = ["check", "kernels.yaml", "--policy", "policy.yaml", "--off", "*", "--exit-zero"]
    assert main(call) == 0
    assert hub.requests == []
    assert main([*call, "--hub"]) == 1
    assert "kernels.yaml:3:6: error[kernel-too-new]" in capsys.readouterr().out
