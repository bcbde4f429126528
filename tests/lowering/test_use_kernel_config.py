"""use_kernel_config: a config as the active mapping of the kernels library."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest

import kernel_schema as ks
from kernel_schema.lowering.inherited import inherited_rules
from tests.lowering.toys import Norm, factor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Kernel = Callable[[str], ks.LocalRef]


def local(ref: ks.LocalRef) -> kernels.LocalLayerRepository:
    return kernels.LocalLayerRepository(Path(ref.path), layer_name=ref.layer_name)


def run(mode: kernels.Mode = kernels.Mode.INFERENCE) -> float:
    """What a fresh layer does when kernels itself kernelizes it now."""
    model = Norm()
    kernels.kernelize(model, mode=mode, device="cpu")
    return factor(model)


def active() -> list[str]:
    """The active mapping in words."""
    return [
        f"{rule.layer_name} {rule.device} {rule.capabilities} {rule.mode} "
        f"{rule.kernel and rule.kernel.layer_name}"
        for rule in inherited_rules()
        if not isinstance(rule.kernel, ks.RuntimeChoice)
    ]


@pytest.fixture
def outer(kernel: Kernel) -> Iterator[list[str]]:
    mapping: Any = {
        "Norm": {
            "cpu": local(kernel("Other")),
            "cuda": local(kernel("Other")),
            kernels.Device("cuda", kernels.CUDAProperties(90, 90)): local(kernel("Norm")),
            "xpu": {},
        },
        "LateNorm": {"cpu": {kernels.Mode.TRAINING: local(kernel("Norm"))}},
    }
    with kernels.use_kernel_mapping(mapping, inherit_mapping=False):
        yield active()


def test_outer_mapping(outer: list[str]) -> None:
    assert sorted(outer) == [
        "LateNorm cpu every capability training Norm",
        "Norm cpu every capability fallback Other",
        "Norm cuda capability 90 fallback Norm",
        "Norm cuda every capability fallback Other",
        "Norm xpu every capability None None",
    ]
    assert run() == 5


def test_named_device_is_replaced_ranges_included(kernel: Kernel, outer: list[str]) -> None:
    """The narrow range would win over a plain entry: FACTS K4."""
    with ks.use_kernel_config(ks.KernelConfig({"Norm": {"cuda": kernel("Norm")}})):
        assert sorted(active()) == [
            "LateNorm cpu every capability training Norm",
            "Norm cpu every capability fallback Other",
            "Norm cuda every capability fallback Norm",
            "Norm xpu every capability None None",
        ]
        assert run() == 5
    assert active() == outer


def test_plain_entry_names_every_device(kernel: Kernel, outer: list[str]) -> None:
    with ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")}), device="cpu"):
        assert sorted(active()) == [
            "LateNorm cpu every capability training Norm",
            "Norm cpu every capability fallback Norm",
        ]
        assert run() == 3
    assert active() == outer


def test_plain_entry_without_device_goes_to_all_that_kernels_knows(kernel: Kernel) -> None:
    with ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")})):
        devices = {rule.device for rule in inherited_rules()}
        assert {ks.DeviceType.CPU, ks.DeviceType.CUDA, ks.DeviceType.ROCM} <= devices
        assert run() == 3


def test_original(outer: list[str]) -> None:
    for entry in ("original", {"cpu": "original"}):
        with ks.use_kernel_config(ks.KernelConfig({"Norm": entry})):
            assert run() == 1
    assert active() == outer


def test_mode(kernel: Kernel) -> None:
    config = ks.KernelConfig({"Norm": kernel("Norm")})
    with ks.use_kernel_config(config, mode="training", device="cpu"):
        assert active() == ["Norm cpu every capability training Norm"]
    with ks.use_kernel_config(config, mode=kernels.Mode.INFERENCE, device="cpu"):
        assert run(kernels.Mode.TRAINING) == 1
        assert run(kernels.Mode.INFERENCE) == 3


def test_inherit_mapping_false(kernel: Kernel, outer: list[str]) -> None:
    config = ks.KernelConfig({"LateNorm": {"cpu": kernel("Norm")}}, inherit_mapping=False)
    with ks.use_kernel_config(config):
        assert active() == ["LateNorm cpu every capability fallback Norm"]
    assert active() == outer


def test_nested_and_left_by_an_exception(kernel: Kernel, outer: list[str]) -> None:
    with ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")})):
        within = active()
        with (
            pytest.raises(ZeroDivisionError),
            ks.use_kernel_config(ks.KernelConfig({"Norm": "original"})),
        ):
            _ = 1 / (run() - 1)
        assert active() == within
        assert run() == 3
    assert active() == outer


def test_kernelize_inherits_it(kernel: Kernel) -> None:
    model = Norm()
    with ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")})):
        assert ks.kernelize(model, ks.KernelConfig()).replaced == 1
        assert factor(model) == 3
        assert ks.kernelize(model, ks.KernelConfig(inherit_mapping=False)).replaced == 0
        assert factor(model) == 1


def test_lockfile_that_is_not_there_leaves_the_outer_mapping(
    tmp_path: Path, outer: list[str]
) -> None:
    entry = {"kernel": "org/repo:L", "lockfile": str(tmp_path / "kernels.lock")}
    with (
        pytest.raises(ks.LoweringError, match="missing-lockfile"),
        ks.use_kernel_config(ks.KernelConfig({"Norm": entry})),
    ):
        pytest.fail("entered")
    assert active() == outer


def test_not_seen_by_a_new_thread(kernel: Kernel) -> None:
    """A new thread starts with the mapping of the process, not of the block."""
    seen: list[list[str]] = []
    with ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")})):
        thread = threading.Thread(target=lambda: seen.append(active()))
        thread.start()
        thread.join()
        assert active()
    assert [name for name in seen[0] if name.startswith("Norm ")] == []


def test_as_a_decorator(kernel: Kernel) -> None:
    @ks.use_kernel_config(ks.KernelConfig({"Norm": kernel("Norm")}))
    def decorated() -> float:
        return run()

    assert (decorated(), run(), decorated()) == (3, 1, 3)
