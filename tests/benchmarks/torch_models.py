"""Models of any size that register layers, as those of transformers do."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import kernels
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

if TYPE_CHECKING:
    from collections.abc import Iterator


@kernels.use_kernel_forward_from_hub("rotary")
def rotary(x: torch.Tensor) -> torch.Tensor:
    """A function such as models of transformers hold in every attention."""
    return x


class Norm(nn.Module):
    """A registered layer."""

    kernel_layer_name = "RMSNorm"


class Activation(nn.Module):
    """Another one."""

    kernel_layer_name = "SiLU"


class Attention(nn.Module):
    """Four unregistered modules, and a function where one is given."""

    def __init__(self, function: object) -> None:
        super().__init__()
        for name in ("q", "k", "v", "o"):
            self.add_module(name, nn.Identity())
        if function is not None:
            self.__dict__["_kernel_funcs"] = {"rotary": function}


class Block(nn.Module):
    """Twelve modules, nested as those of a decoder layer."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.attention = Attention(function)
        self.mlp = nn.Sequential(nn.Identity(), Activation(), nn.Identity())
        self.norms = nn.ModuleList([Norm()])
        self.last = Norm()


BLOCK_SIZE: Final = 12


def build_model(modules: int, *, functions: bool) -> nn.Module:
    """A model of that many modules, about."""
    count = max(1, modules // BLOCK_SIZE)
    return nn.Sequential(*(Block(rotary if functions else None) for _ in range(count)))


@lru_cache(maxsize=2)
def build_named_model(modules: int, names: int) -> nn.Module:
    """A model of that many modules that registers that many names, on a CUDA device.

    No GPU is needed: the one parameter is torch's own stand-in.
    """
    classes = [
        type(f"Layer{i}", (nn.Module,), {"kernel_layer_name": f"L{i}"}) for i in range(names)
    ]
    registered = [classes[i % names]() for i in range(max(names, modules // 5))]
    per_block = max(1, len(registered) // 100)
    blocks = [
        nn.Sequential(*registered[i : i + per_block], *_identities(4 * per_block))
        for i in range(0, len(registered), per_block)
    ]
    model = nn.Sequential(*blocks)
    with FakeTensorMode():
        model.anchor = nn.Parameter(torch.empty(1, device="cuda"))
    return model.eval()


def _identities(count: int) -> Iterator[nn.Module]:
    return (nn.Identity() for _ in range(count))


@lru_cache(maxsize=1)
def build_deepseek(*, tiny: bool) -> Any:
    """DeepseekV3 of transformers at full size, on the meta device."""
    import transformers

    sizes: dict[str, Any] = {"num_hidden_layers": 1, "n_routed_experts": 8} if tiny else {}
    with torch.device("meta"):
        config = transformers.DeepseekV3Config(**sizes)
        return transformers.DeepseekV3ForCausalLM(config).eval()


def bare_walk(model: nn.Module) -> None:
    """The least that anybody can do who looks at every module."""
    for module in model.modules():
        type(module)
