"""What `as_transformers` refuses, when, and what is left behind: nothing."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from tests.integrations.conftest import NORMS
from tests.integrations.test_adapter import run
from tests.kernel_repos import KernelLayer, write_kernel_repository

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
accelerate = pytest.importorskip("accelerate")

if TYPE_CHECKING:
    from tests.integrations.conftest import Calls, Kernel

pytestmark = pytest.mark.usefixtures("nothing_inherited")

ROOT = Path(__file__).parents[2]
PARTS = ("embed_tokens", "layers.0", "layers.1", "norm", "rotary_emb")
DEVICE_MAP = {"lm_head": "cpu", **dict.fromkeys((f"model.{part}" for part in PARTS), "cpu")}


def refused(error: type[ks.KernelSchemaError], code: str, call: Any) -> ks.Diagnostic:
    with pytest.raises(error) as caught:
        call()
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == code
    return diagnostic


class TestTypos:
    def test_are_told_before_kernel_code_runs(self, load: Any, tmp_path: Path) -> None:
        code = f"open({str(tmp_path / 'ran')!r}, 'w')"
        repository = write_kernel_repository(tmp_path / "kernels", code)
        config = tmp_path / "kernels.yaml"
        text = f"kernel_mapping:\n  RMSNorm: {repository}:Norm\n  SiLu: {repository}:Act\n"
        config.write_text(text, encoding="utf-8")
        adapter = ks.as_transformers(config, ignore=["unknown-kernel-layer"])
        typo = refused(ks.ModelCheckError, "unregistered-layer", lambda: load(adapter))
        assert typo.place == f"{config}:3:3"
        assert str(typo.help).startswith("did you mean `SiLU`?")
        assert not (tmp_path / "ran").exists()

    def test_select_and_ignore_speak_of_checks(
        self, load: Any, calls: Calls, kernel: Kernel
    ) -> None:
        mapping = {"RMSNorm": kernel("Norm"), "SiLu": kernel("Act")}
        choices: Any = ({"ignore": ["unregistered-layer"]}, {"select": ["data-parallel"]})
        for options in choices:
            model = load(ks.as_transformers(mapping, **options))
            assert calls(run(model)) == ["Norm"] * NORMS

    @pytest.mark.parametrize("options", [{"ignore": ["missing-local-kernel"]}, {"select": []}])
    def test_what_makes_it_impossible_is_raised(
        self, load: Any, tmp_path: Path, options: Any
    ) -> None:
        adapter = ks.as_transformers({"RMSNorm": str(tmp_path / "gone:Norm")}, **options)
        failed = refused(ks.KernelNotAppliedError, "kernel-load-failed", lambda: load(adapter))
        assert "FileNotFoundError" in failed.message


class TestRejected:
    """A config that is refused is not left on a model; one that was applied before is."""

    @pytest.fixture
    def bad(self, tmp_path: Path) -> Any:
        repository = write_kernel_repository(tmp_path / "raises", "raise RuntimeError('broken')")
        return {
            "checked": ks.as_transformers({"RMSNrom": "org/repo:L"}),
            "loading": ks.as_transformers(
                {"RMSNorm": str(ks.LocalRef(repository, "Norm"))}, select=[]
            ),
        }

    @pytest.mark.parametrize("when", ["checked", "loading"])
    def test_by_a_new_model(self, load: Any, calls: Calls, bad: Any, when: str) -> None:
        model = load()
        with pytest.raises(ks.KernelSchemaError):
            model.set_use_kernels(use_kernels=True, kernel_config=bad[when])
        assert (model.kernel_config, model.use_kernels) == (None, False)
        assert ks.audit(model).replaced == 0

    @pytest.mark.parametrize("when", ["checked", "loading"])
    def test_by_one_that_has_another(
        self, load: Any, calls: Calls, kernel: Kernel, bad: Any, when: str
    ) -> None:
        entry = {"cpu": {"training": kernel("Norm"), "inference": kernel("Other")}}
        model = load(ks.as_transformers({"RMSNorm": entry}))
        before = model.kernel_config
        with pytest.raises(ks.KernelSchemaError):
            model.set_use_kernels(use_kernels=True, kernel_config=bad[when])
        assert model.kernel_config is before
        assert calls(run(model)) == ["Other"] * NORMS
        assert calls(run(model.train())) == ["Norm"] * NORMS

    def test_by_one_that_has_one_of_transformers(
        self, load: Any, calls: Calls, kernel: Kernel, bad: Any
    ) -> None:
        """Its kernels run on; itself is gone, since transformers lets go of it before it asks."""
        mapping: Any = ks.lower({"RMSNorm": kernel("Norm")}, device="cpu")
        model = load()
        model.kernel_config = theirs = transformers.KernelConfig(mapping)
        model.use_kernels = True
        with pytest.raises(ks.KernelSchemaError):
            model.set_use_kernels(use_kernels=True, kernel_config=bad["checked"])
        assert model.kernel_config is None
        assert calls(run(model)) == ["Norm"] * NORMS
        model.set_use_kernels(use_kernels=True, kernel_config=ks.as_transformers(theirs))
        assert calls(run(model.train())) == ["Norm"] * NORMS

    def test_checking_alone_changes_nothing(self, load: Any, kernel: Kernel) -> None:
        model = load()
        model.kernel_config = theirs = transformers.KernelConfig()
        ks.as_transformers({"RMSNorm": kernel("Norm")}).sanitize_kernel_mapping(model)
        assert model.kernel_config is theirs


class TestMissing:
    """transformers keeps the model's own forward where a kernel is missing, and says nothing."""

    def test_a_path(self, load: Any, tmp_path: Path) -> None:
        adapter = ks.as_transformers({"RMSNorm": {"cpu": str(tmp_path / "gone:Norm")}})
        refused(ks.ModelCheckError, "missing-local-kernel", lambda: load(adapter))

    def test_a_build(self, load: Any, tmp_path: Path) -> None:
        layers = [KernelLayer("Norm", "hidden_states", arguments="hidden_states")]
        repository = write_kernel_repository(tmp_path / "cuda", layers, backends=["rocm"])
        mapping = {"RMSNorm": {"cpu": ks.LocalRef(repository, "Norm")}}
        refused(ks.ModelCheckError, "no-kernel-build", lambda: load(ks.as_transformers(mapping)))
        unchecked = ks.as_transformers(mapping, select=[])
        failed = refused(ks.KernelNotAppliedError, "kernel-load-failed", lambda: load(unchecked))
        assert failed.help == "build the kernel for this device and torch version"

    @pytest.mark.parametrize("select", [None, []])
    def test_at_train(
        self, load: Any, calls: Calls, kernel: Kernel, tmp_path: Path, select: list[str] | None
    ) -> None:
        """The kernels of before stay in place, all of them."""
        layers = [KernelLayer("Late", "hidden_states", arguments="hidden_states")]
        repository = write_kernel_repository(tmp_path / "late", layers)
        late = ks.LocalRef(repository, "Late")
        entry = {"cpu": {"training": late, "inference": kernel("Norm")}}
        model = load(ks.as_transformers({"RMSNorm": entry}, select=select))
        (repository / "build").rename(tmp_path / "elsewhere")
        with pytest.raises(ks.KernelSchemaError) as caught:
            model.train()
        code = "missing-local-kernel" if select is None else "kernel-load-failed"
        assert [each.code for each in caught.value.diagnostics] == [code]
        assert calls(run(model)) == ["Norm"] * NORMS
        (tmp_path / "elsewhere").rename(repository / "build")
        assert calls(run(model.eval())) == ["Norm"] * NORMS


class TestStrict:
    def test_no_backward_in_training(
        self, load: Any, calls: Calls, kernel: Kernel, caplog: pytest.LogCaptureFixture
    ) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("NoBackward")}))
        assert calls(run(model)) == ["NoBackward"] * NORMS
        refused(ks.KernelNotAppliedError, "kernel-not-applied", model.train)
        lenient = load(ks.as_transformers({"RMSNorm": kernel("NoBackward")}, strict=False))
        for _ in range(2):
            assert calls(run(lenient.train())) == []
            assert calls(run(lenient.eval())) == ["NoBackward"] * NORMS
        assert caplog.text.count("warning[kernel-without-backward]") == 1
        assert ks.audit(lenient).diagnostics == ()


class TestHooks:
    """accelerate's hooks stand in front of forwards: FACTS F27."""

    def test_an_offloaded_model(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load()
        expected = run(model)()
        accelerate.cpu_offload(model)
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")})
        hooked = refused(
            ks.ModelCheckError,
            "hooked-module",
            lambda: model.set_use_kernels(use_kernels=True, kernel_config=adapter),
        )
        assert hooked.message.startswith("5 of 9 registered layers have hooks of accelerate")
        assert (model.kernel_config, model.use_kernels) == (None, False)
        assert torch.equal(run(model)(), expected)
        ks.kernelize(model, adapter, device="cpu")
        assert calls(run(model)) == ["Norm"] * NORMS

    def test_offloaded_as_it_is_loaded(
        self, load: Any, calls: Calls, kernel: Kernel, tmp_path: Path
    ) -> None:
        """Kernels are placed before the hooks are; to place them again would lose the hooks."""
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")})
        device_map = DEVICE_MAP | {"model.layers.1": "disk"}
        model = load(adapter, device_map=device_map, offload_folder=str(tmp_path))
        expected = run(load())()
        assert calls(run(model)) == ["Norm"] * NORMS
        refused(ks.ModelCheckError, "hooked-module", model.train)
        assert calls(run(model)) == ["Norm"] * NORMS
        torch.testing.assert_close(run(model)(), expected)
        model.use_kernels = False
        ks.kernelize(model.eval(), adapter)
        assert calls(run(model)) == ["Norm"] * NORMS

    def test_a_first_weight_that_is_elsewhere(
        self, load: Any, kernel: Kernel, tmp_path: Path
    ) -> None:
        """transformers goes by the device of the first weight, which has no kernels."""
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")})
        device_map = DEVICE_MAP | {"model.embed_tokens": "disk"}
        options = {"device_map": device_map, "offload_folder": str(tmp_path)}
        refused(ks.LoweringError, "unsupported-device", lambda: load(adapter, **options))


class TestLayouts:
    def test_are_refused(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        adapter = ks.as_transformers({"RMSNorm": {"cpu": {"inference": kernel("Laid")}}})
        needs = refused(
            ks.KernelNotAppliedError,
            "kernel-needs-layout",
            lambda: model.set_use_kernels(use_kernels=True, kernel_config=adapter),
        )
        assert str(needs.route) == "kernel_mapping.RMSNorm.cpu.inference"
        assert "`LaidLayout`" in needs.message
        assert calls(run(model)) == ["Norm"] * NORMS
        ignoring = ks.as_transformers(adapter, ignore=["kernel-needs-layout"])
        assert calls(run(load(ignoring))) == ["Laid"] * NORMS


class TestUnapplied:
    def test_assigned(self, load: Any, kernel: Kernel) -> None:
        model = load()
        model.kernel_config = ks.as_transformers({"RMSNorm": kernel("Norm")})
        told = refused(
            ks.LoweringError, "not-applied", lambda: model.set_use_kernels(use_kernels=True)
        )
        assert "set_use_kernels(True, kernel_config)" in str(told.help)
        assert ks.audit(model).replaced == 0


class TestEnvironment:
    """Told when the adapter is made: no weights are loaded for it."""

    PROGRAM = (
        "import kernel_schema as ks\n"
        "try:\n"
        "    ks.as_transformers({})\n"
        "except ks.LoweringError as error:\n"
        "    print(error.diagnostics[0].code)"
    )

    def code(self, **variables: str) -> str:
        path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), str(ROOT)]))
        environment = {**os.environ, "PYTHONPATH": path, **variables}
        command = [sys.executable, "-c", self.PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @pytest.mark.slow
    def test_another_kernels(self, tmp_path: Path) -> None:
        info = tmp_path / "kernels-0.15.0.dist-info"
        info.mkdir()
        text = "Metadata-Version: 2.1\nName: kernels\nVersion: 0.15.0\n"
        (info / "METADATA").write_text(text, encoding="utf-8")
        (tmp_path / "kernels").mkdir()
        (tmp_path / "kernels/__init__.py").touch()
        assert self.code(PYTHONPATH=str(tmp_path)) == "incompatible-kernels-version"

    @pytest.mark.slow
    def test_switched_off(self) -> None:
        assert self.code(USE_HUB_KERNELS="0") == "hub-kernels-disabled"

    @pytest.mark.parametrize("options", [{"ignore": ["stale-mod"]}, {"select": ["nothing-of-*"]}])
    def test_codes_that_are_none(self, options: Any) -> None:
        refused(ks.LoweringError, "unknown-code", lambda: ks.as_transformers({}, **options))

    @pytest.mark.parametrize("name", ["ignore", "select"])
    @pytest.mark.parametrize("value", ["unregistered-layer", 3, [3]])
    def test_no_list_of_codes(self, name: str, value: Any) -> None:
        """A single text would be read letter by letter."""
        for takes_codes in (ks.as_transformers, ks.check):
            with pytest.raises(TypeError, match=f"`{name}` must be a list of codes"):
                takes_codes({}, **{name: value})

    def test_no_transformers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        package = importlib.import_module("kernel_schema.integrations")
        monkeypatch.delattr(package, "kernel_config", raising=False)
        monkeypatch.delitem(sys.modules, "kernel_schema.integrations.kernel_config", raising=False)
        monkeypatch.setitem(sys.modules, "transformers", None)
        told = refused(ks.LoweringError, "missing-dependency", lambda: ks.as_transformers({}))
        assert told.help == "pip install 'kernel-schema[transformers]'"
