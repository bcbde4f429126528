"""The target of `explain` holds."""

from __future__ import annotations

import pytest


@pytest.mark.benchmark
def test_the_target_holds(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers", reason="the model is one of transformers")
    from tests.benchmarks.bench_explain import main

    missed = main()
    table = capsys.readouterr().out
    assert not missed, table
