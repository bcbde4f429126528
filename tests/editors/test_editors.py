"""Real language services, headless: one precise message for each mistake, completion, hover."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.editors.cursors import CURSORS, IN_ONE_MODEL, Cursor
from tests.editors.harness import (
    BIGGER,
    GOLDEN,
    IN_A_BIGGER_FILE,
    SERVICES,
    entry_of,
    golden,
    place_of,
    said,
    said_where_registered,
    text_of,
)
from tests.editors.mistakes import MISTAKES, Mistake
from tests.json_schema.test_schemastore import blocks

pytestmark = pytest.mark.slow

EXACT = ("json", "yaml")
# Keywords for which these services have words of their own and take none of ours.
NO_WORDS_OF_OURS = {
    "json": {
        "Missing property": "required",
        "Object has fewer properties": "minProperties",
        "Array has too few items": "minItems",
        "Value is below the minimum": "minimum",
    },
    "yaml": {
        "Object has fewer properties": "minProperties",
        "Array has too few items": "minItems",
        "Value is below the minimum": "minimum",
    },
}
# One that is wrong as a config alone.
WRONG = {
    "json": '{"kernel_mapping": {"SiLU": {"hip": "org/repo:SiLU"}}}\n',
    "yaml": 'kernel_mapping: {SiLU: {hip: "org/repo:SiLU"}}\n',
    "toml": 'kernel_mapping.SiLU.hip = "org/repo:SiLU"\n',
}
DUMPS = re.compile(r"anyOf|oneOf|allOf|matches a schema that is not allowed|undefined")


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_has_changed(service: str) -> None:
    kept = json.loads((GOLDEN / f"{service}.json").read_text(encoding="utf-8"))
    assert golden(service) == kept, "if it is right so: python -m tests.editors.update"


@pytest.mark.parametrize("service", EXACT)
@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_one_message_on_what_is_wrong(mistake: Mistake, service: str) -> None:
    text = text_of(mistake, service)
    assert text is not None
    (found,) = said()[service][f"mistake: {mistake}"]["diagnostics"]
    starts = [(span.line - 1, span.column - 1) for span in place_of(mistake, text, service)]
    assert tuple(found["range"][:2]) in starts
    ours = not any(map(found["message"].startswith, NO_WORDS_OF_OURS[service]))
    assert ours is (found["message"] in words_of_ours())


def words_of_ours() -> set[str]:
    """Every message of the schema."""
    found = set[str]()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            found.update(
                text
                for key, text in node.items()
                if key in {"errorMessage", "patternErrorMessage"} and isinstance(text, str)
            )
        for below in node.values() if isinstance(node, dict) else node:
            if isinstance(below, (dict, list)):
                collect(below)

    import kernel_schema as ks

    collect(ks.json_schema())
    return found


@pytest.mark.parametrize("service", ["taplo", "tombi"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_toml_services_mark_every_mistake_in_its_place(mistake: Mistake, service: str) -> None:
    text = text_of(mistake, "toml")
    if text is None:
        return  # TOML has no null
    diagnostics = said()[service][f"mistake: {mistake}"]["diagnostics"]
    assert diagnostics
    spans = entry_of(mistake, text, "toml")
    for found in diagnostics:
        line, column, end_line, end_column = found["range"]
        assert any(
            (line, column) <= (span.end_line - 1, span.end_column - 1)
            and (span.line - 1, span.column - 1) <= (end_line, end_column)
            for span in spans
        ), found


@pytest.mark.parametrize("service", SERVICES)
def test_in_a_bigger_file_only_the_config_is_looked_at(service: str) -> None:
    found = said()[service][IN_A_BIGGER_FILE]["diagnostics"]
    lines = BIGGER[SERVICES[service]].splitlines()
    (wrong,) = (number for number, line in enumerate(lines) if "hip" in line)
    # The header is a line more.
    assert {each["range"][0] for each in found} == {wrong + 1}


@pytest.mark.parametrize("service", SERVICES)
def test_no_message_dumps_the_schema(service: str) -> None:
    messages = {
        found["message"] for result in said()[service].values() for found in result["diagnostics"]
    }
    assert len(messages) > 20
    assert [message for message in messages if DUMPS.search(message)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_valid_files_draw_no_warning(service: str) -> None:
    valid = {name: result for name, result in said()[service].items() if name.startswith("valid: ")}
    assert len(valid) > 20
    assert {name: r["diagnostics"] for name, r in valid.items() if r["diagnostics"]} == {}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("cursor", [c for c in CURSORS if c.offers is not None], ids=str)
def test_completion(cursor: Cursor, service: str) -> None:
    (at,) = said()[service][f"cursor: {cursor}"]["at"]
    offered = {label if label.startswith("[") else label.strip('"') for label in at["completions"]}
    assert cursor.offers is not None
    if service in EXACT:
        assert offered - {"$schema"} == cursor.offers
    elif cursor.in_toml:
        assert offered >= cursor.offers


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("cursor", [c for c in CURSORS if c.says is not None], ids=str)
def test_hover(cursor: Cursor, service: str) -> None:
    (at,) = said()[service][f"cursor: {cursor}"]["at"]
    assert cursor.says is not None
    assert cursor.says in at["hover"].replace("\\", "")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("cursor", IN_ONE_MODEL, ids=str)
def test_schema_of_one_model(cursor: Cursor, service: str) -> None:
    result = said()[service][f"model: {cursor}"]
    (at,) = result["at"]
    if cursor.offers is not None:
        offered = {label.strip('"') for label in at["completions"]}
        assert offered == cursor.offers if service in EXACT else offered >= cursor.offers
    elif cursor.says:
        assert cursor.says in at["hover"].replace("\\", "")
        assert result["diagnostics"] == []
    else:
        (found,) = result["diagnostics"]
        wanted = "the layers of this model are `RMSNorm` and `SiLU`"
        assert (wanted if service in EXACT else "not allowed") in found["message"]


def test_registered_files_need_no_header() -> None:
    """By the settings that the page shows, each in the words of its service."""
    settings = blocks(".vscode/settings.json", json.loads)
    tombi = blocks("tombi.toml", str)
    endings = {service: (written,) for service, written in SERVICES.items()} | {
        "yaml": ("yaml", "yml")
    }
    names = {
        service: [f"{stem}{ending}" for stem in ("kernels.", "a.kernels.") for ending in allowed]
        for service, allowed in endings.items()
    }
    texts = {
        service: dict.fromkeys([*named, *_not_registered(service)], WRONG[SERVICES[service]])
        for service, named in names.items()
    }
    messages = said_where_registered(texts, settings, tombi)
    for service, named in names.items():
        for name in named:
            assert messages[service][name], (service, name)
        for name in _not_registered(service):
            assert messages[service][name] == [], (service, name)


def _not_registered(service: str) -> list[str]:
    return [f"{stem}.{SERVICES[service]}" for stem in ("other", "mykernels", "kernels.other")]


def test_there_is_enough_to_see() -> None:
    assert len(MISTAKES) >= 20
    assert len(CURSORS) >= 15
