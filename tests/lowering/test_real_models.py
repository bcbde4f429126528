"""Models of transformers: at full size on the meta device, and tiny ones that really run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch

import kernel_schema as ks
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.toys import Pristine

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

transformers = pytest.importorskip("transformers", reason="transformers is an extra")

# The RMSNorm of Llama, and one whose result is off by so much that nobody can overlook it.
LAYERS = (
    KernelLayer(
        "RMSNorm",
        "nn.functional.rms_norm("
        "hidden_states, (hidden_states.shape[-1],), self.weight, self.variance_epsilon)",
        arguments="hidden_states",
        can_torch_compile=True,
    ),
    KernelLayer("Off", "hidden_states * 100", arguments="hidden_states"),
    KernelLayer("rotary_pos_emb", "(q, k)", arguments="q, k, cos, sin, unsqueeze_dim=1"),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kernel_repository(tmp_path_factory.mktemp("kernels") / "llama", LAYERS)


@pytest.fixture(scope="module")
def rms_norm(repository: Path) -> ks.LocalRef:
    return ks.LocalRef(repository, "RMSNorm")


def counted(model: nn.Module) -> dict[str, tuple[int, int]]:
    """What kernelize reads, by torch's own traversal: FACTS K1."""
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for _, module in model.named_modules():
        cls: Any = type(module)
        if hasattr(cls, "kernel_layer_name"):
            modules[cls.kernel_layer_name] += 1
        for function in getattr(module, "_kernel_funcs", {}).values():
            functions[type(function).kernel_layer_name] += 1
    return {name: (modules[name], functions[name]) for name in modules | functions}


MAMBA_FUNCTIONS = (
    "causal_conv1d_fn",
    "causal_conv1d_update",
    "mamba_inner_fn",
    "selective_scan_fn",
    "selective_state_update",
)


MAMBA = {"SiLU": (32, 0), **dict.fromkeys(MAMBA_FUNCTIONS, (0, 32))}


@pytest.mark.parametrize(
    ("name", "modules", "expected"),
    [
        ("Llama", 423, {"RMSNorm": (65, 0), "SiLU": (32, 0), "rotary_pos_emb": (0, 32)}),
        ("Mixtral", 391, {"RMSNorm": (65, 0), "SiLU": (32, 0), "rotary_pos_emb": (0, 32)}),
        ("DeepseekV3", 1215, {"RMSNorm": (245, 0), "SiLU": (119, 0)}),
        ("Qwen3Moe", 343, {"RMSNorm": (97, 0), "SiLU": (24, 0), "rotary_pos_emb": (0, 24)}),
        ("Mamba", 294, MAMBA),
        ("T5", 279, {}),
    ],
)
def test_full_size_on_meta(name: str, modules: int, expected: dict[str, tuple[int, int]]) -> None:
    config = getattr(transformers, f"{name}Config")()
    architecture = "ForConditionalGeneration" if name == "T5" else "ForCausalLM"
    with torch.device("meta"):
        model = getattr(transformers, f"{name}{architecture}")(config)
    layers = ks.inspect_model(model)
    found = {key: (layer.modules, layer.functions) for key, layer in layers.items()}
    assert found == expected == counted(model)
    assert layers.modules == modules == len(list(model.modules()))
    by_name = dict(model.named_modules())
    for layer in layers.values():
        assert len(layer.names) == 5
        for one in layer.names:
            holder = by_name[one if layer.modules else one.rpartition(".")[0]]
            assert isinstance(holder, layer.classes) == (layer.modules > 0)
    # All the rest works without a byte of weights too.
    mapping = dict.fromkeys(expected, "org/repo:Layer")
    assert ks.check(ks.KernelConfig(mapping), model) == ()
    assert ks.lower(ks.KernelConfig(mapping), model, device="cuda").keys() == expected.keys()
    assert [(one.layer_name, one.total) for one in ks.audit(model).layers] == [
        (key, sum(both)) for key, both in found.items()
    ]


def run(model: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.arange(12).reshape(2, 6)).logits


class TestTinyLlama:
    """Five RMSNorm, two SiLU and two holders of the function rotary_pos_emb, on the CPU."""

    @pytest.fixture
    def model(self, tiny_llama: Callable[[], nn.Module]) -> nn.Module:
        model = tiny_llama()
        ks.restore(model)  # its functions are those of the models of other tests too
        return model

    @pytest.mark.parametrize("strict", [True, False])
    @pytest.mark.parametrize("plain", [True, False])
    def test_really_kernelized(
        self, model: nn.Module, rms_norm: ks.LocalRef, *, strict: bool, plain: bool
    ) -> None:
        config = ks.KernelConfig({"RMSNorm": rms_norm if plain else {"cpu": rms_norm}})
        pristine, before = Pristine(model), run(model)
        assert ks.audit(model).replaced == 0
        report = ks.kernelize(model, config, strict=strict)
        norm = report.layer("RMSNorm")
        assert (norm.replaced, norm.total, norm.kept) == (5, 5, ())
        assert [(one.layer_class, one.count) for one in norm.kernels] == [("RMSNorm", 5)]
        assert ks.audit(model).layer("RMSNorm") == norm
        assert ks.audit(model).diagnostics == ()
        torch.testing.assert_close(run(model), before)
        ks.restore(model)
        assert pristine.changes() == []
        assert torch.equal(run(model), before)
        assert ks.audit(model).replaced == 0

    def test_within_a_block(self, model: nn.Module, repository: Path) -> None:
        """The kernel is so far off that it must have run."""
        config = ks.KernelConfig({"RMSNorm": ks.LocalRef(repository, "Off")})
        pristine, before = Pristine(model), run(model)
        with ks.kernelized(model, config) as report:
            assert report.layer("RMSNorm").replaced == 5
            assert (run(model) - before).abs().max() > 0.1
        assert pristine.changes() == []
        assert torch.equal(run(model), before)

    def test_function_of_the_process(
        self, model: nn.Module, tiny_llama: Callable[[], nn.Module], repository: Path
    ) -> None:
        other, before = tiny_llama(), run(model)
        config = ks.KernelConfig({"rotary_pos_emb": ks.LocalRef(repository, "rotary_pos_emb")})
        report = ks.kernelize(model, config)
        assert (report.layer("rotary_pos_emb").functions, report.replaced) == (2, 2)
        assert not torch.equal(run(model), before)
        assert torch.equal(run(other), run(model))
        ks.restore(other)
        assert torch.equal(run(model), before)

    def test_training(self, model: nn.Module, rms_norm: ks.LocalRef) -> None:
        model.train()
        tokens = torch.arange(12).reshape(2, 6)
        model(tokens, labels=tokens).loss.backward()
        gradients = ((name, weight.grad) for name, weight in model.named_parameters())
        expected = {name: grad.clone() for name, grad in gradients if grad is not None}
        model.zero_grad()
        with ks.kernelized(model, ks.KernelConfig({"RMSNorm": rms_norm})) as report:
            assert report.mode is ks.ModeName.TRAINING
            model(tokens, labels=tokens).loss.backward()
        found = {name: weight.grad for name, weight in model.named_parameters()}
        torch.testing.assert_close(found, expected)

    def test_generate(self, model: Any, rms_norm: ks.LocalRef) -> None:
        tokens = torch.arange(6).reshape(1, 6)
        options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
        expected = model.generate(tokens, **options)
        with ks.kernelized(model, ks.KernelConfig({"RMSNorm": rms_norm})):
            assert torch.equal(model.generate(tokens, **options), expected)


class TestByTransformers:
    """What transformers does by itself, offline, seen by audit: FACTS K10, T1, T7."""

    @pytest.fixture
    def model(self, tiny_llama: Callable[[], nn.Module]) -> Any:
        return tiny_llama()

    def local(self, ref: ks.LocalRef) -> kernels.LocalLayerRepository:
        return kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)

    def test_use_kernels(self, model: Any, rms_norm: ks.LocalRef) -> None:
        """It registers its default mapping over what is there, and kernelizes again on train()."""
        before = run(model)
        with kernels.use_kernel_mapping({"RMSNorm": {"cpu": self.local(rms_norm)}}):
            model.use_kernels = True
            assert ks.audit(model).layer("RMSNorm").replaced == 5
            assert ks.audit(model).mode is None
            torch.testing.assert_close(run(model), before)
            model.train()
            report = ks.audit(model)
            assert report.layer("RMSNorm").replaced == 5
            assert report.diagnostics == ()
        # Once more by itself, where nothing is mapped any more.
        model.eval()
        assert ks.audit(model).replaced == 0
        assert torch.equal(run(model), before)
        ks.restore(model)
        assert torch.equal(run(model), before)

    def test_re_kernelized_by_train_voids_our_note(self, model: Any, rms_norm: ks.LocalRef) -> None:
        with kernels.use_kernel_mapping({"RMSNorm": {"cpu": self.local(rms_norm)}}):
            model.use_kernels = True
            ks.kernelize(model, ks.KernelConfig({"RMSNorm": rms_norm}))
            assert ks.audit(model).mode is ks.ModeName.INFERENCE
            model.train()
            assert ks.audit(model).mode is None
            assert ks.audit(model).diagnostics == ()

    @pytest.mark.parametrize("any_mode", [True, False])
    def test_our_mapping_in_its_config(
        self, model: Any, rms_norm: ks.LocalRef, *, any_mode: bool
    ) -> None:
        """A mapping with the mode of now is gone after train(); one for any mode stays."""
        config = ks.KernelConfig({"RMSNorm": rms_norm})
        mapping = (
            ks.lower(config, device="cpu") if any_mode else config.create_compatible_mapping(model)
        )
        model.kernel_config = transformers.KernelConfig(mapping, inherit_mapping=False)
        model.use_kernels = True
        assert ks.audit(model).layer("RMSNorm").replaced == 5
        model.train()
        assert ks.audit(model).layer("RMSNorm").replaced == (5 if any_mode else 0)
        model.eval()
        assert ks.audit(model).layer("RMSNorm").replaced == 5
        ks.restore(model)
        assert ks.audit(model).replaced == 0
