"""What is said of words of a command line that people write elsewhere, or by mistake."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

EXPLAIN = ("explain", "k.yaml", "--model", "m:n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chekc", "k.yaml"], "did you mean `check`?"),
        (["lint", "k.yaml"], "did you mean `check`?"),
        (["fix", "k.yaml"], "did you mean `check --fix`?"),
        (["k.yaml"], "did you mean `check k.yaml`?"),
        (["version"], "did you mean `--version`?"),
        (["check", "--fixx"], "unrecognized arguments: --fixx: did you mean `--fix`?"),
        (["check", "-fix"], "did you mean `--fix`?"),
        (["check", "--unsafe_fixes"], "did you mean `--unsafe-fixes`?"),
        (["check", "--out", "k.yaml"], "did you mean `--output-format`?"),
        (["check", "--json"], "did you mean `--output-format json`?"),
        (["check", "--extend-ignore", "x"], "did you mean `--ignore`?"),
        (["check", "--output-format", "sarif.json"], "did you mean `sarif`?"),
        (["check", "--format", "yml"], "did you mean `yaml`?"),
        (["check", "--select", "all"], "did you mean `*`?"),
        (["check", "--off", "missing"], "did you mean `missing-*`?"),
        ([*EXPLAIN, "--device", "gpu:0"], "did you mean `cuda`?"),
        ([*EXPLAIN, "--device", "hip"], "did you mean `rocm`?"),
        ([*EXPLAIN, "--mode", "train"], "did you mean `training`?"),
        (["diff", "k.yaml", "k.yaml", "--old-mode", "eval"], "did you mean `inference`?"),
        ([*EXPLAIN, "--capability", "sm_90"], "'sm_90' is no capability: it is written 90"),
        ([*EXPLAIN, "--capability", "9.0a"], "it is written 90"),
        ([*EXPLAIN, "--capability", "8,6"], "it is written 86"),
        ([*EXPLAIN, "--capability", "(9, 0)"], "it is written 90"),
        ([*EXPLAIN, "--capability", "9"], "9 means 0.9: 9.0 is written 90"),
        ([*EXPLAIN, "--capability", "H100"], "90 means 9.0"),
        (["check", "k.yaml", "--at", "/a/b"], "did you mean `a.b`?"),
        (["check", "k.yaml", "--at", "$.a.b"], "did you mean `a.b`?"),
        (["check", "k.yaml", "--at", "a.b.kernel_mapping"], "pass `--at a.b`"),
    ],
)
def test_what_was_meant(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "k.yaml").write_text("a: {b: {kernel_mapping: {}}}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with suppress(SystemExit):
        main(words)
    shown = capsys.readouterr()
    assert told in " ".join((shown.err + shown.out).split())


@pytest.mark.parametrize("word", ["--watch", "--no-fix", "-x", "--bogus"])
def test_nothing_is_guessed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", word])
    assert "did you mean" not in capsys.readouterr().err
