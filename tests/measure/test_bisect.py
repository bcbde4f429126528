"""Which kernel of a real model is guilty: planted alone, in pairs, never called, inherited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from tests.kernel_repos import KernelLayer, write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 6
X = torch.zeros(1)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight


LAYERS = [type(f"Layer{n}", (Layer,), {"kernel_layer_name": f"L{n}"}) for n in range(COUNT)]


def make_model() -> Any:
    """Adds 1 in each of its layers."""
    return nn.Sequential(*(layer() for layer in LAYERS)).eval()


@pytest.fixture(autouse=True)
def _nothing_inherited() -> Iterator[None]:
    with kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


@pytest.fixture(scope="session")
def adders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [
        KernelLayer("Right", "x + self.weight"),
        KernelLayer("Wrong", "x + 10"),
        KernelLayer("Opposite", "x - 8"),
        KernelLayer("Raises", "1 / 0"),
    ]
    return write_kernel_repository(tmp_path_factory.mktemp("adders") / "kernels", layers)


@pytest.fixture
def config(adders: Path) -> Callable[..., ks.KernelConfig]:
    """Right kernels for all layers, but for those that are named."""

    def make(**others: str) -> ks.KernelConfig:
        names = {f"L{n}": "Right" for n in range(COUNT)} | others
        return ks.KernelConfig({layer: f"{adders}:{name}" for layer, name in names.items()})

    return make


def is_right(model: Any) -> bool:
    return model(X).item() == COUNT


def guilty(bisection: ks.Bisection) -> list[str]:
    return [suspect.layer_name for suspect in bisection.guilty]


def state_of(model: nn.Module) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in vars(module).items() if key != "_forward_pre_hooks"}
        | {"hooks": len(module._forward_pre_hooks)}
        for module in model.modules()
    ]


def test_one_is_named_and_the_model_is_as_it_was(config: Any) -> None:
    model = make_model()
    before = state_of(model)
    seen: list[ks.Trial] = []
    bisection = ks.bisect(model, config(L4="Wrong"), is_right, progress=seen.append)
    assert bisection.conclusion is ks.Conclusion.GUILTY
    assert guilty(bisection) == ["L4"]
    assert bisection.more is False
    assert not bisection.ok
    (diagnostic,) = bisection.diagnostics
    assert (diagnostic.code, str(diagnostic.route)) == ("guilty-kernel", "kernel_mapping.L4")
    assert seen == list(bisection.trials)
    assert seen[0].on == ("L0", "L1", "L2", "L3", "L4", "L5")
    assert seen[0].calls == dict.fromkeys(seen[0].on, 1)
    assert seen[1].on == ()
    assert state_of(model) == before


def test_a_pair_is_guilty_only_together(config: Any) -> None:
    model = make_model()
    bisection = ks.bisect(
        model, config(L1="Wrong", L5="Wrong"), lambda model: model(X).item() < COUNT + 18
    )
    assert guilty(bisection) == ["L1", "L5"]
    assert [each.code for each in bisection.diagnostics] == ["guilty-kernel"] * 2
    for alone in (("L1",), ("L5",)):
        assert ks.Answer.GOOD in [trial.answer for trial in bisection.trials if trial.on == alone]


def test_of_two_each_guilty_alone_one_is_named_and_the_other_told(config: Any) -> None:
    bisection = ks.bisect(make_model(), config(L1="Wrong", L3="Wrong"), is_right)
    assert guilty(bisection) in (["L1"], ["L3"])
    assert bisection.more is True
    assert "another is guilty too" in str(bisection)


def test_good_with_every_kernel(config: Any) -> None:
    bisection = ks.bisect(make_model(), config(), is_right)
    assert bisection.ok
    assert len(bisection.trials) == 1
    assert str(bisection) == "good with every kernel, of 6 (1 trial)"


def test_a_kernel_that_never_ran_is_not_acquitted(config: Any) -> None:
    bisection = ks.bisect(
        make_model(), config(L2="Raises"), lambda model: model[1](model[0](X)).item() == 2
    )
    assert bisection.conclusion is ks.Conclusion.GOOD
    assert [each.layer_name for each in bisection.never_called] == ["L2", "L3", "L4", "L5"]
    assert {each.code for each in bisection.diagnostics} == {"kernel-never-called"}
    assert not bisection.ok


def test_bad_with_none_is_nobody_s_fault(config: Any) -> None:
    bisection = ks.bisect(make_model(), config(), lambda _: False)
    assert bisection.conclusion is ks.Conclusion.BAD_WITHOUT_KERNELS
    assert (bisection.guilty, len(bisection.trials)) == ((), 2)


def test_faults_that_cancel_each_other_are_a_contradiction(config: Any) -> None:
    def looks_right(model: Any) -> bool:  # L2 undoes what L1 does, but for L5
        wrong = [layer(X).item() != 1 for layer in model]
        return wrong[1] is wrong[2] and not (wrong[1] and wrong[5])

    wrong = config(L1="Wrong", L2="Wrong", L5="Wrong")
    bisection = ks.bisect(make_model(), wrong, looks_right)
    assert bisection.conclusion is ks.Conclusion.CONTRADICTION
    assert (bisection.guilty, bisection.diagnostics) == ((), ())
    assert "contradiction: bad with `L1`, and good with" in str(bisection)


def test_what_cannot_be_told(config: Any) -> None:
    bisection = ks.bisect(make_model(), config(), lambda _: None)
    assert bisection.conclusion is ks.Conclusion.UNDECIDED
    assert len(bisection.among) == COUNT


def test_repeat_catches_what_goes_wrong_now_and_then(config: Any) -> None:
    calls = 0

    def seems_right(model: Any) -> bool:
        nonlocal calls
        calls += 1
        return is_right(model) or calls % 3 != 0

    bisection = ks.bisect(make_model(), config(L3="Wrong"), seems_right, repeat=3)
    assert guilty(bisection) == ["L3"]


def test_what_is_good_raises_is_raised_and_nothing_is_left(config: Any) -> None:
    model = make_model()
    before = state_of(model)
    with pytest.raises(ZeroDivisionError):
        ks.bisect(model, config(L2="Raises"), is_right)
    assert state_of(model) == before


def test_is_good_may_train(config: Any) -> None:
    """The training state is put back, parameters are not: they are those that it has left."""
    model = make_model()
    modes: list[bool] = []

    def trains(model: Any) -> bool:
        modes.append(model.training)
        model.train()
        model(X).sum().backward()
        with torch.no_grad():
            model[0].weight -= 0.1 * model[0].weight.grad
        return True

    bisection = ks.bisect(model, config(L3="Wrong"), trains)
    assert bisection.conclusion is ks.Conclusion.GOOD
    assert modes == [False]
    assert not model.training
    assert model[0].weight.item() == pytest.approx(0.9)


def test_what_is_inherited_is_a_suspect_and_told_as_such(config: Any, adders: Path) -> None:
    inherited = kernels.LocalLayerRepository(adders, layer_name="Wrong")
    own = {name: entry for name, entry in config().kernel_mapping.items() if name != "L3"}
    with kernels.use_kernel_mapping({"L3": {"cpu": inherited}}, inherit_mapping=False):
        bisection = ks.bisect(make_model(), own, is_right)
    (suspect,) = bisection.guilty
    assert (suspect.layer_name, suspect.is_inherited) == ("L3", True)
    assert bisection.diagnostics[0].message.endswith("; it is inherited")


def test_the_place_in_the_file_is_told(adders: Path, tmp_path: Path) -> None:
    file = tmp_path / "kernels.yaml"
    file.write_text(f"kernel_mapping:\n  L0: {adders}:Right\n  L1: {adders}:Wrong\n")
    bisection = ks.bisect(make_model(), file, is_right)
    assert str(bisection.diagnostics[0]).startswith(f"{file}:3:")
    assert bisection.guilty[0].span is not None
    assert bisection.guilty[0].span.line == 3


def test_entries_that_place_nothing_are_no_suspects(adders: Path) -> None:
    config = {"L0": "original", "L1": {"cuda": f"{adders}:Wrong"}}
    bisection = ks.bisect(make_model(), config, is_right)
    assert bisection.conclusion is ks.Conclusion.NO_KERNELS
    assert bisection.trials == ()


def test_kernels_that_were_there_before_are_there_again(config: Any) -> None:
    model = make_model()
    ks.kernelize(model, config(L0="Wrong"))
    bisection = ks.bisect(model, config(L5="Wrong"), is_right)
    assert guilty(bisection) == ["L5"]
    assert model(X).item() == COUNT + 9


def test_wrong_arguments(config: Any) -> None:
    with pytest.raises(TypeError, match="is_good"):
        ks.bisect(make_model(), config(), X)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="repeat"):
        ks.bisect(make_model(), config(), is_right, repeat=0)
    with pytest.raises(ks.ModelCheckError, match="unregistered-layer"):
        ks.bisect(make_model(), {**config().kernel_mapping, "L9": "org/repo:L"}, is_right)
