"""The files for SchemaStore: a catalogue entry, and test files that mean what their folder says."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

import kernel_schema as ks
from kernel_schema.json_schemas.shipped import PROFILES
from tests.json_schema.documents import problems, readers
from tests.json_schema.test_export import FILES, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORE = SCHEMAS / "schemastore"
TESTS = sorted(path for path in (STORE / "src").rglob("*.*") if path.is_file())
EXAMPLES = sorted((SCHEMAS / "examples").glob("*.*"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("path", [*TESTS, *EXAMPLES], ids=lambda path: path.name)
def test_verdicts(path: Path, profile: str) -> None:
    schema = json.loads(FILES[profile].read_text(encoding="utf-8"))
    value = readers()[path.suffix[1:]](path.read_text(encoding="utf-8")).value
    good = "negative_test" not in path.parts
    assert jsonschema_rs.Draft7Validator(schema).is_valid(value) is good
    assert len(problems(value)) == (0 if good else 1)


def test_there_are_files_of_both_kinds_in_every_format() -> None:
    kinds = {(path.parts[-3], path.suffix) for path in TESTS}
    formats = (".yaml", ".json", ".toml")
    assert kinds == {(kind, ending) for kind in ("test", "negative_test") for ending in formats}


def test_the_catalogue_matches_what_check_finds() -> None:
    entry = json.loads((STORE / "catalog-entry.json").read_text())
    assert set(entry) == {"name", "description", "fileMatch", "url"}
    for ending in ("yaml", "yml", "json", "toml"):
        for name in (f"kernels.{ending}", f"llama.kernels.{ending}"):
            assert any(fnmatch.fnmatch(name, pattern) for pattern in entry["fileMatch"])
    assert not any(fnmatch.fnmatch("kernel.json", pattern) for pattern in entry["fileMatch"])
    assert entry["url"] == ks.json_schema()["$id"]
    assert entry == blocks("catalog-entry.json", json.loads)


def test_the_settings_of_the_page_name_the_same_files() -> None:
    entry = json.loads((STORE / "catalog-entry.json").read_text())
    settings = blocks(".vscode/settings.json", json.loads)
    tombi = blocks("tombi.toml", lambda text: readers()["toml"](text).value)
    ((yaml_url, yaml),) = settings["yaml.schemas"].items()
    (in_json,) = settings["json.schemas"]
    ((pattern, toml_url),) = settings["evenBetterToml.schema.associations"].items()
    (in_tombi,) = tombi["schemas"]
    named = [*yaml, *in_json["fileMatch"], *in_tombi["include"]]
    assert sorted(named) == sorted(entry["fileMatch"])
    assert {yaml_url, in_json["url"], toml_url, in_tombi["path"]} == {entry["url"]}
    for name in ("kernels.toml", "a.kernels.toml", "file:///a/kernels.toml"):
        assert re.search(pattern, name)
    for name in ("mykernels.toml", "kernels.toml.bak", "kernelsxtoml"):
        assert not re.search(pattern, name)


def blocks(file: str, read: Callable[[str], Any]) -> Any:
    """What the page shows as a file, read."""
    page = (SCHEMAS / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(
        rf"^<!-- file: {re.escape(file)} -->\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    return read(text)
