"""What `explain` costs, as a ratio to `inspect_model` on the same model, in one run.

    python -m tests.benchmarks.bench_explain

Everything that is compared runs in turn; times are medians. Exits with 1 if the target is missed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if __package__ in {None, ""}:  # run as a file: the checkout must be importable
    sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
import transformers

import kernel_schema as ks
from kernel_schema.integrations.transformers import default_rules
from tests.benchmarks.timing import HEADING, Row, medians

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET: Final = 3.0
ROUNDS: Final = 61

CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "plain": {
        "RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm",
        "SiLU": "kernels-community/activation:Silu",
    },
    "ranges and modes": {
        "RMSNorm": {
            "xpu": {"inference": "org/a:Norm", "training": "org/b:Norm"},
            "cuda": [
                {"min_capability": 90, "inference": "org/c:Norm", "training": "org/d:Norm"},
                {"min_capability": 75, "max_capability": 80, "kernel": "org/e:Norm"},
                {"kernel": "org/f:Norm"},
            ],
        },
        "SiLU": {"cuda": "original", "rocm": "org/g:SiLU"},
    },
}


def build(name: str) -> Any:
    """A model of transformers at full size, on the meta device."""
    with torch.device("meta"):
        config = getattr(transformers, f"{name}Config")()
        return getattr(transformers, f"{name}ForCausalLM")(config).eval()


def rows() -> Iterator[Row]:
    """The model of the target, and one that holds functions, which costs a second pass."""
    rules = default_rules()
    for name in ("DeepseekV3", "Mamba"):
        model = build(name)
        modules = ks.inspect_model(model).modules
        for what, mapping in CONFIGS.items():
            config = ks.KernelConfig(mapping)
            for inherited in ((), rules):

                def explain(
                    config: ks.KernelConfig = config,
                    model: Any = model,
                    inherited: tuple[ks.Rule, ...] = inherited,
                ) -> ks.Plan:
                    return ks.explain(
                        config, model, device="cuda", capability=90, inherited=inherited
                    )

                bare, ours = medians([lambda model=model: ks.inspect_model(model), explain], ROUNDS)
                over = ", over a default table" if inherited else ""
                title = f"{name}, {modules:,} modules: {what}{over}"
                yield Row(title, ours, bare, TARGET if name == "DeepseekV3" else None)


def main() -> int:
    """Print the table; return the exit code."""
    lines = list(rows())
    print("\n".join([HEADING, *map(str, lines)]))  # noqa: T201 (a script prints)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
