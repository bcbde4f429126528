"""Mending ends, and what it leaves it leaves the next time too."""

from __future__ import annotations

import pytest

import kernel_schema as ks


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        # A blank behind the first colon of the third line is wrong in one way, none in another.
        "kernel_mapping:a/b:N,\n  RMSN\na/b:LlamaRMSNorm\n  SiLU: a/b:Silu",
        # A table as a key is no key that lacks a blank.
        "kernel_mapping: {{SiLU: org/repo:SiLU}}\n",
        "kernel_mapping: {[SiLU: org/repo:SiLU]}\n",
    ],
)
def test_what_cannot_be_mended_stays(text: str, *, unsafe: bool) -> None:
    fixed = ks.fix(text, format="yaml", unsafe=unsafe)

    assert (fixed.text, fixed.mended) == (text, ())
    assert fixed.left


def test_a_range_that_keeps_its_forward_keeps_its_bounds() -> None:
    text = (
        "kernel_mapping:\n  A:\n    cuda:\n"
        "      - {min_capability: 90, kernel: original, version: 1}\n"
    )

    assert ks.fix(text, format="yaml", unsafe=True).text == text


@pytest.mark.parametrize(
    "options", ["mode: training, device: cuda", "device: cuda, mode: training"]
)
def test_a_mode_beside_a_device_does_not_take_its_place(options: str) -> None:
    fixed = ks.fix(f"kernel_mapping:\n  A: {{kernel: 'o/r:L', {options}}}\n", format="yaml")

    mapping = ks.loads(fixed.text, format="yaml").model_dump()["kernel_mapping"]
    assert mapping == {"A": {"cuda": {"training": "o/r:L"}}}
    assert {each.help for each in fixed.mended} == {"write `cuda: {training: {kernel: ...}}`"}
