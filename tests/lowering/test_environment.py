"""What is installed and set around us: each cause told for what it is, in a process of its own."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from kernels.layer import globals as kernels_globals

import kernel_schema as ks
from kernel_schema.checks import environment
from kernel_schema.lowering import upstream
from tests.lowering.subprocesses import run_code
from tests.lowering.toys import Norm, factor

if TYPE_CHECKING:
    from collections.abc import Callable

# A model of transformers without a registered name, and what check and kernelize say of it.
LLAMA = """
    import json
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    import kernel_schema as ks

    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=1))
    config = ks.KernelConfig({"RMSNorm": {"cpu": "org/repo:L"}, "Typo": "org/repo:L"})
    try:
        ks.kernelize(model, config, device="cpu")
        raised = error = None
    except ks.KernelSchemaError as caught:
        error = caught
        raised = [type(error).__name__, *(one.code for one in error.diagnostics)]
    found = ks.check(config, model)
    print(json.dumps({
        "registered": list(ks.inspect_model(model)),
        "codes": [one.code for one in found],
        "routes": [str(one.route) for one in found],
        "messages": [one.message for one in found],
        "helps": [one.help for one in found],
        "empty": [one.code for one in ks.check(ks.KernelConfig(), model)],
        "no model": [one.code for one in ks.check(config)],
        "ignored": [one.code for one in ks.check(config, model, ignore=[found[0].code])],
        "raised": raised,
        "error": str(error),
    }))
"""
# The same of a model in plain torch with a registered name; `kernelize` is not told of the typo.
PLAIN = """
    import json
    from torch import nn
    import kernel_schema as ks

    class Norm(nn.Linear):
        kernel_layer_name = "Norm"

    model = Norm(2, 2)
    config = ks.KernelConfig({"Norm": "org/repo:L", "Typo": "org/repo:L"})
    found = ks.check(config, model)
    try:
        ks.kernelize(model, config, ignore=["unregistered-layer"])
        raised = error = None
    except ks.KernelSchemaError as caught:
        error = caught
        raised = [type(error).__name__, *(one.code for one in error.diagnostics)]
    print(json.dumps({
        "codes": [one.code for one in found],
        "messages": [one.message for one in found],
        "helps": [one.help for one in found],
        "empty": [one.code for one in ks.check(ks.KernelConfig(), model)],
        "no model": [one.code for one in ks.check(config)],
        "raised": raised,
        "error": str(error),
        "forward": "forward" in vars(model),
    }))
"""


def told(code: str, **options: Any) -> Any:
    return json.loads(run_code(code, **options).stdout.splitlines()[-1])


def another_version(directory: Path, version: str) -> Path:
    """A folder that, put before all others, makes the installed kernels claim another version."""
    found = metadata.distribution("kernels").metadata
    place = directory / f"kernels-{version}.dist-info"
    place.mkdir(parents=True)
    place.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {found['Name']}\nVersion: {version}\n", encoding="utf-8"
    )
    return directory


@pytest.mark.slow
def test_use_hub_kernels_off() -> None:
    said = told(LLAMA, USE_HUB_KERNELS="0")
    assert said["registered"] == []
    assert said["codes"] == ["hub-kernels-disabled"]
    assert said["routes"] == ["(top level)"]
    assert "USE_HUB_KERNELS" in said["messages"][0]
    assert "unset USE_HUB_KERNELS" in said["helps"][0]
    assert said["raised"] == ["ModelCheckError", "hub-kernels-disabled"]
    assert said["empty"] == said["no model"] == said["ignored"] == []


@pytest.mark.slow
def test_kernels_that_transformers_refuses(tmp_path: Path) -> None:
    said = told(LLAMA, first_on_path=another_version(tmp_path, "99.0.1"))
    assert said["registered"] == []
    assert said["codes"] == ["incompatible-kernels-version"]
    [message], [help_text] = said["messages"], said["helps"]
    transformers = metadata.version("transformers")
    assert f"transformers {transformers} switched kernels off" in message
    assert "it wants kernels >=" in message
    assert "kernels 99.0.1 is installed" in message
    assert help_text.startswith("pip install 'kernels>=")
    assert said["raised"] == ["ModelCheckError", "incompatible-kernels-version"]
    assert said["empty"] == said["no model"] == said["ignored"] == []


@pytest.mark.slow
def test_disable_kernel_mapping() -> None:
    """Names are registered as ever: a typo is still a typo."""
    said = told(PLAIN, DISABLE_KERNEL_MAPPING="1")
    assert said["codes"] == ["kernel-mapping-disabled", "unregistered-layer"]
    assert "keeps every original forward" in said["messages"][0]
    assert "unset DISABLE_KERNEL_MAPPING" in said["helps"][0]
    assert said["raised"] == ["ModelCheckError", "kernel-mapping-disabled"]
    assert said["empty"] == said["no model"] == []
    assert said["forward"] is False


@pytest.mark.slow
def test_disable_kernel_mapping_that_kernels_cannot_read() -> None:
    """kernels cannot be imported at all then."""
    said = told(PLAIN, DISABLE_KERNEL_MAPPING="abc")
    assert said["raised"] == ["LoweringError", "broken-dependency"]
    assert "the kernels library cannot be imported: invalid literal" in said["error"]
    assert "unset DISABLE_KERNEL_MAPPING" in said["error"]
    assert said["forward"] is False


@pytest.mark.slow
def test_kernels_not_installed(tmp_path: Path) -> None:
    """A folder with all that is installed here, but for kernels."""
    folders = dict.fromkeys(Path(str(one.locate_file(""))) for one in metadata.distributions())
    forget = dedent(f"""
        import sys
        installed = ("site-packages", "dist-packages", *{tuple(map(str, folders))})
        sys.path[:] = [one for one in sys.path if not one.endswith(installed)]
        sys.path.append({str(tmp_path)!r})
    """)
    for folder in folders:
        for entry in folder.iterdir():
            link = tmp_path / entry.name
            if not entry.name.startswith(("kernels", "__")) and not link.exists():
                link.symlink_to(entry)
    said = told(forget + dedent(LLAMA))
    assert said["codes"] == ["incompatible-kernels-version"]
    assert "kernels is not installed" in said["messages"][0]
    assert said["helps"] == ["pip install 'kernel-schema[transformers]'"]
    assert said["raised"] == ["LoweringError", "missing-dependency"]
    assert "this needs the package kernels, which is not installed" in said["error"]
    assert "pip install 'kernel-schema[torch]'" in said["error"]


def test_nothing_in_the_way_here(kernel: Callable[[str], ks.LocalRef]) -> None:
    assert not upstream.is_mapping_disabled()
    assert environment.registration_disabled() is None
    assert upstream.import_kernels().__name__ == "kernels"
    model = Norm()
    assert ks.kernelize(model, ks.KernelConfig({"Norm": kernel("Norm")})).replaced == 1
    assert factor(model) == 3
    assert kernels_globals._DISABLE_KERNEL_MAPPING is False


def test_check_without_a_model_needs_neither_torch_nor_kernels(tmp_path: Path) -> None:
    code = f"""
        import sys
        import kernel_schema as ks

        mapping = {{
            "A": "org/repo:L",
            "B": {{"cuda": [{{"kernel": "org/repo:L", "min_capability": 80}}]}},
            "C": {str(tmp_path / "missing")!r} + ":L",
            "D": {{"kernel": "org/repo:L", "lockfile": "missing.lock"}},
            "E": "original",
        }}
        found = ks.check(ks.KernelConfig(mapping), device="cuda", mode="training")
        assert [one.code for one in found] == ["missing-local-kernel", "missing-lockfile"], found
        assert len(ks.expand(ks.KernelConfig(mapping))) == 5
        assert ks.check(ks.KernelConfig({{}})) == ()
        for name in ks.__all__:
            getattr(ks, name)
        heavy = {{"torch", "kernels", "transformers", "numpy"}} & set(sys.modules)
        assert not heavy, heavy
    """
    run_code(code)


def test_a_repository_that_local_kernels_replaces_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KERNELS", "org/repo=./norm:org/other=./other")
    config = ks.KernelConfig({"Norm": "org/repo:Norm"})
    assert ks.check(config) == ()
    (found,) = ks.check(config, Norm(), select=["local-kernels-override"])
    assert found.severity is ks.Severity.WARNING
    assert found.message == "LOCAL_KERNELS puts `./norm` in the place of `org/repo@v1:Norm`"
    assert str(found.route) == "kernel_mapping.Norm"
