"""What is no message, is malformed or comes at the wrong time gets the answer that it is due."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.client import DIAGNOSTICS, Client, codes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("pygls")

PARSE, REQUEST, METHOD, PARAMS, EARLY = -32700, -32600, -32601, -32602, -32002
WRONG = "kernel_mapping:\n  A: {hip: org/repo@v1:L}\n"
AT = {"textDocument": {"uri": "file:///a.kernels.yaml"}, "position": {"line": 0, "character": 0}}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(tmp_path_factory.mktemp("messages"))
    client.start()
    yield client
    assert client.end() == 0
    assert client.errors == []
    assert not [each for each in client.notes if each["method"] == "window/showMessage"]


def refused(answer: Any) -> int:
    """The number of the error that an answer is."""
    assert "result" not in answer
    assert answer["error"]["message"]
    return answer["error"]["code"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"textDocument": {"uri": 5}, "position": AT["position"]},
        {**AT, "position": {"line": "a", "character": 0}},
        {**AT, "position": {"line": -1, "character": 0}},
        {**AT, "position": None},
        {**AT, "jsonrpc": "2.0", "textDocument": []},
    ],
)
@pytest.mark.parametrize("method", ["hover", "definition", "completion"])
def test_wrong_parameters(editor: Client, method: str, params: dict[str, Any]) -> None:
    assert refused(editor.request(f"textDocument/{method}", **params)) == PARAMS
    assert editor.request("textDocument/hover", **AT) is None


def test_wrong_parameters_of_what_needs_no_answer(editor: Client) -> None:
    editor.notify("textDocument/didOpen", textDocument={"uri": 1})
    assert "`textDocument/didOpen` is left out" in editor.wait("window/logMessage")["message"]
    editor.notify("no/such", a=1)
    editor.notify("$/cancelRequest", id=4711)
    assert editor.request("textDocument/hover", **AT) is None


def test_a_table_inside_is_no_message(editor: Client) -> None:
    inside = {"jsonrpc": "2.0", "method": "a", "id": 1}
    assert editor.request("textDocument/hover", **AT, workDoneToken="a", inside=inside) is None


def test_an_unknown_method(editor: Client) -> None:
    assert refused(editor.request("no/such")) == METHOD


@pytest.mark.parametrize(
    ("raw", "code", "id_"),
    [
        (b"{broken", PARSE, None),
        (b"\xff\xfe", PARSE, None),
        (b"\x22\xc3\x22", PARSE, None),
        (b"[" * 100_000, PARSE, None),
        (b"[]", REQUEST, None),
        (b"1", REQUEST, None),
        (b'{"id": 1, "method": "shutdown"}', REQUEST, 1),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": "a"}', REQUEST, "a"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": 1, "method": []}', REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "shutdown"}', REQUEST, None),
    ],
)
def test_what_is_no_message(editor: Client, raw: bytes, code: int, id_: object) -> None:
    editor.send_bytes(raw)
    answer = editor.next()
    assert (refused(answer), answer["id"]) == (code, id_)
    assert editor.request("textDocument/hover", **AT) is None


def test_answers_that_nobody_asked_for(editor: Client) -> None:
    editor.send(id=4711, result={"jsonrpc": "2.0"})
    editor.send(id=4711, error=5)
    editor.send(id=[], result=None)
    assert editor.request("textDocument/hover", **AT) is None


def test_not_now(tmp_path: Path) -> None:
    client = Client(tmp_path)
    assert refused(client.request("textDocument/hover", **AT)) == EARLY
    client.notify("textDocument/didOpen", textDocument={})
    assert refused(client.request("shutdown")) == EARLY
    assert refused(client.request("initialize", capabilities=1)) == PARAMS
    client.start()
    assert refused(client.request("initialize", capabilities={})) == REQUEST
    assert client.request("shutdown") is None
    assert refused(client.request("textDocument/hover", **AT)) == REQUEST
    assert refused(client.request("shutdown")) == REQUEST
    client.notify("textDocument/didOpen", textDocument={})
    client.send(method="exit")
    assert client.gone() == 0
    assert client.errors == []


def test_going_without_a_word(tmp_path: Path) -> None:
    client = Client(tmp_path)
    client.send(method="exit")
    assert client.gone() == 1
    assert client.errors == []


@pytest.mark.parametrize(
    "options",
    [
        [],
        {"model": ""},
        *(pytest.param(each, marks=pytest.mark.slow) for each in (1, "x", {"model": 1})),
        pytest.param({"model": "\0"}, marks=pytest.mark.slow),
    ],
)
def test_settings_that_are_none(tmp_path: Path, options: object) -> None:
    client = Client(tmp_path, settings={"model": None})
    client.settings = None
    client.start(options)
    uri = (tmp_path / "kernels.yaml").as_uri()
    assert codes(client.open(uri, WRONG)) == ["unknown-device"]
    if isinstance(options, dict) and any(options.values()):
        notes = [each["params"] for each in client.notes if each["method"] == "window/showMessage"]
        (told,) = notes or [client.wait("window/showMessage")]
        assert told["message"].startswith("kernel-schema: ")
    assert client.end() == 0
    assert client.errors == []


@pytest.mark.slow
def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    client = Client(root)
    client.start()
    uri = (root / "kernels.yaml").as_uri()
    client.open(uri, WRONG)
    shutil.rmtree(root)
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": uri, "type": 3}])
    assert codes(client.wait(DIAGNOSTICS, uri=uri)["diagnostics"]) == ["unknown-device"]
    assert codes(client.write(uri, WRONG)) == ["unknown-device"]
    assert client.actions(uri, 1) != []
    assert client.at("definition", uri, 1, 16) is None
    client.notify("textDocument/didSave", textDocument={"uri": uri})
    assert client.end() == 0
    assert client.errors == []
    assert json.dumps(client.notes).count("showMessage") == 0
