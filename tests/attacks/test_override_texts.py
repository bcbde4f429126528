"""Overrides are outside text: a CI job builds them of branch names, labels and titles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from tests.attacks.hostile import hostile, said, unsafe

if TYPE_CHECKING:
    from pathlib import Path

attack = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "40")
    (tmp_path / "k.yaml").write_text("kernel_mapping: {A: org/repo:L}\n")


def overrides() -> st.SearchStrategy[str]:
    """Texts that are none, and texts with something hostile for a name or a value."""
    text = hostile()
    return st.one_of(
        text,
        text.map(lambda inner: f"kernel_mapping.A={inner}"),
        text.map(lambda inner: f'kernel_mapping["{inner}"]=original'),
        text.map(lambda inner: f'kernel_mapping.A={{"{inner}": original}}'),
        text.map(lambda inner: f"kernel_mapping.A=./{inner}:L"),
    )


@attack
@given(overrides(), st.sampled_from(["text", "concise", "json", "github", "sarif"]))
def test_what_check_prints(text: str, format: str) -> None:
    done = said("check", "k.yaml", "--output-format", format, f"--set={text}")
    assert done.code in {0, 1, 2}
    if done.code == 2:
        assert done.out == ""
        assert "<override 1>" in done.err


@attack
@given(overrides(), st.sampled_from(["yaml", "json", "toml"]))
def test_what_resolve_prints(text: str, format: str) -> None:
    places = ["--provenance"] if format != "json" else []
    done = said("resolve", "k.yaml", "--to", format, *places, f"--set={text}")
    assert done.code in {0, 2}
    assert said("resolve", "k.yaml", "--output-format", "json", f"--set={text}").code == done.code


@attack
@given(overrides())
def test_errors_in_python(text: str) -> None:
    told = ""
    try:
        ks.load("k.yaml", overrides=[text])
    except ks.ConfigError as error:
        told = str(error)
    assert unsafe(told) == []


def test_nothing_is_quoted_of_a_file_that_a_link_leads_away_to(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / ".git").mkdir()
    secret = tmp_path_factory.mktemp("elsewhere") / "s.yaml"
    secret.write_text("kernel_mapping: {A: secret/repo@hidden:L}\n")
    (tmp_path / "link.yaml").symlink_to(secret)
    for text in ("kernel_mapping.A.version=2", "kernel_mapping.A[0]=original"):
        done = said("check", "link.yaml", f"--set={text}")
        assert done.code == 2
        assert "<override 1>:1:" in done.err
        assert f"1 | {text}" in done.err
        assert "hidden" not in done.err
        assert "secret/repo" not in done.err


def test_a_file_is_not_read_by_an_override(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("kernel_mapping: {A: secret/repo:L}\n")
    for text in ("extends=secret.yaml", "kernel_mapping=!include secret.yaml", "@secret.yaml"):
        done = said("resolve", "k.yaml", f"--set={text}")
        assert done.code == 2
        assert "secret/repo" not in done.out + done.err
