"""The validators that people run in CI give the verdict of the pydantic models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastjsonschema
import jsonschema
import jsonschema_rs
import pytest

from tests.editors.node import run_node
from tests.json_schema.documents import corpus, refused_by_a_schema
from tests.json_schema.test_export import FILES

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS = {profile: json.loads(file.read_text()) for profile, file in FILES.items()}


def is_json(value: Any) -> bool:
    """Whether a value is one that JSON knows: no date, NaN or infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


# Those of Python's own regular expressions let `$` match before a line break at the end.
DOCUMENTS = [
    document
    for document in corpus()
    if "line-end" not in document.case.name and is_json(document.value)
]
EXPECTED = {str(document.case): not refused_by_a_schema(document.value) for document in DOCUMENTS}
HERE = Path(__file__).parent


def with_jsonschema(schema: Any) -> Callable[[Any], bool]:
    return jsonschema.Draft7Validator(schema).is_valid


def with_jsonschema_rs(schema: Any) -> Callable[[Any], bool]:
    return jsonschema_rs.Draft7Validator(schema).is_valid


def with_fastjsonschema(schema: Any) -> Callable[[Any], bool]:
    validate = fastjsonschema.compile(schema)

    def is_valid(value: Any) -> bool:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return is_valid


@pytest.mark.parametrize("profile", SCHEMAS)
@pytest.mark.parametrize("validator", [with_jsonschema, with_jsonschema_rs, with_fastjsonschema])
def test_of_python(validator: Any, profile: str) -> None:
    is_valid = validator(SCHEMAS[profile])
    verdicts = {str(document.case): is_valid(document.value) for document in DOCUMENTS}
    assert verdicts == EXPECTED


def test_ajv_in_strict_mode() -> None:
    documents = [document.value for document in DOCUMENTS]
    said = run_node(HERE / "validate.cjs", {"schema": SCHEMAS["plain"], "documents": documents})
    assert said["warnings"] == []
    assert dict(zip(EXPECTED, said["valid"], strict=True)) == EXPECTED


# What the readers of check-jsonschema make of them: an integer, and nothing at all.
OTHERWISE_READ = {"version-with-underscore.yaml", "byte-order-mark.toml"}


def check_jsonschema(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_check_jsonschema_takes_the_schemas() -> None:
    done = check_jsonschema("--check-metaschema", *map(str, FILES.values()))
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_jsonschema_on_the_corpus() -> None:
    """Its readers of files are others than ours: it is asked where both read the same."""
    plain = [
        document
        for document in DOCUMENTS
        if document.case.folder in {"valid", "invalid/schema"}
        and document.case.name != "pyproject.toml"
        and document.case.name not in OTHERWISE_READ
    ]
    files = [str(document.case.path) for document in plain]
    done = check_jsonschema("--schemafile", str(FILES["plain"]), "--output-format", "JSON", *files)
    report = json.loads(done.stdout)
    assert report["parse_errors"] == []
    refused = {error["filename"] for error in report["errors"]}
    wrong = {
        str(document.case)
        for document in plain
        if (str(document.case.path) not in refused) is not EXPECTED[str(document.case)]
    }
    assert wrong == set()
