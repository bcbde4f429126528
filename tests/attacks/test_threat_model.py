"""The threat model names its tests: every one is there, and every attack is in it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS / "README.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_is_there() -> None:
    model = PAGE.partition("# Threat model")[2]
    named = re.findall(r"`([a-z_]+/(?:test_[a-z_]+\.py)?)`", model)
    assert len(named) > 10
    assert [name for name in named if not (TESTS / name).exists()] == []


def test_every_attack_is_in_it() -> None:
    attacks = {f"attacks/{path.name}" for path in TESTS.glob("attacks/test_*.py")}
    unnamed = {name for name in attacks if name not in PAGE} - {f"attacks/{Path(__file__).name}"}
    assert unnamed == set()
