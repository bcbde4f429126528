"""What a config inherits is locked with it: transformers' own table, kernels of our Hub."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main

from .catalog import build
from .model import HubModel, factors, reset
from .repository import Commit, Repository, commit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .server import Hub

kernels: Any = pytest.importorskip("kernels")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("fresh")

NORM = "trusted-org/norm"
CONFIG = f"kernel_mapping:\n  A: {NORM}@v1:DemoNorm\n  Qwen3_5GatedDeltaNet: original\n"


@pytest.fixture(scope="module")
def table() -> list[Any]:
    """The kernels of the table of the installed transformers."""
    from kernel_schema.integrations.transformers import default_rules

    return list({rule.kernel: None for rule in default_rules()})


@pytest.fixture
def table_hub(hub: Hub, table: list[Any]) -> Hub:
    """A Hub that has what the table names."""
    repositories: dict[str, Repository] = {}
    for kernel in table:
        ref = f"v{kernel.version}" if kernel.revision is None else kernel.revision
        commit = commit_of(build(kernel.repo_id, ref, "torch-cuda"))
        known = repositories.get(kernel.repo_id, Repository(kernel.repo_id, {"main": commit}))
        if kernel.revision is not None:
            named = Commit(kernel.revision, commit.files)
            known = replace(known, unnamed=(*known.unnamed, named))
        else:
            known = replace(known, branches={**known.branches, ref: commit})
        repositories[kernel.repo_id] = known
    hub.offer(repositories, trusted="kernels-community")
    return hub


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels.yaml").write_text(CONFIG, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*arguments[:1], "kernels.yaml", *arguments[1:]])
        output = capsys.readouterr()
        return code, output.out + output.err

    return run


@pytest.mark.usefixtures("table_hub")
class TestLocking:
    def test_remembers_it(
        self, tmp_path: Path, hub: Hub, table: list[Any], run: Callable[..., Any]
    ) -> None:
        assert run("lock", "--defaults", "transformers")[0] == 0
        lock = ks.read_lock("kernels.yaml.lock")
        wanted = {ks.Pin(each.repo_id, each.version, each.revision) for each in table}
        replaced = {pin for pin in wanted if pin.publisher == "Atlas-Inference"}
        assert {*lock.by_pin} == wanted - replaced | {ks.Pin(NORM, 1)}
        assert replaced
        assert lock.inherits == "transformers"
        asked = len(hub.requests)
        before = (tmp_path / "kernels.yaml.lock").read_bytes()
        assert run("lock")[0] == run("lock", "--check")[0] == 0
        assert (tmp_path / "kernels.yaml.lock").read_bytes() == before
        assert ks.lock("kernels.yaml", lock) == lock
        assert len(hub.requests) == asked
        assert run("lock", "--defaults", "none")[0] == 0
        assert [*ks.read_lock("kernels.yaml.lock").by_pin] == [ks.Pin(NORM, 1)]

    def test_what_goes_out_of_step(self, tmp_path: Path, run: Callable[..., Any]) -> None:
        run("lock", "--defaults", "transformers")
        file = tmp_path / "kernels.yaml"
        file.write_text(f"inherit_mapping: false\n{file.read_text()}", encoding="utf-8")
        code, told = run("lock", "--check")
        assert code == 1
        assert "kernels.yaml:1:18: error[lock-out-of-step]: the lock file holds" in told
        code, told = run("lock", "--defaults", "transformers")
        assert (code, "inherits nothing" in told) == (2, True)
        # What transformers has added since is not in the lock.
        path = tmp_path / "kernels.yaml.lock"
        file.write_text(file.read_text().partition("\n")[2], encoding="utf-8")
        stated = json.loads(path.read_text(encoding="utf-8"))
        gone = stated["kernels"].pop(0)["repo_id"]
        path.write_text(json.dumps(stated), encoding="utf-8")
        code, told = run("lock", "--check")
        assert (code, f"`{gone}@" in told) == (1, True)

    def test_is_judged_by_a_policy(self, tmp_path: Path, run: Callable[..., Any]) -> None:
        (tmp_path / "kernels.yaml").write_text(CONFIG.replace("  Qwen3", "  x"), encoding="utf-8")
        assert run("lock", "--defaults", "transformers")[0] == 0
        policy = {"publishers": ["trusted-org", "kernels-community"], "trust_remote_code": False}
        (tmp_path / "policy.json").write_text(json.dumps(policy), encoding="utf-8")
        code, told = run("check", "--policy", "policy.json", "--output-format", "concise")
        assert code == 1
        assert "error[forbidden-publisher]: `Atlas-Inference/gdn@" in told
        assert ", which is inherited, is of a publisher" in told
        assert "error[forbidden-trust-remote-code]: `Atlas-Inference/gdn@" in told
        assert "kernels-community/" not in told.replace("`kernels-community`", "")

    def test_is_fetched(self, cache: Path, hub: Hub, run: Callable[..., Any]) -> None:
        run("lock", "--defaults", "transformers")
        code, told = run("fetch", "--target", "torch2.13-cu130-x86_64-linux")
        assert code == 0
        assert "kernels-community/" in told
        hub.requests.clear()
        assert run("fetch", "--target", "torch2.13-cu130-x86_64-linux")[0] == 0
        assert hub.requests == []


def active(**entries: Any) -> Any:
    """A mapping that is active as that of transformers is: inherited."""
    mapping = {name: {"cpu": repository} for name, repository in entries.items()}
    return kernels.use_kernel_mapping(mapping, inherit_mapping=False)


@pytest.fixture
def model() -> Iterator[HubModel]:
    model = HubModel().eval()
    yield model
    reset(model)


class TestRuns:
    """A lock that holds what is inherited, written by hand: the table has nothing for the CPU."""

    @pytest.fixture
    def config(self, hub: Hub, tmp_path: Path) -> ks.KernelConfig:
        known = ks.lock({"DemoNorm": f"{NORM}@v1:DemoNorm", "C": "trusted-org/cuda:DemoNorm"})
        path = tmp_path / "kernels.yaml.lock"
        path.write_text(replace(known, inherits="transformers").dumps(), encoding="utf-8")
        config = ks.KernelConfig({"DemoScale": "original"}, lockfile=path)
        ks.fetch(config)
        hub.move(NORM, "v1", "v2")
        hub.close()
        return config

    def test_as_it_is_locked(self, config: ks.KernelConfig, model: HubModel) -> None:
        repository = kernels.LayerRepository(NORM, layer_name="DemoNorm", version=1)
        with active(DemoNorm=repository):
            report = ks.kernelize(model, config)
            commit = ks.read_lock(str(config.lockfile)).by_pin[ks.Pin(NORM, 1)].commit
            assert f"{NORM}@v1:DemoNorm (commit {commit[:12]})" in str(report)
            assert factors(model)["DemoNorm"] == [2, 2]

    def test_under_use_kernel_config(self, config: ks.KernelConfig, model: HubModel) -> None:
        repository = kernels.LayerRepository(NORM, layer_name="DemoNorm", version=1)
        with active(DemoNorm=repository), ks.use_kernel_config(config):
            kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
        assert factors(model)["DemoNorm"] == [2, 2]

    def test_what_is_not_in_it_is_refused(self, config: ks.KernelConfig, model: HubModel) -> None:
        repository = kernels.LayerRepository(NORM, layer_name="DemoNorm", version=2)
        for call in (lambda: ks.kernelize(model, config), lambda: _entered(config)):
            with active(DemoNorm=repository), pytest.raises(ks.LockError) as caught:
                call()
            (problem,) = caught.value.diagnostics
            assert (problem.code, str(problem.route)) == ("lock-out-of-step", "inherit_mapping")

    def test_what_has_no_build_here(self, config: ks.KernelConfig, model: HubModel) -> None:
        repository = kernels.LayerRepository("trusted-org/cuda", layer_name="DemoNorm", version=1)
        with active(DemoNorm=repository):
            with pytest.raises(ks.LockError, match="no-kernel-build"):
                ks.kernelize(model, config)
            from kernel_schema.lowering.apply import put_in_place

            report = put_in_place(
                model,
                config,
                mode=None,
                device=None,
                strict=True,
                ignore=(),
                select=None,
                inherited_may_fail=True,  # as `as_transformers` has it
            )
        assert report.replaced == 0


def _entered(config: ks.KernelConfig) -> None:
    with ks.use_kernel_config(config):
        pytest.fail("entered")
