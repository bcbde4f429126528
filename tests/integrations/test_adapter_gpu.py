"""`as_transformers` on a real GPU: Triton, ranges of capability, and a Trainer that swaps modes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import kernel_schema as ks
from tests.kernel_repos import write_kernel_repository
from tests.lowering.test_gpu import TRITON_NORM, capability

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

transformers = pytest.importorskip("transformers", reason="transformers is an extra")

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.version.hip is not None,
    reason="needs a CUDA GPU: elsewhere the same is tried on the CPU",
)

_COUNTED = (
    TRITON_NORM.replace("x.shape[-1], self.eps", "x.shape[-1], self.variance_epsilon")
    + """

CALLS = {"infer": 0, "train": 0, "other": 0}


class Infer(TritonRMSNorm):
    has_backward = False

    def forward(self, hidden_states):
        CALLS["infer"] += 1
        return TritonRMSNorm.forward(self, hidden_states)


class Train(nn.Module):
    has_backward = True

    def forward(self, hidden_states):
        CALLS["train"] += 1
        values = hidden_states.float()
        scale = torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return (values * scale).to(hidden_states.dtype) * self.weight


class Other(Train):
    def forward(self, hidden_states):
        CALLS["other"] += 1
        return Train.forward(self, hidden_states)
"""
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    config = transformers.LlamaConfig(
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        vocab_size=128,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def counts(tmp_path: Path) -> Callable[[], dict[str, int]]:
    """How often each kernel has run; all begin with none."""
    write_kernel_repository(tmp_path / "norm", _COUNTED, backends=["cuda"])

    def counts() -> dict[str, int]:
        found = [vars(each).get("CALLS") for each in [*sys.modules.values()] if each]
        return next((dict(each) for each in reversed(found) if isinstance(each, dict)), {})

    return counts


def _load(saved: Path, config: Any) -> Any:
    return transformers.LlamaForCausalLM.from_pretrained(
        saved, use_kernels=True, kernel_config=config, device_map="cuda", dtype=torch.bfloat16
    )


def _config(tmp_path: Path, modes: dict[str, Any]) -> dict[str, Any]:
    ranges = [
        {"min_capability": capability() + 1, "kernel": f"{tmp_path / 'norm'}:Other"},
        {"min_capability": 70, "max_capability": capability(), **modes},
    ]
    # What transformers registers is on the Hub, and a machine with a GPU need not reach it.
    return {
        "kernel_mapping": {"RMSNorm": {"cuda": ranges, "cpu": "original"}},
        "inherit_mapping": False,
    }


def _modes(tmp_path: Path) -> dict[str, str]:
    norm = tmp_path / "norm"
    return {"inference": f"{norm}:Infer", "training": f"{norm}:Train"}


def test_ranges_modes_and_triton(
    saved: Path, tmp_path: Path, counts: Callable[[], dict[str, int]]
) -> None:
    tokens = torch.arange(16, device="cuda").reshape(1, 16)
    plain = transformers.LlamaForCausalLM.from_pretrained(
        saved, device_map="cuda", dtype=torch.bfloat16
    )
    model = _load(saved, ks.as_transformers(_config(tmp_path, _modes(tmp_path))))
    with torch.no_grad():
        torch.testing.assert_close(
            model.eval()(tokens).logits, plain.eval()(tokens).logits, atol=0.05, rtol=0.05
        )
    assert counts() == {"infer": 5, "train": 0, "other": 0}
    assert model.kernel_config.report.layer("RMSNorm").replaced == 5
    model.train()(tokens, labels=tokens).loss.backward()
    assert counts() == {"infer": 5, "train": 5, "other": 0}


def test_a_trainer_evaluates_every_other_step(
    saved: Path, tmp_path: Path, counts: Callable[[], dict[str, int]]
) -> None:
    data = [{"input_ids": torch.arange(8), "labels": torch.arange(8)} for _ in range(40)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"),
        max_steps=10,
        per_device_train_batch_size=2,
        per_device_eval_batch_size=40,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    model = _load(saved, ks.as_transformers(_config(tmp_path, _modes(tmp_path))))
    trainer = transformers.Trainer(model, arguments, train_dataset=data, eval_dataset=data)
    trainer.train()
    # Five layers a forward: ten steps of training, five evaluations of one batch.
    assert counts() == {"infer": 25, "train": 50, "other": 0}
    assert {layer.layer_name: layer.replaced for layer in ks.audit(model).layers}["RMSNorm"] == 5
