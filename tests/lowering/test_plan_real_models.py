"""Plan and audit agree on a real model, whoever kernelized it, and disagree where they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import pytest

import kernel_schema as ks
from kernel_schema.lowering.lower import kernels_mode
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.test_real_models import LAYERS
from tests.lowering.toys import Choosy, Norm, make_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

transformers = pytest.importorskip("transformers", reason="transformers is an extra")

HOW = ("kernelize", "kernels", "transformers")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kernel_repository(tmp_path_factory.mktemp("kernels") / "llama", LAYERS)


@pytest.fixture
def model(tiny_llama: Callable[[], nn.Module]) -> Any:
    return tiny_llama()


def kernelize(how: str, model: Any, config: ks.KernelConfig) -> ks.Report:
    """Put kernels in place the one way or the other, and look at what runs."""
    if how == "kernelize":
        return ks.kernelize(model, config)
    with ks.use_kernel_config(config):
        if how == "kernels":
            mode = kernels_mode(kernels, ks.explain(config, model).mode)
            kernels.kernelize(model, mode=mode, device="cpu")
        else:
            # It registers its default table beside ours, and kernelizes.
            model.set_use_kernels(use_kernels=True)
    return ks.audit(model)


def same(plan: ks.Plan, report: ks.Report) -> None:
    """Hold the shape that both have in common against each other."""
    assert ks.disagreements(plan, report) == ()
    planned = {layer.layer_name: layer for layer in plan.layers}
    assert planned.keys() == {layer.layer_name for layer in report.layers}
    for layer in report.layers:
        other = planned[layer.layer_name]
        assert (layer.modules, layer.functions) == (other.modules, other.functions)
        assert (layer.total, layer.replaced) == (other.total, other.replaced)
        assert [one.count for one in layer.kernels] == [one.count for one in other.kernels]
        assert [one.count for one in layer.kept] == [one.count for one in other.kept]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("training", [False, True])
def test_on_a_tiny_llama(
    how: str, model: Any, repository: Path, request: pytest.FixtureRequest, *, training: bool
) -> None:
    request.addfinalizer(lambda: ks.restore(model))
    model.train(training)
    config = ks.KernelConfig(
        {
            "RMSNorm": {"cpu": {"fallback": ks.LocalRef(repository, "RMSNorm")}},
            "rotary_pos_emb": {"cpu": {"training": ks.LocalRef(repository, "rotary_pos_emb")}},
            "SiLU": "original",
        }
    )
    plan = ks.explain(config, model)
    assert (plan.total, plan.replaced, plan.unmapped) == (9, 7, ())
    report = kernelize(how, model, config)
    assert report.replaced == 7
    same(plan, report)
    assert ks.audit(model, plan).diagnostics == ks.audit(model).diagnostics == ()


def test_what_transformers_itself_would_run(model: Any, request: pytest.FixtureRequest) -> None:
    """Its default table has nothing for the CPU: with or without it, the plan says so."""
    from kernel_schema.integrations.transformers import default_rules

    request.addfinalizer(lambda: ks.restore(model))
    plan = ks.explain(ks.KernelConfig({}), model, inherited=default_rules())
    assert plan.replaced == 0
    assert plan.unmapped == ()
    model.set_use_kernels(use_kernels=True)
    same(plan, ks.audit(model, plan))


def test_an_unfinished_job_is_a_disagreement(model: Any, repository: Path) -> None:
    config = ks.KernelConfig({"RMSNorm": ks.LocalRef(repository, "RMSNorm")})
    plan = ks.explain(config, model)
    (found,) = ks.audit(model, plan).diagnostics
    assert (found.code, str(found.route)) == ("plan-not-met", "kernel_mapping.RMSNorm")
    assert found.severity is ks.Severity.WARNING
    kernel = f"{repository}:RMSNorm"
    assert found.message == (
        f"`RMSNorm` was to run `{kernel}` in 5 of 5, and runs its own forward in 5"
    )
    assert found.help == "no kernel was put in its place"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [
        KernelLayer("Norm", "3 * x * self.weight"),
        KernelLayer("NoBackward", "7 * x * self.weight", has_backward=False),
    ]
    return write_kernel_repository(tmp_path_factory.mktemp("kernels") / "two", layers)


def test_another_kernel_is_a_disagreement(two: Path) -> None:
    model = make_model()
    plan = ks.explain(ks.KernelConfig({"Norm": ks.LocalRef(two, "Norm")}), model)
    ks.kernelize(model, ks.KernelConfig({"Norm": ks.LocalRef(two, "NoBackward")}))
    (found,) = ks.audit(model, plan).diagnostics
    assert f"`{two}:Norm` in 2 of 2, and runs `{two}:NoBackward` in 2 of 2" in found.message


def test_what_the_code_tells_is_planned(two: Path) -> None:
    """That a kernel has no backward stands in its file."""
    model = make_model().train()
    config = ks.KernelConfig({"Norm": ks.LocalRef(two, "NoBackward")})
    plan = ks.explain(config, model)
    assert plan.replaced == 0
    report = ks.kernelize(model, config, strict=False)
    assert ks.disagreements(plan, report) == ()
    for outcome in (plan, report):
        [kept] = outcome.layer("Norm").kept
        assert kept.reason == f"{two}:NoBackward does not serve `training`: it has no backward"


def test_what_only_loading_tells_is_a_disagreement(tmp_path: Path) -> None:
    """A plan cannot know what the code of a kernel computes when it is loaded."""
    code = "from torch import nn\nclass Norm(nn.Module):\n    has_backward = bool(0)\n"
    code += "    def forward(self, x):\n        return x\n"
    made = write_kernel_repository(tmp_path / "made", code)
    model = make_model().train()
    config = ks.KernelConfig({"Norm": ks.LocalRef(made, "Norm")})
    plan = ks.explain(config, model)
    assert plan.replaced == 2
    report = ks.kernelize(model, config, strict=False)
    (found,) = ks.disagreements(plan, report)
    assert found.help is not None
    assert "it has no backward" in found.help


def test_a_plan_of_another_model_is_a_disagreement() -> None:
    plan = ks.explain(ks.KernelConfig({}), Norm())
    codes = {str(found.route): found.message for found in ks.audit(make_model(), plan).diagnostics}
    assert codes == {
        "kernel_mapping.double": "`double` was to run nothing, since it was not registered, and "
        "runs its own forward in 2",
        "kernel_mapping.LateNorm": "`LateNorm` was to run nothing, since it was not registered, "
        "and runs its own forward in 1",
    }
    (found,) = ks.audit(Norm(), ks.explain(ks.KernelConfig({}), Choosy(willing=True))).diagnostics[
        :1
    ]
    assert found.message == (
        "`Choosy` was to run its own forward in 1, and runs nothing, since it was not registered"
    )


def test_conditions_agree(two: Path) -> None:
    from torch import nn

    model = nn.Sequential(*(Choosy(willing=number > 2) for number in range(5))).eval()
    config = ks.KernelConfig({"Choosy": ks.LocalRef(two, "Norm")})
    plan = ks.explain(config, model)
    report = ks.kernelize(model, config)
    same(plan, report)
    assert [(one.reason, one.count) for one in report.layers[0].kept] == [
        (one.reason, one.count) for one in plan.layers[0].kept
    ]


def test_two_references_to_the_same_code(two: Path) -> None:
    """The plan tells which of them is meant."""
    model = make_model()
    link = two.parent / "link"
    link.symlink_to(two)
    names = {"Norm": ks.LocalRef(two, "Norm"), "LateNorm": ks.LocalRef(link, "Norm")}
    config = ks.KernelConfig(names)
    plan = ks.explain(config, model)
    kernelize("kernels", model, config)
    assert ks.audit(model, plan).diagnostics == ()


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("Llama", 129),
        ("Mixtral", 129),
        ("Qwen3Moe", 145),
        ("DeepseekV3", 364),
        ("Mamba", 192),
        ("T5", 0),
    ],
)
def test_the_default_table_at_full_size(name: str, total: int) -> None:
    """Entry by entry: each one that is inherited has a standing, and a config changes it."""
    import torch

    from kernel_schema.integrations.transformers import default_rules

    architecture = "ForConditionalGeneration" if name == "T5" else "ForCausalLM"
    with torch.device("meta"):
        config = getattr(transformers, f"{name}Config")()
        model = getattr(transformers, f"{name}{architecture}")(config).eval()
    rules = default_rules()
    plan = ks.explain(ks.KernelConfig({}), model, device="cuda", capability=90, inherited=rules)
    assert plan.total == total
    for layer in plan.layers:
        assert len(layer.candidates) == sum(rule.layer_name == layer.layer_name for rule in rules)
        assert {str(one.standing) for one in layer.candidates} <= {"inherited"}
    mapping = {layer.layer_name: "org/repo:L" for layer in plan.layers}
    options: dict[str, Any] = {"device": "cuda", "capability": 90, "inherited": rules}
    plan = ks.explain(ks.KernelConfig(mapping), model, **options)
    assert plan.replaced == total
    for layer in plan.layers:
        assert {str(one.standing) for one in layer.candidates[1:]} <= {"replaced"}
