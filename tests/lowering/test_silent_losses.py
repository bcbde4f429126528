"""Kernels that are put in place and lost, or never called, are told of.

Layers multiply with primes (see `toys`), so that what a model computes tells how often which
kernel's own code ran.
"""

from __future__ import annotations

import copy
import gc
import io
import json
import shutil
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.lowering.upstream import loaded_layers
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.toys import Norm, double, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Kernel = Callable[[str], ks.LocalRef]


def codes(outcome: ks.Report | ks.Plan | tuple[ks.Diagnostic, ...]) -> list[str]:
    found = outcome if isinstance(outcome, tuple) else outcome.diagnostics
    return [each.code for each in found]


def told(outcome: ks.Report | ks.Plan, code: str) -> list[str]:
    return [each.message for each in outcome.diagnostics if each.code == code]


class TestGone:
    """`kernel-gone`: what kernelize placed and does not run any more, whoever took it."""

    def test_taken_by_hand(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert factor(model) == 4 * 3 * 3
        del model[0].norm.forward
        assert factor(model) == 4 * 3
        [gone] = ks.audit(model).diagnostics
        assert (gone.code, gone.severity) == ("kernel-gone", ks.Severity.ERROR)
        assert gone.message.startswith("1 of 2 `Norm` ran `")
        assert gone.message.endswith("toys:Norm` when kernelize placed it, and do not any more")
        assert str(gone.route) == "kernel_mapping.Norm"

    def test_another_forward_set_over_it(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        for block in model[:2]:
            block.norm.forward = lambda x: x
        assert told(ks.audit(model), "kernel-gone")[0].startswith("2 of 2 `Norm` ran")

    def test_a_function(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"double": kernel("Double")}))
        assert factor(model) == 11 * 11
        vars(double).pop("forward")
        assert factor(model) == 4
        assert told(ks.audit(model), "kernel-gone")[0].startswith("2 of 2 `double` ran")

    def test_not_while_it_runs_nor_after_restore(self, kernel: Kernel) -> None:
        model = make_model()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        ks.kernelize(model, config)
        assert codes(ks.audit(model)) == []
        ks.restore(model)
        assert codes(ks.audit(model)) == []
        with ks.kernelized(model, config):
            assert codes(ks.audit(model)) == []
        assert codes(ks.audit(model)) == []

    def test_not_where_another_config_leaves_the_layer_alone(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        report = ks.kernelize(model, ks.KernelConfig({"LateNorm": kernel("Norm")}))
        assert codes(report) == codes(ks.audit(model)) == []
        assert factor(model) == 4 * 3

    def test_not_after_a_block_in_which_a_forward_was_set(self, kernel: Kernel) -> None:
        model = make_model()
        with ks.kernelized(model, ks.KernelConfig({"Norm": kernel("Norm")})):
            model[0].norm.forward = lambda x: 13 * x
            assert codes(ks.audit(model)) == ["kernel-gone"]
        assert codes(ks.audit(model)) == []
        assert factor(model) == 4 * 13

    def test_put_right_by_kernelize(self, kernel: Kernel) -> None:
        model = make_model()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        ks.kernelize(model, config)
        del model[0].norm.forward
        assert codes(ks.kernelize(model, config)) == codes(ks.audit(model)) == []
        assert factor(model) == 4 * 3 * 3

    def test_pickled(self, kernel: Kernel) -> None:
        """pickle looks a bound method up by its name, and finds the model's own."""
        model = nn.Sequential(Norm(), Norm()).eval()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=False)
        assert (factor(model), factor(loaded)) == (9, 1)
        report = ks.audit(loaded)
        assert report.replaced == 0
        assert told(report, "kernel-gone")[0].startswith("2 of 2 `Norm` ran")
        ks.restore(loaded)
        assert codes(ks.audit(loaded)) == []

    @pytest.mark.slow
    def test_pickled_and_loaded_elsewhere(self, kernel: Kernel, tmp_path: Path) -> None:
        """Where nobody has loaded a kernel yet."""
        model = nn.Sequential(Norm(), Norm()).eval()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        torch.save(model, tmp_path / "model.pt")
        program = (
            "import sys, torch, kernel_schema as ks\n"
            "model = torch.load(sys.argv[1], weights_only=False)\n"
            "print(*(each.message for each in ks.audit(model).diagnostics), sep='\\n')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "model.pt")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("2 of 2 `Norm` ran")
        assert len(done.stdout.splitlines()) == 1

    def test_a_copy_keeps_its_kernels(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        copied = copy.deepcopy(model)
        assert factor(copied) == 4 * 9
        assert codes(ks.audit(copied)) == []


class TestTransformers:
    """With `use_kernels`, transformers places its own kernels whenever the mode changes."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> ks.KernelConfig:
        counting = (
            "from torch import nn\n"
            "calls = []\n"
            "class CountingNorm(nn.Module):\n"
            "    def forward(self, hidden_states):\n"
            "        calls.append(1)\n"
            "        return hidden_states * self.weight\n"
        )
        repository = write_kernel_repository(tmp_path / "counting", counting)
        return ks.KernelConfig({"RMSNorm": ks.LocalRef(repository, "CountingNorm")})

    @pytest.fixture
    def managed(self, tiny_llama: Callable[[], Any]) -> Iterator[Any]:
        """A model that transformers has kernelized, with what all models of the process share."""
        model = tiny_llama()
        model.set_use_kernels(True)
        yield model
        ks.restore(model)

    @staticmethod
    def calls(model: Any) -> int:
        """How often the kernel's own code runs in a forward of the model."""
        loaded = [cls for cls in loaded_layers().values() if cls.__name__ == "CountingNorm"]
        counts = vars(sys.modules[loaded[-1].__module__])["calls"]
        counts.clear()
        with torch.inference_mode():
            model(torch.tensor([[1, 2]]))
        return len(counts)

    def test_takes_ours_out(self, managed: Any, config: ks.KernelConfig) -> None:
        model = managed
        assert model.use_kernels
        report = ks.kernelize(model, config)
        assert report.layer("RMSNorm").replaced == self.calls(model) == 5
        [managed] = [each for each in report.diagnostics if each.code == "managed-by-transformers"]
        assert managed.severity is ks.Severity.WARNING
        assert "kernel-gone" not in codes(ks.audit(model))
        model.train()
        report = ks.audit(model)
        assert report.layer("RMSNorm").replaced == self.calls(model) == 0
        assert told(report, "kernel-gone")[0].startswith("5 of 5 `RMSNorm` ran `")
        model.eval()
        assert "kernel-gone" in codes(ks.audit(model))
        ks.restore(model)
        assert "kernel-gone" not in codes(ks.audit(model))

    def test_leaves_ours_where_it_places_none(
        self, tiny_llama: Callable[[], Any], config: ks.KernelConfig
    ) -> None:
        model = tiny_llama()
        assert codes(ks.kernelize(model, config)) == []
        model.train()
        assert codes(ks.audit(model)) == ["stale-mode"]
        assert self.calls(model) == 5
        ks.restore(model)

    def test_is_told_before(self, managed: Any, config: ks.KernelConfig) -> None:
        """Also where the model lies inside of another module, and only where it matters."""
        outer = nn.Sequential(managed).eval()
        config = ks.KernelConfig(config.kernel_mapping, inherit_mapping=False)
        assert codes(ks.check(config, outer)) == ["managed-by-transformers"]
        assert codes(ks.explain(config, outer)) == ["managed-by-transformers"]
        assert codes(ks.check(config, outer, ignore=["managed-by-transformers"])) == []
        original = ks.KernelConfig({"RMSNorm": "original"}, inherit_mapping=False)
        assert codes(ks.check(original, outer)) == []


class TestDataParallel:
    """Replicas share the `forward` that is bound to the module on the first device."""

    @staticmethod
    def wrapped(*device_ids: int) -> Any:
        model = nn.DataParallel(make_model())
        model.device_ids = list(device_ids)  # torch finds none here
        return model

    def test_several_devices(self, kernel: Kernel) -> None:
        model = self.wrapped(0, 1)
        config = ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": "original"})
        with pytest.raises(ks.ModelCheckError) as caught:
            ks.kernelize(model, config)
        [refused] = caught.value.diagnostics
        assert refused.code == "data-parallel"
        assert "2 of 2 `Norm`" in refused.message
        assert "DistributedDataParallel" in str(refused.help)
        assert factor(model.module) == 4
        assert codes(ks.check(config, model)) == codes(ks.explain(config, model))
        assert codes(ks.check(config, nn.Sequential(model).eval())) == ["data-parallel"]

    def test_inherited_kernels(self, kernel: Kernel) -> None:
        inherited: Any = ks.lower(ks.KernelConfig({"Norm": kernel("Norm")}), device="cpu")
        with kernels.use_kernel_mapping(inherited):
            with pytest.raises(ks.ModelCheckError, match="data-parallel"):
                ks.kernelize(self.wrapped(0, 1), ks.KernelConfig({"LateNorm": "original"}))
            alone = ks.KernelConfig({"LateNorm": "original"}, inherit_mapping=False)
            assert ks.kernelize(self.wrapped(0, 1), alone).replaced == 0

    def test_functions_are_shared_by_replicas(self, kernel: Kernel) -> None:
        config = ks.KernelConfig({"double": kernel("Double")})
        assert ks.kernelize(self.wrapped(0, 1), config).replaced == 2

    @pytest.mark.parametrize("device_ids", [(), (0,)])
    def test_one_device_or_none(self, kernel: Kernel, device_ids: tuple[int, ...]) -> None:
        model = self.wrapped(*device_ids)
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert (report.replaced, codes(report)) == (2, [])
        assert factor(model.module) == 4 * 9


class TestCompiledRegions:
    """A region that is compiled wants a kernel that can be."""

    @pytest.fixture(autouse=True)
    def _nothing_compiled(self) -> None:
        torch.compiler.reset()

    @staticmethod
    def in_place(model: Any) -> Any:
        model[0].compile(backend="eager")
        return model

    @staticmethod
    def the_layer_alone(model: Any) -> Any:
        model[0].norm.compile(backend="eager")
        return model

    @staticmethod
    def wrapped(model: Any) -> Any:
        model[0] = torch.compile(model[0], backend="eager")
        return model

    @pytest.mark.parametrize("apply", ["in_place", "the_layer_alone", "wrapped"])
    def test_some(self, kernel: Kernel, apply: str) -> None:
        model = getattr(self, apply)(make_model())
        config = ks.KernelConfig({"Norm": kernel("Other")})
        with pytest.raises(ks.KernelNotAppliedError, match="inference_torch_compile"):
            ks.kernelize(model, config)
        assert factor(model) == 4
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        report = ks.kernelize(model, config)
        assert report.mode is ks.ModeName.INFERENCE_TORCH_COMPILE
        assert told(report, "mixed-compile-regions")[0].startswith("1 of 2 `Norm` lie in what")
        assert factor(model) == 4 * 9
        plan = ks.explain(config, model)
        assert plan.mode is report.mode
        assert codes(plan) == codes(ks.check(config, model)) == ["mixed-compile-regions"]

    def test_all(self, kernel: Kernel) -> None:
        model = make_model()
        for layer in model:
            layer.compile(backend="eager")
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert (report.mode, codes(report)) == (ks.ModeName.INFERENCE_TORCH_COMPILE, [])
        assert factor(model) == 4 * 9

    def test_accelerate(self, kernel: Kernel) -> None:
        accelerate = pytest.importorskip("accelerate", reason="its regions")
        model = nn.Module()
        model.layers = nn.ModuleList([Norm(), Norm()])
        model.norm = Norm()
        model.act = nn.ReLU()
        compiled = accelerate.utils.compile_regions(model.eval(), backend="eager")
        report = ks.kernelize(compiled, ks.KernelConfig({"Norm": kernel("Norm")}))
        assert (report.replaced, report.mode) == (3, ks.ModeName.INFERENCE_TORCH_COMPILE)
        for layer in (*compiled.layers, compiled.norm):
            assert factor(layer) == 3

    def test_a_stated_mode(self, kernel: Kernel) -> None:
        model = self.in_place(make_model())
        config = ks.KernelConfig({"Norm": kernel("Other")})
        report = ks.kernelize(model, config, mode="inference")
        assert codes(report) == ["kernel-without-compile-in-compiled"]
        assert factor(model) == 4 * 25

    def test_compiled_since(self, kernel: Kernel) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Other")}))
        assert codes(ks.audit(model)) == []
        report = ks.audit(self.in_place(model))
        assert codes(report) == ["stale-mode", "kernel-without-compile-in-compiled"]
        assert told(report, codes(report)[1])[0].startswith("1 of `Norm` are compiled")
        compiled: Any = torch.compile(model, backend="eager")
        assert told(ks.audit(compiled), codes(report)[1])[0].startswith("2 of `Norm` are compiled")

    def test_what_is_not_registered_does_not_count(self, kernel: Kernel) -> None:
        model = make_model()
        model[0].linear.compile(backend="eager")
        report = ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Other")}))
        assert (report.mode, codes(report)) == (ks.ModeName.INFERENCE, [])


class Mlp(nn.Module):
    """Registered, and holds what is registered too."""

    kernel_layer_name = "Mlp"

    def __init__(self) -> None:
        super().__init__()
        self.norm = Norm()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


class RegisteredBlock(type(make_model()[0])):
    """Registered, and holds a registered function."""

    kernel_layer_name = "RegisteredBlock"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> Any:
        function: Any = double
        return function(x)


class TestNested:
    """`inside-replaced-layer`: a kernel inside of what a kernel replaces is never called."""

    def test_a_layer(self, kernel: Kernel) -> None:
        model = nn.Sequential(Mlp(), Norm()).eval()
        config = ks.KernelConfig({"Mlp": kernel("Other"), "Norm": kernel("Norm")})
        plan, report = ks.explain(config, model), ks.kernelize(model, config)
        assert factor(model) == 5 * 3
        assert report.layer("Norm").replaced == 2
        for outcome in (plan, report, ks.audit(model)):
            [inside] = outcome.diagnostics
            assert (inside.code, inside.severity) == ("inside-replaced-layer", ks.Severity.WARNING)
            assert inside.message.startswith("1 of 2 `Norm` lie inside of a `Mlp` that a kernel")

    def test_a_function(self, kernel: Kernel) -> None:
        model = nn.Sequential(RegisteredBlock(), make_model()[0]).eval()
        config = ks.KernelConfig({"RegisteredBlock": kernel("Other"), "double": kernel("Double")})
        plan, report = ks.explain(config, model), ks.kernelize(model, config)
        assert factor(model) == 5 * 11
        for outcome in (plan, report, ks.audit(model)):
            [message] = told(outcome, "inside-replaced-layer")
            assert message.startswith("1 of 2 `double` lie inside of a `RegisteredBlock`")

    def test_not_where_the_outer_one_is_not_replaced(self, kernel: Kernel) -> None:
        model = nn.Sequential(Mlp(), Norm()).eval()
        for entry in ("original", {"cuda": "org/repo:Mlp"}):
            config = ks.KernelConfig({"Mlp": entry, "Norm": kernel("Norm")})
            plan, report = ks.explain(config, model), ks.kernelize(model, config)
            assert factor(model) == 9
            for outcome in (plan, report, ks.audit(model)):
                assert told(outcome, "inside-replaced-layer") == []

    def test_not_where_the_inner_one_is_not_replaced(self, kernel: Kernel) -> None:
        model = nn.Sequential(Mlp(), Norm()).eval()
        config = ks.KernelConfig({"Mlp": kernel("Other")})
        assert codes(ks.explain(config, model)) == codes(ks.kernelize(model, config)) == []

    def test_not_where_it_runs_elsewhere_too(self, kernel: Kernel) -> None:
        shared = Mlp()
        model = nn.Sequential(shared, shared.norm).eval()
        config = ks.KernelConfig({"Mlp": kernel("Other"), "Norm": kernel("Norm")})
        plan, report = ks.explain(config, model), ks.kernelize(model, config)
        assert factor(model) == 5 * 3
        assert codes(plan) == codes(report) == []

    def test_under_wrappers_and_at_the_top(self, kernel: Kernel) -> None:
        model = Mlp().eval()
        config = ks.KernelConfig({"Mlp": kernel("Other"), "Norm": kernel("Norm")})
        report = ks.kernelize(nn.DataParallel(model), config)
        assert told(report, "inside-replaced-layer")[0].startswith("1 of 1 `Norm`")


class Shifted(Norm):
    """Inherits the name, and computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 17 * x * self.weight


class Twice(Shifted):
    """Inherits both."""


class Sized(Norm):
    """Inherits all that counts."""

    def __init__(self) -> None:
        super().__init__(4)


class Named(Norm):
    """Says by itself that the kernel fits."""

    kernel_layer_name = "Norm"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x


class TestOverridden:
    """`overridden-forward`: a kernel computes what the base does."""

    @pytest.mark.parametrize(
        ("cls", "words"),
        [
            (Shifted, "`Shifted` inherits the name `Norm` from `Norm` and has a `forward` of its"),
            (Twice, "has a `forward` of its own, that of `Shifted`: a kernel computes"),
        ],
    )
    def test_is_told(self, kernel: Kernel, cls: type[nn.Module], words: str) -> None:
        model = nn.Sequential(cls(), Norm()).eval()
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        assert factor(model) == 17
        [warning] = ks.check(config, model)
        assert (warning.code, warning.severity) == ("overridden-forward", ks.Severity.WARNING)
        assert words in warning.message
        report = ks.kernelize(model, config)
        assert factor(model) == 9
        assert codes(report) == codes(ks.explain(config, model)) == ["overridden-forward"]

    @pytest.mark.parametrize("cls", [Sized, Named])
    def test_is_not_told(self, kernel: Kernel, cls: type[nn.Module]) -> None:
        assert ks.check(ks.KernelConfig({"Norm": kernel("Norm")}), nn.Sequential(cls())) == ()

    def test_is_not_told_without_a_kernel(self) -> None:
        model = nn.Sequential(Shifted())
        for entry in ("original", {"cuda": "org/repo:L"}):
            found = ks.check(ks.KernelConfig({"Norm": entry}), model)
            assert "overridden-forward" not in codes(found)


class TestPeft:
    """`modules_to_save` keeps the layer as it was, and a copy for each adapter."""

    @pytest.fixture
    def model(self) -> Any:
        peft = pytest.importorskip("peft", reason="its modules_to_save")
        config = peft.LoraConfig(target_modules=["linear"], modules_to_save=["norm"])
        model = peft.get_peft_model(make_model(), config).eval()
        model.add_adapter("other", config)
        return model.eval()

    def test_both_count_and_one_runs(self, model: Any, kernel: Kernel) -> None:
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        report = ks.kernelize(model, config)
        assert report.layer("Norm").replaced == 6
        assert factor(model) == 4 * 9
        runs = "`0.norm.modules_to_save.default` and `1.norm.modules_to_save.default` run"
        expected = (
            f"4 of 6 `Norm` do not run: of the copies that PEFT's `modules_to_save` keeps, {runs}"
        )
        assert told(report, "inactive-copies") == [expected]
        for outcome in (ks.audit(model), ks.explain(config, model)):
            assert told(outcome, "inactive-copies") == [expected]

    def test_the_active_one(self, model: Any, kernel: Kernel) -> None:
        config = ks.KernelConfig({"Norm": kernel("Norm")})
        ks.kernelize(model, config)
        model.set_adapter("other")
        assert "0.norm.modules_to_save.other" in told(ks.audit(model), "inactive-copies")[0]
        norm = model.base_model.model[0].norm
        for copies, which in (
            (norm.modules_to_save, "other"),
            (vars(norm)["_modules"], "original_module"),
        ):
            ks.restore(model)
            active = copies[which]
            ks.kernelize(active, config)
            with model.disable_adapter() if which == "original_module" else torch.no_grad():
                assert which in told(ks.audit(model), "inactive-copies")[0]
                assert factor(model) == 4 * 3


class TestOwnForward:
    """What the model's own forward is, where its author chose when it was imported."""

    @pytest.mark.parametrize(
        ("family", "layer_name", "package"),
        [
            ("Mamba", "causal_conv1d_fn", "causal_conv1d"),
            ("Mamba", "selective_scan_fn", "mamba_ssm"),
            ("Qwen3Next", "chunk_gated_delta_rule", "fla"),
        ],
    )
    def test_of_models(self, family: str, layer_name: str, package: str) -> None:
        transformers = pytest.importorskip("transformers", reason="its models")
        sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "vocab_size": 32}
        if family == "Qwen3Next":
            sizes |= {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}
            sizes |= {"num_experts": 2, "num_experts_per_tok": 1, "num_hidden_layers": 4}
        else:
            sizes |= {"num_hidden_layers": 2, "state_size": 4}
        with torch.device("meta"):
            config = getattr(transformers, f"{family}Config")(**sizes)
            model = getattr(transformers, f"{family}ForCausalLM")(config)
        own = f"torch reference (the fast path needs the package {package})"
        assert ks.inspect_model(model)[layer_name].own_forward == own
        plan = ks.explain(ks.KernelConfig({layer_name: "original"}), model, device="cpu")
        report = ks.audit(model)
        for outcome in (plan, report):
            assert outcome.layer(layer_name).own_forward == own
            assert f"  its own forward: {own}" in str(outcome).splitlines()
            assert outcome.layer("SiLU").own_forward is None

    def test_of_the_commands(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("transformers", reason="its models")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config.json").write_text(
            json.dumps(
                {
                    "model_type": "mamba",
                    "architectures": ["MambaForCausalLM"],
                    "hidden_size": 16,
                    "num_hidden_layers": 1,
                    "vocab_size": 32,
                }
            )
        )
        (tmp_path / "kernels.yaml").write_text("kernel_mapping: {causal_conv1d_fn: original}\n")
        own = "torch reference (the fast path needs the package causal_conv1d)"
        assert main(["layers", "--model", "."]) == 0
        assert f"its own forward: {own}" in " ".join(capsys.readouterr().out.split())
        assert main(["layers", "--model", ".", "--output-format", "json"]) == 0
        layers = {
            layer["layer_name"]: layer for layer in json.loads(capsys.readouterr().out)["layers"]
        }
        assert layers["causal_conv1d_fn"]["own_forward"] == own
        assert layers["SiLU"]["own_forward"] is None
        explain = ["explain", "kernels.yaml", "--model", ".", "--device", "cpu"]
        assert main(explain) == 0
        assert f"- its own forward: {own}" in " ".join(capsys.readouterr().out.split())
        assert main([*explain, "--output-format", "json"]) == 0
        [plan] = json.loads(capsys.readouterr().out)["plans"]
        assert own in [layer["own_forward"] for layer in plan["layers"]]


class TestForeignCode:
    """`foreign-kernel-code`: a report does not name one repository for the code of another."""

    def test_two_of_one_id(self, tmp_path: Path) -> None:
        layers = [KernelLayer("Norm", "3 * x * self.weight")]
        first = write_kernel_repository(tmp_path / "norm", layers, backends=["cpu"])
        second = tmp_path / "norm_v2"
        shutil.copytree(first, second)
        code = second / "build/torch-cpu/layers.py"
        code.write_text(code.read_text().replace("3 * x", "5 * x"))
        model = nn.Sequential(Norm()).eval()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": ks.LocalRef(first, "Norm")}))
        assert (factor(model), codes(report)) == (3, [])
        config = ks.KernelConfig({"Norm": ks.LocalRef(second, "Norm")})
        with pytest.raises(ks.ModelCheckError, match="same-kernel-id"):
            ks.kernelize(model, config)
        report = ks.kernelize(model, config, ignore=["same-kernel-id"])
        assert factor(model) == 3
        for outcome in (report, ks.audit(model)):
            [foreign] = outcome.diagnostics
            assert (foreign.code, foreign.severity) == ("foreign-kernel-code", ks.Severity.ERROR)
            assert "norm_v2:Norm`" in foreign.message
            assert "norm/build/torch-cpu" in foreign.message

    def test_one_relative_path_in_two_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """kernels remembers what it loaded by the path as it was written."""
        for prime, name in ((3, "a"), (5, "b")):
            layers = [KernelLayer("Norm", f"{prime} * x * self.weight")]
            write_kernel_repository(tmp_path / name / "moved", layers)
        config = ks.KernelConfig({"Norm": "./moved:Norm"})
        for name, expected in (("a", []), ("b", ["foreign-kernel-code"])):
            monkeypatch.chdir(tmp_path / name)
            model = nn.Sequential(Norm()).eval()
            report = ks.kernelize(model, config)
            assert (factor(model), codes(report)) == (3, expected)

    def test_code_of_a_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A repository may take its layers from elsewhere."""
        (tmp_path / "installed_norm.py").write_text(
            "from torch import nn\n"
            "class Norm(nn.Module):\n"
            "    def forward(self, x):\n"
            "        return 19 * x * self.weight\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        repository = write_kernel_repository(tmp_path / "thin", "from installed_norm import Norm")
        model = nn.Sequential(Norm()).eval()
        report = ks.kernelize(model, ks.KernelConfig({"Norm": ks.LocalRef(repository, "Norm")}))
        assert (factor(model), codes(report)) == (19, [])


class TestLeftOver:
    """After `kernelize` only what is replaced differs from before, and after `restore` nothing."""

    def test_a_class_that_is_patched_later(
        self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = make_model()
        ks.kernelize(model, ks.KernelConfig({"LateNorm": kernel("Norm")}))
        monkeypatch.setattr(Norm, "forward", lambda self, x: 23 * x)
        assert factor(model) == 4 * 23 * 23 * 3
        ks.restore(model)
        assert factor(model) == 4 * 23 * 23 * 23

    def test_a_model_that_is_deleted(self, kernel: Kernel) -> None:
        model = make_model()
        config = ks.KernelConfig({"LateNorm": kernel("Norm")})
        ks.kernelize(model, config)
        kept = weakref.ref(model[0].norm)
        gc.disable()
        try:
            del model
            assert kept() is None
        finally:
            gc.enable()
