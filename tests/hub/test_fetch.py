"""`fetch`: what it brings, how much it asks for that, and what it repairs or refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.hub import fetch as fetching
from kernel_schema.hub.in_turn import Turn
from kernel_schema.locks import store
from kernel_schema.locks.store import file_id

from .catalog import CUDA_BUILDS, ORG, USES
from .server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Hub

pytestmark = pytest.mark.usefixtures("hub")
NORM = "trusted-org/norm"
THREE = {
    "A": f"{NORM}@v1:DemoNorm",
    "B": f"{USES}@v1:DemoNorm",
    "C": "trusted-org/plain@dev:DemoNorm",
}
CPU = "torch2.13-cpu-x86_64-linux"


@pytest.fixture
def lock(hub: Hub, tmp_path: Path) -> Callable[[Any], ks.KernelConfig]:
    def lock(mapping: Any) -> ks.KernelConfig:
        path = tmp_path / "kernels.yaml.lock"
        path.write_text(ks.lock(mapping).dumps(), encoding="utf-8")
        hub.requests.clear()
        return ks.KernelConfig(mapping, lockfile=path)

    return lock


def builds(cache: Path) -> list[Path]:
    """The folders of builds that are there."""
    return sorted(path.parent for path in cache.glob("*/snapshots/*/build/*/metadata.json"))


def refused(config: Any, **options: Any) -> ks.Diagnostic:
    with pytest.raises((ks.HubError, ks.LockError)) as caught:
        ks.fetch(config, **options)
    problems = {problem.code: problem for problem in caught.value.diagnostics}
    assert len(problems) == 1
    return next(iter(problems.values()))


class TestRequests:
    def test_cold_and_warm(self, hub: Hub, cache: Path, lock: Any) -> None:
        config = lock(THREE)
        assert ks.fetch(config, targets=[CPU]) == ks.read_lock(config.lockfile)
        # Four listings, and two for each of twelve files.
        assert len(hub.asked()) == 28
        assert len(builds(cache)) == 4
        ks.fetch(config, targets=[CPU])
        assert len(hub.asked()) == 28

    def test_takes_nothing_away_that_was_not_there(
        self, cache: Path, lock: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without locks that work it may have been placed meanwhile by another process."""
        taken: list[Path] = []
        unlink = Path.unlink

        def watched(path: Path, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 (as it is there)
            taken.append(path)
            unlink(path, missing_ok=missing_ok)

        monkeypatch.setattr(Path, "unlink", watched)
        ks.fetch(lock(THREE), targets=[CPU])
        assert [path for path in taken if "snapshots" in path.parts] == []
        assert len(builds(cache)) == 4

    def test_of_one_build_of_26(self, hub: Hub, cache: Path, lock: Any) -> None:
        ks.fetch(lock({"A": f"{ORG}/fat:DemoNorm"}), targets=["torch2.13-cu130-x86_64-linux"])
        assert len(hub.asked()) <= 12
        assert [path.name for path in builds(cache)] == ["torch213-cxx11-cu130-x86_64-linux"]

    def test_beside_a_build_of_2600_files(self, hub: Hub, lock: Any) -> None:
        ks.fetch(lock({"A": f"{ORG}/wide:DemoNorm"}), targets=["torch2.10-cpu-x86_64-linux"])
        assert len(hub.asked()) == 7

    def test_of_a_lock_of_26_builds(self, hub: Hub) -> None:
        ks.lock({"A": f"{ORG}/fat:DemoNorm"})
        assert len(hub.asked()) == 5


class TestTargets:
    @pytest.mark.parametrize(
        ("targets", "names"),
        [
            ([CPU], ["torch-cpu"]),
            (["torch2.13-cu130-x86_64-linux"], ["torch-cuda"]),
            ([CPU, "torch2.13-cu130-x86_64-linux"], ["torch-cpu", "torch-cuda"]),
            (["all"], ["torch-cpu", "torch-cuda"]),
        ],
    )
    def test_are_what_is_fetched(
        self, cache: Path, lock: Any, targets: list[str], names: list[str]
    ) -> None:
        ks.fetch(lock({"A": f"{NORM}:DemoNorm"}), targets=targets)
        assert [path.name for path in builds(cache)] == names

    def test_all_26(self, cache: Path, lock: Any) -> None:
        ks.fetch(lock({"A": f"{ORG}/fat:DemoNorm"}), targets=["all"])
        assert len(builds(cache)) == 26

    def test_without_a_build(self, hub: Hub, lock: Any) -> None:
        problem = refused(lock({"A": f"{ORG}/cuda:DemoNorm"}), targets=[CPU])
        assert problem.code == "no-kernel-build"
        assert f"`{CUDA_BUILDS[-2]}` is for" in problem.message
        assert hub.asked() == []

    def test_leave_entries_for_other_devices_aside(self, hub: Hub, cache: Path, lock: Any) -> None:
        entry = {"cuda": f"{ORG}/cuda:DemoNorm", "cpu": f"{NORM}:DemoNorm"}
        ks.fetch(lock({"A": entry}), targets=[CPU])
        assert [path.name for path in builds(cache)] == ["torch-cpu"]

    def test_that_are_none(self, lock: Any) -> None:
        assert refused(lock({"A": f"{NORM}:DemoNorm"}), targets=["cuda"]).code == "unknown-target"

    def test_of_a_plan(self, cache: Path, lock: Any) -> None:
        from torch import nn

        class Norm(nn.Identity):
            kernel_layer_name = "A"

        config = lock(THREE)
        ks.fetch(config, ks.explain(config, Norm(), device="cpu"))
        assert [path.parents[3].name for path in builds(cache)] == ["kernels--trusted-org--norm"]

    def test_of_a_plan_in_which_kernels_are_inherited(self, cache: Path, lock: Any) -> None:
        from kernels import LayerRepository, use_kernel_mapping
        from torch import nn

        class Norm(nn.Identity):
            kernel_layer_name = "A"

        class Other(nn.Identity):
            kernel_layer_name = "Z"

        inherited = LayerRepository("trusted-org/plain", layer_name="DemoNorm", version=1)
        config = lock({"A": f"{NORM}@v1:DemoNorm"})
        with use_kernel_mapping({"Z": {"cpu": inherited}}):
            plan = ks.explain(config, nn.Sequential(Norm(), Other()), device="cpu")
        assert len(plan.layers) == 2
        ks.fetch(config, plan)
        assert [path.parents[3].name for path in builds(cache)] == ["kernels--trusted-org--norm"]


class TestRepair:
    @pytest.fixture
    def config(self, lock: Any) -> ks.KernelConfig:
        config = lock({"A": f"{ORG}/fat:DemoNorm"})
        ks.fetch(config, targets=[CPU])
        return config

    @pytest.fixture
    def folder(self, cache: Path, config: ks.KernelConfig) -> Path:
        return builds(cache)[0]

    def fetched(self, config: ks.KernelConfig) -> fetching.Fetched:
        return fetching.Fetching(config, targets=[CPU]).fetch()

    @pytest.mark.parametrize("name", ["layers.py", "_ops.abi3.so", "metadata.json"])
    def test_of_a_changed_file(
        self, hub: Hub, config: ks.KernelConfig, folder: Path, name: str
    ) -> None:
        right = (folder / name).read_bytes()
        (folder / name).write_bytes(right[:-1] + b"!")
        hub.requests.clear()
        fetched = self.fetched(config)
        assert (folder / name).read_bytes() == right
        assert fetched.files == 1
        assert [name in line for line in fetched.repaired] == [True]
        assert len(hub.asked()) == 3

    def test_of_a_file_that_is_gone(self, config: ks.KernelConfig, folder: Path) -> None:
        (folder / "ops.py").resolve().unlink()  # the link is left
        (folder / "layers.py").unlink()
        assert self.fetched(config).files in {1, 2}
        assert (folder / "ops.py").read_text()
        assert (folder / "layers.py").read_text()

    @pytest.mark.parametrize("name", ["added.py", "layers/__init__.py", "layers.pyc"])
    def test_of_a_file_that_was_added(
        self, config: ks.KernelConfig, folder: Path, name: str
    ) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
        fetched = self.fetched(config)
        assert not (folder / name).exists()
        assert ["did not belong there" in line for line in fetched.repaired] == [True]

    def test_of_a_folder_that_was_linked_in(
        self, config: ks.KernelConfig, folder: Path, tmp_path: Path
    ) -> None:
        (folder / "layers").symlink_to(tmp_path)
        assert len(self.fetched(config).repaired) == 1
        assert tmp_path.is_dir()

    def test_of_a_copy_without_links(
        self, cache: Path, config: ks.KernelConfig, folder: Path
    ) -> None:
        copied = cache.with_name("copy")
        shutil.copytree(cache, copied)
        shutil.rmtree(cache)
        copied.rename(cache)
        assert self.fetched(config).files == 0
        (folder / "layers.py").write_text("FACTOR = 6.0\n", encoding="utf-8")
        assert self.fetched(config).files == 1

    def test_of_the_name_of_a_commit(self, cache: Path, config: ks.KernelConfig) -> None:
        (ref,) = cache.glob("*/refs/v1")
        right = ref.read_bytes()
        ref.write_bytes(b"\xff\xfe")
        self.fetched(config)
        assert ref.read_bytes() == right

    def test_reads_what_is_right_once(
        self, cache: Path, lock: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = lock({"A": f"{NORM}:DemoNorm", "B": f"{ORG}/fat:DemoNorm"})
        ks.fetch(config, targets=[CPU])
        wrong, right = sorted(builds(cache), key=lambda path: "norm" in str(path))
        (wrong / "layers.py").write_text("x", encoding="utf-8")
        read: list[Path] = []

        def counted(path: Path, **how: Any) -> str:
            read.append(path)
            return file_id(path, **how)

        monkeypatch.setattr(store, "file_id", counted)
        assert self.fetched(config).files == 1
        assert sorted(path for path in read if right in path.parents) == sorted(right.iterdir())

    def test_needs_the_hub(self, hub: Hub, config: ks.KernelConfig, folder: Path) -> None:
        (folder / "layers.py").write_text("FACTOR = 6.0\n", encoding="utf-8")
        hub.faults.append(Fault("/tree/", status=400))
        assert refused(config, targets=[CPU]).code == "kernel-changed"


class TestFaults:
    @pytest.mark.parametrize("name", ["layers.py", "_ops.abi3.so"])
    def test_a_transfer_that_was_tampered_with(
        self, hub: Hub, cache: Path, lock: Any, name: str
    ) -> None:
        config = lock({"A": f"{ORG}/fat:DemoNorm"})
        hub.faults.append(Fault(f"GET .*/{name}", tamper=True))
        problem = refused(config, targets=[CPU])
        assert problem.code == "kernel-changed"
        assert name in problem.message
        assert not list(cache.rglob(name))
        hub.faults.clear()
        ks.fetch(config, targets=[CPU])

    def test_a_listing_that_is_not_what_is_locked(
        self, hub: Hub, tmp_path: Path, lock: Any
    ) -> None:
        config = lock({"A": f"{NORM}:DemoNorm"})
        path = Path(str(config.lockfile))
        text = path.read_text()
        commit, other = (
            ks.lock({"A": f"{NORM}@{pin}:L"}).kernels[0].commit for pin in ("v1", "v2")
        )
        path.write_text(text.replace(commit, other), encoding="utf-8")
        assert "the Hub lists other files" in refused(config, targets=[CPU]).message

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("status", "headers"), [(503, {}), (429, {}), (429, {"Retry-After": "1"})]
    )
    def test_a_download_that_fails_once(
        self, hub: Hub, lock: Any, status: int, headers: dict[str, str]
    ) -> None:
        config = lock({"A": f"{NORM}:DemoNorm"})
        hub.faults.append(Fault("/resolve/.*layers", status=status, headers=headers, times=1))
        ks.fetch(config, targets=[CPU])

    def test_a_commit_that_was_deleted(self, hub: Hub, lock: Any) -> None:
        config = lock({"A": f"{NORM}@v1:DemoNorm"})
        commit = hub.catalog.repositories[NORM].branches["v1"].sha
        hub.move(NORM, "v1", "v2")
        hub.forget(NORM, commit)
        problem = refused(config, targets=[CPU])
        assert problem.code == "unknown-kernel-revision"
        assert "take the cache from a machine that has it" in str(problem.help)

    def test_a_lock_that_lacks_a_kernel(self, hub: Hub, lock: Any) -> None:
        config = lock({"A": f"{NORM}@v1:DemoNorm"})
        other = ks.KernelConfig({"A": f"{NORM}@v2:DemoNorm"}, lockfile=config.lockfile)
        assert refused(other, targets=[CPU]).code == "lock-out-of-step"
        assert hub.asked() == []

    def test_a_cache_that_cannot_be_written(self, cache: Path, lock: Any) -> None:
        cache.write_text("a file", encoding="utf-8")
        assert refused(lock({"A": f"{NORM}:DemoNorm"}), targets=[CPU]).code == "cannot-write"

    def test_a_part_of_the_cache_that_cannot_be_written(self, cache: Path, lock: Any) -> None:
        (cache / "kernels--trusted-org--norm").mkdir(parents=True)
        (cache / "kernels--trusted-org--norm" / "blobs").touch()
        assert refused(lock({"A": f"{NORM}:DemoNorm"}), targets=[CPU]).code == "cannot-write"

    def test_metadata_that_are_no_text(self, lock: Any) -> None:
        config = lock({"A": f"{ORG}/torn:DemoNorm"})
        target = CPU.replace("2.13", "2.12")
        assert refused(config, targets=[target]).code == "invalid-kernel-metadata"

    def test_no_torch_to_tell_which_build(self, lock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fetching, "this_machine", lambda: None)
        problem = refused(lock({"A": f"{NORM}:DemoNorm"}))
        assert problem.code == "missing-dependency"
        assert "--target" in str(problem.help)


class TestWithoutALock:
    def test_it_is_resolved(self, hub: Hub, cache: Path) -> None:
        assert ks.fetch(THREE, targets=[CPU]) == ks.lock(THREE)
        assert len(builds(cache)) == 4

    def test_several_processes_are_warned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.warns(UserWarning, match="this config has no lock"):
            ks.fetch({"A": f"{NORM}:DemoNorm"}, targets=[CPU])


class TestTurns:
    """What happens while one waits is shown with several processes: test_processes.py."""

    def test_a_failure_is_told_to_those_who_waited(self, cache: Path) -> None:
        turn = Turn(cache, "x")
        error = ks.HubError([ks.Diagnostic("hub-unreachable", "down", ks.Route(("a", 0)))])

        def fail() -> str:
            raise error

        with pytest.raises(ks.HubError):
            turn.take(lambda: None, fail)
        # Later: it is tried again.
        assert turn.take(lambda: None, lambda: "done") == "done"
        # And to one who had come before: at its first look there is no failure yet.
        looks = iter([None, None])

        def look() -> None:
            if next(looks, 1) is None and not failed:
                failed.append(1)
                with pytest.raises(ks.HubError):
                    Turn(cache, "y").take(lambda: None, fail)

        failed: list[int] = []
        assert Turn(cache, "y").take(lambda: None, lambda: "done") == "done"

    def test_patience_ends(self, cache: Path) -> None:
        from filelock import FileLock

        turn = Turn(cache, "x", patience=0.05)
        (cache / ".locks").mkdir(parents=True)
        with (
            FileLock(cache / ".locks/kernel-schema-x.lock"),
            pytest.raises(ks.HubError, match="another process has been fetching"),
        ):
            turn.take(lambda: None, lambda: "done")


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path, lock: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        lock({"A": f"{NORM}@v1:DemoNorm"})
        file = tmp_path / "kernels.yaml"
        text = f"lockfile: kernels.yaml.lock\nkernel_mapping:\n  A: {NORM}@v1:DemoNorm\n"
        file.write_text(text, encoding="utf-8")
        return file

    def test_says_what_is_here(
        self, file: Path, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fetch", "kernels.yaml", "--target", CPU]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{NORM}@v1 (commit ")
        assert out.endswith("1 build here, 3 files fetched.\n")
        assert main(["fetch", "kernels.yaml", "--target", CPU, "-q"]) == 0
        assert capsys.readouterr().out == ""

    def test_repairs(self, file: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["fetch", "kernels.yaml", "--target", CPU])
        (builds(cache)[0] / "layers.py").write_text("x", encoding="utf-8")
        assert main(["fetch", "kernels.yaml", "--target", CPU]) == 0
        assert "repaired: " in capsys.readouterr().err

    def test_prints_the_variable_of_kernels(
        self, file: Path, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fetch", "kernels.yaml", "--target", CPU, "--print-env"]) == 0
        assert capsys.readouterr().out == f"LOCAL_KERNELS={NORM}={builds(cache)[0]}\n"

    def test_which_takes_one_version_of_a_repository(
        self, file: Path, lock: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mapping = {"A": f"{NORM}@v1:DemoNorm", "B": f"{NORM}@v2:DemoNorm"}
        lock(mapping)
        file.write_text(f"{file.read_text()}  B: {mapping['B']}\n", encoding="utf-8")
        assert main(["fetch", "kernels.yaml", "--target", CPU, "--print-env"]) == 2
        assert "LOCAL_KERNELS takes one version of a repository" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            (Fault("/tree/", status=400), 2),
            (Fault("GET .*layers.py", tamper=True), 1),
        ],
    )
    def test_fails_at_the_place_in_the_file(
        self, file: Path, hub: Hub, capsys: pytest.CaptureFixture[str], fault: Fault, code: int
    ) -> None:
        hub.faults.append(fault)
        assert main(["fetch", "kernels.yaml", "--target", CPU]) == code
        assert "kernels.yaml:3:6: error[" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "options",
        [["--device", "cpu"], ["--target", "cuda"], ["--print-env", *["--target", CPU] * 2]],
    )
    def test_wrong_calls(self, file: Path, options: list[str]) -> None:
        try:
            assert main(["fetch", "kernels.yaml", *options]) == 2
        except SystemExit as end:
            assert end.code == 2  # noqa: PT017 (argparse ends by itself)
