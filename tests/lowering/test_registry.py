"""inspect_model against what the real kernelize visits, in plain models and under real wrappers."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from torch import nn
from torch.distributed._composable.replicate_with_fsdp import replicate
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

import kernel_schema as ks
from kernel_schema.model.target import mode_of
from kernel_schema.model.wrappers import unwrap, wrapped_key
from tests.lowering.toys import Block, LateNorm, Norm, Plain, carriers, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

# What `make_model` holds.
COUNTS = {"double": (0, 2), "Norm": (2, 0), "LateNorm": (1, 0)}
NAMES = {
    "double": ("0.double", "1.double"),
    "Norm": ("0.norm", "1.norm"),
    "LateNorm": ("3",),
}


def counts(model: nn.Module) -> dict[str, tuple[int, int]]:
    return {
        name: (layer.modules, layer.functions) for name, layer in ks.inspect_model(model).items()
    }


def names(model: nn.Module) -> dict[str, tuple[str, ...]]:
    return {name: layer.names for name, layer in ks.inspect_model(model).items()}


def visited(model: nn.Module) -> dict[str, tuple[int, int]]:
    """How many modules, and holders of functions, the real kernelize comes by.

    It gives a forward to all that it visits, also where it has no kernel.
    """
    before = {carrier: vars(carrier).get("forward") for carrier in carriers(model)}
    kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
    touched = {one for one, forward in before.items() if vars(one).get("forward") is not forward}
    for carrier in touched:
        del vars(carrier)["forward"]
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for module in model.modules():
        if module in touched:
            cls: Any = type(module)
            modules[cls.kernel_layer_name] += 1
        for function in vars(module).get("_kernel_funcs", {}).values():
            functions[type(function).kernel_layer_name] += function in touched
    return {name: (modules[name], functions[name]) for name in modules | functions}


class TestPlain:
    def test_counts_names_and_classes(self) -> None:
        model = make_model()
        layers = ks.inspect_model(model)
        assert counts(model) == COUNTS == visited(model)
        assert names(model) == NAMES
        assert list(layers) == ["double", "Norm", "LateNorm"]
        assert layers["Norm"].classes == (Norm,)
        assert layers["LateNorm"].classes == (LateNorm,)
        assert layers["Norm"].layer_name == "Norm"
        assert layers.modules == len(list(model.modules()))
        assert layers.unregistered_classes == {"Sequential", "Block", "Linear", "Plain"}
        assert layers.ignored == ()

    def test_training_is_counted(self) -> None:
        model = make_model().train()
        model[0].eval()
        layers = ks.inspect_model(model)
        assert {name: layer.training for name, layer in layers.items()} == {
            "double": 0,
            "Norm": 1,
            "LateNorm": 1,
        }

    def test_meta_device(self) -> None:
        with torch.device("meta"):
            model = make_model()
        assert counts(model) == COUNTS == visited(model)

    def test_model_that_is_itself_registered(self) -> None:
        assert counts(Norm()) == {"Norm": (1, 0)}
        assert names(Norm()) == {"Norm": ("",)}

    def test_model_that_registers_nothing(self) -> None:
        layers = ks.inspect_model(nn.Linear(2, 2))
        assert dict(layers) == {}
        assert len(layers) == 0
        assert layers.modules == 1
        assert layers.unregistered_classes == {"Linear"}

    def test_shared_modules_count_once(self) -> None:
        norm, block = Norm(), Block()
        model = nn.ModuleDict({"a": norm, "b": nn.Sequential(norm, block), "c": block})
        model["again"] = model["b"]
        assert counts(model) == {"Norm": (2, 0), "double": (0, 1)} == visited(model)
        assert names(model) == {"Norm": ("a", "b.1.norm"), "double": ("b.1.double",)}

    def test_containers_and_holes(self) -> None:
        model = nn.Module()
        model.listed = nn.ModuleList([Norm(), Plain(), Norm()])
        model.table = nn.ModuleDict({"left": Block(), "right": nn.Identity()})
        model.register_module("hole", None)
        model.circle = nn.Module()
        model.circle.back = model.listed
        assert counts(model) == visited(model)
        assert names(model)["Norm"] == ("listed.0", "listed.2", "table.left.norm")

    def test_first_few_names(self) -> None:
        model = nn.Sequential(*(Norm() for _ in range(9)))
        assert names(model) == {"Norm": ("0", "1", "2", "3", "4")}
        assert counts(model) == {"Norm": (9, 0)}

    def test_two_classes_under_one_name(self) -> None:
        class Kin(nn.Module):
            kernel_layer_name = "Norm"

        model = nn.Sequential(Norm(), Kin(), Norm())
        layer = ks.inspect_model(model)["Norm"]
        assert layer.modules == 3
        assert layer.classes == (Norm, Kin)
        assert layer.names == ("0", "1", "2")

    def test_name_inherited_by_a_subclass(self) -> None:
        class Heir(Norm):
            pass

        assert counts(nn.Sequential(Heir())) == {"Norm": (1, 0)} == visited(nn.Sequential(Heir()))
        assert ks.inspect_model(Heir())["Norm"].classes == (Heir,)

    def test_name_by_the_decorator_of_kernels(self) -> None:
        @kernels.use_kernel_forward_from_hub("Decorated")
        class Decorated(nn.Module):
            pass

        model: Any = Decorated()
        assert counts(model) == {"Decorated": (1, 0)} == visited(model)

    def test_several_functions_of_one_holder(self) -> None:
        @kernels.use_kernel_forward_from_hub("first")
        def first(x: torch.Tensor) -> torch.Tensor:
            return x

        @kernels.use_kernel_forward_from_hub("second")
        def second(x: torch.Tensor) -> torch.Tensor:
            return x

        @kernels.use_kernelized_func(first, second)
        class Holder(Norm):
            pass

        model = nn.Sequential(Holder(), Holder())
        assert counts(model) == {"first": (0, 2), "second": (0, 2), "Norm": (2, 0)}
        assert counts(model) == visited(model)
        assert names(model)["second"] == ("0.second", "1.second")

    def test_functions_that_only_some_modules_of_a_class_hold(self) -> None:
        model = nn.Sequential(*(Plain() for _ in range(9)))
        vars(model[8])["_kernel_funcs"] = vars(Block())["_kernel_funcs"]
        assert counts(model) == {"double": (0, 1)} == visited(model)
        assert names(model) == {"double": ("8.double",)}

    def test_name_set_on_an_instance_is_ignored(self) -> None:
        model = nn.Sequential(Plain(), Plain(), Norm())
        for module in model:
            vars(module)["kernel_layer_name"] = "Mine"
        assert counts(model) == {"Norm": (1, 0)} == visited(model)
        [ignored] = ks.inspect_model(model).ignored
        assert (ignored.layer_name, ignored.name, ignored.modules) == ("Mine", "0", 3)

    def test_same_name_set_on_the_instance_does_no_harm(self) -> None:
        model = Norm()
        model.kernel_layer_name = "Norm"
        assert counts(model) == {"Norm": (1, 0)}
        assert ks.inspect_model(model).ignored == ()

    @pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")
    def test_script_modules(self) -> None:
        inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        scripted: Any = torch.jit.script(inner)
        traced: Any = torch.jit.trace(inner, torch.ones(1, 4))
        for compiled in (scripted, traced):
            model = nn.Sequential(compiled, Norm())
            assert counts(model) == {"Norm": (1, 0)} == visited(model)
            assert names(model) == {"Norm": ("1",)}
            assert ks.audit(model).layer("Norm").replaced == 0
            ks.restore(model)

    def test_fx_graph(self) -> None:
        model = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
        model.add_submodule("norm", Norm())
        assert counts(model) == {"Norm": (1, 0)} == visited(model)


class TestNamesOfUsers:
    """A step is left out for what its owner is, never for what it is called."""

    @pytest.mark.parametrize(
        "step",
        [
            "module",
            "_orig_mod",
            "_checkpoint_wrapped_module",
            "_fsdp_wrapped_module",
            "base_model",
            "model",
        ],
    )
    def test_attribute_called_like_a_step(self, step: str) -> None:
        model = nn.Module()
        setattr(model, step, make_model())
        assert names(model) == {
            name: tuple(f"{step}.{one}" for one in found) for name, found in NAMES.items()
        }
        assert unwrap(model) is model
        assert wrapped_key(type(model)) is None

    def test_attribute_called_like_a_step_within_a_wrapper(self) -> None:
        class Module(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = nn.ModuleDict({"module": Norm()})

        assert names(DataParallel(Module())) == {"Norm": ("module.module",)}

    def test_another_child_of_a_wrapper_keeps_its_step(self) -> None:
        model = DataParallel(Norm())
        model.extra = Norm()
        assert names(model) == {"Norm": ("", "extra")}


def sharded(model: Any) -> Any:
    mesh = init_device_mesh("cpu", (1,))
    for child in model:
        fully_shard(child, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def replicated(model: Any) -> Any:
    for child in model:
        replicate(child, mesh=init_device_mesh("cpu", (1,)))
    return model


def sharded_the_old_way(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        # It says that it uses no sharding in a world of one process.
        warnings.simplefilter("ignore")
        return FullyShardedDataParallel(model, device_id=torch.device("cpu"))


def compiled(model: nn.Module) -> Any:
    return torch.compile(model, backend="eager")


def compiled_in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


def checkpointed(model: Any) -> Any:
    for index, child in enumerate(model):
        model[index] = checkpoint_wrapper(child)
    model[0].norm = checkpoint_wrapper(model[0].norm)
    return model


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "ddp": DistributedDataParallel,
    "dp": DataParallel,
    "average": AveragedModel,
    "replicate": replicated,
    "fsdp2": sharded,
    "fsdp": sharded_the_old_way,
    "compile": compiled,
    "compile in place": compiled_in_place,
    "checkpoint": checkpointed,
    "ddp(compile)": lambda model: DistributedDataParallel(compiled(model)),
    "compile(ddp)": lambda model: compiled(DistributedDataParallel(model)),
    "ddp(compile in place)": lambda model: DistributedDataParallel(compiled_in_place(model)),
    "ddp(checkpoint)": lambda model: DistributedDataParallel(checkpointed(model)),
    "compile(fsdp2)": lambda model: compiled(sharded(model)),
}


@pytest.mark.usefixtures("process_group")
class TestWrappers:
    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("wrapper", WRAPPERS)
    def test_wrapped(self, wrapper: str, *, training: bool) -> None:
        model = WRAPPERS[wrapper](make_model().train(training))
        layers = ks.inspect_model(model)
        assert counts(model) == COUNTS == visited(model)
        assert names(model) == NAMES
        assert [layers[name].classes for name in ("Norm", "LateNorm")] == [(Norm,), (LateNorm,)]
        assert "Plain" in layers.unregistered_classes
        suffix = "_torch_compile" if "compile" in wrapper else ""
        assert mode_of(model) == ("training" if training else "inference") + suffix
        report = ks.kernelize(model, ks.KernelConfig(), device="cpu")
        assert report.mode == mode_of(model)
        assert [layer.total for layer in report.layers] == [2, 2, 1]
        ks.restore(model)

    def test_ddp_says_training_whatever_it_wraps(self) -> None:
        """FACTS T11: why the mode is that of the wrapped model."""
        model = DistributedDataParallel(make_model().eval())
        assert model.training
        assert mode_of(model) is ks.ModeName.INFERENCE
        assert mode_of(model, compiled=True) is ks.ModeName.INFERENCE_TORCH_COMPILE
        mapping = ks.KernelConfig({"Norm": "org/repo:L"}).create_compatible_mapping(model)
        assert list(mapping["Norm"]["cpu"]) == [kernels.Mode.INFERENCE]

    def test_fsdp2_changes_the_class(self) -> None:
        model = sharded(make_model())
        assert type(model[3]) is not LateNorm
        assert isinstance(model[3], FSDPModule)
        assert ks.inspect_model(model)["LateNorm"].classes == (LateNorm,)

    def test_function_of_the_wrapped_module_counts_once(self) -> None:
        """A wrapper hands out the attributes of what it wraps, and holds no function itself."""
        models: tuple[Any, ...] = (checkpoint_wrapper(Block()), compiled(Block()))
        for model in models:
            assert "double" in model._kernel_funcs
            assert counts(model) == {"double": (0, 1), "Norm": (1, 0)} == visited(model)
            assert names(model) == {"double": ("double",), "Norm": ("norm",)}


LLAMA_COUNTS = {"rotary_pos_emb": (0, 2), "SiLU": (2, 0), "RMSNorm": (5, 0)}


class TestTransformers:
    """The wrappers that need a real transformers model."""

    @pytest.fixture
    def model(self, tiny_llama: Callable[[], nn.Module]) -> nn.Module:
        return tiny_llama()

    def test_as_it_is(self, model: nn.Module) -> None:
        assert counts(model) == LLAMA_COUNTS == visited(model)
        assert names(model)["RMSNorm"][-1] == "model.norm"

    def test_gradient_checkpointing(self, model: Any) -> None:
        before = names(model)
        model.train().gradient_checkpointing_enable()
        assert counts(model) == LLAMA_COUNTS == visited(model)
        assert names(model) == before
        assert mode_of(model) is ks.ModeName.TRAINING

    def test_checkpointed_attention(self, model: Any) -> None:
        before = names(model)
        for layer in model.model.layers:
            layer.self_attn = checkpoint_wrapper(layer.self_attn)
        assert counts(model) == LLAMA_COUNTS == visited(model)
        assert names(model) == before

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize(
        "peft_config",
        [
            LoraConfig(target_modules=["q_proj", "v_proj"]),
            PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2),
        ],
        ids=["lora", "prompt tuning"],
    )
    def test_peft(self, model: Any, peft_config: Any, *, training: bool) -> None:
        before = names(model)
        wrapped = get_peft_model(model.train(training), peft_config)
        assert wrapped.training  # FACTS T11
        assert counts(wrapped) == LLAMA_COUNTS == visited(wrapped)
        assert names(wrapped) == before
        assert mode_of(wrapped) == ("training" if training else "inference")
        assert unwrap(wrapped) is model

    def test_peft_with_adapters_of_several_kinds(self, model: Any) -> None:
        before = names(model)
        wrapped = get_peft_model(model, LoraConfig(target_modules=["q_proj"]), mixed=True)
        assert wrapped.training
        assert counts(wrapped) == LLAMA_COUNTS == visited(wrapped)
        assert names(wrapped) == before
        assert mode_of(wrapped) is ks.ModeName.INFERENCE

    def test_peft_with_modules_to_save(self, model: Any) -> None:
        """A saved module is there twice, and counts twice: kernelize replaces both (FACTS T11)."""
        config = LoraConfig(target_modules=["q_proj"], modules_to_save=["norm"])
        wrapped = get_peft_model(model, config)
        assert counts(wrapped) == {**LLAMA_COUNTS, "RMSNorm": (10, 0)} == visited(wrapped)
        assert names(wrapped)["RMSNorm"][:2] == (
            "model.layers.0.input_layernorm.original_module",
            "model.layers.0.input_layernorm.modules_to_save.default",
        )

    def test_peft_under_torch_compile(self, model: Any) -> None:
        before = names(model)
        wrapped = compiled(get_peft_model(model, LoraConfig(target_modules=["q_proj"])))
        assert counts(wrapped) == LLAMA_COUNTS == visited(wrapped)
        assert names(wrapped) == before
        assert mode_of(wrapped) is ks.ModeName.INFERENCE_TORCH_COMPILE
