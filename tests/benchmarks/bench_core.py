"""What the core costs, as ratios to what it is compared with, in one run.

    python -m tests.benchmarks.bench_core [walk] [lower] [validate]

Everything that is compared runs in turn; times are medians. Exits with 1 if a target is missed.
"""

from __future__ import annotations

import sys
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in {None, ""}:  # run as a file: the checkout must be importable
    sys.path.insert(0, str(Path(__file__).parents[2]))

import kernels
import torch
from pydantic import ValidationError
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import kernel_schema as ks
from tests.benchmarks.configs import faulty_document, mixed_document, plain_document
from tests.benchmarks.hand_written import validate
from tests.benchmarks.timing import HEADING, Row, medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SIZES = (1_000, 10_000, 100_000)
WALK_TARGET = 1.0
LOWER_TARGET = 5.0
MANY_NAMES_TARGET = 2.0
GROWTH_TARGET = 15  # ten, and what a cold cache adds
PLAIN_TARGET = 1.2
MIXED_TARGET = 2.0
LAYERS = 10_000


@kernels.use_kernel_forward_from_hub("rotary")
def rotary(x: torch.Tensor) -> torch.Tensor:
    """A function such as models of transformers hold in every attention."""
    return x


class Norm(nn.Module):
    """A registered layer."""

    kernel_layer_name = "RMSNorm"


class Activation(nn.Module):
    """Another one."""

    kernel_layer_name = "SiLU"


class Attention(nn.Module):
    """Four unregistered modules, and a function where one is given."""

    def __init__(self, function: object) -> None:
        super().__init__()
        for name in ("q", "k", "v", "o"):
            self.add_module(name, nn.Identity())
        if function is not None:
            self.__dict__["_kernel_funcs"] = {"rotary": function}


class Block(nn.Module):
    """Twelve modules, nested as those of a decoder layer."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.attention = Attention(function)
        self.mlp = nn.Sequential(nn.Identity(), Activation(), nn.Identity())
        self.norms = nn.ModuleList([Norm()])
        self.last = Norm()


BLOCK_SIZE = 12


def build_model(modules: int, *, functions: bool = False) -> nn.Module:
    """A model of that many modules, about."""
    count = max(1, modules // BLOCK_SIZE)
    return nn.Sequential(*(Block(rotary if functions else None) for _ in range(count)))


def build_named_model(modules: int, names: int) -> nn.Module:
    """A model of that many modules that registers that many names, on a CUDA device.

    No GPU is needed: the one parameter is torch's own stand-in.
    """
    classes = [
        type(f"Layer{i}", (nn.Module,), {"kernel_layer_name": f"L{i}"}) for i in range(names)
    ]
    registered = [classes[i % names]() for i in range(max(names, modules // 5))]
    per_block = max(1, len(registered) // 100)
    blocks = [
        nn.Sequential(*registered[i : i + per_block], *_identities(4 * per_block))
        for i in range(0, len(registered), per_block)
    ]
    model = nn.Sequential(*blocks)
    with FakeTensorMode():
        model.anchor = nn.Parameter(torch.empty(1, device="cuda"))
    return model.eval()


def _identities(count: int) -> Iterator[nn.Module]:
    return (nn.Identity() for _ in range(count))


def walk_rows() -> Iterator[Row]:
    """`inspect_model` against the bare walk."""
    for functions in (False, True):
        for size in SIZES:
            model = build_model(size, functions=functions)
            rounds = max(15, 3_000_000 // size // 20)
            bare, ours = medians(
                [lambda model=model: bare_walk(model), lambda model=model: ks.inspect_model(model)],
                rounds,
            )
            what = f"inspect_model, {size:,} modules{', functions' if functions else ''}"
            yield Row(what, ours, bare, WALK_TARGET)


def bare_walk(model: nn.Module) -> None:
    """The least that anybody can do who looks at every module."""
    for module in model.modules():
        type(module)


def lower_rows() -> Iterator[Row]:
    """check + lower of a whole config against transformers' class on the same model."""
    from transformers.utils.kernel_config import KernelConfig

    for modules, names, shape, target, rounds in (
        (10_000, 10, "plain", LOWER_TARGET, 15),
        (10_000, 10, "devices", LOWER_TARGET, 15),
        (10_000, 100, "plain", LOWER_TARGET, 15),
        (10_000, 100, "devices", LOWER_TARGET, 15),
        (10_000, 1_000, "plain", MANY_NAMES_TARGET, 15),
        (10_000, 1_000, "devices", MANY_NAMES_TARGET, 15),
        (100_000, 10_000, "plain", None, 1),
    ):
        model = build_named_model(modules, names)
        table: dict[str, Any] = named_table(names)
        if shape == "devices":
            table = {name: {"cuda": ref} for name, ref in table.items()}
        config = ks.KernelConfig(table)

        def theirs(table: dict[str, Any] = table, model: nn.Module = model) -> Any:
            config = KernelConfig(dict(table))
            config.sanitize_kernel_mapping(model)
            config.create_compatible_mapping(model)
            return config.kernel_mapping

        def ours(config: ks.KernelConfig = config, model: nn.Module = model) -> Any:
            # A config of its own each time, of which nothing is remembered.
            return check_and_lower(copy(config), model)

        assert ours() == theirs()
        own, other = medians([ours, theirs], rounds)
        what = f"check + lower, {modules:,} modules, {names:,} names, {shape}"
        yield Row(what, own, other, target, at_least=True)


def growth_rows() -> Iterator[Row]:
    """Ten times the modules and ten times the names: at most ten times the time, and some noise."""
    small, large = (
        (build_named_model(modules, names), ks.KernelConfig(named_table(names)))
        for modules, names in ((10_000, 1_000), (100_000, 10_000))
    )
    less, more = medians(
        [lambda: check_and_lower(small[1], small[0]), lambda: check_and_lower(large[1], large[0])],
        7,
    )
    yield Row(
        "growth: 100,000 modules x 10,000 names to a tenth of both", more, less, GROWTH_TARGET
    )


def named_table(names: int) -> dict[str, str]:
    """A plain entry for each name of `build_named_model`."""
    return {f"L{i}": f"org/kernel_{i % 97}:Layer{i}" for i in range(names)}


def check_and_lower(config: ks.KernelConfig, model: nn.Module) -> Mapping[str, Any]:
    """What a caller does who wants a mapping for a model."""
    config.sanitize_kernel_mapping(model)
    return config.create_compatible_mapping(model)


def validate_rows() -> Iterator[Row]:
    """The models of the schema against the hand-written validator."""
    for what, document, target in (
        ("plain strings", plain_document(LAYERS), PLAIN_TARGET),
        ("a mix of all shapes", mixed_document(LAYERS), MIXED_TARGET),
    ):
        assert ks.KernelConfig.model_validate(document) == validate(document)
        ours, theirs = medians(
            [
                lambda document=document: ks.KernelConfig.model_validate(document),
                lambda document=document: validate(document),
            ],
            21,
        )
        yield Row(f"validate {LAYERS:,} layers, {what}", ours, theirs, target)


def faults() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The codes and routes that both validators report for a config full of mistakes."""
    document = faulty_document()
    return reported(ks.KernelConfig.model_validate, document), reported(validate, document)


def reported(build: Callable[[Any], object], document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The code and the route of every error; none where the document is right."""
    try:
        build(document)
    except ValidationError as error:
        diagnostics = ks.ConfigError.from_validation_error(error).diagnostics
    except ks.ConfigError as error:
        diagnostics = error.diagnostics
    else:
        return set()
    return {(diagnostic.code, str(diagnostic.route)) for diagnostic in diagnostics}


GROUPS: dict[str, tuple[Callable[[], Iterator[Row]], ...]] = {
    "walk": (walk_rows,),
    "lower": (lower_rows, growth_rows),
    "validate": (validate_rows,),
}


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (a script prints)


def main(groups: list[str]) -> int:
    """Print the table of the groups, all if none is named; return the exit code."""
    if unknown := set(groups) - set(GROUPS):
        _say(f"unknown: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        return 2
    _say(HEADING)
    missed = 0
    for group in groups or GROUPS:
        for make in GROUPS[group]:
            for row in make():
                _say(str(row))
                missed += not row.holds
    if not groups or "validate" in groups:
        ours, theirs = faults()
        same = "the same" if ours == theirs else "DIFFERENT"
        _say(f"faulty config: {len(ours)} errors, {same} codes and routes from both validators")
        missed += ours != theirs
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
