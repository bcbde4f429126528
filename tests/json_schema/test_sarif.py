"""SARIF logs against the schema of the standard, as Microsoft's package for testing logs has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft4Validator

from kernel_schema.cli.main import main
from tests.corpus.cases import ROOT
from tests.editors.node import packages

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def validator() -> Draft4Validator:
    schema = json.loads((packages() / SCHEMA).read_text(encoding="utf-8"))
    Draft4Validator.check_schema(schema)
    return Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)


def log_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main(["check", *arguments, "--output-format", "sarif"])
    return json.loads(capsys.readouterr().out)


def test_every_invalid_file_of_the_corpus(
    validator: Draft4Validator, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        str(path)
        for path in sorted((ROOT / "invalid").rglob("*.*"))
        if path.suffix in {".yaml", ".yml", ".json", ".toml"}
    ]
    log = log_of(capsys, *files)
    assert len(log["runs"][0]["results"]) > len(files) / 2 > 200
    assert list(validator.iter_errors(log)) == []


@pytest.mark.parametrize("text", ["kernel_mapping: {}", "a: [", "kernel_mapping: {A: 1}", "\xff"])
def test_single_files(
    validator: Draft4Validator,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "größe 1.yaml").write_text(text, encoding="latin-1")
    log = log_of(capsys, "größe 1.yaml")
    assert list(validator.iter_errors(log)) == []


def test_the_schema_refuses_what_is_wrong(
    validator: Draft4Validator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text("kernel_mapping: {A: 1}", encoding="utf-8")
    log = log_of(capsys, str(tmp_path / "k.yaml"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["tool"]["driver"]["name"]
    assert len(list(validator.iter_errors(log))) == 2
