"""What a model costs: looking at it, checking and lowering a config for it, explaining it."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, Final, Literal

import kernel_schema as ks
from kernel_schema.schema import rules
from tests.benchmarks.claims import Claim, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tests.benchmarks.timing import Effort

Form = Literal["plain", "devices"]
FORMS: Final[tuple[Form, ...]] = ("plain", "devices")

CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "plain": {
        "RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm",
        "SiLU": "kernels-community/activation:Silu",
    },
    "ranges": {
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


def named_table(names: int, form: Form = "plain") -> dict[str, Any]:
    """An entry for each name of `build_named_model`."""
    references = {f"L{i}": f"org/kernel_{i % 97}:Layer{i}" for i in range(names)}
    if form == "plain":
        return references
    return {name: {"cuda": reference} for name, reference in references.items()}


def check_and_lower(config: ks.KernelConfig, model: Any) -> Mapping[str, Any]:
    """What a caller does who wants a mapping for a model; nothing of an earlier call is used."""
    rules._kept_rule.cache_clear()  # it would be full of just this
    own = copy(config)
    own.sanitize_kernel_mapping(model)
    return own.create_compatible_mapping(model)


def by_transformers(table: Mapping[str, Any], model: Any) -> Any:
    """The same, by transformers' own class."""
    from transformers.utils.kernel_config import KernelConfig

    config = KernelConfig(dict(table))
    config.sanitize_kernel_mapping(model)
    config.create_compatible_mapping(model)
    return config.kernel_mapping


def _walk(modules: int, *, functions: bool) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        from tests.benchmarks.torch_models import bare_walk, build_model

        model = build_model(effort.size(modules, 24), functions=functions)
        yield Pair(lambda: ks.inspect_model(model), lambda: bare_walk(model))

    return prepare


def _lowering(
    modules: int, names: int, form: Form
) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        from tests.benchmarks.torch_models import build_named_model

        names_here = effort.size(names, 3)
        model = build_named_model(effort.size(modules, 30), names_here)
        table = named_table(names_here, form)
        config = ks.KernelConfig(table)
        assert check_and_lower(config, model) == by_transformers(table, model)
        yield Pair(lambda: check_and_lower(config, model), lambda: by_transformers(table, model))

    return prepare


def _growth(
    small: tuple[int, int], large: tuple[int, int]
) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        from tests.benchmarks.torch_models import build_named_model

        def lowered(modules: int, names: int) -> Callable[[], object]:
            model = build_named_model(modules, names)
            config = ks.KernelConfig(named_table(names))
            return lambda: check_and_lower(config, model)

        sizes = ((30, 3), (300, 3)) if effort.tiny else (small, large)
        yield Pair(lowered(*sizes[1]), lowered(*sizes[0]), sizes[1][0] / sizes[0][0])

    return prepare


def _explaining(
    config: str, *, inherited: bool
) -> Callable[[Effort], AbstractContextManager[Pair]]:
    @contextmanager
    def prepare(effort: Effort) -> Generator[Pair]:
        from kernel_schema.integrations.transformers import default_rules
        from tests.benchmarks.torch_models import build_deepseek

        model = build_deepseek(tiny=effort.tiny)
        known = ks.KernelConfig(CONFIGS[config])
        inherited_rules = default_rules() if inherited else ()
        yield Pair(
            lambda: ks.explain(
                known, model, device="cuda", capability=90, inherited=inherited_rules
            ),
            lambda: ks.inspect_model(model),
        )

    return prepare


def _claims() -> Iterator[Claim]:
    for modules in (1_000, 10_000, 100_000):
        for functions in (False, True):
            yield Claim(
                f"model.walk-{modules}{'-functions' if functions else ''}",
                f"`inspect_model`, {modules:,} modules{', with functions' if functions else ''}",
                "`modules()` of torch",
                "torch",
                1.0,
                _walk(modules, functions=functions),
                first_page=modules == 10_000 and not functions,
            )
    for names, target in ((10, 0.2), (100, 0.2), (1_000, 0.5)):
        for form in FORMS:
            words = "plain strings" if form == "plain" else "by device"
            yield Claim(
                f"model.lower-{names}-{form}",
                f"check and lower, 10,000 modules, {names:,} names, {words}",
                "`KernelConfig` of transformers",
                "transformers",
                target,
                _lowering(10_000, names, form),
                first_page=names == 100 and form == "plain",
            )
    yield Claim(
        "model.growth",
        "check and lower, 100,000 modules, for each module",
        "10,000 modules",
        None,
        1.5,
        _growth((10_000, 10), (100_000, 10)),
    )
    yield Claim(
        "model.growth-names",
        "check and lower, 100,000 modules of 10,000 names, for each module",
        "a tenth of both",
        None,
        1.5,
        _growth((10_000, 1_000), (100_000, 10_000)),
    )
    for config, words in (("plain", "plain strings"), ("ranges", "ranges and modes")):
        for inherited in (False, True):
            yield Claim(
                f"model.explain-{config}{'-inherited' if inherited else ''}",
                f"`explain`, DeepseekV3, {words}{', over a default table' if inherited else ''}",
                "`inspect_model` alone",
                None,
                3.0,
                _explaining(config, inherited=inherited),
                first_page=config == "ranges" and inherited,
            )


CLAIMS: Final = tuple(_claims())
