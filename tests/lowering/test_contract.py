"""What kernels will say of a kernel, told before its code runs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.toys import Norm, make_model

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = (
    KernelLayer("Good", "3 * x * self.weight", can_torch_compile=True),
    KernelLayer("NoBackward", "x", has_backward=False),
    KernelLayer("OfTwo", "x * y", arguments="x, y"),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_kernel_repository(tmp_path / "norm", LAYERS, backends=["cpu"])


def check(entry: Any, model: nn.Module | None = None, **options: Any) -> list[tuple[str, str]]:
    found = ks.check(ks.KernelConfig({"Norm": entry}), model, **options)
    return [(one.code, one.severity.value) for one in found]


def build(repository: Path) -> Path:
    [folder] = (repository / "build").iterdir()
    return folder


def restate(repository: Path, **fields: Any) -> None:
    file = build(repository) / "metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


class TestWhere:
    """Every layout that kernels takes is read, and nothing else is asked for."""

    @pytest.mark.parametrize("below", ["", "build", "build/torch-cpu"])
    def test_layouts(self, repository: Path, below: str) -> None:
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository / below, "Good")})
        model = nn.Sequential(Norm())
        assert ks.check(config, model) == ()
        assert ks.kernelize(model, config).replaced == 1
        assert check(ks.LocalRef(repository / below, "Goood")) == [
            ("unknown-kernel-layer", "error")
        ]

    def test_a_flat_folder(self, repository: Path, tmp_path: Path) -> None:
        flat = tmp_path / "flat"
        shutil.copytree(build(repository), flat)
        restate_flat = json.loads((flat / "metadata.json").read_text()) | {"id": "_flat"}
        (flat / "metadata.json").write_text(json.dumps(restate_flat))
        model = nn.Sequential(Norm())
        report = ks.kernelize(model, ks.KernelConfig({"Norm": ks.LocalRef(flat, "Good")}))
        assert report.replaced == 1
        assert check(ks.LocalRef(flat, "Other")) == [("unknown-kernel-layer", "error")]

    def test_an_empty_build(self, tmp_path: Path) -> None:
        (tmp_path / "norm/build").mkdir(parents=True)
        assert check(ks.LocalRef(tmp_path / "norm", "Good")) == [("no-kernel-build", "error")]

    def test_nothing_that_is_a_build(self, tmp_path: Path) -> None:
        (tmp_path / "norm/build/docs").mkdir(parents=True)
        assert check(ks.LocalRef(tmp_path / "norm", "Good")) == [("no-kernel-build", "error")]

    def test_in_the_cache_of_the_hub(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KERNELS_CACHE", str(tmp_path / "hub"))
        stored = tmp_path / "hub/kernels--org--norm"
        commit = "0123456789abcdef0123456789abcdef01234567"
        (stored / "refs").mkdir(parents=True)
        (stored / "refs/v1").write_text(commit)
        shutil.copytree(repository, stored / "snapshots" / commit)
        for pin in ("", "@v1", f"@{commit}"):
            [(code, severity)] = check(f"org/norm{pin}:Goood")
            assert (code, severity) == ("unknown-kernel-layer", "error")
            assert check(f"org/norm{pin}:Good") == []
        for pin in ("@v2", "@main", f"@{'1' * 40}", "@x/../v1"):
            assert check(f"org/norm{pin}:Goood") == []
        assert check({"cuda": "org/norm:Goood"}) == [("no-kernel-build", "error")]


class TestDevice:
    """An error where an entry is meant for the device in question, else a warning."""

    def test_without_a_model_an_entry_is_judged_for_its_own_device(self, repository: Path) -> None:
        kernel = ks.LocalRef(repository, "Good")
        assert check(kernel) == check({"cpu": kernel}) == []
        assert check({"cuda": kernel}) == [("no-kernel-build", "error")]

    def test_a_stated_device(self, repository: Path) -> None:
        kernel = ks.LocalRef(repository, "Good")
        assert check({"cuda": kernel}, device="cpu") == [("no-kernel-build", "warning")]
        assert check({"cuda": kernel}, device="cuda") == [("no-kernel-build", "error")]
        assert check(kernel, device="cuda") == [("no-kernel-build", "error")]

    def test_a_model(self, repository: Path) -> None:
        missing = ks.LocalRef(repository, "Missing")
        assert check({"cpu": missing}, make_model()) == [("unknown-kernel-layer", "error")]
        found = check({"cuda": ks.LocalRef(repository, "Good")}, make_model())
        assert ("no-kernel-build", "warning") in found

    def test_a_model_that_will_run_elsewhere(self, tmp_path: Path) -> None:
        """A torch for the CPU says nothing of the machine with the GPU that is stated."""
        layers = (KernelLayer("Good", "x"),)
        gpu = write_kernel_repository(tmp_path / "gpu", layers, backends=["cuda"])
        model = nn.Sequential(Norm())
        assert check(ks.LocalRef(gpu, "Good"), model, device="cuda") == []
        assert check(ks.LocalRef(gpu, "Good"), model) == [("no-kernel-build", "error")]

    @pytest.mark.parametrize("target", ["torch2.13-cu130-x86_64-linux", "torch2.13-cu130"])
    def test_a_target(self, tmp_path: Path, target: str) -> None:
        layers = (KernelLayer("Good", "x"),)
        repository = write_kernel_repository(tmp_path / "gpu", layers, backends=["cuda"])
        compiled = repository / "build/torch212-cxx11-cu130-x86_64-linux"
        (repository / "build/torch-cuda").rename(compiled)
        kernel = ks.LocalRef(repository, "Good")
        found = ks.check(ks.KernelConfig({"Norm": kernel}), target=target)
        [problem] = [one for one in found if "x86_64" in target or one]
        assert (problem.code, problem.severity) == ("no-kernel-build", ks.Severity.ERROR)
        assert "`torch212-cxx11-cu130-x86_64-linux` is for torch 2.12" in problem.message
        assert check(kernel, target="torch2.12-cu131-x86_64-linux") == []
        assert check(kernel, target="torch2.12-cu126-x86_64-linux") == [
            ("no-kernel-build", "error")
        ]

    def test_a_wrong_target(self) -> None:
        with pytest.raises(ks.LoweringError, match="unknown-target"):
            check("org/repo:L", target="cuda")

    def test_architectures(self, tmp_path: Path) -> None:
        repository = write_kernel_repository(
            tmp_path / "gpu", (KernelLayer("Good", "x"),), backends=["cuda"]
        )
        restate(repository, backend={"type": "cuda", "archs": ["8.0", "9.0a"]})
        kernel = ks.LocalRef(repository, "Good")
        not_built = [("capability-not-built", "error")]
        assert check(kernel, device="cuda", capability=100) == not_built
        assert check(kernel, device="cuda", capability=90) == []
        assert check(kernel, device="cuda") == []
        ranges = {"cuda": [{"min_capability": 80, "max_capability": 90, "kernel": kernel}]}
        assert check(ranges, device="cuda", capability=100) == [("capability-not-built", "warning")]
        assert check(ranges) == []
        # Without a GPU that is stated: no code for any of the range.
        ranges["cuda"][0] = {"min_capability": 100, "kernel": kernel}
        assert check(ranges) == not_built


class TestModes:
    def test_a_mode_that_is_named(self, repository: Path) -> None:
        kernel = ks.LocalRef(repository, "NoBackward")
        both = [("kernel-without-backward", "error"), ("kernel-without-compile", "error")]
        assert check({"training": kernel}) == both[:1]
        assert check({"training_torch_compile": kernel}) == both
        assert check({"inference": kernel}) == check({"fallback": kernel}) == []

    def test_an_entry_that_falls_back(self, repository: Path) -> None:
        kernel = ks.LocalRef(repository, "NoBackward")
        warning = [("kernel-without-backward", "warning")]
        model = nn.Sequential(Norm()).train()
        assert check(kernel, model) == check(kernel, mode="training") == warning
        assert check(kernel, model.eval()) == check(kernel) == []
        report = ks.kernelize(model.train(), ks.KernelConfig({"Norm": kernel}), strict=False)
        assert report.replaced == 0
        assert [one.code for one in report.diagnostics] == ["kernel-without-backward"]


class TestSignature:
    def test_every_class_of_a_name_is_compared(self, repository: Path) -> None:
        class Wide(Norm):
            def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
                return x * y

        found = check(ks.LocalRef(repository, "Good"), nn.Sequential(Norm(), Wide()))
        assert ("signature-mismatch", "error") in found
        found = check(ks.LocalRef(repository, "OfTwo"), nn.Sequential(Norm()))
        assert found == [("signature-mismatch", "error")]

    def test_the_message_shows_the_kinds(self, tmp_path: Path) -> None:
        class Scaled(Norm):
            def forward(self, x: torch.Tensor, *, scale: float = 1) -> torch.Tensor:
                return x * scale

        layers = (KernelLayer("OfTwo", "x * scale", arguments="x, scale"),)
        repository = write_kernel_repository(tmp_path / "kinds", layers, backends=["cpu"])
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository, "OfTwo")})
        [found] = ks.check(config, nn.Sequential(Scaled()), select=["signature-mismatch"])
        assert "takes `(x, scale)`, that of `Scaled` takes `(x, *, scale)`" in found.message


class TestMetadata:
    def test_all_mistakes_at_once(self, repository: Path) -> None:
        restate(repository, name="Bad_Name", version="1", backend={"type": "gpu"})
        found = ks.check(ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")}))
        assert [one.code for one in found] == ["invalid-kernel-metadata"] * 3
        assert all("torch-cpu/metadata.json`" in one.message for one in found)

    def test_one_that_is_not_there(self, repository: Path) -> None:
        (build(repository) / "metadata.json").unlink()
        assert check(ks.LocalRef(repository, "Good")) == [("invalid-kernel-metadata", "error")]


class TestSameId:
    def test_a_copy(self, repository: Path, tmp_path: Path) -> None:
        shutil.copytree(repository, tmp_path / "norm_v2")
        config = ks.KernelConfig(
            {
                "Norm": ks.LocalRef(repository, "Good"),
                "LateNorm": ks.LocalRef(tmp_path / "norm_v2", "Good"),
            }
        )
        model = make_model()
        with pytest.raises(ks.ModelCheckError) as caught:
            ks.kernelize(model, config)
        [problem] = caught.value.diagnostics
        assert problem.code == "same-kernel-id"
        assert "norm_v2`" in problem.message
        assert f"{repository}/build/torch-cpu" in problem.message
        assert problem.help is not None
        assert "change `id`" in problem.help
        assert ks.audit(model).replaced == 0

    def test_loaded_earlier(self, repository: Path, tmp_path: Path) -> None:
        ks.kernelize(make_model(), ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")}))
        shutil.copytree(repository, tmp_path / "copy")
        copy = ks.KernelConfig({"Norm": ks.LocalRef(tmp_path / "copy", "Good")})
        with pytest.raises(ks.ModelCheckError, match="same-kernel-id"):
            ks.kernelize(make_model(), copy)

    def test_loaded_by_kernels_itself(self, repository: Path, tmp_path: Path) -> None:
        kernels.LocalLayerRepository(repository, layer_name="Good").load()
        shutil.copytree(repository, tmp_path / "copy")
        copy = ks.LocalRef(tmp_path / "copy", "Good")
        assert check(copy) == [("same-kernel-id", "error")]

    def test_one_repository_by_two_paths(self, repository: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(repository)
        config = ks.KernelConfig(
            {
                "Norm": ks.LocalRef(repository, "Good"),
                "LateNorm": ks.LocalRef(tmp_path / "link", "Good"),
            }
        )
        assert ks.check(config, make_model()) == ()

    def test_a_repository_with_a_folder_for_its_module(self, repository: Path) -> None:
        """The layout of older builds: what is loaded lies one folder below the build."""
        inner = build(repository) / "test_kernel"
        inner.mkdir()
        for file in build(repository).glob("*.py"):
            file.rename(inner / file.name)
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")})
        for _ in range(2):
            assert ks.kernelize(nn.Sequential(Norm()), config).diagnostics == ()

    def test_files_that_are_links(self, repository: Path, tmp_path: Path) -> None:
        """As in the cache of the Hub, where each file is a link to one of another name."""
        for number, file in enumerate(list(build(repository).iterdir())):
            file.symlink_to(file.rename(tmp_path / f"blob{number}"))
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")})
        for _ in range(2):
            assert ks.kernelize(nn.Sequential(Norm()), config).diagnostics == ()
        layers = build(repository) / "layers.py"
        layers.write_text(f"{layers.read_text()}# edited\n")
        assert check(config.kernel_mapping["Norm"]) == [("kernel-changed-since-load", "warning")]


class TestChanged:
    def test_an_edit(self, repository: Path) -> None:
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")})
        model = nn.Sequential(Norm())
        assert ks.kernelize(model, config).diagnostics == ()
        layers = build(repository) / "layers.py"
        layers.write_text(layers.read_text().replace("3 *", "5 *"))
        report = ks.kernelize(model, config)
        assert [one.code for one in report.diagnostics] == ["kernel-changed-since-load"]
        assert "layers.py` was changed" in report.diagnostics[0].message
        assert model(torch.ones(4)).tolist() == [3] * 4

    def test_a_file_that_broke(self, repository: Path) -> None:
        config = ks.KernelConfig({"Norm": ks.LocalRef(repository, "Good")})
        ks.kernelize(nn.Sequential(Norm()), config)
        (build(repository) / "layers.py").write_text("class")
        with pytest.raises(ks.ModelCheckError, match="it is not Python"):
            ks.kernelize(nn.Sequential(Norm()), config)


def test_a_function_is_told_from_a_layer(tmp_path: Path) -> None:
    layers = (KernelLayer("Silu", "x"),)
    repository = write_kernel_repository(tmp_path / "act", layers, backends=["cpu"])
    init = build(repository) / "__init__.py"
    init.write_text(f"{init.read_text()}\ndef silu(x):\n    return x\n")
    [found] = ks.check(ks.KernelConfig({"SiLU": ks.LocalRef(repository, "silu")}))
    assert "has a function `silu`, and no such layer" in found.message
    [found] = ks.check(ks.KernelConfig({"SiLU": ks.LocalRef(repository, "SiLU")}))
    assert found.help == "did you mean `Silu`? it has `Silu`"
