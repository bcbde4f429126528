"""The targets for reading hold."""

from __future__ import annotations

import pytest
import yaml

from tests.benchmarks.bench_readers import main


@pytest.mark.benchmark
@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML was built without libyaml")
def test_the_targets_hold(capsys: pytest.CaptureFixture[str]) -> None:
    missed = main([])
    table = capsys.readouterr().out
    assert not missed, table
