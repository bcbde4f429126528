"""Of every file of the corpus an editor is told what `check` prints: codes and places."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel_schema.cli.main import main
from kernel_schema.server.positions import EditedText
from kernel_schema.server.texts import OpenText, path_of
from tests.corpus.cases import FOLDERS, MODEL, ROOT, Case, cases, inside
from tests.server.client import DIAGNOSTICS, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pygls")

Finding = tuple[Any, ...]


def _sampled() -> Iterator[Any]:
    """Every case of the folders that need no model; most of them in the slow half."""
    for folder in FOLDERS[:-1]:
        for count, case in enumerate(cases(folder)):
            yield pytest.param(
                case, marks=[] if count % 10 == 0 else pytest.mark.slow, id=str(case)
            )


@pytest.fixture(scope="module")
def editor() -> Iterator[Client]:
    client = Client(ROOT)
    client.start()
    yield client
    assert client.end() == 0
    assert client.errors == []
    assert not [each for each in client.notes if each["method"] != DIAGNOSTICS]


@pytest.mark.parametrize("case", list(_sampled()))
def test_it_is_told_what_check_finds(editor: Client, case: Case) -> None:
    text = _text(case)
    uri = _uri(case, text)
    told = editor.open(uri, text)
    assert _told(case, text, told) == _checked(case)
    assert (told == []) == (case.folder == "valid")
    editor.notify("textDocument/didClose", textDocument={"uri": uri})


@pytest.mark.slow
def test_it_is_told_what_check_finds_for_a_model() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("kernels")
    client = Client(ROOT / "invalid/model")
    client.start({"model": MODEL})
    while client.wait("$/progress")["value"]["kind"] != "end":
        pass
    for case in cases("invalid/model"):
        text = _text(case)
        told = client.open(_uri(case, text), text)
        assert _told(case, text, told) == _checked(case) != [], case
    assert client.end() == 0


def _text(case: Case) -> str:
    """What an editor shows of a file: one that is no UTF-8 it would not show as it is."""
    try:
        return case.path.read_bytes().decode()
    except UnicodeDecodeError:
        pytest.skip("no editor holds bytes that are no text")


def _uri(case: Case, text: str) -> str:
    """What an editor calls a file: like a config, where nothing else says that it is one."""
    uri = case.path.as_uri()
    if OpenText(uri, 1, EditedText(text)).is_config:
        return uri
    return case.path.with_suffix(f".kernels{case.path.suffix}").as_uri()


def _checked(case: Case) -> list[Finding]:
    out = StringIO()
    model = ["--model", MODEL] if case.needs_model else []
    with inside(case.folder), redirect_stdout(out):
        main(["check", case.name, "--output-format", "json", *model])
    keys = ("line", "column", "end_line", "end_column")
    return [
        (each["file"], *((each[key] or 1) for key in keys), each["severity"], each["code"])
        for each in json.loads(out.getvalue())["diagnostics"]
    ]


def _told(case: Case, text: str, diagnostics: list[dict[str, Any]]) -> list[Finding]:
    """Diagnostics as `check` has them: what is about a base has its place there."""
    return [_finding(case, text, each) for each in diagnostics]


def _finding(case: Case, text: str, told: dict[str, Any]) -> Finding:
    file, where = case.name, told["range"]
    for each in told.get("relatedInformation") or ():
        path = Path(path_of(each["location"]["uri"]) or "")
        file, where = path.relative_to(case.path.parent).as_posix(), each["location"]["range"]
        text = path.read_bytes().decode()
    edited = EditedText(text, "utf-16")
    start, end = (edited.place(tuple(where[each].values())) for each in ("start", "end"))
    severity = "error" if told["severity"] == 1 else "warning"
    return (file, *start, *end, severity, told["code"])
