"""What `as_transformers` gives, with kernels of the Hub: locked, of strangers, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks

from .catalog import DEP_FACTOR, USES
from .model import HubModel, factors, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .server import Hub

transformers: Any = pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("fresh")

NORM, STRANGER = "trusted-org/norm", "stranger/norm"
CONFIG = {"DemoNorm": f"{NORM}@v1:DemoNorm", "OtherNorm": f"{USES}@v1:DemoNorm"}


class Pretrained(transformers.PreTrainedModel):
    """The model of the Hub scenarios as one of transformers."""

    config_class = transformers.PretrainedConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.norms = HubModel()
        self.post_init()

    def _init_weights(self, module: Any) -> None:
        """Leave them as they are."""


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[Any], Any]]:
    """`from_pretrained` with a config."""
    saved = tmp_path / "model"
    Pretrained(transformers.PretrainedConfig()).save_pretrained(saved)
    models: list[Any] = []

    def from_pretrained(config: Any, **options: Any) -> Any:
        adapter = ks.as_transformers(config, **options)
        models.append(Pretrained.from_pretrained(saved, use_kernels=True, kernel_config=adapter))
        return models[-1]

    yield from_pretrained
    reset(HubModel())  # the function is shared
    for model in models:
        reset(model.norms)


def entry(trust: Any) -> dict[str, Any]:
    return {"DemoNorm": {"kernel": f"{STRANGER}:DemoNorm", "trust_remote_code": trust}}


class TestTrust:
    """transformers refuses lists of repositories; kernels takes them, and is given them."""

    @pytest.mark.parametrize("trust", [True, [STRANGER]])
    def test_a_stranger_who_is_trusted(
        self, hub: Hub, load: Callable[..., Any], trust: Any
    ) -> None:
        model = load(entry(trust))
        for change in (model.train, model.eval):
            change()
            assert factors(model.norms)["DemoNorm"] == [2, 2]
        assert ks.audit(model).diagnostics == ()

    @pytest.mark.parametrize("trust", [False, ["stranger/other"]])
    def test_a_stranger_who_is_not(self, hub: Hub, load: Callable[..., Any], trust: Any) -> None:
        """kernels asks before it fetches anything, and its refusal is no missing kernel."""
        with pytest.raises(ks.KernelNotAppliedError) as caught:
            load(entry(trust))
        (failed,) = caught.value.diagnostics
        assert (failed.code, str(failed.route)) == (
            "kernel-load-failed",
            "kernel_mapping.DemoNorm",
        )
        assert "not from a trusted" in failed.message
        assert [each for each in hub.requests if "/resolve/" in each.target] == []


class TestLocked:
    @pytest.fixture
    def file(self, hub: Hub, tmp_path: Path) -> Path:
        """A config that names its lock."""
        (tmp_path / "k.lock").write_text(ks.lock(CONFIG).dumps(), encoding="utf-8")
        file = tmp_path / "kernels.yaml"
        ks.dump(ks.KernelConfig(CONFIG, lockfile="k.lock"), file)
        hub.requests.clear()
        return file

    def test_runs_without_asking_the_network(
        self, hub: Hub, file: Path, load: Callable[..., Any]
    ) -> None:
        lock = ks.fetch(file)
        hub.move(NORM, "v1", "v2")
        hub.requests.clear()
        model = load(file)
        for change in (model.train, model.eval):
            change()
            assert factors(model.norms)["DemoNorm"] == [2, 2]
            assert factors(model.norms)["OtherNorm"] == [100 * DEP_FACTOR]
        assert hub.requests == []
        report = ks.audit(model)
        assert report.diagnostics == ()
        commit = lock.by_pin[ks.Pin(NORM, 1)].commit
        for outcome in (report, model.kernel_config.report):
            assert f"{NORM}@v1:DemoNorm (commit {commit[:12]})" in str(outcome)

    def test_is_refused_where_it_is_not_fetched(
        self, hub: Hub, file: Path, load: Callable[..., Any]
    ) -> None:
        with pytest.raises(ks.LockError) as caught:
            load(file)
        assert [each.code for each in caught.value.diagnostics] == ["kernel-not-fetched"] * 2
        assert str(caught.value).startswith(f"{file}:")
        assert hub.requests == []
