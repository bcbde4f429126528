"""Tiny models on disk and kernels that count how often they run; other releases of transformers.

A release that is not installed needs a package index, so it is for `slow` tests only.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

import kernel_schema as ks
from tests.kernel_repos import write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Kernel = Callable[[str], ks.LocalRef]
    Calls = Callable[..., list[str]]

# The newest, which asks for a kernels that no index has.
VERSION = "5.24.0"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a newer transformers."""
    folder = tmp_path_factory.mktemp("wheel")
    download = ["pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", *download, f"transformers=={VERSION}"], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a folder that can go first on the path, with kernels relabelled as it wants."""
    folder = tmp_path_factory.mktemp("unpacked")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    label = folder / "kernels-0.18.2.dist-info"
    label.mkdir()
    (label / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 0.18.2\n")
    return folder


SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 32,
}
NORMS = 5  # RMSNorm in a Llama of two layers; besides SiLU twice and the function rotary_pos_emb

# Of each what the kernels library reads of it; all compute what the RMSNorm of Llama computes.
FLAGS = {
    "Norm": "",
    "Other": "",
    "Compiles": "can_torch_compile = True",
    "NoBackward": "has_backward = False",
    "Laid": "",
}
_CODE = """\
import torch
from torch import nn

calls = []


@torch.compiler.disable
def count(name):
    calls.append(name)
"""
_LAYER = """

class {name}(nn.Module):
    {flags}

    def forward(self, hidden_states):
        count("{name}")
        shape = (hidden_states.shape[-1],)
        return nn.functional.rms_norm(hidden_states, shape, self.weight, self.variance_epsilon)
"""
_ACTIVATION = """

class Act(nn.Module):
    def forward(self, input):
        count("Act")
        return nn.functional.silu(input)


class LaidLayout(nn.Module):
    pass
"""


@pytest.fixture
def nothing_inherited() -> Iterator[None]:
    """What transformers registers for `use_kernels` is gone after a test."""
    kernels = pytest.importorskip("kernels")
    with kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


@pytest.fixture(scope="session")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel repository on disk."""
    layers = "".join(
        _LAYER.format(name=name, flags=flags or "pass") for name, flags in FLAGS.items()
    )
    code = _CODE + layers + _ACTIVATION
    return write_kernel_repository(tmp_path_factory.mktemp("kernels") / "counting", code)


@pytest.fixture(scope="session")
def kernel(counting: Path) -> Kernel:
    """Refers to one of its kernels by name."""
    return lambda name: ks.LocalRef(counting, name)


@pytest.fixture(scope="session")
def calls(counting: Path) -> Calls:
    """The kernels whose own code runs when something is called, by name, in order."""

    def run(call: Callable[[], object]) -> list[str]:
        loaded: list[Any] = [
            vars(module)["calls"]
            for module in list(sys.modules.values())
            if str(getattr(module, "__file__", None)).startswith(f"{counting}/")
            and "calls" in vars(module)
        ]
        for names in loaded:
            names.clear()
        call()
        return [name for names in loaded for name in names]

    return run


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved Llama of two layers, with random weights."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "llama"
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES)).save_pretrained(path)
    return path


@pytest.fixture
def load(llama: Path) -> Iterator[Callable[..., Any]]:
    """Load it as users do, with what `from_pretrained` takes; functions are put back at the end."""
    transformers = pytest.importorskip("transformers")
    loaded: list[Any] = []

    def from_pretrained(kernel_config: object = None, **options: Any) -> Any:
        options |= {"kernel_config": kernel_config, "use_kernels": kernel_config is not None}
        loaded.append(transformers.LlamaForCausalLM.from_pretrained(llama, **options))
        return loaded[-1]

    yield from_pretrained
    for model in loaded:
        ks.restore(model)
