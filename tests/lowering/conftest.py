"""A kernel repository, a process group, and libraries that are left as they were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kernels
import pytest
import torch.distributed

from kernel_schema import LocalRef
from tests.kernel_repos import write_kernel_repository
from tests.lowering import toys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import nn


@pytest.fixture(autouse=True)
def _nothing_inherited() -> Iterator[None]:
    """No mapping is active, and none is left behind; nor is a kernel in the shared function."""
    with kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield
    for key in ("forward", "_kernel_placed"):
        vars(toys.double).pop(key, None)


@pytest.fixture(scope="session")
def kernel_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with `toys.KERNELS`."""
    return write_kernel_repository(tmp_path_factory.mktemp("kernels") / "toys", toys.KERNELS)


@pytest.fixture(scope="session")
def kernel(kernel_repository: Path) -> Callable[[str], LocalRef]:
    """Refers to one of `toys.KERNELS` by name."""
    return lambda layer_name: LocalRef(kernel_repository, layer_name)


@pytest.fixture(scope="module")
def process_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A gloo group of this process alone."""
    path = tmp_path_factory.mktemp("gloo") / "store"
    # Documented there, and not in its `__all__`.
    store = torch.distributed.FileStore(str(path), 1)  # pyright: ignore[reportPrivateImportUsage]
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="session")
def tiny_llama() -> Callable[[], nn.Module]:
    """Makes a Llama of two layers, always with the same weights, in eval mode."""
    transformers = pytest.importorskip("transformers", reason="transformers is an extra")

    def make() -> nn.Module:
        torch.manual_seed(0)
        config = transformers.LlamaConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            vocab_size=32,
        )
        return transformers.LlamaForCausalLM(config).eval()

    return make
