"""`as_transformers`, through the real `from_pretrained` and the kernel's own code."""

from __future__ import annotations

import copy
import json
import operator
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.integrations.transformers import KernelConfig
from tests.integrations.conftest import NORMS, SIZES

torch = pytest.importorskip("torch")
kernels = pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integrations.conftest import Calls, Kernel


pytestmark = pytest.mark.usefixtures("nothing_inherited")

COMPILED = kernels.Mode.INFERENCE | kernels.Mode.TORCH_COMPILE


def run(model: Any) -> Callable[[], Any]:
    def forward() -> Any:
        return model(torch.tensor([[1, 2]])).logits

    return forward


class TestForms:
    """What is taken as a config; all of it means the same."""

    @pytest.fixture
    def file(self, kernel: Kernel, tmp_path: Path) -> Path:
        path = tmp_path / "kernels.yaml"
        ks.dump(ks.KernelConfig({"RMSNorm": {"cpu": kernel("Norm")}}), path)
        return path

    @pytest.mark.parametrize("form", ["config", "document", "path", "mapping", "file", "adapter"])
    def test_runs(self, load: Any, calls: Calls, kernel: Kernel, file: Path, form: str) -> None:
        mapping = {"RMSNorm": {"cpu": str(kernel("Norm"))}}
        given: Any = {
            "config": ks.load(file),
            "document": ks.read(file),
            "path": str(file),
            "mapping": mapping,
            "file": {"kernel_mapping": mapping, "inherit_mapping": False},
            "adapter": ks.as_transformers(file, compiled=True),
        }[form]
        adapter = ks.as_transformers(given)
        assert isinstance(adapter, transformers.KernelConfig)
        assert adapter.kernel_mapping == {}
        assert adapter["kernel_mapping"] == mapping
        model = load(adapter)
        assert calls(run(model)) == ["Norm"] * NORMS
        assert adapter.kernel_mapping == {}
        assert ks.audit(model).diagnostics == ()

    def test_lifted(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """`cpu` is refused by transformers, so that its own would not run."""
        theirs = transformers.KernelConfig({"RMSNorm": {"cpu": str(kernel("Norm"))}, "SiLU": ""})
        model = load(ks.as_transformers(theirs))
        assert calls(run(model)) == ["Norm"] * NORMS
        assert model.kernel_config["kernel_mapping"]["SiLU"] == "original"

    def test_new_options(self, kernel: Kernel) -> None:
        first = ks.as_transformers({"RMSNorm": kernel("Norm")}, strict=False, ignore=["stale-mode"])
        second = ks.as_transformers(first, compiled=True)
        assert second.config is first.config
        assert second.options == (True, (), None, True)

    @pytest.mark.parametrize("value", [None, 3, ["RMSNorm"], torch.nn.Linear(1, 1)])
    def test_nothing_else(self, value: Any) -> None:
        with pytest.raises(TypeError, match="`config` must be a `KernelConfig`"):
            ks.as_transformers(value)

    def test_mistakes(self, tmp_path: Path) -> None:
        path = tmp_path / "kernels.yaml"
        path.write_text("kernel_mapping:\n  RMSNorm: {hip: org/repo:L}\n", encoding="utf-8")
        with pytest.raises(ks.ConfigError, match=r"kernels.yaml:2:13: error\[unknown-device\]"):
            ks.as_transformers(path)


class TestEntries:
    """What transformers' own refuses, or ignores."""

    def test_several_devices_and_ranges(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        ranges = [{"min_capability": 90, "kernel": "org/hopper:Norm"}]
        entry = {"cuda": ranges, "xpu": "org/repo:Norm", "cpu": kernel("Norm")}
        assert calls(run(load(ks.as_transformers({"RMSNorm": entry})))) == ["Norm"] * NORMS

    def test_trust_lists(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        trusted = {"kernel": "org/repo:Norm", "trust_remote_code": ["org/repo"]}
        entry = {"cuda": trusted, "cpu": kernel("Norm")}
        assert calls(run(load(ks.as_transformers({"RMSNorm": entry})))) == ["Norm"] * NORMS

    def test_plain(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """In every mode: transformers' own is gone after `.train()`."""
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        for change in (model.eval, model.train, model.eval):
            assert calls(run(change())) == ["Norm"] * NORMS

    def test_modes(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        entry = {"cpu": {"training": kernel("Norm"), "inference": kernel("Other")}}
        model = load(ks.as_transformers({"RMSNorm": entry}))
        assert calls(run(model)) == ["Other"] * NORMS
        assert ks.audit(model).mode is ks.ModeName.INFERENCE
        for _ in range(2):
            assert calls(run(model.train())) == ["Norm"] * NORMS
            assert ks.audit(model).mode is ks.ModeName.TRAINING
            assert calls(run(model.eval())) == ["Other"] * NORMS
        assert ks.audit(model).diagnostics == ()

    def test_a_mode_without_a_kernel(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """What is meant for inference alone is not gone in training."""
        model = load(ks.as_transformers({"RMSNorm": {"cpu": {"inference": kernel("Norm")}}}))
        assert calls(run(model)) == ["Norm"] * NORMS
        assert calls(run(model.train())) == []
        assert ks.audit(model).diagnostics == ()
        assert calls(run(model.eval())) == ["Norm"] * NORMS

    def test_original_over_what_is_inherited(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        inherited: Any = ks.lower({"RMSNorm": kernel("Norm"), "SiLU": kernel("Act")}, device="cpu")
        with kernels.use_kernel_mapping(inherited):
            model = load(ks.as_transformers({"RMSNorm": "original"}))
            assert calls(run(model)) == ["Act"] * 2
            assert calls(run(model.train())) == ["Act"] * 2


class TestInherited:
    @pytest.fixture
    def inherited(self, kernel: Kernel) -> Any:
        return ks.lower({"SiLU": kernel("Act"), "RMSNorm": kernel("Norm")}, device="cpu")

    @pytest.mark.parametrize("inherit", [True, False])
    def test_both_ways(
        self, load: Any, calls: Calls, kernel: Kernel, inherited: Any, *, inherit: bool
    ) -> None:
        config = ks.KernelConfig({"RMSNorm": kernel("Other")}, inherit_mapping=inherit)
        with kernels.use_kernel_mapping(inherited):
            model = load(ks.as_transformers(config))
            for change in (model.eval, model.train):
                ran = calls(run(change()))
                assert (ran.count("Other"), ran.count("Act")) == (NORMS, 2 * inherit)
            assert ks.audit(model).diagnostics == ()

    def test_a_narrow_range_does_not_win(self, load: Any, kernel: Kernel) -> None:
        """FACTS K4: kernels would take the narrowest, inherited or not."""
        ranged = kernels.Device(
            type="cuda", properties=kernels.CUDAProperties(min_capability=90, max_capability=90)
        )
        repository = kernels.LayerRepository("org/inherited", layer_name="L", version=1)
        with kernels.use_kernel_mapping({"RMSNorm": {ranged: repository}}):
            model = load(
                ks.as_transformers({"RMSNorm": {"cuda": "org/own:L", "cpu": kernel("Norm")}})
            )
            assert model.kernel_config.kernel_mapping["RMSNorm"].keys() == {"cpu"}

    def test_without_a_build_it_is_passed_over(
        self,
        load: Any,
        calls: Calls,
        kernel: Kernel,
        caplog: pytest.LogCaptureFixture,
        tmp_path: Path,
    ) -> None:
        """As transformers does; what the config names is loud all the same."""
        missing = kernels.LocalLayerRepository(tmp_path / "gone", layer_name="Act")
        with kernels.use_kernel_mapping({"SiLU": {"cpu": missing}}):
            model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
            assert calls(run(model)) == ["Norm"] * NORMS
            assert "plan-not-met" in caplog.text
            with pytest.raises(ks.KernelSchemaError, match="missing-local-kernel"):
                load(ks.as_transformers({"RMSNorm": str(tmp_path / "gone:Norm")}))

    def test_compiled_never_runs_what_cannot_be(
        self, load: Any, calls: Calls, kernel: Kernel, inherited: Any
    ) -> None:
        with kernels.use_kernel_mapping(inherited):
            adapter = ks.as_transformers({"RMSNorm": kernel("Compiles")}, compiled=True)
            model = load(adapter)
            for change in (model.eval, model.train):
                assert calls(run(change())) == ["Compiles"] * NORMS


class TestDropIn:
    """`kernel_schema.integrations.transformers.KernelConfig`: one import line is changed."""

    def test_local(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        mapping = {"RMSNorm": str(kernel("Norm")), "SiLU": ""}
        for config in (KernelConfig(mapping), KernelConfig(mapping, True)):  # noqa: FBT003 (theirs)
            assert isinstance(config, transformers.KernelConfig)
            model = load(config)
            for change in (model.train, model.eval):
                assert calls(run(change())) == ["Norm"] * NORMS

    def test_arguments(self) -> None:
        assert KernelConfig().config == ks.KernelConfig()
        assert KernelConfig({}, False, False).config == ks.KernelConfig(inherit_mapping=False)  # noqa: FBT003
        local = KernelConfig({"RMSNorm": "org/repo:L"}, use_local_kernel=True).config
        assert local == ks.KernelConfig({"RMSNorm": "./org/repo:L"}, inherit_mapping=False)
        ours = {"RMSNorm": {"cuda": [{"min_capability": 90, "kernel": "org/repo:L"}]}}
        assert KernelConfig(ours).config == ks.KernelConfig.model_validate({"kernel_mapping": ours})
        pinned = KernelConfig({"RMSNorm": ("org/repo:L", {"version": 2})})
        assert pinned["kernel_mapping"] == {"RMSNorm": {"kernel": "org/repo:L", "version": 2}}
        assert type(pickle.loads(pickle.dumps(pinned))) is KernelConfig  # noqa: S301 (ours)

    def test_mistakes(self) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            KernelConfig({"RMSNorm": "org/repo", "SiLU": {"hip": "org/repo:L"}})
        assert [each.code for each in caught.value.diagnostics] == [
            "invalid-kernel-reference",
            "unknown-device",
        ]


class TestManyModels:
    def test_one_config_for_two_models(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        entry = {"cpu": {"training": kernel("Norm"), "inference": kernel("Other")}}
        adapter = ks.as_transformers({"RMSNorm": entry})
        first, second = load(adapter), load(adapter)
        first.train()
        assert calls(run(first)) == ["Norm"] * NORMS
        assert calls(run(second)) == ["Other"] * NORMS
        assert first.kernel_config is not second.kernel_config

    def test_of_other_kinds(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """A fleet config: what the second one does not register is left out by code."""
        mapping = {"RMSNorm": kernel("Norm"), "GeLU": kernel("Act")}
        adapter = ks.as_transformers(mapping, ignore=["unregistered-layer"])
        assert calls(run(load(adapter))) == ["Norm"] * NORMS
        other = transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(**SIZES)).eval()
        other.set_use_kernels(use_kernels=True, kernel_config=adapter)
        assert calls(run(other)) == ["Act"] * 2

    def test_an_applied_one(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """What belongs to one model is good for another by `set_use_kernels`, and told of else."""
        first, second = load(ks.as_transformers({"RMSNorm": kernel("Norm")})), load()
        second.set_use_kernels(use_kernels=True, kernel_config=first.kernel_config)
        assert calls(run(second)) == ["Norm"] * NORMS
        with pytest.raises(ks.LoweringError, match="belongs to one model") as caught:
            load(first.kernel_config)
        assert caught.value.diagnostics[0].code == "not-applied"
        assert calls(run(load(ks.as_transformers(first.kernel_config)))) == ["Norm"] * NORMS

    def test_threads(self, load: Any, kernel: Kernel) -> None:
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")})
        replaced: list[int] = []

        def work() -> None:
            model = load(adapter)
            for change in (model.train, model.eval):
                change()
                replaced.append(ks.audit(model).layer("RMSNorm").replaced)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replaced == [NORMS] * 8

    def test_copies(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        entry = {"cpu": {"training": kernel("Norm"), "inference": kernel("Other")}}
        adapter = ks.as_transformers({"RMSNorm": entry})
        assert copy.deepcopy(adapter) is adapter
        model = load(adapter)
        copied = copy.deepcopy(model)
        copied.train()
        assert calls(run(copied)) == ["Norm"] * NORMS
        assert calls(run(model)) == ["Other"] * NORMS
        assert copied.kernel_config is not model.kernel_config
        assert copied.kernel_config.registered_layer_names == (
            model.kernel_config.registered_layer_names
        )
        alone = copy.deepcopy(model.kernel_config)
        assert calls(run(load(alone))) == ["Other"] * NORMS

    def test_pickled(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")}, strict=False)
        again = pickle.loads(pickle.dumps(adapter))  # noqa: S301 (ours)
        assert (type(again), again.config, again.options) == (
            type(adapter),
            adapter.config,
            adapter.options,
        )
        assert calls(run(load(again))) == ["Norm"] * NORMS

    def test_a_model_is_pickled(self, calls: Calls, kernel: Kernel) -> None:
        """Its kernels stay behind, as `audit` says; the next change of mode brings them back."""
        config = transformers.GPTNeoXConfig(**SIZES)
        model = transformers.GPTNeoXForCausalLM(config).eval()
        model.set_use_kernels(
            use_kernels=True, kernel_config=ks.as_transformers({"GeLU": kernel("Act")})
        )
        loaded = pickle.loads(pickle.dumps(model))  # noqa: S301 (ours)
        assert [each.code for each in ks.audit(loaded).diagnostics] == ["kernel-gone"]
        assert calls(run(loaded.train())) == ["Act"] * 2
        assert ks.audit(loaded).diagnostics == ()


class TestOtherWays:
    """In, out and through what transformers offers besides `from_pretrained`."""

    def test_set_use_kernels(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load()
        model.set_use_kernels(
            use_kernels=True, kernel_config=ks.as_transformers({"RMSNorm": kernel("Norm")})
        )
        assert calls(run(model)) == ["Norm"] * NORMS
        model.set_use_kernels(
            use_kernels=True, kernel_config=ks.as_transformers({"RMSNorm": kernel("Other")})
        )
        assert calls(run(model)) == ["Other"] * NORMS

    @pytest.fixture
    def by_mode(self, kernel: Kernel) -> Any:
        entry = {"inference": kernel("Norm"), "training": kernel("Other")}
        return {"RMSNorm": {"cpu": {**entry, "inference_torch_compile": kernel("Compiles")}}}

    @pytest.mark.parametrize(
        ("asked", "compiled", "name"),
        [
            (kernels.Mode.INFERENCE, False, "Norm"),
            (kernels.Mode.INFERENCE, True, "Compiles"),
            (COMPILED, True, "Compiles"),
        ],
    )
    def test_a_mode_that_is_that_of_the_model(
        self, load: Any, calls: Calls, by_mode: Any, asked: Any, *, compiled: bool, name: str
    ) -> None:
        adapter = ks.as_transformers(by_mode, compiled=compiled)
        model = load()
        model.set_use_kernels(use_kernels=True, kernel_config=adapter, mode=asked)
        assert calls(run(model)) == [name] * NORMS
        assert ks.audit(model).diagnostics == ()

    @pytest.mark.parametrize(
        ("asked", "compiled"),
        [
            (kernels.Mode.TRAINING, False),
            (COMPILED, False),
            (kernels.Mode.TRAINING | kernels.Mode.TORCH_COMPILE, True),
        ],
    )
    def test_another_mode_that_is_asked_for(
        self, load: Any, calls: Calls, by_mode: Any, asked: Any, *, compiled: bool
    ) -> None:
        """transformers tells no config of it, and would put another kernel in place."""
        adapter = ks.as_transformers(by_mode, compiled=compiled)
        model = load()
        with pytest.raises(ks.LoweringError, match=r"not-applied.*another mode"):
            model.set_use_kernels(use_kernels=True, kernel_config=adapter, mode=asked)
        assert calls(run(model)) == ["Compiles" if compiled else "Norm"] * NORMS
        assert ks.audit(model).diagnostics == ()

    def test_use_kernels(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        model.use_kernels = False
        ks.restore(model)
        assert calls(run(model.train())) == []
        model.use_kernels = True
        assert calls(run(model)) == ["Norm"] * NORMS

    def test_auto_model(self, llama: Path, calls: Calls, kernel: Kernel) -> None:
        """It copies what it is given."""
        model = transformers.AutoModelForCausalLM.from_pretrained(
            llama,
            use_kernels=True,
            kernel_config=ks.as_transformers({"RMSNorm": kernel("Norm")}),
            device_map="cpu",
        )
        assert calls(run(model)) == ["Norm"] * NORMS

    def test_pipeline(self, llama: Path, calls: Calls, kernel: Kernel) -> None:
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")})
        pipeline = transformers.pipeline(
            "feature-extraction",
            model=str(llama),
            tokenizer=tokenizer(),
            model_kwargs={"use_kernels": True, "kernel_config": adapter},
        )
        assert calls(lambda: pipeline("a b")) == ["Norm"] * NORMS

    def test_generate(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        options = {"max_new_tokens": 2, "do_sample": False, "pad_token_id": 0}
        ran = calls(lambda: model.generate(torch.tensor([[1, 2]]), **options))
        assert ran == ["Norm"] * NORMS * 2

    def test_restore(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """The forwards are back until transformers is asked to choose again."""
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        ks.restore(model)
        assert calls(run(model)) == []
        report = ks.audit(model)
        assert (report.replaced, report.diagnostics) == (0, ())
        assert calls(run(model.train())) == ["Norm"] * NORMS

    def test_what_it_holds_can_be_written_down(self, kernel: Kernel) -> None:
        adapter = ks.as_transformers({"RMSNorm": {"cuda": "org/repo:L", "cpu": "original"}})
        assert (
            json.loads(json.dumps(adapter))
            == ks.KernelConfig.model_validate(json.loads(json.dumps(adapter))).model_dump()
        )
        assert ks.check(adapter) == ()

    def test_it_never_changes(self, kernel: Kernel, load: Any) -> None:
        adapter: Any = ks.as_transformers({"RMSNorm": kernel("Norm")})
        model = load(adapter)
        changes: list[Callable[[Any], object]] = [
            lambda given: given.update_kernel("org/repo", "RMSNorm", "L", "cpu", None),
            lambda given: given.update({"a": 1}),
            lambda given: given.__setitem__("a", 1),
            lambda given: given.pop("kernel_mapping"),
            lambda given: given.clear(),
            lambda given: operator.ior(given, {"a": 1}),
            lambda given: setattr(given, "kernel_mapping", {"RMSNorm": "org/repo:L"}),
        ]
        for given in (adapter, model.kernel_config):
            before = dict(given)
            for change in changes:
                with pytest.raises(AttributeError, match="never changes"):
                    change(given)
            assert dict(given) == before

    def test_it_says_what_is_registered(self, load: Any, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        theirs = transformers.KernelConfig()
        theirs.store_registered_layer_names(model)
        assert model.kernel_config.registered_layer_names == theirs.registered_layer_names
        assert model.kernel_config.report.layer("RMSNorm").replaced == NORMS


class TestBesideOurOwn:
    """`kernelize`, `check` and `explain` on a model that carries an adapter."""

    def codes(self, outcome: Any) -> list[str]:
        return [each.code for each in getattr(outcome, "diagnostics", outcome)]

    def test_the_same_config_is_in_its_place(self, load: Any, kernel: Kernel) -> None:
        config = ks.KernelConfig({"RMSNorm": kernel("Norm")}, inherit_mapping=False)
        model = load(ks.as_transformers(config))
        assert self.codes(ks.check(config, model)) == self.codes(ks.explain(config, model)) == []
        assert self.codes(ks.kernelize(model, config)) == self.codes(ks.audit(model)) == []
        assert ks.audit(model, ks.explain(config, model.train())).diagnostics == ()

    def test_the_same_config_with_its_lock_is(
        self, load: Any, kernel: Kernel, tmp_path: Path
    ) -> None:
        mapping = {"RMSNorm": {"cpu": kernel("Norm"), "xpu": "org/repo@v1:Norm"}}
        configs: list[ks.KernelConfig] = []
        for commit in ("a" * 40, "b" * 40):
            path = tmp_path / f"{commit}.lock"
            lock = ks.Lock((ks.LockedKernel(ks.Pin("org/repo", 1), commit, layers=("Norm",)),))
            path.write_text(lock.dumps(), encoding="utf-8")
            configs.append(ks.KernelConfig(mapping, inherit_mapping=False, lockfile=path))
        model = load(ks.as_transformers(configs[0]))
        assert self.codes(ks.check(configs[0], model)) == []
        assert self.codes(ks.check(configs[1], model)) == ["managed-by-transformers"]

    def test_another_one_is_not(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        other = ks.KernelConfig({"RMSNorm": kernel("Other")}, inherit_mapping=False)
        report = ks.kernelize(model, other)
        assert self.codes(report) == ["managed-by-transformers"]
        assert "those of the config that it was given" in report.diagnostics[0].message
        assert calls(run(model)) == ["Other"] * NORMS
        assert calls(run(model.train())) == ["Norm"] * NORMS
        assert self.codes(ks.audit(model)) == []

    def test_what_is_taken_by_hand_is_told(self, load: Any, kernel: Kernel) -> None:
        model = load(ks.as_transformers({"RMSNorm": kernel("Norm")}))
        del model.model.norm.forward
        assert self.codes(ks.audit(model)) == ["kernel-gone"]


def tokenizer() -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    unknown = {"unk_token": "[UNK]"}
    words = tokenizers.models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, **unknown)
    model = tokenizers.Tokenizer(words)
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    padding = {"pad_token": "[UNK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=model, **padding)
