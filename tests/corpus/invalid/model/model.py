"""The model of this folder: small, on the CPU, in eval mode but for one module."""

from __future__ import annotations

from kernels import Device, LayerRepository, register_kernel_mapping
from kernels.layer.device import CUDAProperties
from torch import Tensor, nn


class LlamaRMSNorm(nn.RMSNorm):
    """Registered under the name that the norms of all models share."""

    kernel_layer_name = "RMSNorm"


class SiLU(nn.SiLU):
    """The model inherits kernels for this one."""

    kernel_layer_name = "SiLU"


class SmallMLP(nn.Linear):
    """Takes one argument under the name `MLP`."""

    kernel_layer_name = "MLP"


class GatedMLP(nn.Linear):
    """Takes two arguments under the same name."""

    kernel_layer_name = "MLP"

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:  # the other class takes no gate
        return super().forward(x) * gate


class Residual(nn.Module):
    """One of two is left in training mode."""

    kernel_layer_name = "Residual"

    def forward(self, x: Tensor) -> Tensor:
        return x


class Attention(nn.Linear):
    """Registers nothing."""


def build() -> nn.Module:
    """The model, and a mapping for its configs to inherit."""
    kernel = LayerRepository("org/repo", layer_name="SiLU", version=1)
    hopper = Device(type="cuda", properties=CUDAProperties(min_capability=90, max_capability=99))
    register_kernel_mapping({"SiLU": {hopper: kernel, "rocm": kernel}})
    layers: dict[str, nn.Module] = {
        "norm": LlamaRMSNorm(4),
        "act": SiLU(),
        "mlp": SmallMLP(4, 4),
        "gated": GatedMLP(4, 4),
        "first": Residual(),
        "second": Residual(),
        "attention": Attention(4, 4),
        "own": nn.Linear(4, 4),
    }
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    model.eval()
    layers["second"].train()
    # Set on a module, where kernels never looks, in place of its class.
    vars(layers["own"])["kernel_layer_name"] = "OwnNorm"
    return model
