"""Mending ends, and what it leaves it leaves the next time too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks

if TYPE_CHECKING:
    from pathlib import Path


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

    assert ks.fix(text, format="yaml").text == text
    mended = ks.fix(text, format="yaml", unsafe=True).text
    assert mended == text.replace(", version: 1", "")


@pytest.mark.parametrize(
    "options", ["mode: training, device: cuda", "device: cuda, mode: training"]
)
def test_a_mode_beside_a_device_does_not_take_its_place(options: str) -> None:
    fixed = ks.fix(f"kernel_mapping:\n  A: {{kernel: 'o/r:L', {options}}}\n", format="yaml")

    mapping = ks.loads(fixed.text, format="yaml").model_dump()["kernel_mapping"]
    assert mapping == {"A": {"cuda": {"training": "o/r:L"}}}
    assert {each.help for each in fixed.mended} == {"write `cuda: {training: {kernel: ...}}`"}


@pytest.mark.parametrize(
    "stated", ["include: {}", "extends: {{file: {}}}", "extends: [{{file: {}}}]"]
)
def test_a_repair_that_states_a_base_brings_no_missing_one(tmp_path: Path, stated: str) -> None:
    ks.dump(ks.KernelConfig({}), tmp_path / "base.yaml")
    file = tmp_path / "kernels.yaml"
    lines = "kernel_mapping: {{SiLU: original}}\n{}\n"
    left = {}
    for base in ("base.yaml", "gone.yaml"):
        file.write_text(lines.format(stated.format(base)))
        left[base] = [each.code for each in ks.fix(file, unsafe=True).left]

    assert left["base.yaml"] == []
    assert left["gone.yaml"] == [problem.code for problem in ks.fix(file).left] != ["missing-base"]


def test_a_base_that_was_stated_keeps_nothing_from_being_mended(tmp_path: Path) -> None:
    file = tmp_path / "kernels.yaml"
    file.write_text("extends: gone.yaml\nkernel_mapping: {SiLU: {cuda: original, hip: original}}\n")

    fixed = ks.fix(file)

    assert [each.code for each in fixed.mended] == ["unknown-device"]
    assert [each.code for each in fixed.left] == ["missing-base"]


def test_comments_in_keys_get_names_of_their_own() -> None:
    text = '{"_comment": 1, "//": 2, "x-comment-2": 3, "_note": 4, "kernel_mapping": {}}'

    fixed = ks.fix(text, format="json")

    assert list(json.loads(fixed.text)) == [
        *("x-comment", "x-comment-3", "x-comment-2", "x-note"),
        "kernel_mapping",
    ]


@pytest.mark.parametrize(
    ("second", "mended"),
    [
        ("training: o/r:T", [{"min_capability": 90, "inference": "o/r:I", "training": "o/r:T"}]),
        # Which of them is meant nobody knows.
        ("inference: o/r:T", None),
        ("kernel: o/r:T", None),
    ],
)
def test_two_entries_for_a_range_become_one(second: str, mended: object) -> None:
    entries = f"[{{min_capability: 90, inference: o/r:I}}, {{min_capability: 90, {second}}}]"
    text = f"kernel_mapping: {{A: {{cuda: {entries}}}}}\n"

    fixed = ks.fix(text, format="yaml", unsafe=True)

    if mended is None:
        assert (fixed.text, len(fixed.left)) == (text, 1)
    else:
        mapping = ks.loads(fixed.text, format="yaml").model_dump()["kernel_mapping"]
        assert mapping == {"A": {"cuda": mended}}


def test_what_was_in_the_way_of_a_repair_may_be_gone_after_others() -> None:
    # A path takes no lock file: it can be mended once that is out.
    text = '{"kernel_mapping": {"A": {"kernel": "file:///nowhere/x:A", "lockfile": null}}}'

    fixed = ks.fix(text, format="json")

    assert fixed.text == '{"kernel_mapping": {"A": {"kernel": "/nowhere/x:A"}}}'
    assert [each.code for each in fixed.mended] == ["invalid-lockfile", "invalid-kernel-reference"]


@pytest.mark.parametrize(("number", "mended"), [("1234567", '"1234567"'), ("1", "1")])
def test_a_number_that_may_be_a_version_is_not_quoted(number: str, mended: str) -> None:
    text = "kernel_mapping:\n  A: {{kernel: org/repo:A, revision: {}}}\n"

    fixed = ks.fix(text.format(number), format="yaml")

    assert fixed.text == text.format(mended)
    assert "unlikely-revision" not in {each.code for each in fixed.left}
