"""Under KERNEL_SCHEMA_POLICY nothing is fetched or put in place that it does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.policies.in_force import VARIABLE

from .catalog import DEP, DEP_FACTOR, USES
from .model import HubModel, factors, forwards, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .server import Hub

kernels: Any = pytest.importorskip("kernels")
pytestmark = pytest.mark.usefixtures("fresh")

NORM = "trusted-org/norm"
MAPPING = {"DemoNorm": f"{NORM}@v1:DemoNorm", "OtherNorm": f"{USES}@v1:DemoNorm"}


@pytest.fixture
def model() -> Iterator[HubModel]:
    model = HubModel().eval()
    yield model
    reset(model)


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def policy(**stated: Any) -> None:
        path = tmp_path / "policy.json"
        path.write_text(ks.Policy(**stated).model_dump_json(exclude_unset=True), encoding="utf-8")
        monkeypatch.setenv(VARIABLE, str(path))

    return policy


@pytest.fixture
def config(hub: Hub, tmp_path: Path) -> ks.KernelConfig:
    """The config above, locked and fetched."""
    path = tmp_path / "kernels.yaml.lock"
    path.write_text(ks.lock(MAPPING).dumps(), encoding="utf-8")
    config = ks.KernelConfig(MAPPING, lockfile=path, inherit_mapping=False)
    ks.fetch(config)
    hub.requests.clear()
    return config


def refused(call: Callable[[], object]) -> list[str]:
    with pytest.raises(ks.PolicyError) as caught:
        call()
    return [problem.code for problem in caught.value.diagnostics]


STRICT = {
    "publishers": ("trusted-org",),
    "licenses": ("Apache-2.0",),
    "require_lock": True,
    "require_trusted_publisher": True,
}


def test_what_is_allowed_runs(
    config: ks.KernelConfig, model: HubModel, hub: Hub, policy: Any
) -> None:
    policy(**STRICT)
    ks.kernelize(model, config)
    assert factors(model)["OtherNorm"] == [100 * DEP_FACTOR]
    ks.fetch(config)
    assert hub.requests == []


class TestForbidden:
    @pytest.fixture(autouse=True)
    def _only_norm(self, config: ks.KernelConfig, policy: Any) -> None:
        policy(repositories=(NORM, USES))

    @pytest.mark.parametrize("function", ["kernelize", "kernelized", "use", "lower", "fetch"])
    def test_by_whatever_function(
        self, function: str, config: ks.KernelConfig, model: HubModel, hub: Hub
    ) -> None:
        before = forwards(model)

        def use(manager: Any) -> None:
            with manager:
                pytest.fail("entered")

        calls: dict[str, Callable[[], object]] = {
            "kernelize": lambda: ks.kernelize(model, config, ignore=["forbidden-repository"]),
            "kernelized": lambda: use(ks.kernelized(model, config, select=[])),
            "use": lambda: use(ks.use_kernel_config(config)),
            "lower": lambda: ks.lower(config, model),
            "fetch": lambda: ks.fetch(config),
        }
        assert refused(calls[function]) == ["forbidden-repository"]
        assert forwards(model) == before
        assert hub.requests == []

    def test_dependencies_are_named_as_such(self, config: ks.KernelConfig, model: HubModel) -> None:
        with pytest.raises(ks.PolicyError, match=f"`{DEP}@v1`, on which `{USES}@v1` depends"):
            ks.kernelize(model, config)

    @pytest.mark.slow
    def test_as_transformers(self, config: ks.KernelConfig) -> None:
        transformers = pytest.importorskip("transformers")
        small = transformers.LlamaConfig(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            vocab_size=8,
        )
        llama = transformers.LlamaForCausalLM(small).eval()
        adapter: Any = ks.as_transformers(config.model_copy(), ignore=["unregistered-layer"])
        assert refused(lambda: llama.set_use_kernels(use_kernels=True, kernel_config=adapter)) == [
            "forbidden-repository"
        ]

    def test_by_the_command(
        self,
        config: ks.KernelConfig,
        tmp_path: Path,
        hub: Hub,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        ks.dump(config, tmp_path / "kernels.yaml")
        assert main(["fetch", str(tmp_path / "kernels.yaml")]) == 1
        assert "error[forbidden-repository]" in capsys.readouterr().err
        (tmp_path / "policy.json").write_text('{"repository": []}', encoding="utf-8")
        assert main(["fetch", str(tmp_path / "kernels.yaml")]) == 2
        assert "error[invalid-policy]" in capsys.readouterr().err
        assert hub.requests == []


def test_an_unlocked_config_is_not_even_asked_about(hub: Hub, policy: Any) -> None:
    policy(require_lock=True, inherit_mapping=True)
    assert refused(lambda: ks.fetch(MAPPING)) == ["kernel-not-pinned"] * 2
    assert hub.requests == []


@pytest.mark.parametrize("value", ["", "no/such.yaml"])
def test_without_the_policy_nothing_goes_on(
    value: str, config: ks.KernelConfig, model: HubModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    for call in (lambda: ks.kernelize(model, config), lambda: ks.fetch(config)):
        with pytest.raises(ks.PolicyError, match=VARIABLE):
            call()


def test_a_directory_in_the_place_of_an_unlocked_kernel(
    config: ks.KernelConfig, model: HubModel, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(publishers=("trusted-org",))
    monkeypatch.setenv("LOCAL_KERNELS", f"{NORM}=/nowhere")
    ks.kernelize(model, config)  # the lock goes before
    unlocked = ks.KernelConfig(MAPPING, inherit_mapping=False)
    assert refused(lambda: ks.kernelize(model, unlocked)) == ["forbidden-local-kernel"]


class TestInherited:
    """What is active in kernels under a config is known where it runs, and judged there."""

    @pytest.fixture(autouse=True)
    def _active(self, hub: Hub) -> Iterator[None]:
        repository = kernels.LayerRepository(NORM, layer_name="DemoNorm", version=1)
        mapping = {name: {"cpu": repository} for name in ("DemoNorm", "OtherNorm")}
        with kernels.use_kernel_mapping(mapping, inherit_mapping=False):
            yield

    def test_is_judged(self, model: HubModel, policy: Any) -> None:
        policy(publishers=("our-org",))
        config = ks.KernelConfig({"DemoScale": "original"})
        assert refused(lambda: ks.kernelize(model, config)) == ["forbidden-publisher"]

        def use() -> None:
            with ks.use_kernel_config(config):
                pytest.fail("entered")

        assert refused(use) == ["forbidden-publisher"]

    def test_but_not_what_the_config_replaces(self, model: HubModel, policy: Any) -> None:
        policy(publishers=("our-org",))
        config = ks.KernelConfig(dict.fromkeys(("DemoNorm", "OtherNorm"), "original"))
        assert ks.kernelize(model, config).replaced == 0

    def test_nor_where_nothing_is_inherited(self, model: HubModel, policy: Any) -> None:
        policy(publishers=("our-org",), inherit_mapping=False)
        config = ks.KernelConfig({"DemoNorm": "original"}, inherit_mapping=False)
        ks.kernelize(model, config)
        inheriting = ks.KernelConfig({"DemoNorm": "original"})
        codes = refused(lambda: ks.kernelize(model, inheriting))
        assert codes == ["forbidden-inherited-kernels", "forbidden-publisher"]
