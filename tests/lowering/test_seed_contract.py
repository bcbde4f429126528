"""The five rows of the contract that `KernelConfig` takes over from transformers' class."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from kernels import LayerRepository, Mode
from pydantic import ValidationError
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parallel import DistributedDataParallel

import kernel_schema as ks
from tests.lowering.draws import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

NORM = "kernels-community/layer_norm:LlamaRMSNorm"
NORM_REPOSITORY = LayerRepository(
    "kernels-community/layer_norm", layer_name="LlamaRMSNorm", version=1
)


class Norm(nn.Module):
    kernel_layer_name = "RMSNorm"

    def __init__(self, device: str = "cpu") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class Block(nn.Module):
    def __init__(self, device: str = "cpu") -> None:
        super().__init__()
        self.norm = Norm(device)
        self.linear = nn.Linear(2, 2, device="meta" if device == "meta" else "cpu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.norm(x))


def fake(device: str) -> nn.Module:
    """A model on a device that need not be there: torch's own stand-in for its tensors."""
    with FakeTensorMode():
        return Norm(device)


def codes(error: ks.KernelSchemaError) -> list[str]:
    return [diagnostic.code for diagnostic in error.diagnostics]


# Row 1: a plain string goes to the model's device and the Mode of its training state.


@pytest.mark.parametrize(
    ("device", "expected"),
    [("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda"), ("xpu", "xpu"), ("mps", "mps")],
)
def test_row_1_the_device_is_that_of_the_parameters(device: str, expected: str) -> None:
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(fake(device).eval())
    assert mapping == {"RMSNorm": {expected: {Mode.INFERENCE: NORM_REPOSITORY}}}
    assert [type(key) for key in mapping["RMSNorm"]] == [str]


def test_row_1_a_cuda_tensor_on_a_rocm_build_is_rocm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", "6.4")
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(fake("cuda").eval())
    assert mapping == {"RMSNorm": {"rocm": {Mode.INFERENCE: NORM_REPOSITORY}}}
    assert list(ks.lower(ks.KernelConfig({"A": NORM}), device=torch.device("cuda"))["A"]) == [
        "rocm"
    ]


def test_row_1_the_first_parameter_outside_the_meta_device_counts() -> None:
    model = nn.Sequential(nn.Linear(2, 2, device="meta"), fake("cuda"), Norm("cpu"))
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(model.eval())
    assert list(mapping["RMSNorm"]) == ["cuda"]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_row_1_the_mode_is_that_of_the_training_state(*, training: bool, compiled: bool) -> None:
    model = Block().train(training)
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(model, compile=compiled)
    mode = Mode.TRAINING if training else Mode.INFERENCE
    expected = mode | Mode.TORCH_COMPILE if compiled else mode
    assert mapping == {"RMSNorm": {"cpu": {expected: NORM_REPOSITORY}}}


@pytest.mark.parametrize("training", [True, False])
def test_row_1_a_compiled_model_adds_torch_compile(*, training: bool) -> None:
    mode = (Mode.TRAINING if training else Mode.INFERENCE) | Mode.TORCH_COMPILE
    config = ks.KernelConfig({"RMSNorm": NORM})
    in_place = Block().train(training)
    in_place.compile()
    models: tuple[Any, ...] = (torch.compile(Block().train(training)), in_place)
    for model in models:
        assert config.create_compatible_mapping(model) == {
            "RMSNorm": {"cpu": {mode: NORM_REPOSITORY}}
        }


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    store = f"file://{tmp_path / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("training", [True, False])
def test_row_1_the_mode_under_ddp_is_that_of_the_wrapped_model(*, training: bool) -> None:
    model = DistributedDataParallel(Block().train(training))
    assert model.training  # whatever it wraps
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(model)
    mode = Mode.TRAINING if training else Mode.INFERENCE
    assert mapping == {"RMSNorm": {"cpu": {mode: NORM_REPOSITORY}}}


@pytest.mark.parametrize("training", [True, False])
def test_row_1_the_mode_under_peft_is_that_of_the_wrapped_model(*, training: bool) -> None:
    peft = pytest.importorskip("peft", reason="peft is an extra of the tests")
    model = peft.get_peft_model(
        Block().train(training), peft.LoraConfig(target_modules=["linear"], r=1)
    )
    assert model.training  # whatever it wraps
    mapping = ks.KernelConfig({"RMSNorm": NORM}).create_compatible_mapping(model)
    mode = Mode.TRAINING if training else Mode.INFERENCE
    assert mapping == {"RMSNorm": {"cpu": {mode: NORM_REPOSITORY}}}


# Row 2: a dict of devices lowers to every one of them.


def test_row_2_every_device_of_a_dict_is_lowered() -> None:
    names = [device.value for device in DEVICES]
    config = ks.KernelConfig({"RMSNorm": {name: f"org/{name}:L" for name in names}})
    mapping = config.create_compatible_mapping(Block().eval())
    assert mapping == {
        "RMSNorm": {
            name: {Mode.INFERENCE: LayerRepository(f"org/{name}", layer_name="L", version=1)}
            for name in names
        }
    }


def test_row_2_modes_ranges_and_originals_are_lowered_too() -> None:
    config = ks.KernelConfig(
        {
            "A": {
                "cuda": [
                    {"min_capability": 90, "kernel": "org/hopper:L", "version": 2},
                    {"min_capability": 75, "max_capability": 89, "training": "org/ampere:L"},
                    {"kernel": "original"},
                ],
                "cpu": {"inference": "org/a@main:L", "fallback": "/kernels/norm:L"},
            },
            "B": "original",
        }
    )
    mapping = config.create_compatible_mapping(Block().train())
    hopper = kernels.CUDAProperties(min_capability=90, max_capability=2**63 - 1)
    ampere = kernels.CUDAProperties(min_capability=75, max_capability=89)
    assert mapping == {
        "A": {
            kernels.Device("cuda", hopper): {
                Mode.TRAINING: LayerRepository("org/hopper", layer_name="L", version=2)
            },
            kernels.Device("cuda", ampere): {
                Mode.TRAINING: LayerRepository("org/ampere", layer_name="L", version=1)
            },
            "cuda": {},
            "cpu": {
                Mode.INFERENCE: LayerRepository("org/a", layer_name="L", revision="main"),
                Mode.FALLBACK: kernels.LocalLayerRepository(Path("/kernels/norm"), layer_name="L"),
            },
        },
        "B": {"cpu": {}},
    }


# Row 3: what cannot be meant is a ValueError.


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"RMSNrom": NORM}, "unregistered-layer"),
        ({"RMSNorm": {"banana": NORM}}, "unknown-key"),
        ({"RMSNorm": {"cuda": NORM, "banana": NORM}}, "unknown-device"),
        ({"RMSNorm": "kernels-community/layer_norm"}, "invalid-kernel-reference"),
        ({"RMSNorm": {"cpu": "LlamaRMSNorm"}}, "invalid-kernel-reference"),
        ({"RMSNorm": 42}, "invalid-entry"),
        ({"RMSNorm": None}, "invalid-entry"),
    ],
)
def test_row_3_sanitize_raises_a_value_error(mapping: Any, code: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (that it is a ValueError is the contract)
        ks.KernelConfig(mapping).sanitize_kernel_mapping(Block())
    error: Any = caught.value
    if isinstance(error, ValidationError):
        error = ks.ConfigError.from_validation_error(error)
    assert codes(error) == [code]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_row_3_sanitize_accepts_what_fits(device: str) -> None:
    config = ks.KernelConfig({"RMSNorm": {"cpu": NORM, "cuda": NORM}})
    config.sanitize_kernel_mapping(Block(device))


def test_row_3_sanitize_tells_every_problem() -> None:
    config = ks.KernelConfig({"A": NORM, "RMSNorm": NORM, "B": "/no/such/kernel:L"})
    with pytest.raises(ks.ModelCheckError) as caught:
        config.sanitize_kernel_mapping(Block())
    assert codes(caught.value) == [
        "unregistered-layer",
        "unregistered-layer",
        "missing-local-kernel",
    ]


# Row 4: a model that does not tell its device.


@pytest.mark.parametrize("model", [nn.Identity(), Block("meta")], ids=["no parameters", "meta"])
def test_row_4_plain_strings_ask_for_a_device(model: nn.Module) -> None:
    config = ks.KernelConfig({"RMSNorm": NORM, "A": {"cpu": NORM}, "B": "original"})
    with pytest.raises(ks.LoweringError, match="device") as caught:
        config.create_compatible_mapping(model)
    assert codes(caught.value) == ["device-not-inferable", "device-not-inferable"]
    assert [str(found.route) for found in caught.value.diagnostics] == [
        "kernel_mapping.RMSNorm",
        "kernel_mapping.B",
    ]
    assert list(ks.lower(config, model, device="cuda")["RMSNorm"]) == ["cuda"]


@pytest.mark.parametrize("model", [nn.Identity(), Block("meta")], ids=["no parameters", "meta"])
def test_row_4_devices_that_are_named_need_no_parameters(model: nn.Module) -> None:
    config = ks.KernelConfig({"RMSNorm": {"cuda": NORM, "cpu": "original"}})
    assert config.create_compatible_mapping(model.eval()) == {
        "RMSNorm": {"cuda": {Mode.INFERENCE: NORM_REPOSITORY}, "cpu": {}}
    }


# Row 5: using a config does not change it.


def test_row_5_a_config_is_never_changed_by_use() -> None:
    table = {"RMSNorm": NORM}
    config = ks.KernelConfig(table)
    untouched, dumped, hashed = deepcopy(config), config.model_dump(), hash(config)
    first, second = Block().eval(), fake("cuda").train()
    config.sanitize_kernel_mapping(first)
    one = config.create_compatible_mapping(first)
    config.sanitize_kernel_mapping(second)
    other = config.create_compatible_mapping(second)
    with ks.use_kernel_config(config):
        pass
    one["RMSNorm"].clear()
    assert other == {"RMSNorm": {"cuda": {Mode.TRAINING: NORM_REPOSITORY}}}
    assert config.create_compatible_mapping(second) == other
    assert config == untouched
    assert config.model_dump() == dumped == {"kernel_mapping": table}
    assert hash(config) == hashed
    assert table == {"RMSNorm": NORM}


# All rows on a model of transformers.


@pytest.fixture
def llama(request: pytest.FixtureRequest) -> nn.Module:
    transformers = pytest.importorskip("transformers", reason="transformers is an extra")
    if not transformers.utils.import_utils.is_kernels_available():
        pytest.skip("this transformers switches this kernels off, so that nothing is registered")
    config = transformers.LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        pad_token_id=0,
    )
    with torch.device(request.param):
        return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("llama", ["cpu"], indirect=True)
def test_the_rows_on_a_llama(llama: nn.Module) -> None:
    config = ks.KernelConfig({"RMSNorm": NORM, "SiLU": {"cuda": NORM, "cpu": "original"}})
    config.sanitize_kernel_mapping(llama)
    assert config.create_compatible_mapping(llama) == {
        "RMSNorm": {"cpu": {Mode.INFERENCE: NORM_REPOSITORY}},
        "SiLU": {"cuda": {Mode.INFERENCE: NORM_REPOSITORY}, "cpu": {}},
    }
    with pytest.raises(ks.ModelCheckError, match="RMSNorm"):
        ks.KernelConfig({"LlamaRMSNorm": NORM}).sanitize_kernel_mapping(llama)


@pytest.mark.parametrize("llama", ["meta"], indirect=True)
def test_the_rows_on_a_llama_on_the_meta_device(llama: nn.Module) -> None:
    config = ks.KernelConfig({"RMSNorm": NORM, "SiLU": {"cuda": NORM}})
    with pytest.raises(ks.LoweringError) as caught:
        config.create_compatible_mapping(llama)
    assert codes(caught.value) == ["device-not-inferable"]
    named = ks.KernelConfig({"RMSNorm": {"cuda": NORM}})
    named.sanitize_kernel_mapping(llama)
    assert named.create_compatible_mapping(llama, compile=True) == {
        "RMSNorm": {"cuda": {Mode.INFERENCE | Mode.TORCH_COMPILE: NORM_REPOSITORY}}
    }
