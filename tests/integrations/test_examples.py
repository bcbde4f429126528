"""The examples, against the models that they are for and the kernels that transformers knows of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks

torch = pytest.importorskip("torch")
kernels = pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")
hub_kernels = pytest.importorskip("transformers.integrations.hub_kernels")

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
FORMATS = ("yaml", "json", "toml")
HEADERS = {
    "yaml": "# yaml-language-server: $schema=../kernel-config.schema.json\n",
    "json": '{\n  "$schema": "../kernel-config.schema.json",\n',
    "toml": "#:schema ../kernel-config.schema.json\n",
}
# For each example: the class of its config and the class of the model.
MODELS = {
    "llama": ("LlamaConfig", "LlamaForCausalLM"),
    "qwen3-moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM"),
    "deepseek-v3": ("DeepseekV3Config", "DeepseekV3ForCausalLM"),
    "mamba": ("MambaConfig", "MambaForCausalLM"),
}


def _file(name: str, known: str) -> Path:
    return EXAMPLES / f"{name}.kernels.{known}"


def test_the_examples_are_those() -> None:
    assert sorted(EXAMPLES.iterdir()) == sorted(_file(m, f) for m in MODELS for f in FORMATS)


@pytest.mark.parametrize("name", MODELS)
def test_all_formats_say_the_same(name: str) -> None:
    configs = [ks.load(_file(name, known)) for known in FORMATS]
    assert configs[1].schema_uri == "../kernel-config.schema.json"
    assert len({config.model_copy(update={"schema_uri": None}) for config in configs}) == 1


@pytest.mark.parametrize("known", FORMATS)
@pytest.mark.parametrize("name", MODELS)
def test_an_editor_finds_the_schema(name: str, known: str) -> None:
    assert _file(name, known).read_text(encoding="utf-8").startswith(HEADERS[known])


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(name: str) -> Iterator[Any]:
    config, architecture = (getattr(transformers, cls) for cls in MODELS[name])
    with torch.device("meta"):
        yield architecture(config())


def test_real_models_take_them(name: str, model: Any) -> None:
    registered = set(ks.inspect_model(model))
    for known in FORMATS:
        document = ks.read(_file(name, known))
        with kernels.use_kernel_mapping({}, inherit_mapping=False):
            assert ks.check(document, model) == ()
        # What transformers registers for `use_kernels` is hidden on purpose: a warning at most.
        with kernels.use_kernel_mapping(hub_kernels.get_kernel_mapping_transformers()):
            found = ks.check(document, model)
            assert {(one.code, one.severity) for one in found} <= {
                ("hides-inherited", ks.Severity.WARNING)
            }
        # Every name that the model registers is shown in use.
        assert set(document.config.kernel_mapping) == registered


def test_every_kernel_is_one_that_transformers_uses() -> None:
    known = set(_default_kernels())
    for name in MODELS:
        kernels = [rule.kernel for rule in ks.expand(ks.load(_file(name, "yaml")))]
        used = {
            (kernel.repo_id, kernel.layer_name, kernel.version)
            for kernel in kernels
            if isinstance(kernel, ks.HubKernel)
        }
        assert used
        assert used <= known
        assert {repo_id.partition("/")[0] for repo_id, _, _ in used} == {"kernels-community"}


def _default_kernels() -> Iterator[tuple[str, str, int | None]]:
    """What the default table of transformers holds; asking it for more would use the network."""
    for devices in hub_kernels.get_kernel_mapping_transformers().values():
        for entry in devices.values():
            for repository in entry.values() if isinstance(entry, dict) else [entry]:
                yield repository._repo_id, repository.layer_name, repository._version
