"""The real `kernelize` on the CPU against `select`: random configs over real kernel repositories.

Each layer of the model adds a number of its own, and so does each kernel: the output tells which
one ran.
"""

# The decorators of kernels give back `type | object`, says their type.
# pyright: reportCallIssue=false, reportArgumentType=false, reportReturnType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from kernels import use_kernel_forward_from_hub
from torch import nn

import kernel_schema as ks
from kernel_schema.lowering.inherited import inherited_rules
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.draws import MODES, RUN_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPOSITORIES = 4
FLAGS = {
    "Plain": {},
    "Compiles": {"can_torch_compile": True},
    "NoBackward": {"has_backward": False},
    "CompilesNoBackward": {"has_backward": False, "can_torch_compile": True},
}
KERNELS = {
    f"r{number}:{name}": 100 * (number + 1) + index
    for number in range(REPOSITORIES)
    for index, name in enumerate(FLAGS)
}
"""What each kernel adds, by repository and layer."""
ORIGINALS = {"First": 1, "Second": 2, "Third": 3, "function": 4}
"""What each layer adds by itself, by registered name."""


@use_kernel_forward_from_hub("First")
class First(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


@use_kernel_forward_from_hub("Second")
class Second(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 2


@use_kernel_forward_from_hub("Third")
class Third(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 3


@use_kernel_forward_from_hub("function")
def function(x: torch.Tensor) -> torch.Tensor:
    return x + 4


@kernels.use_kernelized_func(function)
class Model(nn.Module):
    """Several layers, one of them twice, and a function; what each does, by registered name."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))  # tells the device
        self.first = nn.ModuleList([First(), First()])
        self.second = Second()
        self.third = Third()

    def forward(self, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        results = {
            "First": [layer(x) for layer in self.first],
            "Second": [self.second(x)],
            "Third": [self.third(x)],
        }
        # Older versions of kernels know no functions.
        for name, kernel_function in vars(self).get("_kernel_funcs", {}).items():
            results[name] = [kernel_function(x)]
        return results


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("kernels")
    return {
        f"r{number}": write_kernel_repository(
            root / f"r{number}",
            [
                KernelLayer(name, f"x + {KERNELS[f'r{number}:{name}']}", **flags)
                for name, flags in FLAGS.items()
            ],
        )
        for number in range(REPOSITORIES)
    }


references = st.sampled_from(sorted(KERNELS))
modes = st.dictionaries(st.sampled_from(ks.ModeName), references, min_size=1)
entries = st.just("original") | references | modes
layer_entries = entries | st.dictionaries(
    st.sampled_from([ks.DeviceType.CPU, ks.DeviceType.XPU]), entries, min_size=1
)
layers = st.sampled_from(sorted(ORIGINALS))
inherited_entries = st.dictionaries(st.sampled_from(ks.ModeName), references)


@dataclass(frozen=True)
class Outcome:
    """What a rule comes to.

    Args:
        adds: What the layer adds.
        kernel: The kernel that runs, None for the layer's own forward.
        refused: Whether kernels raises.
    """

    adds: int
    kernel: ks.LocalKernel | None = None
    refused: bool = False


UNTOUCHED = {name: Outcome(adds) for name, adds in ORIGINALS.items()}


def outcome_of(rule: ks.Rule | None, layer_name: str, mode: ks.ModeName) -> Outcome:
    """What `kernelize` makes of a choice, by what kernels says of the flags of a layer."""
    if rule is None or not isinstance(rule.kernel, ks.LocalKernel):
        return UNTOUCHED[layer_name]
    flags = FLAGS[rule.kernel.layer_name]
    if _lacks(flags, MODES[rule.mode or ks.ModeName.FALLBACK]):
        return Outcome(0, refused=True)
    if _lacks(flags, MODES[mode]):
        return UNTOUCHED[layer_name]
    repository = rule.kernel.path.rpartition("/")[2]
    return Outcome(KERNELS[f"{repository}:{rule.kernel.layer_name}"], rule.kernel)


def _lacks(flags: Mapping[str, bool], mode: kernels.Mode) -> bool:
    return (kernels.Mode.TRAINING in mode and not flags.get("has_backward", True)) or (
        kernels.Mode.TORCH_COMPILE in mode and not flags.get("can_torch_compile", False)
    )


# What a check reads in the files of a kernel; here it is kernels that says it.
CONTRACT = ("kernel-without-backward", "kernel-without-compile")


@dataclass(frozen=True)
class Step:
    """One call of `kernelize`, and what is registered in kernels when it is made."""

    table: dict[str, Any]
    inherited: dict[str, Any]
    inherit: bool
    mode: ks.ModeName
    infer_mode: bool
    strict: bool


steps = st.builds(
    Step,
    table=st.dictionaries(layers, layer_entries),
    inherited=st.dictionaries(layers, inherited_entries),
    inherit=st.booleans(),
    mode=st.sampled_from(RUN_MODES),
    infer_mode=st.booleans(),
    strict=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(steps, min_size=1, max_size=3))
def test_kernelize_places_what_select_says(
    repositories: dict[str, Path], drawn: list[Step]
) -> None:
    model = Model()
    runs = {name: UNTOUCHED[name] for name in ks.inspect_model(model)}
    try:
        for step in drawn:
            runs = take(step, model, repositories, runs)
            agrees(model, ks.audit(model), runs)
    finally:
        ks.restore(model)
    agrees(model, ks.audit(model), {name: UNTOUCHED[name] for name in runs})


def take(
    step: Step, model: nn.Module, repositories: Mapping[str, Path], runs: dict[str, Outcome]
) -> dict[str, Outcome]:
    """Kernelize the model, in which `runs` is in place, and return what must run then."""
    model.train(step.mode.value.startswith("training"))
    table = {
        name: _placed(entry, repositories) for name, entry in step.table.items() if name in runs
    }
    config = ks.KernelConfig(table, inherit_mapping=step.inherit)
    compiled = step.mode.value.endswith("compile")
    mode = None if step.infer_mode and not compiled else step.mode
    inherited = _mapping(step.inherited, repositories)
    with kernels.use_kernel_mapping(inherited, inherit_mapping=False):
        rules, under = ks.expand(config), inherited_rules() if step.inherit else ()
        chosen = {
            name: ks.select(
                rules, layer_name=name, device=ks.DeviceType.CPU, mode=step.mode, inherited=under
            )
            for name in runs
        }
        wanted = {name: outcome_of(rule, name, step.mode) for name, rule in chosen.items()}
        refused = any(outcome.refused for outcome in wanted.values())
        unapplied = any(
            rule in rules and rule.kernel is not None and wanted[name].kernel is None
            for name, rule in chosen.items()
            if rule is not None
        )
        if refused or (unapplied and step.strict):
            event("refused by kernels" if refused else "refused by us")
            before = forwards(model)
            with pytest.raises(ks.KernelNotAppliedError) as caught:
                ks.kernelize(model, config, mode=mode, strict=step.strict, ignore=CONTRACT)
            code = "kernel-load-failed" if refused else "kernel-not-applied"
            assert {found.code for found in caught.value.diagnostics} == {code}
            assert forwards(model) == before
            return runs
        event("kernelized")
        report = ks.kernelize(model, config, mode=mode, strict=step.strict, ignore=CONTRACT)
        agrees(model, report, wanted)
        return wanted


def agrees(model: nn.Module, report: ks.Report, runs: Mapping[str, Outcome]) -> None:
    """Hold outputs and report against what must run."""
    added = {
        name: [int(output.item()) for output in outputs]
        for name, outputs in model(torch.zeros(())).items()
    }
    assert added == {name: [one.adds] * len(added[name]) for name, one in runs.items()}
    for name, outcome in runs.items():
        layer = report.layer(name)
        assert layer.total == len(added[name])
        if outcome.kernel is None:
            assert layer.replaced == 0
            continue
        assert layer.replaced == layer.total
        (in_use,) = layer.kernels
        assert in_use.kernel == outcome.kernel
        assert in_use.file is not None
        assert in_use.file.startswith(outcome.kernel.path)


def forwards(model: nn.Module) -> list[object]:
    """What is set as forward on each module and function of the model."""
    carriers = [
        *model.modules(),
        *(
            function
            for one in model.modules()
            for function in vars(one).get("_kernel_funcs", {}).values()
        ),
    ]
    return [vars(one).get("forward") for one in carriers]


def _placed(entry: Any, repositories: Mapping[str, Path]) -> Any:
    """An entry with the names of repositories replaced by their paths."""
    if isinstance(entry, dict):
        return {key: _placed(value, repositories) for key, value in entry.items()}
    if entry == "original":
        return entry
    repository, _, layer_name = entry.partition(":")
    return f"{repositories[repository]}:{layer_name}"


def _mapping(inherited: Mapping[str, Any], repositories: Mapping[str, Path]) -> dict[str, Any]:
    """A mapping of kernels with local repositories for the CPU."""
    mapping: dict[str, Any] = {}
    for name, by_mode in inherited.items():
        mapping[name] = {"cpu": {}}
        for mode, reference in by_mode.items():
            repository, _, layer_name = reference.partition(":")
            mapping[name]["cpu"][MODES[mode]] = kernels.LocalLayerRepository(
                repositories[repository], layer_name=layer_name
            )
    return mapping
