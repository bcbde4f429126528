"""Random edits, broken text and undoing: the server holds, and tells what `check` does."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from kernel_schema.server.positions import EditedText
from tests.server.client import DIAGNOSTICS, Client, edit
from tests.server.test_server import TEXTS, Checked, as_checked, checked

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pygls")

__all__ = ["checked"]

_PIECES = (
    *("\n", "  ", "- ", ": ", "{", "}", "[", "]", '"', "'", "#", "&a", "*a", "\t", "\r\n", "\r"),
    *(
        "hip: ",
        "cuda: ",
        "org/repo@v1:L",
        "original",
        "./nowhere:L",
        "= ",
        ",",
        "🦙",
        "ü",
        "\u2028",
    ),
    *(
        "extends: b.yaml\n",
        "kernel_mapping:\n",
        "# kernel-schema: ignore[missing-*]",
        "\x85",
        "\x0b",
    ),
)


def _edited(
    editor: Client, uri: str, text: str, count: int, *, draw: random.Random, encoding: str
) -> str:
    """Type at random; gives the text as it is then."""
    before: list[str] = []
    for _ in range(count):
        now = EditedText(text, encoding)
        if before and draw.random() < 0.2:
            text = before.pop(draw.randrange(len(before)))
            editor.type(uri, {"text": text})
            continue
        before = [*before[-5:], text]
        start = draw.randrange(len(text) + 1)
        stop = min(len(text), start + draw.choice((0, 0, 0, 1, 1, 3, 30)))
        new = "".join(draw.choices(_PIECES, k=draw.choice((0, 1, 1, 2, 5))))
        change = edit(now.point(start), now.point(stop), new)
        editor.type(uri, change)
        # Between the halves of a line end no editor can put anything: what is meant is the text.
        text = now.with_change(now.point(start), now.point(stop), new).text
    return text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
@pytest.mark.parametrize("count", [48, pytest.param(1000, marks=pytest.mark.slow)])
def test_what_is_told_in_the_end(
    tmp_path: Path, checked: Checked, count: int, encoding: str
) -> None:
    editor = Client(tmp_path)
    result = editor.start(capabilities={"general": {"positionEncodings": [encoding]}})
    assert result["capabilities"]["positionEncoding"] == encoding
    draw = random.Random(count)  # noqa: S311 (no secret)
    for name, start in TEXTS.items():
        path = tmp_path / name
        editor.open(path.as_uri(), start, path.suffix[1:])
        text = _edited(
            editor, path.as_uri(), start, count // len(TEXTS), draw=draw, encoding=encoding
        )
        version = editor.versions[path.as_uri()]
        told = editor.wait(DIAGNOSTICS, uri=path.as_uri(), version=version)["diagnostics"]
        path.write_bytes(text.encode())
        if name != "pyproject.toml" or told:  # one without our table is none of ours
            assert as_checked(text, told, encoding) == checked(path), text
        path.unlink()
    assert not [each for each in editor.notes if each["method"] == "window/showMessage"]
    assert editor.end() == 0
    assert editor.errors == []
