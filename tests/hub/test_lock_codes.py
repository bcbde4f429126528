"""The examples of the catalogue for codes of locks: each gives its code, and none put right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.codes import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .server import Hub

pytestmark = pytest.mark.usefixtures("fresh")

CODES = {name: code for name, code in catalogue().items() if code.stage == "lock"}
FILE = "lockfile: kernels.yaml.lock\nkernel_mapping:\n  Norm: org/norm:Norm\n"


def codes(problems: Any) -> list[str]:
    for problem in problems:
        assert problem.severity == CODES[problem.code].severity
    return [problem.code for problem in problems]


@pytest.fixture(autouse=True)
def workplace(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config and its lock."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "gated.yaml").write_text(FILE.replace("norm", "gated")[28:], encoding="utf-8")
    lock = ks.lock({"Norm": "org/norm:Norm"})
    (tmp_path / "kernels.yaml.lock").write_text(lock.dumps(), encoding="utf-8")
    return tmp_path


@pytest.fixture
def model() -> Iterator[Any]:
    nn = pytest.importorskip("torch").nn
    pytest.importorskip("kernels")

    class Norm(nn.Module):
        kernel_layer_name = "Norm"

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(pytest.importorskip("torch").ones(2))

        def forward(self, x: Any) -> Any:
            return x * self.weight

    model = Norm().eval()
    yield model
    ks.restore(model)


def test_each_is_tried() -> None:
    by_ranks = {"rank-missing", "ranks-differ"}  # in test_ranks.py
    tried = {*RESOLVED, *CHECKED, *COMMANDS, *LOADED, *by_ranks, "untrusted-publisher"}
    assert tried == set(CODES)


RESOLVED = ("unknown-kernel-repository", "unknown-kernel-revision", "unknown-kernel-version")


@pytest.mark.parametrize("name", RESOLVED)
def test_what_cannot_be_resolved(name: str) -> None:
    with pytest.raises(ks.HubError) as caught:
        ks.lock(ks.loads(CODES[name].wrong, format="yaml"))
    assert codes(caught.value.diagnostics) == [name]
    ks.lock(ks.loads(CODES[name].right, format="yaml"))


CHECKED = ("lock-not-used", "lock-out-of-step")


@pytest.mark.parametrize("name", CHECKED)
def test_what_a_check_finds(name: str, workplace: Path) -> None:
    for text, found in ((CODES[name].wrong, [name]), (CODES[name].right, [])):
        (workplace / "kernels.yaml").write_text(f"{text}\n", encoding="utf-8")
        assert codes(ks.check("kernels.yaml")) == found


COMMANDS = ("hub-access", "hub-unreachable")


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_command_says(
    name: str,
    workplace: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub.constants

    text = FILE.replace("org/norm", "org/norm@v2")
    (workplace / "kernels.yaml").write_text(text, encoding="utf-8")
    for example, code in (
        (CODES[name].wrong, 1 if name == "hub-access" else 2),
        (CODES[name].right, 0),
    ):
        setting, _, command = example.rpartition("kernel-schema ")
        variable, _, value = setting.strip().partition("=")
        with monkeypatch.context() as patch:
            if variable:
                patch.setenv(variable, value)
            if variable == "HF_HUB_OFFLINE":  # which is read when the library is imported
                patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
            assert main(command.split()) == code
        assert (f"error[{name}]" in capsys.readouterr().err) == (code != 0)


LOADED = ("kernel-changed", "kernel-loaded-before", "kernel-not-fetched")


@pytest.mark.parametrize("name", LOADED)
def test_what_is_not_loaded(name: str, model: Any, cache: Path) -> None:
    kernels = pytest.importorskip("kernels")
    if name != "kernel-not-fetched":
        ks.fetch("kernels.yaml")
    (layers,) = cache.rglob("layers.py") if name != "kernel-not-fetched" else (cache,)
    if name == "kernel-changed":
        layers.write_text(f"{layers.read_text()}tampered = True\n", encoding="utf-8")
    elif name == "kernel-loaded-before":
        kernels.get_local_kernel(layers.parent)
    with pytest.raises(ks.LockError) as caught:
        ks.kernelize(model, "kernels.yaml")
    assert codes(caught.value.diagnostics) == [name]
    if name != "kernel-loaded-before":  # that takes a new process
        ks.fetch("kernels.yaml")
        assert ks.kernelize(model, "kernels.yaml").replaced == 1


def test_untrusted_publisher(model: Any) -> None:
    code = CODES["untrusted-publisher"]
    for text, refused in ((code.wrong, True), (code.right, False)):
        config = ks.loads(text, format="yaml")
        lock = ks.fetch(config)
        with pytest.raises(ks.KernelSchemaError) as caught:
            # What is there has no layer of that name: it goes no further.
            ks.kernelize(model, config, lock=lock)
        found = [problem.code for problem in caught.value.diagnostics]
        assert (code.name in found) == refused, found
