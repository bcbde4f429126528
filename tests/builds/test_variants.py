"""The choice of builds, against kernels' own: names, reasons, order, architectures."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("kernels")

from kernels import archs, variants
from kernels.backends import CPU, TPU, Metal, Neuron, parse_backend
from packaging.version import Version

from kernel_schema.builds.this_machine import this_machine
from kernel_schema.builds.variants import (
    BuildTarget,
    choose_build,
    parse_target,
    parse_variant,
    supports_capability,
)

BACKENDS = [
    "cpu", "metal", "neuron", "tpu", "cu118", "cu126", "cu128", "cu130", "rocm63", "rocm64",
    "xpu20252", "cann80", "universal", "cuda",
]  # fmt: skip
CPUS = ("x86_64", "aarch64")
SYSTEMS = ("linux", "darwin", "windows")


def names(rng: random.Random) -> set[str]:
    drawn: set[str] = set()
    for _ in range(rng.randint(1, 8)):
        framework = rng.choice(
            (
                f"torch2{rng.randint(10, 13)}",
                f"torch2{rng.randint(10, 13)}-cxx11",
                f"torch2{rng.randint(10, 13)}-cxx98",
                f"torch-stable-abi2{rng.randint(10, 13)}",
                f"tvm-ffi0{rng.randint(1, 2)}",
                "torch",
                rng.choice(("docs", "torch2", "jax", "torch-stable-abi", "tvm-ffi", "")),
            )
        )
        rest = [framework, rng.choice(BACKENDS)]
        if framework != "torch":
            rest += [rng.choice(CPUS), rng.choice(SYSTEMS)]
        drawn.add("-".join(rest))
    return drawn


def targets(rng: random.Random, drawn: set[str]) -> BuildTarget:
    """A machine, more often than not one that one of the builds is for."""
    backends = [name for name in BACKENDS if name not in {"universal", "cuda"}]
    build = parse_variant(rng.choice(sorted(drawn)))
    fits = build is not None and build.backend in backends and rng.random() < 0.8
    backend = build.backend if build and fits else rng.choice(backends)
    system = (build and fits and build.os) or rng.choice(SYSTEMS)
    torch = build.release if build and fits and build.framework == "torch" else None
    return BuildTarget(
        backend,
        torch or (2, rng.randint(10, 13)),
        (build and fits and build.cpu) or rng.choice(CPUS),
        system,
        rng.choice((True, False)) if system == "linux" else None,
        rng.choice(((15, 0), (26, 1))),
        (0, rng.randint(1, 2)),
    )


def known(drawn: set[str]) -> list[variants.Variant]:
    """The builds as kernels reads their names; ours must know the same names."""
    parsed = {name: read_by_kernels(name) for name in drawn}
    assert [name for name in drawn if parse_variant(name)] == [n for n in drawn if parsed[n]]
    return [variant for variant in parsed.values() if variant is not None]


def read_by_kernels(name: str) -> variants.Variant | None:
    try:
        return variants.parse_variant(name)
    except ValueError:
        return None


def version(release: tuple[int, int] | None) -> Version | None:
    return release and Version(f"{release[0]}.{release[1]}")


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_is_that_of_kernels(seed: int) -> None:
    assert _compared_with_kernels(seed, 300) > 20


@pytest.mark.slow
def test_the_choice_is_that_of_kernels_in_20_000_cases() -> None:
    assert _compared_with_kernels(2026, 20_000) > 2_000


def _compared_with_kernels(seed: int, cases: int) -> int:
    """Hold our choice against that of kernels; gives how often a build was chosen."""
    rng = random.Random(seed)  # noqa: S311
    chosen = 0
    for _ in range(cases):
        drawn = names(rng)
        target = targets(rng, drawn)
        fitting, trace = variants._resolve_variant_for_system(
            known(drawn),
            parse_backend(str(target.backend)),
            str(target.cpu),
            str(target.os),
            version(target.torch),
            # Where a system has one ABI only, kernels compares a build that names one with None.
            target.cxx11_abi,
            version(target.tvm_ffi),
            version(target.macos),
        )
        ours, against = choose_build(sorted(drawn), target)
        theirs = [variant.variant_str for variant in fitting]
        if target.cxx11_abi is None:
            theirs_without = {name for name in theirs if "-cxx" not in name}
            assert {v.name for v in ours if v.cxx11_abi is None} == theirs_without
            continue
        assert {variant.name for variant in ours} == set(theirs)
        if theirs:
            chosen += 1
            # kernels leaves equal ones as they come, from a set.
            assert _rank(ours[0].name) == _rank(theirs[0])
        assert set(against) == {
            d.variant.variant_str for d in trace if isinstance(d, variants.VariantRejected)
        }
    return chosen


def _rank(name: str) -> tuple[str, str]:
    """What decides which of two builds comes first: to kernels tvm-ffi is like uncompiled code."""
    parts = name.split("-")
    late = parts[0] in {"tvm", "torch"} and parts[1] != "stable"
    return ("late", "") if late else (parts[0], parts[-3])


def test_architectures_are_those_of_kernels() -> None:
    rng = random.Random(0)  # noqa: S311
    pool = ["8.0", "8.6", "9.0a", "10.0f", "10.0+PTX", "12.0", "7.5+PTX", "x", "9", "8.0a+PTX"]
    for _ in range(3000):
        drawn = rng.sample(pool, rng.randint(1, 4))
        capability = rng.choice((70, 75, 80, 86, 89, 90, 100, 103, 120))
        theirs = archs._supports_cuda_capability(drawn, divmod(capability, 10))
        assert supports_capability(drawn, capability) == theirs, (drawn, capability)


def test_this_machine_is_as_kernels_sees_it() -> None:
    from kernels.backends import _backend

    machine = this_machine()
    assert machine is not None
    assert machine.backend == _backend().variant_str
    assert isinstance(_backend(), (CPU, TPU, Metal, Neuron)) or machine.backend != "cpu"


@pytest.mark.parametrize(
    "text", ["", "torch2.13", "cuda", "torch2.13-cuda", "torch213-cpu", "x" * 9999]
)
def test_a_target_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValueError, match="is written"):
        parse_target(text)


def test_what_is_unknown_rules_nothing_out() -> None:
    fitting, against = choose_build(["torch213-cu130-x86_64-linux", "torch-cpu"], BuildTarget())
    assert len(fitting) == 2
    assert against == {}
