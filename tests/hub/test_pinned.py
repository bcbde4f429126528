"""A locked kernel runs as it is locked, from this machine alone; what does not fit is refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main

from .catalog import DEP, DEP_FACTOR, USES
from .model import HubModel, factors, reset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .server import Hub

kernels: Any = pytest.importorskip("kernels")
pytestmark = pytest.mark.usefixtures("fresh")

NORM = "trusted-org/norm"
CONFIG = {"DemoNorm": f"{NORM}@v1:DemoNorm", "OtherNorm": f"{USES}@v1:DemoNorm"}


@pytest.fixture
def model() -> Iterator[HubModel]:
    model = HubModel().eval()
    yield model
    reset(model)


def locked(tmp_path: Path, mapping: Any = CONFIG, **options: Any) -> ks.KernelConfig:
    """A config with its lock, as the Hub is now."""
    path = tmp_path / "kernels.yaml.lock"
    path.write_text(ks.lock(mapping).dumps(), encoding="utf-8")
    return ks.KernelConfig(mapping, lockfile=path, **options)


@pytest.fixture
def config(hub: Hub, tmp_path: Path) -> ks.KernelConfig:
    """The config above, locked and fetched."""
    config = locked(tmp_path)
    ks.fetch(config)
    hub.requests.clear()
    return config


def codes(error: pytest.ExceptionInfo[ks.KernelSchemaError]) -> list[str]:
    return [problem.code for problem in error.value.diagnostics]


def folder(cache: Path, config: ks.KernelConfig, repo_id: str, version: int = 1) -> Path:
    """The build that is loaded of a repository."""
    assert config.lockfile is not None
    commit = ks.read_lock(config.lockfile).by_pin[ks.Pin(repo_id, version)].commit
    repository = cache / f"kernels--{repo_id.replace('/', '--')}"
    return repository / "snapshots" / commit / "build/torch-cpu"


class TestRuns:
    def test_without_asking_the_network(
        self, hub: Hub, config: ks.KernelConfig, model: HubModel
    ) -> None:
        hub.close()
        report = ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]
        assert factors(model)["OtherNorm"] == [100 * DEP_FACTOR]
        assert hub.requests == []
        assert report.replaced == 3

    def test_and_is_told_with_its_commit(self, config: ks.KernelConfig, model: HubModel) -> None:
        plan = ks.explain(config, model)
        report = ks.kernelize(model, config)
        commit = ks.read_lock(str(config.lockfile)).by_pin[ks.Pin(NORM, 1)].commit
        shown = f"{NORM}@v1:DemoNorm (commit {commit[:12]})"
        for outcome in (plan, report, ks.audit(model, plan)):
            assert shown in str(outcome)
            assert not [problem.code for problem in outcome.diagnostics]

    def test_explain_tells_its_commit(
        self,
        config: ks.KernelConfig,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("COLUMNS", "200")  # no line is folded
        file = tmp_path / "kernels.yaml"
        ks.dump(config, file)
        assert main(["explain", str(file), "--model", f"{HubModel.__module__}:HubModel"]) == 0
        commit = ks.read_lock(str(config.lockfile)).by_pin[ks.Pin(NORM, 1)].commit
        assert f"DemoNorm (commit {commit[:12]})" in capsys.readouterr().out

    def test_under_use_kernel_config(
        self, hub: Hub, config: ks.KernelConfig, model: HubModel
    ) -> None:
        hub.close()
        with ks.use_kernel_config(config):
            kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
        assert factors(model)["OtherNorm"] == [100 * DEP_FACTOR]

    def test_by_the_mapping_that_it_is_lowered_to(
        self, hub: Hub, config: ks.KernelConfig, model: HubModel
    ) -> None:
        hub.close()
        mapping: Any = config.create_compatible_mapping(model)
        with kernels.use_kernel_mapping(mapping, inherit_mapping=False):
            kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
        assert factors(model)["DemoNorm"] == [2, 2]

    def test_though_its_branch_and_that_of_a_dependency_have_moved(
        self, hub: Hub, config: ks.KernelConfig, model: HubModel
    ) -> None:
        hub.move(NORM, "v1", "v2")
        hub.move(DEP, "v1", "next")
        ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]
        assert factors(model)["OtherNorm"] == [100 * DEP_FACTOR]

    def test_in_two_versions_of_one_repository(
        self, hub: Hub, tmp_path: Path, model: HubModel
    ) -> None:
        """The lock of kernels takes the first entry of a repository for both."""
        mapping = {"DemoNorm": f"{NORM}@v1:DemoNorm", "OtherNorm": f"{NORM}@v2:DemoNorm"}
        config = locked(tmp_path, mapping)
        ks.fetch(config)
        ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]
        assert factors(model)["OtherNorm"] == [3]

    def test_whatever_local_kernels_says(
        self, config: ks.KernelConfig, model: HubModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LOCAL_KERNELS", f"{NORM}=/nowhere")
        report = ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]
        (told,) = report.diagnostics
        assert told.code == "local-kernels-override"
        assert told.message.endswith("and the lock wins")

    def test_by_what_fetch_gives_where_no_lock_is_named(self, hub: Hub, model: HubModel) -> None:
        lock = ks.fetch(CONFIG)
        hub.close()
        ks.kernelize(model, CONFIG, lock=lock)
        assert factors(model)["OtherNorm"] == [100 * DEP_FACTOR]

    def test_from_a_cache_that_was_copied_without_links(
        self,
        cache: Path,
        config: ks.KernelConfig,
        model: HubModel,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        copied = cache.with_name("copy")
        shutil.copytree(cache, copied)  # follows links
        assert not [path for path in copied.rglob("*") if path.is_symlink()]
        shutil.rmtree(cache)
        copied.rename(cache)
        ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]

    def test_twice_without_a_second_look(
        self, cache: Path, config: ks.KernelConfig, model: HubModel
    ) -> None:
        """kernels does not load it again: what lies on the disk now is no matter."""
        ks.kernelize(model, config)
        shutil.rmtree(cache)
        ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]


class TestRefused:
    def refused(self, config: ks.KernelConfig, model: HubModel, **options: Any) -> Any:
        with pytest.raises(ks.LockError) as caught:
            ks.kernelize(model, config, **options)
        assert factors(model)["DemoNorm"] == [1, 1]
        return caught

    def test_where_it_is_not_fetched(self, hub: Hub, tmp_path: Path, model: HubModel) -> None:
        config = locked(tmp_path)
        hub.requests.clear()
        caught = self.refused(config, model)
        assert codes(caught) == ["kernel-not-fetched"] * 2
        assert "kernel-schema fetch" in str(caught.value)
        assert hub.requests == []

    def test_where_it_is_told_at_its_line(
        self, hub: Hub, cache: Path, tmp_path: Path, model: HubModel
    ) -> None:
        file = tmp_path / "kernels.yaml"
        file.write_text(
            f"lockfile: k.lock\nkernel_mapping:\n  DemoNorm: {CONFIG['DemoNorm']}\n",
            encoding="utf-8",
        )
        lock = ks.lock({"DemoNorm": CONFIG["DemoNorm"]})
        (tmp_path / "k.lock").write_text(lock.dumps(), encoding="utf-8")
        with pytest.raises(ks.LockError, match=r"kernels\.yaml:3:13: error\[kernel-not-fetched\]"):
            ks.kernelize(model, ks.read(file))

    def test_where_a_file_was_changed(
        self, cache: Path, config: ks.KernelConfig, model: HubModel
    ) -> None:
        layers = folder(cache, config, DEP) / "layers.py"
        layers.write_text(layers.read_text() + "\nTAMPERED = True\n", encoding="utf-8")
        assert codes(self.refused(config, model)) == ["kernel-changed"]
        # Where nobody asked for it, it is not looked at.
        ks.kernelize(model, config, verify=False)

    @pytest.mark.parametrize("name", ["added.py", "layers/__init__.py", "layers.pyc"])
    def test_where_a_file_was_added(
        self, cache: Path, config: ks.KernelConfig, model: HubModel, name: str
    ) -> None:
        added = folder(cache, config, NORM) / name
        added.parent.mkdir(exist_ok=True)
        added.write_text("FACTOR = 6.0\n", encoding="utf-8")
        assert codes(self.refused(config, model)) == ["kernel-changed"]

    def test_where_a_folder_was_linked_in(
        self, cache: Path, tmp_path: Path, config: ks.KernelConfig, model: HubModel
    ) -> None:
        (folder(cache, config, NORM) / "layers").symlink_to(tmp_path)
        assert codes(self.refused(config, model)) == ["kernel-changed"]

    def test_where_it_was_loaded_before(
        self, cache: Path, config: ks.KernelConfig, model: HubModel
    ) -> None:
        kernels.get_local_kernel(folder(cache, config, NORM))
        caught = self.refused(config, model)
        assert codes(caught) == ["kernel-loaded-before"]
        assert "start a new process" in str(caught.value)

    def test_where_its_dependency_was_loaded_before(
        self, cache: Path, config: ks.KernelConfig, model: HubModel
    ) -> None:
        kernels.get_local_kernel(folder(cache, config, DEP))
        assert codes(self.refused(config, model)) == ["kernel-loaded-before"]

    def test_where_the_lock_lacks_it(
        self, hub: Hub, config: ks.KernelConfig, model: HubModel
    ) -> None:
        mapping = {**CONFIG, "DemoNorm": f"{NORM}@v2:DemoNorm"}
        other = ks.KernelConfig(mapping, lockfile=config.lockfile)
        assert codes(self.refused(other, model, ignore=["lock-out-of-step"])) == [
            "lock-out-of-step"
        ]
        assert hub.requests == []
        with pytest.raises(ks.LockError, match="lock-out-of-step"):
            ks.lower(other, device="cpu")
        with pytest.raises(ks.LockError, match="lock-out-of-step"), ks.use_kernel_config(other):
            pass

    def test_where_there_is_no_lock(self, model: HubModel, tmp_path: Path) -> None:
        config = ks.KernelConfig(CONFIG, lockfile=tmp_path / "gone.lock")
        assert codes(self.refused(config, model)) == ["missing-lockfile"]
        (problem,) = ks.check(config)
        assert (problem.code, str(problem.route)) == ("missing-lockfile", "lockfile")


class TestTrust:
    STRANGER = "stranger/norm"

    def entry(self, trust: Any) -> dict[str, Any]:
        return {"kernel": f"{self.STRANGER}:DemoNorm", "trust_remote_code": trust}

    @pytest.mark.parametrize("trust", [True, ["stranger/norm"]])
    def test_is_what_the_config_says(
        self, hub: Hub, tmp_path: Path, model: HubModel, trust: Any
    ) -> None:
        config = locked(tmp_path, {"DemoNorm": self.entry(trust)})
        ks.fetch(config)
        hub.close()
        ks.kernelize(model, config)
        assert factors(model)["DemoNorm"] == [2, 2]

    @pytest.mark.parametrize("trust", [False, ["stranger/other"]])
    def test_is_never_widened_by_a_lock(
        self, hub: Hub, tmp_path: Path, model: HubModel, trust: Any
    ) -> None:
        config = locked(tmp_path, {"DemoNorm": self.entry(trust)})
        ks.fetch(config)
        with pytest.raises(ks.LockError) as caught:
            ks.kernelize(model, config)
        assert codes(caught) == ["untrusted-publisher"]
        with (
            ks.use_kernel_config(config),
            pytest.raises(ks.LockError, match="untrusted-publisher"),
        ):
            kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
