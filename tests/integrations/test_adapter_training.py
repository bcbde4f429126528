"""`as_transformers` in training: Trainer, TRL, torch.compile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from tests.integrations.conftest import NORMS
from tests.integrations.test_adapter import run

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integrations.conftest import Calls, Kernel

pytestmark = pytest.mark.usefixtures("nothing_inherited")

EXAMPLES = [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}] * 4
QUIET = {
    "report_to": [],
    "disable_tqdm": True,
    "use_cpu": True,
    "save_strategy": "no",
    "logging_strategy": "no",
}


@pytest.fixture
def both(kernel: Kernel) -> Any:
    """A kernel for training, and another one for inference."""
    entry = {"cpu": {"training": kernel("Norm"), "inference": kernel("Other")}}
    return ks.as_transformers({"RMSNorm": entry})


def arguments(folder: Path, **options: Any) -> Any:
    options = {**QUIET, "max_steps": 2, "per_device_train_batch_size": 2, **options}
    return transformers.TrainingArguments(str(folder), **options)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
class TestTrainer:
    def test_kernels_swap_at_each_evaluation(
        self, load: Any, calls: Calls, both: Any, tmp_path: Path
    ) -> None:
        modes: list[Any] = []

        class Looking(transformers.TrainerCallback):
            def on_evaluate(self, *_: Any, model: Any, **__: Any) -> None:
                modes.append(ks.audit(model).mode)

            def on_step_end(self, *_: Any, model: Any, **__: Any) -> None:
                modes.append(ks.audit(model).mode)

        trainer = transformers.Trainer(
            load(both),
            arguments(tmp_path, eval_strategy="steps", eval_steps=1),
            train_dataset=EXAMPLES,
            eval_dataset=EXAMPLES[:1],
            callbacks=[Looking],
        )
        ran = calls(trainer.train)
        assert modes == [ks.ModeName.TRAINING, ks.ModeName.INFERENCE] * 2
        assert ran == (["Norm"] * NORMS + ["Other"] * NORMS) * 2
        assert ks.audit(trainer.model).diagnostics == ()

    def test_model_init(self, load: Any, calls: Calls, both: Any, tmp_path: Path) -> None:
        trainer = transformers.Trainer(
            args=arguments(tmp_path), model_init=lambda: load(both), train_dataset=EXAMPLES
        )
        for _ in range(2):
            assert calls(trainer.train) == ["Norm"] * NORMS * 2

    def test_gradients(self, load: Any, both: Any) -> None:
        tokens = torch.tensor([[1, 2, 3]])

        def gradients(model: Any) -> dict[str, Any]:
            model.train()(tokens, labels=tokens).loss.backward()
            return {name: weight.grad for name, weight in model.named_parameters()}

        torch.testing.assert_close(gradients(load(both)), gradients(load()))

    def test_gradient_checkpointing(
        self, load: Any, calls: Calls, both: Any, tmp_path: Path
    ) -> None:
        options = arguments(tmp_path, gradient_checkpointing=True)
        trainer = transformers.Trainer(load(both), options, train_dataset=EXAMPLES)
        ran = calls(trainer.train)
        assert set(ran) == {"Norm"}
        assert len(ran) > 2 * NORMS

    def test_torch_compile_runs_nothing_that_cannot_be(
        self, load: Any, calls: Calls, kernel: Kernel, tmp_path: Path
    ) -> None:
        """transformers itself chooses as if nothing were compiled: FACTS F10."""
        options = arguments(
            tmp_path,
            torch_compile=True,
            torch_compile_backend="eager",
            eval_strategy="steps",
            eval_steps=1,
        )
        entry = {
            "cpu": {
                "training": kernel("Norm"),
                "inference": kernel("Norm"),
                "training_torch_compile": kernel("Compiles"),
            }
        }
        trainer = transformers.Trainer(
            load(ks.as_transformers({"RMSNorm": entry}, compiled=True)),
            options,
            train_dataset=EXAMPLES,
            eval_dataset=EXAMPLES[:1],
        )
        ran = calls(trainer.train)
        assert set(ran) == {"Compiles"}
        assert len(ran) == 4 * NORMS

    def test_sft(self, llama: Path, calls: Calls, both: Any, tmp_path: Path) -> None:
        trl = pytest.importorskip("trl", reason="its trainer")
        datasets = pytest.importorskip("datasets", reason="what it takes")
        from tests.integrations.test_adapter import tokenizer

        options = {**QUIET, "max_steps": 2, "per_device_train_batch_size": 2}
        kwargs = {"use_kernels": True, "kernel_config": both}
        config = trl.SFTConfig(
            str(tmp_path),
            model_init_kwargs=kwargs,
            bf16=False,
            gradient_checkpointing=False,
            **options,
        )
        trainer = trl.SFTTrainer(
            str(llama),
            config,
            train_dataset=datasets.Dataset.from_list([{"input_ids": [1, 2, 3]}] * 4),
            processing_class=tokenizer(),
        )
        assert calls(trainer.train) == ["Norm"] * NORMS * 2
        written = json.loads(config.to_json_string())["model_init_kwargs"]["kernel_config"]
        assert written == dict(both)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.slow
class TestCompiled:
    """`compiled=True`, and models that are compiled in place."""

    @pytest.fixture(autouse=True)
    def _nothing_compiled(self) -> None:
        torch.compiler.reset()

    def test_what_cannot_be_is_refused(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        plain = {"RMSNorm": kernel("Norm")}
        assert calls(run(load(ks.as_transformers(plain)))) == ["Norm"] * NORMS
        with pytest.raises(ks.KernelNotAppliedError, match="inference_torch_compile"):
            load(ks.as_transformers(plain, compiled=True))

    def test_or_left_out_and_told(
        self, load: Any, calls: Calls, kernel: Kernel, caplog: pytest.LogCaptureFixture
    ) -> None:
        adapter = ks.as_transformers({"RMSNorm": kernel("Norm")}, compiled=True, strict=False)
        model = load(adapter)
        for change in (model.eval, model.train, model.eval):
            assert calls(run(change())) == []
        told = [record.getMessage() for record in caplog.records if record.name == "kernel_schema"]
        # Once for each mode.
        assert ["warning[kernel-without-compile]" in text for text in told] == [True, True]
        assert ks.audit(model).diagnostics == ()

    def test_modes_are_narrowed(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        entry = {
            "cpu": {
                "inference": kernel("Norm"),
                "training": kernel("Other"),
                "inference_torch_compile": kernel("Compiles"),
            }
        }
        model = load(ks.as_transformers({"RMSNorm": entry}, compiled=True))
        assert calls(run(model)) == ["Compiles"] * NORMS
        assert ks.audit(model).mode is ks.ModeName.INFERENCE_TORCH_COMPILE
        assert calls(run(model.train())) == []
        assert ks.audit(model).diagnostics == ()

    def test_compiled_in_place(self, load: Any, calls: Calls, kernel: Kernel) -> None:
        """It is seen without being told."""
        entry = {"cpu": {"inference": kernel("Norm"), "training_torch_compile": kernel("Compiles")}}
        model = load(ks.as_transformers({"RMSNorm": entry}))
        assert calls(run(model)) == ["Norm"] * NORMS
        model.compile(backend="eager")
        for change in (model.train, model.eval):
            assert set(calls(run(change()))) == {"Compiles"}
            assert ks.audit(model).diagnostics == ()


def test_training_arguments_are_written_down(both: Any, tmp_path: Path) -> None:
    """transformers' own `KernelConfig` raises there: FACTS F9."""
    options = arguments(tmp_path)
    options.liger_kernel_config = {"kernel_config": both}
    written = json.loads(options.to_json_string())["liger_kernel_config"]["kernel_config"]
    assert ks.KernelConfig.model_validate(written) == both.config
