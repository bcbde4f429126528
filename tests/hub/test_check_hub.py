"""`check --hub`: what only the Hub can say, where in the file, and how often it is asked."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.hub import client

from .catalog import CUDA_BUILDS, DEP, ORG, USES, build, repository
from .server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .repository import Repository
    from .server import Hub

NORM = "trusted-org/norm"
GPU = "torch2.13-cu130-x86_64-linux"
CPU = "torch2.13-cpu-x86_64-linux"
QUIET = ("moving-kernel", "newer-kernel-version")


def found(config: Any, **asked: Any) -> list[tuple[str, str, str]]:
    """Severity, code and route of what is found, without what is said of nearly everything."""
    asked = {"targets": [CPU], "ignore": QUIET, **asked}
    problems = ks.check_hub(config, **asked)
    return [(str(each.severity), each.code, str(each.route)[15:]) for each in problems]


def only(config: Any, **asked: Any) -> ks.Diagnostic:
    asked = {"targets": [CPU], "ignore": QUIET, **asked}
    (problem,) = ks.check_hub(config, **asked)
    return problem


@pytest.fixture
def serve(hub: Hub) -> Callable[[Repository], None]:
    """Put a repository on the Hub, or another one in its place."""
    return hub.put


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No waiting; the seconds that would have been waited."""
    waits: list[float] = []
    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=waits.append))
    return waits


class TestFinds:
    def test_nothing_wrong(self, hub: Hub) -> None:
        config = {"A": f"{NORM}@v2:DemoNorm", "B": {"cuda": f"{NORM}@v2:DemoScale"}}
        assert found(config, targets=[CPU, GPU]) == []
        assert found({"A": "original", "B": {"cpu": "original"}}) == []

    @pytest.mark.parametrize(
        ("kernel", "code", "help_text"),
        [
            ("trusted-org/nrom:DemoNorm", "unknown-kernel-repository", None),
            ("person/nothing:DemoNorm", "unknown-kernel-repository", None),
            (f"{NORM}@v9:DemoNorm", "unknown-kernel-version", "did you mean version 2? it has"),
            (f"{NORM}@v0:DemoNorm", "unknown-kernel-version", "did you mean version 1? it has"),
            (f"{NORM}@mian:DemoNorm", "unknown-kernel-revision", "did you mean `main`?"),
            (f"{NORM}@{'0' * 40}:DemoNorm", "unknown-kernel-revision", "it has the branches"),
            (f"{NORM}:DemoNrom", "unknown-kernel-layer", "did you mean `DemoNorm`?"),
            (f"{NORM}:Attention", "unknown-kernel-layer", "it has `DemoNorm`, `DemoScale`"),
            (f"{NORM}@elsewhere:DemoNorm", "no-kernel-build", None),
            (f"{ORG}/gated:DemoNorm", "hub-access", "HF_TOKEN"),
            ("stranger/norm@v2:DemoNorm", "untrusted-publisher", "trust_remote_code: [stranger"),
            ("person/solo:DemoNorm", "untrusted-publisher", "trust_remote_code: [person/solo]"),
        ],
    )
    def test_what_is_wrong(self, hub: Hub, kernel: str, code: str, help_text: str | None) -> None:
        problem = only({"A": kernel})
        assert (problem.code, problem.severity) == (code, "error")
        assert (help_text or "") in (problem.help or "")

    def test_trust(self, hub: Hub) -> None:
        kernel = "stranger/norm@v2:DemoNorm"
        for trust, refused in ((True, 0), (["stranger/norm"], 0), (["stranger/x"], 1)):
            config = {"A": {"kernel": kernel, "trust_remote_code": trust}}
            assert len(found(config)) == refused

    def test_everything_at_once_and_where(self, hub: Hub) -> None:
        text = f"""\
kernel_mapping:
  A: {NORM}@v9:DemoNorm
  B: {{kernel: "{NORM}:DemoNorm", version: 9}}
  C: {{kernel: "{NORM}:DemoNorm", revision: mian, trust_remote_code: true}}
  D:
    cuda:
      - {{min_capability: 80, kernel: "trusted-org/nrom:DemoNorm"}}
    cpu: {{inference: "{NORM}:DemoNrom"}}
"""
        document = ks.loads_document(text, format="yaml")
        problems = ks.check_hub(document, targets=[CPU, GPU], ignore=QUIET)
        assert [
            (each.span and (each.span.line, each.span.column), each.code) for each in problems
        ] == [
            ((2, 6), "unknown-kernel-version"),
            ((3, 53), "unknown-kernel-version"),
            ((4, 54), "unknown-kernel-revision"),
            ((7, 38), "unknown-kernel-repository"),
            ((8, 22), "unknown-kernel-layer"),
        ]

    def test_what_was_meant_can_be_followed(self, hub: Hub, tmp_path: Path) -> None:
        text = f"""\
kernel_mapping:
  A: {NORM}@v9:DemoNorm  # kept
  B: {{kernel: "{NORM}:DemoNorm", version: 9}}
  C: {{kernel: "{NORM}:DemoNorm", revision: mian}}
  D: {{cuda: [{{min_capability: 80, kernel: "trusted-org/nrom@v2:DemoNorm"}}]}}
  E: {NORM}@v2:demo_norm
"""
        file = tmp_path / "kernels.yaml"
        file.write_text(text, encoding="utf-8")
        assert main(["check", "--hub", "--fix", "--target", CPU, str(file)]) == 1
        assert file.read_text() == text  # guesses all
        assert main(["check", "--hub", "--fix", "--unsafe-fixes", "--target", CPU, str(file)]) == 0
        mended = text.replace("@v9", "@v2").replace("version: 9", "version: 2")
        mended = mended.replace("mian", "main").replace("nrom", "norm")
        assert file.read_text() == mended.replace("demo_norm", "DemoNorm")

    def test_another_spelling_of_a_repository(
        self, hub: Hub, serve: Callable[[Repository], None]
    ) -> None:
        files = build(f"{ORG}/layer-norm", "v1", "torch-cpu")
        serve(repository(f"{ORG}/layer-norm", {"v1": files}))
        problem = only({"A": f"{ORG}/layer_norm:DemoNorm"})
        assert problem.help == f"did you mean `{ORG}/layer-norm`?"

    def test_a_repository_of_the_cache_is_meant(self, hub: Hub, cache: Path) -> None:
        (cache / "kernels--trusted-org--norm").mkdir(parents=True)
        assert only({"A": "trustd-org/norm:DemoNorm"}).help == f"did you mean `{NORM}`?"

    def test_what_is_in_the_cache_counts_for_nothing(self, hub: Hub, cache: Path) -> None:
        """It may be what a branch was once: asked is what is on the Hub."""
        config = {"A": f"{NORM}:DemoScale"}
        ks.fetch(config, targets=[CPU])
        (layers,) = cache.rglob("layers.py")
        layers.write_text("from torch import nn\n", encoding="utf-8")
        assert [each.code for each in ks.check(config)] == ["unknown-kernel-layer"]
        assert found(config) == []

    def test_a_valid_part(self, hub: Hub, tmp_path: Path, capsys: Any) -> None:
        file = tmp_path / "kernels.yaml"
        file.write_text(f"kernel_mapping:\n  A: {NORM}@v9:DemoNorm\n  B: 7\n", encoding="utf-8")
        assert main(["check", "--hub", str(file)]) == 1
        out = capsys.readouterr().out
        assert "error[unknown-kernel-version]" in out
        assert "error[invalid-entry]" in out


class TestBuilds:
    def test_for_several_targets(self, hub: Hub) -> None:
        config = {"A": f"{ORG}/cuda:DemoNorm"}
        assert found(config, targets=[GPU]) == []
        assert found(config, targets=[GPU, CPU]) == [("error", "no-kernel-build", "A")]
        aarch64 = "torch2.13-cu130-aarch64-linux"
        problem = only(config, targets=[aarch64])
        assert f"has no build for {aarch64}" in problem.message

    def test_the_nearest_are_told(self, hub: Hub) -> None:
        problem = only({"A": f"{ORG}/fat:DemoNorm"}, targets=["torch2.10-cu128-x86_64-linux"])
        nearest = problem.message.partition(": ")[2].split("; ")
        assert [each.partition("` ")[0] for each in nearest] == [
            f"`torch211-cxx11-{cuda}-x86_64-linux" for cuda in ("cu126", "cu128", "cu129")
        ]

    def test_of_other_devices_only_whether_there_is_any(self, hub: Hub) -> None:
        config = {"A": {"cuda": f"{ORG}/cuda:DemoNorm", "xpu": f"{ORG}/cuda:DemoNorm"}}
        assert found(config, targets=[GPU]) == [("warning", "no-kernel-build", "A.xpu")]

    def test_without_a_target(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, serve: Callable[[Repository], None]
    ) -> None:
        """What this machine lacks is a warning: the config may be for another."""
        from kernel_schema.builds.variants import parse_target
        from kernel_schema.hub import check_hub

        config = {"A": f"{ORG}/cuda:DemoNorm", "B": {"cpu": f"{ORG}/cuda:DemoNorm"}}
        monkeypatch.setattr(check_hub, "this_machine", lambda: parse_target(CPU))
        expected = [("warning", "no-kernel-build", "A"), ("error", "no-kernel-build", "B.cpu")]
        assert found(config, targets=()) == expected
        monkeypatch.setattr(check_hub, "this_machine", lambda: None)
        assert found(config, targets=()) == expected[1:]

    def test_one_of_many_is_read(self, hub: Hub) -> None:
        assert found({"A": {"cuda": f"{ORG}/fat:DemoNorm"}}, targets=()) == []
        assert len(hub.asked()) == 7

    def test_for_a_capability(self, hub: Hub, serve: Callable[[Repository], None]) -> None:
        backend = {"type": "cuda", "archs": ["8.0", "9.0a"]}
        files = build(f"{ORG}/archs", "v1", CUDA_BUILDS[-2], backend=backend)
        serve(repository(f"{ORG}/archs", {"v1": files}))
        kernel = f"{ORG}/archs:DemoNorm"
        for capability, is_built in ((80, True), (89, True), (90, True), (100, False)):
            problems = found({"A": kernel}, targets=[GPU], capability=capability)
            assert problems == [("error", "capability-not-built", "A")] * (not is_built)
        ranges = [
            {"min_capability": 100, "kernel": kernel},
            {"min_capability": 80, "max_capability": 99, "kernel": kernel},
        ]
        assert found({"A": {"cuda": ranges}}, targets=[GPU]) == [
            ("error", "capability-not-built", "A.cuda[0]")
        ]


class TestLayers:
    @pytest.fixture
    def layers(self, serve: Callable[[Repository], None]) -> Callable[..., Any]:
        def layers(text: str, layer_name: str = "Norm", **more: str) -> Any:
            files = build(f"{ORG}/own", "v1", "torch-cpu", layers=text)
            files |= {f"build/torch-cpu/{name}.py": code.encode() for name, code in more.items()}
            serve(repository(f"{ORG}/own", {"v1": files}))
            return {"A": f"{ORG}/own:{layer_name}"}

        return layers

    NORM = """\
from torch import nn

class Norm(nn.Module):
    def forward(self, x):
        return x
"""

    def test_that_kernels_refuses(self, hub: Hub, layers: Callable[..., Any]) -> None:
        config = layers(self.NORM.replace("forward", "__init__"))
        assert found(config) == [("error", "unusable-kernel-layer", "A")]

    def test_that_are_not_told_for_certain(self, hub: Hub, layers: Callable[..., Any]) -> None:
        for text in (f"{self.NORM}Norm = wrapped(Norm)\n", "globals()['Norm'] = made()\n"):
            assert found(layers(text)) == [("warning", "unsure-kernel-layer", "A")]

    def test_modes(self, hub: Hub, layers: Callable[..., Any]) -> None:
        text = self.NORM.replace("    def", "    has_backward = False\n    def")
        (kernel,) = layers(text).values()
        config = {"A": {"training": kernel, "inference": kernel}}
        assert found(config) == [("error", "kernel-without-backward", "A.training")]
        config = {"A": {"inference_torch_compile": kernel}}
        assert found(config) == [("error", "kernel-without-compile", "A.inference_torch_compile")]
        assert found({"A": kernel}, mode="training") == [
            ("warning", "kernel-without-backward", "A")
        ]

    def test_imports_are_followed_for_what_is_asked(
        self, hub: Hub, layers: Callable[..., Any]
    ) -> None:
        text = "from .ops import ops, helper\nfrom .norms import Norm, Scale\n"
        assert found(layers(text, norms=self.NORM, ops="ops = helper = 1\n")) == []
        asked = [each.target for each in hub.asked()]
        assert any(target.endswith("/norms.py") for target in asked)
        assert not any(target.endswith("/ops.py") for target in asked)

    def test_a_model(self, hub: Hub, layers: Callable[..., Any]) -> None:
        nn = pytest.importorskip("torch").nn

        class Model(nn.Module):
            kernel_layer_name = "A"

            def forward(self, x: Any, residual: Any) -> Any:
                return x + residual

        config = layers(self.NORM)
        problems = ks.check_hub(config, model=Model(), targets=[CPU], ignore=QUIET)
        assert [each.code for each in problems] == ["signature-mismatch"]

    def test_no_code_runs(self, hub: Hub, layers: Callable[..., Any], tmp_path: Path) -> None:
        left = tmp_path / "ran"
        assert found(layers(f"open({str(left)!r}, 'w')\n{self.NORM}")) == []
        assert not left.exists()
        assert not any("own" in name for name in sys.modules if name.startswith("_trusted"))

    def test_code_without_end(self, hub: Hub, layers: Callable[..., Any]) -> None:
        """A kernel that imports a thousand modules of its own does not make a thousand requests."""
        names = range(1000)
        text = "".join(f"from .m{index} import *\n" for index in names)
        assert found(layers(text)) == [("warning", "unsure-kernel-layer", "A")]
        assert len(hub.asked()) < 60


class TestDependencies:
    def test_are_asked_about(self, hub: Hub) -> None:
        assert found({"A": f"{USES}:DemoNorm"}) == []
        hub.move(DEP, "v1", None)
        problem = only({"A": f"{USES}:DemoNorm"})
        assert problem.code == "unknown-kernel-version"
        assert problem.message == f"`{DEP}` has no version 1 (`{USES}@v1` depends on it)"

    def test_of_publishers_that_are_not_trusted(
        self, hub: Hub, serve: Callable[[Repository], None]
    ) -> None:
        needs: Any = {"kernel-depends": [{"repo-id": "stranger/norm", "version": 1}]}
        serve(repository(f"{ORG}/own", {"v1": build(f"{ORG}/own", "v1", "torch-cpu", **needs)}))
        kernel = f"{ORG}/own:DemoNorm"
        assert "on which `trusted-org/own@v1` depends" in only({"A": kernel}).message
        config = {"A": {"kernel": kernel, "trust_remote_code": ["stranger/norm"]}}
        assert found(config) == []

    def test_in_a_circle(self, hub: Hub, serve: Callable[[Repository], None]) -> None:
        needs: Any = {"kernel-depends": [{"repo-id": f"{ORG}/own", "version": 1}]}
        serve(repository(f"{ORG}/own", {"v1": build(f"{ORG}/own", "v1", "torch-cpu", **needs)}))
        assert found({"A": f"{ORG}/own:DemoNorm"}) == []


class TestLocked:
    @pytest.fixture
    def config(self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.chdir(tmp_path)
        text = f"lockfile: k.lock\nkernel_mapping: {{A: '{NORM}@v2:DemoNorm'}}\n"
        (tmp_path / "kernels.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "k.lock").write_text(ks.lock({"A": f"{NORM}@v2:DemoNorm"}).dumps())
        return "kernels.yaml"

    def test_nothing_moved(self, config: Any) -> None:
        assert found(config, ignore=()) == []

    def test_the_locked_commit_is_looked_at(
        self, hub: Hub, config: Any, serve: Callable[[Repository], None]
    ) -> None:
        hub.move(NORM, "v2", "elsewhere")
        (problem,) = ks.check_hub(config, targets=[CPU])
        assert (problem.code, problem.severity) == ("kernel-moved", "warning")
        assert "in the lock" in problem.message
        assert f"lock FILE --upgrade {NORM}" in str(problem.help)

    def test_a_version_that_is_gone(self, hub: Hub, config: Any) -> None:
        hub.move(NORM, "v2", None)
        (problem,) = ks.check_hub(config, targets=[CPU])
        assert problem.code == "kernel-moved"
        assert "is gone from the Hub" in problem.message

    def test_a_commit_that_is_gone(self, hub: Hub, config: Any) -> None:
        sha = hub.catalog.repositories[NORM].branches["v2"].sha
        hub.move(NORM, "v2", "v1")
        hub.forget(NORM, sha)
        problem = only(config, ignore=["kernel-moved"])
        assert problem.code == "unknown-kernel-revision"
        assert "it was there when it was locked" in str(problem.help)

    def test_a_repository_that_is_gone(self, hub: Hub, config: Any) -> None:
        hub.drop(NORM)
        problem = only(config)
        assert problem.code == "unknown-kernel-repository"
        assert "it was there when it was locked" in str(problem.help)

    def test_trust_that_was_withdrawn(self, hub: Hub, config: Any) -> None:
        hub.trust("trusted-org", None)
        problem = only(config)
        assert problem.code == "untrusted-publisher"
        assert "any more" in problem.message

    def test_by_kernels_itself(self, hub: Hub, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.chdir(tmp_path)
        lock = ks.lock({"A": f"{NORM}@v2:DemoNorm"})
        commit = lock.kernels[0].commit
        (tmp_path / "new.lock").write_text(lock.as_kernels_lock())
        old = [{"repo_id": NORM, "sha": commit, "variants": {}}]
        (tmp_path / "old.lock").write_text(json.dumps(old))
        (tmp_path / "no.lock").write_text("{}")
        mapping = {
            layer: {"kernel": f"{NORM}:{name}", "lockfile": f"{file}.lock"}
            for layer, name, file in (
                ("A", "DemoNorm", "new"),
                ("B", "DemoNrom", "new"),
                ("C", "DemoNrom", "old"),
                ("D", "DemoNorm", "no"),
                ("E", "DemoNorm", "absent"),
            )
        }
        mapping["F"] = {**mapping["A"], "kernel": f"{ORG}/plain:DemoScale"}
        assert {*found(mapping, ignore=())} == {
            ("error", "missing-lockfile", "E"),
            ("error", "unusable-lockfile", "D"),
            ("error", "unusable-lockfile", "F"),
            ("error", "unknown-kernel-layer", "B.kernel"),
            ("error", "unknown-kernel-layer", "C.kernel"),
        }
        hub.move(NORM, "v2", "v1")
        hub.forget(NORM, commit)
        gone = found({"A": mapping["A"]}, ignore=())
        assert gone == [("error", "unknown-kernel-revision", "A.kernel")]


class TestInherited:
    """What a lock has of what a config inherits: `lock --defaults transformers`."""

    @pytest.fixture
    def config(self, hub: Hub, tmp_path: Path) -> Callable[..., Any]:
        def write(kernel: str, trusted: bool = True) -> str:  # noqa: FBT001, FBT002
            (locked,) = ks.lock({"A": kernel}).kernels
            lock = ks.Lock((replace(locked, trusted_publisher=trusted),), "transformers")
            (tmp_path / "k.lock").write_text(lock.dumps(), encoding="utf-8")
            file = tmp_path / "kernels.yaml"
            file.write_text("lockfile: k.lock\nkernel_mapping: {B: original}\n", encoding="utf-8")
            return str(file)

        return write

    def test_nothing_wrong(self, config: Any, hub: Hub) -> None:
        # A newer version is for whoever it is inherited from; so is a device that it is not for.
        for kernel in (f"{NORM}@v1:DemoNorm", f"{ORG}/cuda:DemoNorm"):
            file = config(kernel)
            hub.requests.clear()
            assert found(file, ignore=()) == []
            assert hub.asked()
        assert found(config("stranger/norm@v2:DemoNorm"), ignore=(), targets=[]) != []
        assert found(config("stranger/norm@v2:DemoNorm", trusted=False), ignore=()) == []

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda hub: hub.drop(NORM), "unknown-kernel-repository"),
            (lambda hub: hub.move(NORM, "v2", "v1"), "kernel-moved"),
            (lambda hub: hub.trust(ORG, None), "untrusted-publisher"),
        ],
    )
    def test_what_is_wrong(self, hub: Hub, config: Any, change: Any, code: str) -> None:
        file = config(f"{NORM}@v2:DemoNorm")
        change(hub)
        problem = only(file)
        assert (problem.code, str(problem.route)) == (code, "inherit_mapping")
        assert "beside `kernel`" not in str(problem.help)

    def test_a_layer_that_is_not_there(self, config: Any) -> None:
        problem = only(config(f"{NORM}@v2:DemoNrom"))
        assert (problem.code, str(problem.route)) == ("unknown-kernel-layer", "inherit_mapping")

    def test_of_which_kernel_it_is(self, hub: Hub, serve: Any, config: Any) -> None:
        files = build(f"{ORG}/odd", "v1", "torch-cpu", name="Odd_Name")
        serve(repository(f"{ORG}/odd", {"v1": files}))
        problem = only(config(f"{ORG}/odd:DemoNorm"))
        assert problem.code == "invalid-kernel-metadata"
        assert problem.message.startswith(f"`{ORG}/odd@v1`: ")


class TestRequests:
    def test_of_a_good_config(self, hub: Hub) -> None:
        """Three repositories, four entries: three and four files each, one publisher."""
        config = {
            "A": f"{NORM}@v2:DemoNorm",
            "B": f"{NORM}@v2:DemoScale",
            "C": f"{ORG}/fat:DemoNorm",
            "D": f"{DEP}:DemoNorm",
        }
        assert found(config) == []
        assert len(hub.asked()) == 3 * 6 + 1
        assert len(set(map(str, hub.asked()))) == len(hub.asked())

    def test_of_two_targets(self, hub: Hub) -> None:
        assert found({"A": f"{NORM}@v2:DemoNorm"}, targets=[CPU, GPU]) == []
        assert len(hub.asked()) == 3 + 2 * 4

    def test_of_many_entries(self, hub: Hub) -> None:
        config = {f"L{index}": f"{NORM}@v2:DemoNorm" for index in range(100)}
        assert found(config) == []
        assert len(hub.asked()) == 7

    def test_of_many_files(self, hub: Hub, tmp_path: Path, capsys: Any) -> None:
        for index in range(5):
            text = f"kernel_mapping: {{L{index}: '{NORM}@v2:DemoNorm'}}\n"
            (tmp_path / f"{index}.kernels.yaml").write_text(text, encoding="utf-8")
        assert main(["check", "--hub", "--target", CPU, str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert "found 5 warnings" in out  # moving-kernel, once a file
        assert len(hub.asked()) == 7

    def test_of_a_config_without_the_hub(self, hub: Hub) -> None:
        assert found({"A": "original", "B": {"cuda": "original"}}) == []
        assert hub.requests == []


class TestSilence:
    """Nobody answers: told as what it is, and with another exit code than what is wrong."""

    @pytest.fixture
    def run(
        self, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], at_once: list[float]
    ) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
        file = tmp_path / "kernels.yaml"
        text = f"kernel_mapping:\n  A: {NORM}@v2:DemoNorm\n  B: {ORG}/fat:DemoNorm\n  C: ./no:L\n"
        file.write_text(text, encoding="utf-8")

        def run(*options: str) -> tuple[int, list[dict[str, Any]]]:
            code = main(
                ["check", "--hub", "--target", CPU, str(file), "--output-format", "json", *options]
            )
            return code, json.loads(capsys.readouterr().out)["diagnostics"]

        return run

    def test_503(self, hub: Hub, run: Callable[..., Any], at_once: list[float]) -> None:
        hub.faults.append(Fault("/overview", status=503))
        code, problems = run()
        assert code == 2
        codes = [each["code"] for each in problems]
        assert codes.count("hub-unreachable") == 1
        # What is wrong beside it is told as well; nobody is said to be untrusted.
        assert "missing-local-kernel" in codes
        assert "untrusted-publisher" not in codes
        (problem,) = (each for each in problems if each["code"] == "hub-unreachable")
        assert "answered 503 for `trusted-org`" in problem["message"]
        assert "trust_remote_code" not in str(problems)
        assert "leave `--hub` out" in problem["help"]
        assert problem["line"] in {2, 3}
        assert len(hub.asked()) < 30

    def test_one_503_is_none(self, hub: Hub, run: Callable[..., Any]) -> None:
        hub.faults.append(Fault("", status=503, times=3))
        assert [each["code"] for each in run()[1] if each["severity"] == "error"] == [
            "missing-local-kernel"
        ]

    def test_too_many_requests(
        self, hub: Hub, run: Callable[..., Any], at_once: list[float]
    ) -> None:
        hub.faults.append(Fault("/refs", status=429, headers={"Retry-After": "3600"}))
        code, problems = run()
        assert code == 2
        (problem,) = (each for each in problems if each["code"] == "hub-unreachable")
        assert "asks to wait for 3600 s" in problem["message"]
        assert "HF_TOKEN" in problem["help"]
        assert at_once == []

    def test_no_network(self, hub: Hub, run: Callable[..., Any]) -> None:
        hub.close()
        code, problems = run()
        assert (code, [each["code"] for each in problems].count("hub-unreachable")) == (2, 1)

    def test_offline(self, hub: Hub, run: Callable[..., Any], monkeypatch: Any) -> None:
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        code, problems = run()
        assert code == 2
        (problem,) = (each for each in problems if each["code"] == "hub-unreachable")
        assert problem["help"].startswith("unset it, or leave `--hub` out")

    def test_as_a_warning(self, hub: Hub, run: Callable[..., Any]) -> None:
        """For hooks on a train: it is a finding like any other."""
        hub.close()
        off = ("--off", "missing-local-kernel")
        assert run(*off, "--warn", "hub-unreachable")[0] == 0
        assert run(*off, "--ignore", "hub-unreachable") == (0, [])
        assert run("--exit-zero")[0] == 2

    def test_slow(self, hub: Hub, run: Callable[..., Any]) -> None:
        hub.faults.append(Fault("/refs", delay=0.3))
        assert run("--off", "missing-local-kernel")[0] == 0

    def test_what_is_not_the_hub(self, hub: Hub, run: Callable[..., Any]) -> None:
        hub.faults.append(Fault("/tree/", status=200))
        code, problems = run()
        assert code == 2
        assert "is not the Hub" in str(problems)

    def test_without_huggingface_hub(
        self, run: Callable[..., Any], monkeypatch: Any, tmp_path: Path, capsys: Any
    ) -> None:
        monkeypatch.setitem(sys.modules, "huggingface_hub.constants", None)
        assert main(["check", "--hub", str(tmp_path / "kernels.yaml")]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "pip install 'kernel-schema[hub]'" in captured.err

    def test_each_question_is_asked_so_often(self, hub: Hub, at_once: list[float]) -> None:
        hub.faults.append(Fault("/refs", status=503))
        problem = only({"A": f"{NORM}@v2:DemoNorm"})
        assert problem.code == "hub-unreachable"
        assert len(hub.asked()) == client.TRIES


class TestRenamed:
    def test_repositories_are_found(self, hub: Hub) -> None:
        assert found({"A": "org/old@v2:Norm"}) == []

    def test_in_a_circle(self, hub: Hub, at_once: list[float]) -> None:
        assert only({"A": "org/round@v2:Norm"}).code == "hub-unreachable"


class TestAsAnyOtherFinding:
    @pytest.fixture
    def file(self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        file = tmp_path / "kernels.yaml"
        file.write_text(f"kernel_mapping:\n  A: {NORM}@v1:DemoNorm\n", encoding="utf-8")
        return file

    @pytest.mark.parametrize("output", ["text", "concise", "json", "github", "sarif"])
    def test_every_output(self, file: Path, output: str, capsys: Any) -> None:
        assert main(["check", "--hub", "--target", CPU, "--output-format", output]) == 0
        out = capsys.readouterr().out
        assert "newer-kernel-version" in out
        assert "moving-kernel" in out

    @pytest.mark.parametrize(
        ("options", "code", "told"),
        [
            (["--select", "moving-*"], 0, ["moving-kernel"]),
            (["--ignore", "moving-kernel"], 0, ["newer-kernel-version"]),
            (["--error", "newer-kernel-version"], 1, ["newer-kernel-version", "moving-kernel"]),
            (["--strict"], 1, ["newer-kernel-version", "moving-kernel"]),
            (["--strict", "--off", "*-kernel*"], 0, []),
        ],
    )
    def test_what_options_say(
        self, file: Path, options: Sequence[str], code: int, told: list[str], capsys: Any
    ) -> None:
        words = ["check", "--hub", "--target", CPU, "--output-format", "json", *options]
        assert main(words) == code
        out = json.loads(capsys.readouterr().out)
        assert [each["code"] for each in out["diagnostics"]] == told

    def test_comments(self, file: Path, capsys: Any) -> None:
        comment = "  # kernel-schema: ignore[moving-kernel, newer-kernel-version]\n"
        file.write_text(file.read_text().rstrip() + comment, encoding="utf-8")
        for hub in ([], ["--hub"]):  # unasked is not unused
            assert main(["check", "-q", "--target", CPU, *hub]) == 0
            assert capsys.readouterr().out == ""
        file.write_text(file.read_text().replace("v1", "v2"), encoding="utf-8")
        assert main(["check", "--hub", "--target", CPU]) == 0
        assert "nothing in line 2 is `newer-kernel-version`" in capsys.readouterr().out

    def test_standard_input(self, hub: Hub, capsys: Any, monkeypatch: Any) -> None:
        import io

        text = io.TextIOWrapper(io.BytesIO(f"kernel_mapping: {{A: '{NORM}@v9:X'}}".encode()))
        monkeypatch.setattr(sys, "stdin", text)
        assert main(["check", "--hub", "--format", "yaml", "-"]) == 1
        assert "unknown-kernel-version" in capsys.readouterr().out


def test_python_packages_are_those_of_kernels() -> None:
    from importlib.resources import files

    from kernel_schema.builds.metadata import PYTHON_PACKAGES

    pytest.importorskip("kernels")
    stated = json.loads(files("kernels").joinpath("python_depends.json").read_text())
    groups = [stated["general"], *stated["backends"].values()]
    theirs = {name: each["python"] for group in groups for name, each in group.items()}
    assert theirs == {
        name: [{"pkg": package, **({"import": module} if module else {})}]
        for name, (package, module) in PYTHON_PACKAGES.items()
    }
