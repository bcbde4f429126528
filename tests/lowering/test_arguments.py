"""What stands for a config or a model: everything that can serve, and words for all that cannot."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import kernels
import pytest
import torch
from torch import nn

import kernel_schema as ks
from kernel_schema.lowering.upstream import active_mapping
from tests.lowering import toys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_schema import LocalRef

    Call = Callable[[Any, Any], object]


def entered(context: Any) -> object:
    with ExitStack() as stack:
        return stack.enter_context(context)


def matrix(config: Any, model: Any) -> object:
    return ks.plan_matrix(config, ks.inspect_model(model)["Norm"])


# Every public function that takes a config and a model, in this order.
WITH_MODEL: dict[str, Call] = {
    "check": ks.check,
    "explain": ks.explain,
    "lower": ks.lower,
    "kernelize": lambda config, model: ks.kernelize(model, config).replaced,
    "kernelized": lambda config, model: entered(ks.kernelized(model, config)),
}
WITHOUT_MODEL: dict[str, Call] = {
    "use_kernel_config": lambda config, _: entered(ks.use_kernel_config(config)),
    "diff": lambda config, _: ks.diff(config, {}),
    "expand": lambda config, _: ks.expand(config),
    "dumps": lambda config, _: ks.dumps(config, format="json"),
}
ALL = {**WITH_MODEL, "plan_matrix": matrix, **WITHOUT_MODEL}
MODEL_ALONE: dict[str, Callable[[Any], object]] = {
    "inspect_model": ks.inspect_model,
    "audit": ks.audit,
    "restore": ks.restore,
    "json_schema": ks.json_schema,
    "sanitize": lambda model: ks.KernelConfig().sanitize_kernel_mapping(model),
    "create": lambda model: ks.KernelConfig().create_compatible_mapping(model),
}


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(toys.Norm(), toys.Norm()).eval()


@pytest.fixture
def file(tmp_path: Path, kernel: Callable[[str], LocalRef]) -> Path:
    """A file with a kernel that is there."""
    path = tmp_path / "kernels.yaml"
    ks.dump(ks.KernelConfig({"Norm": kernel("Norm")}), path)
    return path


class TestWhatServes:
    @pytest.mark.parametrize("name", ALL)
    def test_every_form_means_the_same(self, name: str, model: nn.Module, file: Path) -> None:
        config = ks.load(file)
        forms: list[Any] = [str(file), file, ks.read(file), config.kernel_mapping]
        forms += [config.model_dump(), config.model_dump()["kernel_mapping"]]
        wanted = simple(ALL[name](config, model))
        for form in forms:
            assert simple(ALL[name](form, model)) == wanted

    def test_a_path_puts_kernels_in_place(self, model: nn.Module, file: Path) -> None:
        assert ks.kernelize(model, str(file)).replaced == 2
        assert float(model(torch.ones(4))[0].detach()) == 9

    def test_a_path_gives_positions(self, model: nn.Module, tmp_path: Path) -> None:
        path = tmp_path / "kernels.yaml"
        path.write_text("kernel_mapping:\n  Nrom: org/repo:Norm\n", encoding="utf-8")
        (problem,) = ks.check(path, model)
        assert problem.headline.startswith(f"{path}:2:3: error[unregistered-layer]")

    def test_what_a_file_holds(self) -> None:
        rules = {"kernel_mapping": {"A": "o/r:L"}, "inherit_mapping": False}
        with kernels.use_kernel_mapping({"B": {"cpu": {}}}), ks.use_kernel_config(rules):
            assert list(active_mapping()) == ["A"]

    def test_dump_writes_what_a_file_says(self, file: Path, tmp_path: Path) -> None:
        ks.dump(file, tmp_path / "copy.toml")
        assert ks.load(tmp_path / "copy.toml") == ks.load(file)

    def test_diff_compares_paths_as_written(self, tmp_path: Path) -> None:
        for checkout in ("a", "b"):
            (tmp_path / checkout).mkdir()
            text = "kernel_mapping: {A: ./norm:L}\n"
            (tmp_path / checkout / "kernels.yaml").write_text(text, encoding="utf-8")
        assert not ks.diff(tmp_path / "a/kernels.yaml", str(tmp_path / "b/kernels.yaml"))


def simple(result: object) -> object:
    """What can be compared of a result: repositories are new objects each time."""
    if isinstance(result, dict):
        return {key: simple(value) for key, value in result.items()}
    if isinstance(result, kernels.LocalLayerRepository):
        return result.layer_name
    return str(result)


class TestMistakesInAConfig:
    @pytest.mark.parametrize("name", ALL)
    def test_a_mapping_has_codes_and_routes(self, name: str, model: nn.Module) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            ALL[name]({"Norm": {"cdua": "org/repo:Norm"}, "Other": "org/repo"}, model)
        problems = [(found.code, str(found.route)) for found in caught.value.diagnostics]
        assert problems == [
            ("unknown-device", "kernel_mapping.Norm.cdua"),
            ("invalid-kernel-reference", "kernel_mapping.Other"),
        ]

    @pytest.mark.parametrize("name", ALL)
    def test_a_file_that_is_not_there(self, name: str, model: nn.Module, tmp_path: Path) -> None:
        with pytest.raises(ks.FileAccessError, match=r"error\[file-not-found\]"):
            ALL[name](tmp_path / "none.yaml", model)

    def test_an_unknown_key_of_what_a_file_holds(self) -> None:
        with pytest.raises(ks.ConfigError, match="did you mean `inherit_mapping`"):
            ks.check({"kernel_mapping": {}, "inherit_maping": True})


CONFIG = ks.KernelConfig({"Norm": "org/repo:Norm"})
FORMS = (
    "`config` must be a `KernelConfig`, a `Document`, the path of a config file or a mapping of "
    "layers"
)


class TestWhatIsNoConfig:
    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize("value", [None, 42, b"kernels.yaml", [("A", "o/r:L")], object()])
    def test_a_type_error(self, name: str, value: Any, model: nn.Module) -> None:
        with pytest.raises(TypeError, match=r"^`\w+` must be a `KernelConfig`, .*, not "):
            ALL[name](value, model)

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (None, "None"),
            (ks.KernelConfig, "the class `KernelConfig`: pass an instance of it"),
            (ks.KernelSpec(kernel="o/r:L"), "a `KernelSpec` of kernel_schema"),
            (ks.DeviceMapping({"cpu": "o/r:L"}), "a `DeviceMapping` of kernel_schema"),
            (b"kernels.yaml", "a value of class `bytes`"),
            (nn.Identity(), "a model, `Identity`"),
        ],
    )
    def test_names_what_was_given(self, value: Any, words: str) -> None:
        with pytest.raises(TypeError) as caught:
            ks.check(value)
        assert str(caught.value) == f"{FORMS}, not {words}"

    def test_a_config_of_transformers(self, model: nn.Module) -> None:
        transformers = pytest.importorskip("transformers")
        theirs = transformers.KernelConfig({"Norm": "org/repo:Norm"})
        words = (
            "not a `KernelConfig` of transformers: make ours of it with "
            "`kernel_schema.from_transformers`"
        )
        for call in ALL.values():
            with pytest.raises(TypeError) as caught:
                call(theirs, model)
            assert str(caught.value).endswith(words)
        with pytest.raises(TypeError, match=r"not a `KernelConfig` of transformers$"):
            ks.check(CONFIG, theirs)

    def test_the_text_of_a_file(self) -> None:
        with pytest.raises(TypeError, match=r"`kernel_schema\.loads` reads a text"):
            ks.check("kernel_mapping:\n  A: o/r:L\n")

    def test_an_argument_of_diff_is_named(self) -> None:
        with pytest.raises(TypeError, match=r"^`new` must be .*, not the class `dict`"):
            ks.diff({}, dict)  # pyright: ignore[reportArgumentType]


class TestWhatIsNoModel:
    @pytest.mark.parametrize("name", MODEL_ALONE)
    @pytest.mark.parametrize("value", ["gpt2", 42, CONFIG, nn.Identity, {"A": "o/r:L"}])
    def test_a_model_alone(self, name: str, value: Any) -> None:
        with pytest.raises(TypeError, match=r"^`model` must be a `torch\.nn\.Module`, not "):
            MODEL_ALONE[name](value)

    @pytest.mark.parametrize("name", WITH_MODEL)
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("gpt2", "the text `gpt2`: load the model first"),
            ("cuda", 'a device, `cuda`: pass it by name: `device="cuda"`'),
            (ks.DeviceType.CPU, 'a device, `cpu`: pass it by name: `device="cpu"`'),
            (torch.device("cuda:1"), 'a device, `cuda`: pass it by name: `device="cuda"`'),
            (kernels.Device("mps"), 'a device, `mps`: pass it by name: `device="mps"`'),
            ("training", 'a mode, `training`: pass it by name: `mode="training"`'),
            (kernels.Mode.TRAINING, 'a mode, `training`: pass it by name: `mode="training"`'),
            (toys.Norm, "the class `Norm`: pass an instance of it"),
            (CONFIG, "a `KernelConfig` of kernel_schema"),
            ({}, "a value of class `dict`"),
            (
                SimpleNamespace(model=nn.Identity()),
                "a `SimpleNamespace`, which holds a model: pass that, its `.model`",
            ),
        ],
    )
    def test_names_what_was_given(self, name: str, value: Any, words: str) -> None:
        with pytest.raises(TypeError) as caught:
            WITH_MODEL[name](CONFIG, value)
        assert str(caught.value) == f"`model` must be a `torch.nn.Module`, not {words}"

    @pytest.mark.parametrize("name", ["explain", "kernelize", "kernelized"])
    def test_none_where_one_is_needed(self, name: str) -> None:
        with pytest.raises(TypeError, match=r"not None$"):
            WITH_MODEL[name](CONFIG, None)

    def test_a_real_pipeline(self) -> None:
        transformers = pytest.importorskip("transformers")
        pipeline = transformers.Pipeline.__new__(transformers.TextGenerationPipeline)
        pipeline.model = toys.Norm()
        with pytest.raises(TypeError, match=r"a `TextGenerationPipeline`, which holds a model"):
            ks.kernelize(pipeline, CONFIG)

    def test_a_config_in_place_of_the_plan(self, model: nn.Module) -> None:
        with pytest.raises(TypeError, match=r"^`plan` must be a `Plan`, .*, not a `KernelConfig`"):
            ks.audit(model, CONFIG)  # pyright: ignore[reportArgumentType]

    def test_a_layer_by_name(self) -> None:
        with pytest.raises(TypeError, match=r"`layer` must be one of .*, not the text `Norm`"):
            ks.plan_matrix(CONFIG, "Norm")  # pyright: ignore[reportArgumentType]


class TestSwapped:
    @pytest.mark.parametrize("name", WITH_MODEL)
    @pytest.mark.parametrize(
        ("config", "words"),
        [
            (CONFIG, "a `KernelConfig` of kernel_schema"),
            ("kernels.yaml", "the text `kernels.yaml`"),
            ({"Norm": "o/r:L"}, "a value of class `dict`"),
        ],
    )
    def test_says_so(self, name: str, config: Any, words: str, model: nn.Module) -> None:
        with pytest.raises(TypeError) as caught:
            WITH_MODEL[name](model, config)
        assert str(caught.value) == (
            f"`config` is a model, `Sequential` and `model` is {words}: they are swapped; "
            "exchange them, or pass them by name"
        )

    def test_a_pipeline_in_place_of_the_config(self, model: nn.Module) -> None:
        with pytest.raises(TypeError, match="they are swapped"):
            ks.check(SimpleNamespace(model=model), CONFIG)  # pyright: ignore[reportArgumentType]

    def test_two_models_are_not_swapped(self, model: nn.Module) -> None:
        with pytest.raises(TypeError, match=r"`config` must be .*, not a model, `Sequential`$"):
            ks.check(model, model)  # pyright: ignore[reportArgumentType]


def test_what_is_of_a_model_alone_names_no_file(model: nn.Module, file: Path) -> None:
    ks.kernelize(model, file)
    model.train()
    (stale,) = ks.audit(model).diagnostics
    assert stale.place == ""
    assert str(stale).startswith("warning[stale-mode]: kernels were chosen for `inference`")
