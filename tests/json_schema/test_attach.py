"""`kernel-schema attach`: one line more, and every other byte as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.cli.headers import with_header
from kernel_schema.cli.main import main
from kernel_schema.files.read import read_text
from tests.corpus.cases import cases
from tests.json_schema.test_export import FILES

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "./kernel-config.schema.json"
URL = "https://example.org/k.json"
HEADERS = {
    "<YAML>": f"# yaml-language-server: $schema={URL}",
    "<TOML>": f"#:schema {URL}",
    "<JSON>": f'"$schema": "{URL}"',
    "<URL>": URL,
}
OLD_YAML = "# yaml-language-server: $schema=./x"
CASES = {
    "new in YAML": ("k.yaml", "a: 1\n", "<YAML>\na: 1\n"),
    "new in YAML with comments": ("k.yml", "# a\n---\na: 1\n", "<YAML>\n# a\n---\na: 1\n"),
    "new in YAML with a directive": ("k.yaml", "%YAML 1.2\n---\n", "<YAML>\n%YAML 1.2\n---\n"),
    "old in YAML": (
        "k.yaml",
        "# a\n#  yaml-language-server:  $schema=./x.json  \nb: 1",
        "# a\n#  yaml-language-server:  $schema=<URL>  \nb: 1",
    ),
    "too late in YAML": ("k.yaml", f"a: 1\n{OLD_YAML}\n", f"<YAML>\na: 1\n{OLD_YAML}\n"),
    "CRLF": ("k.yaml", "a: 1\r\nb: 2\r\n", "<YAML>\r\na: 1\r\nb: 2\r\n"),
    "byte order mark": ("k.yaml", "\ufeffa: 1\n", "\ufeff<YAML>\na: 1\n"),
    "empty YAML": ("k.yaml", "", "<YAML>\n"),
    "new in TOML": ("k.toml", "# a\n[b]\n", "<TOML>\n# a\n[b]\n"),
    "old in TOML": ("k.toml", "# a\n#:schema ./x.json\n[b]\n", "# a\n#:schema <URL>\n[b]\n"),
    "too late in TOML": ("k.toml", "a = 1\n#:schema ./x\n", "<TOML>\na = 1\n#:schema ./x\n"),
    "new in JSON": ("k.json", '{"a": 1}', '{<JSON>, "a": 1}'),
    "new in JSON with lines": ("k.json", '{\n  "a": 1\n}\n', '{\n  <JSON>,\n  "a": 1\n}\n'),
    "new in JSON with CRLF and tabs": ("k.json", '{\r\n\t"a": 1}', '{\r\n\t<JSON>,\r\n\t"a": 1}'),
    "new in empty JSON": ("k.json", "{ }\n", "{<JSON> }\n"),
    "old in JSON": (
        "k.json",
        '\ufeff{"a": {"$schema": 1}, "$schema" : "x" }',
        '\ufeff{"a": {"$schema": 1}, "$schema" : "<URL>" }',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_header(name: str, tmp_path: Path) -> None:
    file, before, after = CASES[name]
    for short, header in HEADERS.items():
        after = after.replace(short, header)
    path = tmp_path / file
    path.write_bytes(before.encode())
    assert main(["attach", str(path), "--schema", URL]) == 0
    assert path.read_bytes() == after.encode()
    assert main(["attach", str(path), "--schema", URL]) == 0
    assert path.read_bytes() == after.encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("file", ["k.yaml", "k.json", "k.toml"])
def test_the_schema_is_written_beside(file: str, tmp_path: Path) -> None:
    config = ks.KernelConfig({"RMSNorm": "org/repo:L"})
    path = tmp_path / "deep folder" / file
    path.parent.mkdir()
    ks.dump(config, path)
    assert main(["attach", str(path)]) == 0
    assert SCHEMA in path.read_text()
    schema = path.with_name("kernel-config.schema.json")
    assert schema.read_bytes() == FILES["editor"].read_bytes()
    assert ks.load(path).kernel_mapping == config.kernel_mapping
    # A schema of an older version is replaced, another file of that name is not.
    schema.write_text(json.dumps(ks.json_schema(profile="plain")))
    assert main(["attach", str(path)]) == 0
    assert schema.read_bytes() == FILES["editor"].read_bytes()
    schema.write_text('{"title": "other"}')
    assert main(["attach", str(path)]) == 2
    assert schema.read_text() == '{"title": "other"}'


def test_a_schema_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "configs" / "k.toml"
    path.write_text("[kernel_mapping]\n")
    assert main(["attach", "configs/k.toml", "--schema", "our schemas/k.json"]) == 2
    assert "there is no schema `our schemas/k.json`" in capsys.readouterr().err
    assert path.read_text() == "[kernel_mapping]\n"
    (tmp_path / "our schemas").mkdir()
    (tmp_path / "our schemas" / "k.json").write_text("{}")
    assert main(["attach", "configs/k.toml", "--schema", "our schemas/k.json"]) == 0
    assert path.read_text() == "#:schema ../our%20schemas/k.json\n[kernel_mapping]\n"


def test_many_files_and_the_installed_schema(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.json", tmp_path / "c.toml"]
    for file, text in zip(files, ("a: 1\n", "{}", "[kernel_mapping]\n"), strict=True):
        file.write_text(text)
    names = [str(file) for file in files]
    assert main(["attach", *names, str(tmp_path / "none.yaml"), "--schema", "installed"]) == 2
    assert "none.yaml: error[file-not-found]" in capsys.readouterr().err
    uri = FILES["editor"].absolute().as_uri()
    assert all(uri in file.read_text() for file in files)
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("name", ["a.yaml", "b.json", "c.toml"])
def test_the_published_schema(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text({"a.yaml": "a: 1\n", "b.json": "{}", "c.toml": "[kernel_mapping]\n"}[name])
    assert main(["attach", str(file), "--schema", "published"]) == 0
    assert ks.json_schema()["$id"] in file.read_text().splitlines()[0]
    assert list(tmp_path.iterdir()) == [file]


def test_a_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "my.kernels.yaml"
    path.write_text("kernel_mapping: {}\n")
    assert main(["attach", str(path), "--model", "tests.corpus.invalid.model.model:build"]) == 0
    assert path.read_text().startswith("# yaml-language-server: $schema=./my.kernels.schema.json\n")
    schema = json.loads((tmp_path / "my.kernels.schema.json").read_text())
    assert schema["properties"]["kernel_mapping"]["additionalProperties"] is False


def test_what_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text("[tool.kernel-schema.kernel_mapping]\n")
    for file, code, words in (
        (str(project), 2, "move the config to a file of its own"),
        ("-", 2, "name a file"),
        (str(tmp_path / "none.yaml"), 2, "there is no such file"),
    ):
        assert main(["attach", file]) == code
        assert words in capsys.readouterr().err
    for text, words in (("{", "never closed"), ("[]", "a table with the key `kernel_mapping`")):
        broken = tmp_path / "broken.json"
        broken.write_text(text)
        assert main(["attach", str(broken)]) == 1
        assert words in capsys.readouterr().err
        assert broken.read_text() == text
    assert not list(tmp_path.glob("*.schema.json"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([case for case in cases("valid") if case.name != "pyproject.toml"]))
def test_files_stay_valid_and_whole(case: object) -> None:
    text, written = read_text(case.path)  # type: ignore[attr-defined]
    changed = with_header(text, written, SCHEMA)
    assert with_header(changed, written, SCHEMA) == changed
    body = changed.removeprefix("\ufeff")
    folder = case.path.parent  # type: ignore[attr-defined]
    before = ks.loads(text.removeprefix("\ufeff"), format=written, directory=folder)
    after = ks.loads(body, format=written, directory=folder)
    assert after.kernel_mapping == before.kernel_mapping
