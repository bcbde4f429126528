"""All or nothing: whatever goes wrong, every forward is the very object that it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest

import kernel_schema as ks
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering import toys
from tests.lowering.toys import Norm, Pristine, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    Kernel = Callable[[str], ks.LocalRef]

RAISES_ON_IMPORT = """\
raise RuntimeError("no such instruction")
"""
EXITS_ON_IMPORT = """\
raise KeyboardInterrupt
"""
HAS_INIT = """\
from torch import nn
class Norm(nn.Module):
    def __init__(self):
        super().__init__()
    def forward(self, x):
        return x
"""
HAS_STATE = """\
from torch import nn
class Norm(nn.Module):
    factor = 2
    def forward(self, x):
        return x
"""
NO_MODULE = """\
class Norm:
    def forward(self, x):
        return x
"""


class Trap(Norm):
    """A layer whose condition raises what it is told to."""

    kernel_layer_name = "Trap"
    error: BaseException | None = None

    @staticmethod
    def kernel_condition(module: Trap) -> bool:
        if module.error is not None:
            raise module.error
        return True


@pytest.fixture(params=["own forwards", "kernelized before", "set by hand"])
def model(request: pytest.FixtureRequest, kernel: Kernel) -> nn.Sequential:
    """A model whose last layer, LateNorm, is visited last; with forwards of each kind in place."""
    made = make_model()
    if request.param == "kernelized before":
        before = {"Norm": kernel("Other"), "double": kernel("Double"), "LateNorm": kernel("Norm")}
        ks.kernelize(made, ks.KernelConfig(before))
    elif request.param == "set by hand":
        made[0].norm.forward = by_hand
        made[3].forward = by_hand
    return made


# What a check reads in the files of a kernel: ignored here, so that it is loaded all the same.
CONTRACT = (
    "kernel-without-backward", "kernel-without-compile", "no-kernel-build", "signature-mismatch",
    "unknown-kernel-layer", "unusable-kernel-layer",
)  # fmt: skip


def by_hand(x: torch.Tensor) -> torch.Tensor:
    return 13 * x


def repository(directory: Path, layers: str | tuple[KernelLayer, ...]) -> Path:
    return write_kernel_repository(directory / "broken", layers)


def failing(
    model: nn.Module, entry: Any, kernel: Kernel, **options: Any
) -> ks.KernelNotAppliedError:
    """The error of a config that replaces all before it comes to LateNorm, and fails there."""
    options.setdefault("ignore", CONTRACT)
    pristine, audited = Pristine(model), ks.audit(model)
    config = ks.KernelConfig(
        {"Norm": kernel("Norm"), "double": kernel("Double"), "LateNorm": {"cpu": entry}}
    )
    with pytest.raises(ks.KernelNotAppliedError) as caught:
        ks.kernelize(model, config, **options)
    assert pristine.changes() == []
    assert ks.audit(model) == audited
    with pytest.raises(ks.KernelNotAppliedError), ks.kernelized(model, config, **options):
        pytest.fail("entered")
    assert pristine.changes() == []
    assert ks.audit(model) == audited
    return caught.value


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (RAISES_ON_IMPORT, "RuntimeError: no such instruction"),
        (HAS_INIT, "must not override nn.Module constructor"),
        (HAS_STATE, "must not contain additional members"),
        (NO_MODULE, "is not a Torch layer"),
        ((KernelLayer("Norm", "x + y", arguments="x, y"),), "different number of arguments"),
        ((KernelLayer("Norm", "x", arguments="*x"),), "different kind of arguments"),
        ((KernelLayer("Another", "x"),), "Layer `Norm` not found"),
        ("", "Layer `Norm` not found"),
    ],
    ids=["raises", "init", "state", "no module", "arguments", "kinds", "missing", "empty"],
)
def test_kernel_that_cannot_be_used(
    model: nn.Sequential, kernel: Kernel, tmp_path: Path, layers: Any, says: str
) -> None:
    broken = ks.LocalRef(repository(tmp_path, layers), "Norm")
    error = failing(model, broken, kernel)
    [problem] = error.diagnostics
    assert problem.code == "kernel-load-failed"
    assert str(problem.route) == "kernel_mapping.LateNorm.cpu"
    assert "for `LateNorm` could not be put in place of `3`" in problem.message
    assert says in problem.message
    assert error.__cause__ is not None
    assert says in f"{type(error.__cause__).__name__}: {error.__cause__}"


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (HAS_INIT, ("unusable-kernel-layer", "has a constructor of its own")),
        (HAS_STATE, ("unusable-kernel-layer", "has members of its own (`factor`)")),
        (NO_MODULE, ("unusable-kernel-layer", "is no `nn.Module`")),
        ("class Norm(", ("unusable-kernel-layer", "layers.py:1: it is not Python")),
        ((KernelLayer("Norm", "x", arguments="*x"),), ("signature-mismatch", "takes `(*x)`")),
        ((KernelLayer("Another", "x"),), ("unknown-kernel-layer", "has no layer `Norm`")),
        ("", ("unknown-kernel-layer", "defines no layers")),
    ],
)
def test_it_is_told_before_its_code_runs(
    model: nn.Sequential, kernel: Kernel, tmp_path: Path, layers: Any, told: tuple[str, str]
) -> None:
    code, says = told
    marker = tmp_path / "ran"
    directory = repository(tmp_path, layers)
    for init in directory.rglob("__init__.py"):
        init.write_text(f"open({str(marker)!r}, 'w')\n{init.read_text()}")
    pristine = Pristine(model)
    config = ks.KernelConfig(
        {"Norm": kernel("Norm"), "LateNorm": {"cpu": ks.LocalRef(directory, "Norm")}}
    )
    with pytest.raises(ks.ModelCheckError) as caught:
        ks.kernelize(model, config)
    [problem] = caught.value.diagnostics
    assert (problem.code, str(problem.route)) == (code, "kernel_mapping.LateNorm.cpu")
    assert says in problem.message
    assert pristine.changes() == []
    assert not marker.exists()


def test_repository_without_a_build_for_this_machine(
    model: nn.Sequential, kernel: Kernel, tmp_path: Path
) -> None:
    directory = write_kernel_repository(tmp_path / "elsewhere", toys.KERNELS, backends=["neuron"])
    [problem] = failing(model, ks.LocalRef(directory, "Norm"), kernel).diagnostics
    assert problem.code == "kernel-load-failed"
    assert problem.help == "build the kernel for this device and torch version"


def test_repository_that_is_not_there(model: nn.Sequential, kernel: Kernel, tmp_path: Path) -> None:
    missing = ks.LocalRef(tmp_path / "missing", "Norm")
    error = failing(model, missing, kernel, ignore=["missing-local-kernel"])
    assert [problem.code for problem in error.diagnostics] == ["kernel-load-failed"]
    config = ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": missing})
    pristine = Pristine(model)
    with pytest.raises(ks.ModelCheckError, match="missing-local-kernel"):
        ks.kernelize(model, config)
    assert pristine.changes() == []


def test_no_backward_registered_for_training(model: nn.Sequential, kernel: Kernel) -> None:
    [problem] = failing(
        model, {"training": kernel("NoBackward")}, kernel, mode="training"
    ).diagnostics
    assert problem.code == "kernel-load-failed"
    assert "does not support backward" in problem.message
    assert str(problem.route) == "kernel_mapping.LateNorm.cpu.training"


def test_no_compile_registered_for_compile(model: nn.Sequential, kernel: Kernel) -> None:
    entry = {"inference_torch_compile": kernel("Other")}
    [problem] = failing(model, entry, kernel, mode="inference_torch_compile").diagnostics
    assert problem.code == "kernel-load-failed"
    assert "does not support torch.compile" in problem.message


def test_strict_refusal(model: nn.Sequential, kernel: Kernel) -> None:
    [problem] = failing(model, kernel("NoBackward"), kernel, mode="training").diagnostics
    assert problem.code == "kernel-not-applied"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_interrupted(model: nn.Sequential, kernel: Kernel, error: BaseException) -> None:
    trap = Trap()
    model.append(trap)
    pristine, audited = Pristine(model), ks.audit(model)
    config = ks.KernelConfig({"Norm": kernel("Norm"), "double": kernel("Double")})
    trap.error = error
    with pytest.raises(type(error)) as caught:
        ks.kernelize(model, config)
    assert caught.value is error
    trap.error = None
    assert "error" in pristine.changes()
    assert set(pristine.changes()) == {"error"}
    assert ks.audit(model) == audited


@pytest.mark.parametrize("error", [RuntimeError("tired"), ks.LoweringError([])], ids=repr)
def test_condition_that_raises(model: nn.Sequential, kernel: Kernel, error: Exception) -> None:
    trap = Trap()
    model.append(trap)
    trap.error = error
    pristine = Pristine(model)
    config = ks.KernelConfig(
        {"Norm": kernel("Norm"), "double": kernel("Double"), "Trap": kernel("Norm")}
    )
    with pytest.raises(ks.KernelSchemaError) as caught:
        ks.kernelize(model, config)
    assert pristine.changes() == []
    if isinstance(error, RuntimeError):
        [problem] = caught.value.diagnostics
        assert problem.code == "kernel-load-failed"
        assert "in place of `4`: RuntimeError: tired" in problem.message
        assert str(problem.route) == "kernel_mapping.Trap"


def test_condition_that_raises_without_an_entry(model: nn.Sequential, kernel: Kernel) -> None:
    """kernels asks the condition of every layer, also of those that no config names."""
    trap = Trap()
    model.append(trap)
    trap.error = RuntimeError("tired")
    pristine = Pristine(model)
    with pytest.raises(ks.KernelNotAppliedError) as caught:
        ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")}))
    [problem] = caught.value.diagnostics
    assert problem.message == "kernels could not replace a layer: RuntimeError: tired"
    assert pristine.changes() == []


def test_interrupted_while_a_kernel_is_imported(
    model: nn.Sequential, kernel: Kernel, tmp_path: Path
) -> None:
    pristine = Pristine(model)
    broken = ks.LocalRef(repository(tmp_path, EXITS_ON_IMPORT), "Norm")
    config = ks.KernelConfig({"Norm": kernel("Norm"), "LateNorm": broken})
    with pytest.raises(KeyboardInterrupt):
        ks.kernelize(model, config, ignore=CONTRACT)
    assert pristine.changes() == []


def test_the_first_layer_fails(kernel: Kernel, tmp_path: Path) -> None:
    """Nothing was touched yet: the name in the message is that of the first."""
    broken = ks.LocalRef(repository(tmp_path, RAISES_ON_IMPORT), "Double")
    model = make_model()
    with pytest.raises(ks.KernelNotAppliedError) as caught:
        ks.kernelize(
            model, ks.KernelConfig({"double": broken, "Norm": kernel("Norm")}), ignore=CONTRACT
        )
    [problem] = caught.value.diagnostics
    assert "in place of `0.double`" in problem.message
    assert str(problem.route) == "kernel_mapping.double"
    assert factor(model) == 4


def test_without_us_a_failure_leaves_kernels_behind(tmp_path: Path, kernel: Kernel) -> None:
    """FACTS K16: the reason for all this."""
    model = make_model()
    broken = kernels.LocalLayerRepository(tmp_path, layer_name="Norm")
    good = kernels.LocalLayerRepository(Path(kernel("Norm").path), layer_name="Norm")
    mapping: dict[str, Any] = {"Norm": {"cpu": good}, "LateNorm": {"cpu": broken}}
    with kernels.use_kernel_mapping(mapping), pytest.raises(FileNotFoundError):
        kernels.kernelize(model, mode=kernels.Mode.INFERENCE, device="cpu")
    assert factor(model) == 4 * 9
    assert ks.audit(model).replaced == 2
    ks.restore(model)
    assert factor(model) == 4
