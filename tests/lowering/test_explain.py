"""What `explain` tells: every status with its reason, gaps, positions, and what keeps all back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from kernel_schema.choice.plan import Standing
from tests.lowering.subprocesses import run_code
from tests.lowering.toys import Choosy, Norm, Plain, make_model

if TYPE_CHECKING:
    from pathlib import Path

HOPPER, AMPERE = "org/hopper@v1:L", "org/ampere@v1:L"
RANGES = [
    {"min_capability": 90, "kernel": HOPPER},
    {"min_capability": 75, "max_capability": 80, "kernel": AMPERE},
]


def plan_of(entry: Any, model: nn.Module | None = None, **options: Any) -> ks.LayerPlan:
    """The plan for `Norm`, with this entry in the config; on the CPU in inference by default."""
    config = ks.KernelConfig({} if entry is None else {"Norm": entry})
    model = nn.Sequential(Norm(), Norm()).eval() if model is None else model
    options = {"device": "cpu"} | options
    return ks.explain(config, model, **options).layer("Norm")


def told(plan: ks.LayerPlan) -> list[tuple[str, str, str]]:
    return [
        (str(one.rule.kernel or "original"), str(one.status), one.reason) for one in plan.candidates
    ]


def kept(plan: ks.LayerPlan) -> list[tuple[int, str]]:
    return [(one.count, one.reason) for one in plan.kept]


class TestOneLayer:
    def test_a_kernel_for_everything(self) -> None:
        plan = plan_of("org/repo:L")
        assert told(plan) == [("org/repo@v1:L", "chosen", "it runs")]
        assert (plan.modules, plan.functions, plan.total, plan.replaced) == (2, 0, 2, 2)
        assert (plan.classes, plan.kept, plan.gaps) == (("Norm",), (), ())
        (in_use,) = plan.kernels
        assert (in_use.kernel, in_use.count) == (ks.HubKernel("org/repo", "L", version=1), 2)
        assert plan.rule is plan.candidates[0].rule
        assert str(plan) == "Norm: 2 of 2 will be replaced\n  2 by org/repo@v1:L"

    def test_nothing_names_it(self) -> None:
        plan = plan_of(None)
        assert (plan.candidates, plan.rule, plan.chosen, plan.steps) == ((), None, None, ())
        assert kept(plan) == [(2, "nothing in the config or inherited names it")]

    def test_other_devices(self) -> None:
        plan = plan_of({"cuda": "org/c:L", "xpu": "org/x:L", "cpu": "org/p:L"})
        assert told(plan) == [
            ("org/c@v1:L", "other-device", "it is for cuda"),
            ("org/x@v1:L", "other-device", "it is for xpu"),
            ("org/p@v1:L", "chosen", "it runs"),
        ]

    def test_other_devices_only(self) -> None:
        plan = plan_of({"cuda": RANGES, "xpu": "org/x:L"})
        assert [one.status for one in plan.candidates] == [ks.Status.OTHER_DEVICE] * 3
        assert kept(plan) == [(2, "there are only entries for `cuda` and `xpu`")]

    @pytest.mark.parametrize("entry", ["original", {"cpu": "original"}])
    def test_original(self, entry: Any) -> None:
        plan = plan_of(entry)
        assert told(plan) == [("original", "chosen", "it keeps the model's own forward")]
        ((count, reason),) = kept(plan)
        assert (count, plan.kernels) == (2, ())
        assert reason.startswith("`original`, says kernel_mapping.Norm")

    def test_out_of_range_and_a_gap(self) -> None:
        plan = plan_of({"cuda": RANGES}, device="cuda", capability=85)
        assert told(plan) == [
            (HOPPER, "out-of-range", "capability 90 and above does not hold 85"),
            (AMPERE, "out-of-range", "capability 75 to 80 does not hold 85"),
        ]
        reason = (
            "no range holds capability 85 (there are: capability 90 and above, capability 75 to 80)"
        )
        assert kept(plan) == [(2, reason)]
        assert plan.gaps == (ks.Capabilities(81, 89),)
        assert plan.steps == ()

    def test_gaps_of_other_capabilities_are_told_too(self) -> None:
        plan = plan_of({"cuda": RANGES}, device="cuda", capability=90)
        assert plan.replaced == 2
        assert plan.gaps == (ks.Capabilities(81, 89),)

    def test_ranges_that_meet_or_nest_leave_no_gap(self) -> None:
        ranges = [
            {"min_capability": 70, "max_capability": 100, "kernel": "org/a:L"},
            {"min_capability": 80, "max_capability": 89, "kernel": "org/b:L"},
            {"min_capability": 101, "kernel": "org/c:L"},
        ]
        assert plan_of({"cuda": ranges}, device="cuda", capability=60).gaps == ()

    def test_a_narrower_range_wins(self) -> None:
        ranges = [{"kernel": "org/any:L"}, {"min_capability": 90, "kernel": HOPPER}]
        plan = plan_of({"cuda": ranges}, device="cuda", capability=90)
        assert told(plan) == [
            ("org/any@v1:L", "wider-range", "capability 90 and above is narrower and wins whole"),
            (HOPPER, "chosen", "it runs"),
        ]

    def test_a_narrower_range_without_a_kernel_for_this_mode(self) -> None:
        ranges = [{"kernel": "org/any:L"}, {"min_capability": 90, "training": HOPPER}]
        plan = plan_of({"cuda": ranges}, device="cuda", capability=90, mode="training")
        assert plan.replaced == 2
        mode = "training_torch_compile"
        plan = plan_of({"cuda": ranges}, device="cuda", capability=90, mode=mode)
        wins = "capability 90 and above is narrower and wins whole"
        assert told(plan) == [
            ("org/any@v1:L", "wider-range", f"{wins}, though it has no kernel for {mode}"),
            (HOPPER, "other-mode", f"training never serves {mode}"),
        ]
        best = "capability 90 and above wins whole, being the narrowest"
        assert kept(plan) == [(2, f"no kernel serves `{mode}`, only `training`: {best}")]
        assert [str(step) for step in plan.steps] == [mode, "fallback"]

    def test_a_narrower_range_with_original(self) -> None:
        ranges = [{"kernel": "org/any:L"}, {"min_capability": 90, "kernel": "original"}]
        plan = plan_of({"cuda": ranges}, device="cuda", capability=90)
        wins = "capability 90 and above is narrower and wins whole"
        assert told(plan)[0][1:] == ("wider-range", f"{wins}, and keeps the original forward")
        assert plan.kernels == ()

    def test_the_chain_of_modes(self) -> None:
        entry = {"training": "org/t:L", "fallback": "org/f:L"}
        plan = plan_of(entry)
        assert told(plan) == [
            ("org/t@v1:L", "chosen", "it runs"),
            ("org/f@v1:L", "later-mode", "training comes before fallback for inference"),
        ]
        assert list(plan.steps) == [
            ks.ModeName.INFERENCE,
            ks.ModeName.INFERENCE_TORCH_COMPILE,
            ks.ModeName.TRAINING,
        ]
        plan = plan_of(entry, mode="inference_torch_compile")
        assert told(plan)[0][1:] == (
            "other-mode",
            "training never serves inference_torch_compile",
        )
        assert plan.steps[-1] is ks.ModeName.FALLBACK

    def test_a_condition_that_is_false_for_some(self) -> None:
        model = nn.Sequential(*(Choosy(willing=number > 2) for number in range(5))).eval()
        config = ks.KernelConfig({"Choosy": "org/repo:L"})
        plan = ks.explain(config, model, device="cpu").layer("Choosy")
        assert (plan.replaced, plan.total) == (2, 5)
        assert kept(plan) == [(3, "its kernel_condition is false")]
        assert "2 of 5 will be replaced" in str(plan)

    def test_a_condition_that_is_false_for_all(self) -> None:
        config = ks.KernelConfig({"Choosy": "org/repo:L"})
        plan = ks.explain(config, Choosy(willing=False), device="cpu").layer("Choosy")
        assert (plan.replaced, kept(plan)) == (0, [(1, "its kernel_condition is false")])

    def test_a_condition_that_holds_always_is_not_asked(self) -> None:
        @kernels.use_kernel_forward_from_hub("Norm")
        class Registered(Norm):
            pass

        model: Any = Registered()
        assert plan_of("org/repo:L", model.eval()).replaced == 1

    def test_a_condition_that_fails(self) -> None:
        class Broken(Norm):
            @staticmethod
            def kernel_condition(module: nn.Module) -> bool:
                raise RuntimeError(f"cannot read {type(module).__name__}")

        with pytest.raises(ks.LoweringError) as caught:
            plan_of("org/repo:L", Broken())
        (found,) = caught.value.diagnostics
        assert found.code == "failing-kernel-condition"
        assert "`Broken` fails: RuntimeError: cannot read Broken" in found.message


def repository(name: str) -> kernels.LayerRepository:
    return kernels.LayerRepository(f"theirs/{name}", layer_name="L", version=1)


def standings(plan: ks.LayerPlan) -> dict[str, tuple[str, str, str]]:
    return {
        str(one.rule.kernel or "none"): (str(one.standing), str(one.status), one.reason)
        for one in plan.candidates
        if one.standing is not None
    }


class TestInherited:
    def test_what_is_active_in_kernels_counts(self) -> None:
        with kernels.use_kernel_mapping({"Norm": {"cpu": repository("a")}}):
            plan = plan_of(None)
            assert standings(plan) == {"theirs/a@v1:L": ("inherited", "chosen", "it runs")}
            assert plan.replaced == 2
            assert plan.rule is not None
            assert str(plan.rule.route) == "inherited.Norm.cpu"

    def test_it_does_not_where_the_config_says_so(self) -> None:
        config = ks.KernelConfig({}, inherit_mapping=False)
        with kernels.use_kernel_mapping({"Norm": {"cpu": repository("a")}}):
            plan = ks.explain(config, Norm(), device="cpu")
        assert plan.layer("Norm").candidates == ()
        assert plan.unmapped == ("Norm",)

    def test_another_mapping_may_stand_in_for_it(self) -> None:
        with kernels.use_kernel_mapping({"Norm": {"cpu": repository("a")}}):
            rules = ks.expand(ks.KernelConfig({}))
            assert ks.explain(ks.KernelConfig({}), Norm(), device="cpu", inherited=rules).unmapped

    def test_a_plain_entry_replaces_it(self) -> None:
        mapping: dict[str, Any] = {"Norm": {"cpu": repository("a"), "xpu": repository("b")}}
        with kernels.use_kernel_mapping(mapping):
            plan = plan_of("org/repo:L")
        says = "replaced: the config names every device for this layer"
        assert standings(plan) == {
            "theirs/a@v1:L": ("replaced", "covered", says),
            "theirs/b@v1:L": ("replaced", "other-device", "it is for xpu"),
        }

    def test_a_device_entry_leaves_the_others(self) -> None:
        mapping: dict[str, Any] = {"Norm": {"cpu": repository("a"), "xpu": repository("b")}}
        with kernels.use_kernel_mapping(mapping):
            plan = plan_of({"cpu": "org/repo:L"})
        says = "replaced: the config names cpu for this layer"
        assert standings(plan) == {
            "theirs/a@v1:L": ("replaced", "covered", says),
            "theirs/b@v1:L": ("inherited", "other-device", "it is for xpu"),
        }

    def test_original_disables_it(self) -> None:
        with kernels.use_kernel_mapping({"Norm": {"cpu": repository("a")}}):
            plan = plan_of("original")
        says = "replaced: disabled by `original` for every device"
        assert standings(plan) == {"theirs/a@v1:L": ("replaced", "covered", says)}

    def test_shadowed_by_modes(self) -> None:
        """The config has a kernel for inference only: in training the model runs its own."""
        modes: Any = {
            kernels.Mode.INFERENCE: repository("i"),
            kernels.Mode.TRAINING: repository("t"),
        }
        with kernels.use_kernel_mapping({"Norm": {"cpu": modes}}):
            plan = plan_of({"cpu": {"inference": "org/repo:L"}}, mode="training")
        names = "the config names cpu for this layer"
        shadows = f"shadowed: {names}, and has nothing for some of what this one serves"
        assert standings(plan) == {
            "theirs/i@v1:L": ("replaced", "covered", f"replaced: {names}"),
            "theirs/t@v1:L": ("shadowed", "covered", shadows),
        }
        assert plan.replaced == 0

    @pytest.mark.parametrize(
        ("inherited", "standing"),
        [
            ((90, 99), "replaced"),
            ((80, 99), "shadowed"),
            ((0, 74), "shadowed"),
            ((76, 79), "replaced"),
            (None, "shadowed"),
        ],
    )
    def test_shadowed_by_ranges(self, inherited: tuple[int, int] | None, standing: str) -> None:
        device: Any = "cuda"
        if inherited is not None:
            device = kernels.Device("cuda", kernels.CUDAProperties(*inherited))
        with kernels.use_kernel_mapping({"Norm": {device: repository("a")}}):
            plan = plan_of({"cuda": RANGES}, device="cuda", capability=90)
        assert standings(plan)["theirs/a@v1:L"][:2] == (standing, "covered")

    def test_ranges_of_what_is_inherited(self) -> None:
        """FACTS K4: a narrower range wins among what is inherited too."""
        narrow = kernels.Device("cuda", kernels.CUDAProperties(121, 121))
        mapping: dict[str, Any] = {
            "Norm": {"cuda": repository("wide"), narrow: repository("narrow")}
        }
        with kernels.use_kernel_mapping(mapping):
            plan = plan_of(None, device="cuda", capability=121)
        wins = "capability 121 is narrower and wins whole"
        assert standings(plan) == {
            "theirs/narrow@v1:L": ("inherited", "chosen", "it runs"),
            "theirs/wide@v1:L": ("inherited", "wider-range", wins),
        }

    def test_an_entry_without_a_kernel(self) -> None:
        """FACTS K5: it keeps the model's own forward."""
        with kernels.use_kernel_mapping({"Norm": {"cpu": {}}}):
            plan = plan_of(None)
        says = "it names no kernel: the model's own forward stays"
        assert standings(plan) == {"none": ("inherited", "chosen", says)}
        assert kept(plan) == [(2, "what is inherited for it names no kernel")]


class TestWholePlan:
    def test_every_name_once(self) -> None:
        config = ks.KernelConfig({"Norm": "org/n:L", "Nowhere": "org/x:L"})
        plan = ks.explain(config, make_model(), device="cpu")
        totals = [(layer.layer_name, layer.total) for layer in plan.layers]
        assert totals == [("double", 2), ("Norm", 2), ("LateNorm", 1)]
        assert (plan.total, plan.replaced) == (5, 2)
        assert plan.unregistered == ("Nowhere",)
        assert sorted(plan.unmapped) == ["LateNorm", "double"]
        assert [found.code for found in plan.diagnostics] == ["unregistered-layer"]
        assert "Norm: 2 of 2 will be replaced" in str(plan)
        assert "error[unregistered-layer]" in str(plan)

    def test_a_function_is_told_by_the_classes_that_hold_it(self) -> None:
        plan = ks.explain(ks.KernelConfig({}), make_model(), device="cpu").layer("double")
        assert (plan.modules, plan.functions, plan.classes) == (0, 2, ("Block",))

    def test_classes_that_share_a_name(self) -> None:
        class OtherNorm(Norm):
            pass

        model = nn.Sequential(Norm(), OtherNorm())
        assert plan_of("org/repo:L", model).classes == ("Norm", "OtherNorm")

    def test_no_layer_of_that_name(self) -> None:
        plan = ks.explain(ks.KernelConfig({}), Plain(), device="cpu")
        assert (plan.layers, str(plan)) == ((), "the model registers no layer")
        with pytest.raises(KeyError):
            plan.layer("Norm")

    def test_device_and_mode_are_those_of_the_model(self) -> None:
        plan = ks.explain(ks.KernelConfig({}), make_model().train())
        assert (plan.device, plan.mode, plan.capability) == ("cpu", "training", None)
        plan = ks.explain(ks.KernelConfig({}), torch.nn.DataParallel(make_model()), device="xpu")
        assert (plan.device, plan.mode) == ("xpu", "inference")

    def test_on_the_meta_device(self) -> None:
        with torch.device("meta"):
            model = Norm()
        assert plan_of("org/repo:L", model).replaced == 1
        with pytest.raises(ks.LoweringError, match="--device") as caught:
            ks.explain(ks.KernelConfig({}), model)
        assert [found.code for found in caught.value.diagnostics] == ["device-not-inferable"]

    def test_a_mixed_training_state_is_found_where_no_mode_is_given(self) -> None:
        model = nn.Sequential(Norm().train(), Norm().eval())
        config = ks.KernelConfig({"Norm": "org/repo:L"})
        codes = [found.code for found in ks.explain(config, model).diagnostics]
        assert codes == ["mixed-training-state"]
        assert ks.explain(config, model, mode="training").diagnostics == ()

    def test_nothing_of_the_model_changes(self) -> None:
        model = make_model()
        before = [dict(vars(module)) for module in model.modules()]
        ks.explain(ks.KernelConfig({"Norm": "org/repo:L"}), model)
        assert [dict(vars(module)) for module in model.modules()] == before


class TestCapability:
    def test_needed_where_ranges_are_in_play(self) -> None:
        config = ks.KernelConfig({"Norm": {"cuda": RANGES}, "LateNorm": {"cuda": RANGES}})
        with pytest.raises(ks.LoweringError) as caught:
            ks.explain(config, make_model(), device="cuda")
        assert [(found.code, str(found.route)) for found in caught.value.diagnostics] == [
            ("capability-needed", "kernel_mapping.Norm.cuda[0]"),
            ("capability-needed", "kernel_mapping.LateNorm.cuda[0]"),
        ]
        assert "`Norm` has capability ranges for `cuda`" in str(caught.value)
        assert "--capability" in str(caught.value)

    def test_not_for_layers_that_the_model_lacks(self) -> None:
        config = ks.KernelConfig({"Other": {"cuda": RANGES}, "Norm": "org/repo:L"})
        plan = ks.explain(config, Norm(), device="cuda")
        assert (plan.layer("Norm").replaced, plan.capability) == (1, None)

    def test_not_for_inherited_ranges_that_the_config_covers(self) -> None:
        narrow = kernels.Device("cuda", kernels.CUDAProperties(121, 121))
        with kernels.use_kernel_mapping({"Norm": {narrow: repository("narrow")}}):
            plan = plan_of({"cuda": "org/repo:L"}, device="cuda")
            assert plan.replaced == 2
            assert standings(plan)["theirs/narrow@v1:L"][:2] == ("replaced", "covered")
            with pytest.raises(ks.LoweringError, match="`Norm` inherits capability ranges"):
                plan_of(None, device="cuda")

    def test_devices_without_any_have_none(self) -> None:
        config = ks.KernelConfig({"Norm": "org/repo:L"})
        assert ks.explain(config, Norm(), device="xpu", capability=90).capability is None

    @pytest.mark.parametrize("capability", [-1, True, 9.0, "90", 10**30])
    def test_what_is_none(self, capability: Any) -> None:
        with pytest.raises(ks.LoweringError, match="is not a capability") as caught:
            plan_of("org/repo:L", device="cuda", capability=capability)
        assert [found.code for found in caught.value.diagnostics] == ["invalid-capability"]

    @pytest.mark.parametrize(("option", "code"), [("mode", "unknown-mode")])
    def test_a_mode_that_no_model_runs_in(self, option: str, code: str) -> None:
        options: dict[str, Any] = {option: "fallback"}
        with pytest.raises(ks.LoweringError) as caught:
            plan_of("org/repo:L", **options)
        assert [found.code for found in caught.value.diagnostics] == [code]


class TestDocuments:
    def test_candidates_and_diagnostics_have_their_places(self, tmp_path: Path) -> None:
        file = tmp_path / "kernels.yaml"
        file.write_text(
            "kernel_mapping:\n"
            "  Norm:\n"
            "    cpu: ./norm:L\n"
            "    cuda:\n"
            "      - {min_capability: 90, kernel: 'org/repo:L'}\n"
            "  Nowhere: original\n",
            encoding="utf-8",
        )
        with kernels.use_kernel_mapping({"Norm": {"cpu": repository("a")}}):
            plan = ks.explain(ks.read(file), Norm())
        layer = plan.layer("Norm")
        spans = [one.span and (one.span.line, one.span.column) for one in layer.candidates]
        assert spans == [(3, 10), (5, 9), None]
        assert [str(one.standing) for one in layer.candidates] == ["None", "None", "replaced"]
        places = {found.code: found.place for found in plan.diagnostics}
        assert places == {
            "missing-local-kernel": f"{file}:3:10",
            "unregistered-layer": f"{file}:6:3",
        }

    def test_a_config_has_none(self) -> None:
        assert [one.span for one in plan_of("org/repo:L").candidates] == [None]

    def test_errors_have_theirs(self) -> None:
        text = "kernel_mapping: {Norm: {cuda: [{min_capability: 90, kernel: 'o/r:L'}]}}"
        document = ks.loads_document(text, format="yaml")
        with pytest.raises(ks.LoweringError) as caught:
            ks.explain(document, Norm(), device="cuda")
        (found,) = caught.value.diagnostics
        assert found.span is not None
        assert found.span.line == 1


@pytest.mark.slow
class TestEnvironment:
    def test_kernels_is_switched_off(self) -> None:
        done = run_code(
            """
            import kernel_schema as ks
            from kernel_schema.demo.model import build_model

            config = ks.KernelConfig({"RMSNorm": "org/repo:L"})
            plan = ks.explain(config, build_model())
            layer = plan.layer("RMSNorm")
            print([found.code for found in plan.diagnostics])
            print(layer.replaced, layer.kept[0].count, layer.kept[0].reason)
            print(ks.explain(ks.KernelConfig({}), build_model()).diagnostics[0].code)
            print(*(one.code for one in ks.check(config, build_model())))
            """,
            DISABLE_KERNEL_MAPPING="1",
        )
        assert done.stdout.splitlines() == [
            "['kernel-mapping-disabled']",
            "0 5 DISABLE_KERNEL_MAPPING is set",
            "kernel-mapping-disabled",
            "kernel-mapping-disabled",
        ]

    def test_transformers_registers_nothing(self) -> None:
        pytest.importorskip("transformers", reason="transformers is an extra")
        done = run_code(
            """
            import torch
            import transformers
            import kernel_schema as ks

            with torch.device("meta"):
                model = transformers.LlamaForCausalLM(transformers.LlamaConfig(num_hidden_layers=1))
            for mapping in {}, {"RMSNorm": "org/repo:L"}:
                plan = ks.explain(ks.KernelConfig(mapping), model, device="cuda")
                print(plan.layers, plan.unregistered, *(found.code for found in plan.diagnostics))
            """,
            USE_HUB_KERNELS="0",
        )
        assert done.stdout.splitlines()[-2:] == [
            "() () hub-kernels-disabled",
            "() ('RMSNorm',) hub-kernels-disabled",
        ]

    def test_nothing_else_is_imported(self) -> None:
        """A model that needs torch alone is explained without kernels."""
        done = run_code(
            """
            import sys
            import torch
            import kernel_schema as ks

            class Norm(torch.nn.Identity):
                kernel_layer_name = "Norm"

            ks.explain(ks.KernelConfig({"Norm": "org/repo:L"}), Norm(), device="cpu")
            print([name for name in ("kernels", "transformers", "rich") if name in sys.modules])
            """
        )
        assert done.stdout.strip() == "[]"


def test_the_standing_of_a_rule_that_is_not_inherited_is_not_asked() -> None:
    from kernel_schema.choice.planning import standing_of
    from kernel_schema.choice.situation import LayerRules

    (rule,) = ks.expand(ks.KernelConfig({"Norm": "org/repo:L"}))
    with pytest.raises(ValueError, match="names its device"):
        standing_of(rule, LayerRules())
    assert [str(standing) for standing in Standing] == ["inherited", "replaced", "shadowed"]
