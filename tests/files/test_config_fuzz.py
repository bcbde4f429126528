"""Whole config files full of mistakes: what `tests.fuzz.configs` says must hold."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_schema.cli.opening import check_files
from tests.fuzz import configs, seeds

# A number rather than st.randoms(): drawing each choice by itself takes ten times as long.
RANDOMS = st.integers(0, 2**64).map(Random)
SEEDS = {format: configs.seeds(format) for format in configs.FORMATS}
DATA = configs.data()


@settings(max_examples=100, deadline=None)
@given(RANDOMS, st.sampled_from(configs.FORMATS))
def test_mutated_texts(random: Random, format: configs.Format) -> None:
    configs.check_config(seeds.mutated(random, SEEDS[format]), format)


@settings(max_examples=100, deadline=None)
@given(RANDOMS, st.booleans())
def test_shaken_data(random: Random, indented: bool) -> None:  # noqa: FBT001 (drawn)
    value = configs.shaken(random, random.choice(DATA), DATA)
    text = json.dumps(value, ensure_ascii=not indented, indent=2 if indented else None)
    for format in ("json", "yaml"):
        configs.check_config(text, format)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60) | st.builds(bytes.__add__, st.binary(max_size=8), st.just(b"{}\n")),
    st.sampled_from(configs.FORMATS),
)
def test_any_bytes(raw: bytes, format: configs.Format) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"kernels.{format}"
        file.write_bytes(raw)
        result = check_files([str(file)], max_bytes=50)
    assert not result.refused
    assert bool(result.diagnostics) == (not result.documents)
    for found in result.diagnostics:
        assert found.span is not None
        assert found.headline.isprintable()
