"""Whatever is done to a model in whatever order, the kernels that run are those that are reported.

The code of each kernel keeps count of its calls: reports are held against what ran, not against
what forwards look like.
"""

# kernels says of a decorated function that it is a type or an object.
# pyright: reportCallIssue=false, reportReturnType=false

from __future__ import annotations

import copy
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel

import kernel_schema as ks
from kernel_schema.lowering.forwards import known_kernels
from tests.kernel_repos import write_kernel_repository

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = {
    "Norm": ("NormA", "NormB"),
    "Late": ("LateA",),
    "Outer": ("OuterA", "OuterB"),
    "double": ("DoubleA", "DoubleB"),
}
CODE = """\
import torch
from torch import nn

CALLS = []


@torch._dynamo.disable
def note(name, module):
    CALLS.append((name, id(module)))

""" + "\n".join(
    f"""
class {name}(nn.Module):
    has_backward = {not name.endswith("B")}
    can_torch_compile = {name.endswith("A")}

    def forward(self, x):
        note({name!r}, self)
        return x
"""
    for names in CLASSES.values()
    for name in names
)


@kernels.use_kernel_forward_from_hub("double")
def double(x: torch.Tensor) -> torch.Tensor:
    return x


class Norm(nn.Module):
    kernel_layer_name = "Norm"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Late(Norm):
    kernel_layer_name = "Late"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Outer(nn.Module):
    """A layer that calls others: a kernel in its place does not."""

    kernel_layer_name = "Outer"

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Norm(), Late(), Doubling())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@kernels.use_kernelized_func(double)
class Doubling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return double(x)


class Picky(Norm):
    """Only every other one of them takes a kernel."""

    def __init__(self, *, willing: bool) -> None:
        super().__init__()
        self.willing = willing

    @staticmethod
    def kernel_condition(module: Picky) -> bool:
        return module.willing


PARTS = st.sampled_from(
    (Norm, Late, Doubling, Outer, nn.Identity, "shared", "willing", "unwilling")
)
MODELS = st.recursive(PARTS, lambda parts: st.lists(parts, min_size=1, max_size=3), max_leaves=6)


def build(drawn: Any, shared: nn.Module) -> nn.Module:
    if isinstance(drawn, list):
        return nn.Sequential(*(build(part, shared) for part in drawn))
    if drawn == "shared":
        return shared
    return Picky(willing=drawn == "willing") if isinstance(drawn, str) else drawn()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kernel_repository(tmp_path_factory.mktemp("counting") / "kernels", CODE)


def entry(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    name = st.sampled_from(names)
    modes = st.sampled_from(("inference", "fallback"))
    return st.one_of(name, st.just("original"), st.dictionaries(modes, name, min_size=1))


CONFIGS = st.fixed_dictionaries({}, optional={name: entry(CLASSES[name]) for name in CLASSES})
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("kernelize"), CONFIGS),
        st.tuples(st.just("block"), CONFIGS),
        st.sampled_from((("train",), ("eval",), ("copy",), ("wrap",), ("compile",), ("restore",))),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=50)
@given(drawn=st.lists(MODELS, min_size=1, max_size=3), steps=STEPS)
def test_what_runs_is_what_is_reported(repository: Path, drawn: Any, steps: Any) -> None:
    Sequences(repository).run(drawn, steps)


@pytest.mark.thorough
@settings(deadline=None, max_examples=2000)
@given(drawn=st.lists(MODELS, min_size=1, max_size=3), steps=STEPS)
def test_two_thousand_sequences(repository: Path, drawn: Any, steps: Any) -> None:
    Sequences(repository).run(drawn, steps)


class Sequences:
    """Takes steps with a model, and compares after each."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository

    def run(self, drawn: Any, steps: Any) -> None:
        model = nn.Sequential(nn.Linear(2, 2), build(drawn, Norm())).eval()
        try:
            self.agrees(model, ks.audit(model))
            for step in steps:
                event(step[0])
                if step[0] == "copy":
                    model = copy.deepcopy(model)
                elif step[0] == "wrap":
                    model = AveragedModel(model)  # holds a copy of it
                elif step[0] == "compile":
                    model.get_submodule("1" if hasattr(model, "1") else "").compile(backend="eager")
                elif step[0] == "block":
                    self.block(model, step[1])
                else:
                    self.take(model, *step)
                self.agrees(model, ks.audit(model))
        finally:
            ks.restore(model)
            torch._dynamo.reset()
        assert not any("forward" in vars(module) for module in model.modules())
        assert ks.audit(model).replaced == 0
        self.agrees(model, ks.audit(model))

    def take(self, model: nn.Module, what: str, drawn: Any = None) -> None:
        if what in {"train", "eval"}:
            model.train(what == "train")
        elif what == "restore":
            ks.restore(model)
        else:
            config = self.config(model, drawn)
            plan = ks.explain(config, model)
            report = ks.kernelize(model, config, strict=False)
            assert ks.disagreements(plan, report) == ()
            self.agrees(model, report)

    def block(self, model: nn.Module, drawn: Any) -> None:
        before, ran = ks.audit(model), self.calls(model)
        with ks.kernelized(model, self.config(model, drawn), strict=False) as report:
            self.agrees(model, report)
        assert ks.audit(model) == before
        assert self.calls(model) == ran

    def config(self, model: nn.Module, drawn: Any) -> ks.KernelConfig:
        def refer(value: Any) -> Any:
            if isinstance(value, dict):
                return {mode: refer(name) for mode, name in value.items()}
            return value if value == "original" else ks.LocalRef(self.repository, value)

        registered = ks.inspect_model(model)
        table = {name: refer(value) for name, value in drawn.items() if name in registered}
        return ks.KernelConfig(table, inherit_mapping=False)

    def calls(self, model: nn.Module) -> Counter[tuple[str, int]]:
        """How often each kernel's code ran in one forward, for each module and function."""
        classes = [cls for loaded in known_kernels().values() for _, cls in loaded]
        # Kernels of other tests keep count in their own ways.
        held = (vars(sys.modules[cls.__module__]).get("CALLS") for cls in classes)
        lists = {id(calls): calls for calls in held if isinstance(calls, list)}.values()
        for calls in lists:
            calls.clear()
        with torch.no_grad():
            model(torch.ones(2))
        return Counter(call for calls in lists for call in calls)

    def agrees(self, model: nn.Module, report: ks.Report) -> None:
        """A replaced module ran its kernel; a function did for each module that holds it.

        But for those inside of a module that is replaced itself, of which the report has to tell.
        """
        calls = self.calls(model)
        functions = {id(double)}
        inside = self.inside(model)
        told = " ".join(d.message for d in report.diagnostics if d.code == "inside-replaced-layer")
        for layer in report.layers:
            lost = inside[layer.layer_name]
            assert (f"`{layer.layer_name}` lie inside" in told) == bool(lost), str(report)
            for kernel in layer.kernels:
                ran = {key: n for key, n in calls.items() if key[0] == kernel.layer_class}
                of_functions = sum(n for (_, key), n in ran.items() if key in functions)
                of_modules = sum(key not in functions for _, key in ran)
                assert of_functions + of_modules + lost == kernel.count, str(report)
        reported = {kernel.layer_class for layer in report.layers for kernel in layer.kernels}
        event("kernels ran" if calls else "no kernel ran")
        assert {name for name, _ in calls} <= reported, str(report)

    def inside(self, model: nn.Module) -> Counter[str]:
        """By name, how many run a kernel inside of a module that runs one itself."""
        lost: Counter[str] = Counter()
        for outer in model.modules():
            if isinstance(outer, Outer) and "forward" in vars(outer):
                lost["Norm"] += "forward" in vars(outer.inner[0])
                lost["Late"] += "forward" in vars(outer.inner[1])
                lost["double"] += "forward" in vars(double)
        return lost
