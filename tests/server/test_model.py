"""The model of an editor: built beside the server, which waits for nothing and survives its end."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server.client import DIAGNOSTICS, Client, codes, edit

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pygls")
pytest.importorskip("torch")
pytestmark = pytest.mark.slow

MODEL = """\
import os, sys, time
from pathlib import Path
import torch
from torch import nn

print("what a model prints is no message")
sys.stdin.read()
Path("model.pid").write_text(str(os.getpid()))

class Norm(nn.Module):
    kernel_layer_name = "RMSNorm"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x

def build():
    while Path("wait").exists():
        time.sleep(0.01)
    if Path("wrong").exists():
        raise ValueError("no such weights")
    return nn.Sequential(Norm(), Norm()).eval()
"""
TEXT = "kernel_mapping:\n  RMSNrom: org/repo@v1:L\n  RMSNorm: org/repo@v1:L\n"
SPEC = "my_model:build"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "my_model.py").write_text(MODEL)
    # What lies in the folder comes before nothing that is installed.
    (tmp_path / "kernel_schema.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong one')")
    return tmp_path


@pytest.fixture
def editor(root: Path) -> Iterator[Client]:
    client = Client(root)
    yield client
    assert client.end() == 0


def uri_in(root: Path) -> str:
    return (root / "kernels.yaml").as_uri()


def progress(editor: Client) -> list[str]:
    values = [each["params"]["value"] for each in editor.notes if each["method"] == "$/progress"]
    return [value.get("message") or value["title"] for value in values]


def test_what_is_found_for_the_model(editor: Client, root: Path) -> None:
    (root / "wait").touch()
    editor.start({"model": SPEC})
    uri = uri_in(root)
    # It is being built: all that needs no model is answered.
    assert editor.open(uri, TEXT) == []
    assert codes(editor.change(uri, edit((1, 11), (1, 14), "org:"))) != []
    assert "wherever it runs" in editor.at("hover", uri, 2, 4)["contents"]["value"]
    editor.write(uri, TEXT)
    (root / "wait").unlink()
    (found,) = editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]
    assert (found["code"], found["range"]["start"]) == (
        "unregistered-layer",
        {"line": 1, "character": 2},
    )
    assert progress(editor) == [f"Building {SPEC}", "the model is there"]
    told = editor.at("hover", uri, 2, 4)["contents"]["value"]
    assert "`RMSNorm` on cpu, in inference: 2 of 2 run a kernel" in told
    editor.write(uri, "kernel_mapping:\n  R\n")
    assert [each["label"] for each in editor.at("completion", uri, 1, 3)] == ["RMSNorm"]


def test_a_model_that_is_killed_is_built_again_when_something_is_saved(
    editor: Client, root: Path
) -> None:
    editor.start({"model": SPEC})
    uri = uri_in(root)
    editor.open(uri, TEXT)
    while not any(each["code"] for each in editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]):
        pass
    os.kill(int((root / "model.pid").read_text()), signal.SIGKILL)
    # The same text, without the model.
    assert editor.write(uri, TEXT) == []
    editor.notify("textDocument/didSave", textDocument={"uri": uri})
    while not editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]:
        pass
    (message,) = [each for each in editor.notes if each["method"] == "window/showMessage"]
    assert (
        "no model `my_model:build`: its process ended by signal 9" in message["params"]["message"]
    )


def test_a_build_that_is_killed_or_fails(editor: Client, root: Path) -> None:
    (root / "wait").touch()
    editor.start({"model": SPEC})
    uri = uri_in(root)
    editor.open(uri, TEXT)
    while not (root / "model.pid").exists() or not (root / "model.pid").read_text():
        editor.write(uri, TEXT)
    os.kill(int((root / "model.pid").read_text()), signal.SIGKILL)
    assert "by signal 9" in editor.wait("window/showMessage")["message"]
    (root / "wait").unlink()
    (root / "wrong").touch()
    editor.notify("textDocument/didSave", textDocument={"uri": uri})
    assert "no such weights" in editor.wait("window/showMessage")["message"]
    assert codes(editor.write(uri, TEXT.replace("/repo", ""))) != []


@pytest.mark.parametrize("method", ["textDocument/didSave", "workspace/didChangeWatchedFiles"])
def test_a_model_is_built_again_when_its_code_changes(
    editor: Client, root: Path, method: str
) -> None:
    def changed(path: Path) -> None:
        uri = path.as_uri()
        editor.notify(method, textDocument={"uri": uri}, changes=[{"uri": uri, "type": 2}])

    other = root / "other.py"
    other.touch()
    editor.start({"model": SPEC})
    uri = uri_in(root)
    editor.open(uri, TEXT)
    while codes(editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]) != ["unregistered-layer"]:
        pass
    built = (root / "model.pid").read_text()
    changed(other)
    changed(root / "kernels.yaml")
    assert codes(editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]) == ["unregistered-layer"]
    (root / "my_model.py").write_text(MODEL.replace('"RMSNorm"', '"RMSNrom"'))
    assert (root / "model.pid").read_text() == built
    changed(root / "my_model.py")
    while True:
        told = editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]
        if told and told[0]["range"]["start"]["line"] == 2:
            break
    assert (root / "model.pid").read_text() != built
    assert progress(editor) == [f"Building {SPEC}", "the model is there"] * 2


def test_the_setting_of_the_editor_goes_before(root: Path) -> None:
    editor = Client(root, settings={"model": SPEC})
    editor.start({"model": "nowhere:build"})
    uri = uri_in(root)
    editor.open(uri, TEXT)
    while not editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"]:
        pass
    editor.settings = {"model": ""}
    editor.notify("workspace/didChangeConfiguration", settings=None)
    assert editor.wait(DIAGNOSTICS, uri=uri)["diagnostics"] == []
    editor.notify("workspace/didChangeConfiguration", settings={"kernelSchema": {"model": 1}})
    assert "is not text" in editor.wait("window/showMessage")["message"]
    assert editor.end() == 0
    state = Path("/proc", (root / "model.pid").read_text(), "stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_without_a_setting_nothing_is_run(editor: Client, root: Path) -> None:
    editor.start()
    assert editor.open(uri_in(root), TEXT) == []
    assert editor.at("hover", uri_in(root), 2, 4)
    assert not (root / "model.pid").exists()
