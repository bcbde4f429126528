"""The schema itself: its files, its shape, and that people and editors can read it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import kernel_schema as ks
from kernel_schema.addresses import raw_file
from kernel_schema.json_schemas.build import build
from kernel_schema.json_schemas.export import for_layers, json_schema
from kernel_schema.json_schemas.shipped import PROFILES, render
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.json_schemas.shipped import Profile

SCHEMAS = Path(__file__).parents[2] / "schemas"
FILES = {
    "editor": SCHEMAS / "kernel-config.schema.json",
    "plain": SCHEMAS / "kernel-config.plain.schema.json",
}
# What draft 7 knows, as far as it is used here.
STANDARD = {
    "$id", "$ref", "$schema", "additionalProperties", "allOf", "const", "default", "definitions",
    "dependencies", "description", "else", "enum", "examples", "if", "items",
    "maxLength", "maximum", "minItems", "minProperties", "minimum", "pattern", "properties",
    "propertyNames", "required", "then", "type",
}  # fmt: skip
VENDOR = {"doNotSuggest", "enumDescriptions", "errorMessage", "patternErrorMessage"}
# Keywords below which stand names, or values, not nodes.
NAMES = {"definitions", "dependencies", "properties"}
VALUES = {"const", "default", "enum", "enumDescriptions", "examples", "required", "type"}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every node of a schema, the outermost first."""
    if not isinstance(node, dict):
        return
    yield node
    for keyword, value in node.items():
        if keyword in VALUES:
            continue
        if keyword in NAMES:
            for below in value.values():
                yield from nodes(below)
        elif isinstance(value, list):
            for below in value:
                yield from nodes(below)
        else:
            yield from nodes(value)


@pytest.fixture(scope="module", params=PROFILES)
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    return ks.json_schema(profile=request.param)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_files_are_up_to_date(profile: Profile) -> None:
    written = render(build(profile)).encode()
    assert FILES[profile].read_bytes() == written, "run `python tests/json_schema/update.py`"


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    assert json.loads(render(schema)) == schema


def test_two_exports_are_equal_and_apart() -> None:
    one, other = ks.json_schema(), ks.json_schema()
    assert render(one) == render(other)
    one["properties"].clear()
    assert other["properties"]


def test_profiles_differ_by_vendor_keywords_and_hints_alone() -> None:
    used: dict[Profile, set[str]] = {profile: set() for profile in PROFILES}
    for profile, found in used.items():
        for node in nodes(ks.json_schema(profile=profile)):
            found |= set(node)
    assert used["plain"] == STANDARD
    assert used["editor"] == STANDARD | VENDOR


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="`editor` and `plain`"):
        ks.json_schema(profile="other")  # type: ignore[arg-type]


def test_the_schema_of_any_config_has_its_address(schema: dict[str, Any]) -> None:
    profile = "editor" if "errorMessage" in schema else "plain"
    assert schema["$id"] == raw_file(f"schemas/{FILES[profile].name}")
    assert schema["$id"].startswith("https://raw.githubusercontent.com/")
    assert [node for node in nodes(schema) if "$id" in node] == [schema]
    assert "$id" not in ks.json_schema(profile=profile, at="trainer.kernels")
    assert "$id" not in ks.KernelConfig.model_json_schema()


def test_no_node_hides_its_reasons(schema: dict[str, Any]) -> None:
    """`anyOf`, `oneOf` and `not` give useless messages; one `allOf` keeps two keywords apart."""
    for node in nodes(schema):
        assert not {"anyOf", "oneOf", "not", "discriminator", "title"} & set(node)
        if "$ref" in node:
            assert set(node) == {"$ref"}


def test_every_property_is_described(schema: dict[str, Any]) -> None:
    definitions = schema["definitions"]
    seen = set[str]()
    for node in nodes(schema):
        for name, below in node.get("properties", {}).items():
            if not isinstance(below, dict) or not {"type", "$ref"} & set(below):
                continue  # a hint, or part of a condition
            if isinstance(below.get("type"), list) and "array" in below["type"][:1]:
                continue  # a pattern of the plain profile, with every type beside it
            target = definitions[below["$ref"].rpartition("/")[2]] if "$ref" in below else below
            assert len(target["description"]) > 5, name
            seen.add(name)
    assert {*DEVICE_NAMES, *MODE_NAMES, "kernel", "version", "min_capability"} <= seen


def test_fallback_is_explained(schema: dict[str, Any]) -> None:
    text = schema["definitions"]["fallback"]["description"]
    assert text.startswith("Any mode that is not named.")


def test_every_definition_is_used(schema: dict[str, Any]) -> None:
    used = {node["$ref"] for node in nodes(schema) if "$ref" in node}
    assert used == {f"#/definitions/{name}" for name in schema["definitions"]}


def test_devices_and_modes_have_descriptions_of_their_names() -> None:
    described = {
        tuple(node["enum"])
        for node in nodes(ks.json_schema())
        if len(node.get("enumDescriptions", ())) == len(node.get("enum", ())) > 0
    }
    assert described == {DEVICE_NAMES, MODE_NAMES}


def test_wrong_values_and_keys_are_explained() -> None:
    schema = ks.json_schema()
    for node in nodes(schema):
        for below in node.get("properties", {}).values():
            if isinstance(below, dict) and {"type", "$ref"} & set(below):
                name = below.get("$ref", "").rpartition("/")[2]
                assert "errorMessage" in schema["definitions"].get(name, below)
    for node in limiting_nodes():
        assert "errorMessage" in node["propertyNames"]


def limiting_nodes() -> list[dict[str, Any]]:
    """Nodes whose limits on keys are reported, which those of a condition are not."""
    found: list[dict[str, Any]] = []

    def collect(node: Any, *, condition: bool) -> None:
        if not isinstance(node, dict):
            return
        if "propertyNames" in node and not condition:
            found.append(node)
        for keyword, value in node.items():
            if keyword in VALUES:
                continue
            below = value.values() if keyword in NAMES else value
            for item in below if keyword in NAMES or isinstance(value, list) else [value]:
                collect(item, condition=condition or keyword == "if")

    collect(ks.json_schema(), condition=False)
    return found


def test_examples_and_defaults_are_valid(schema: dict[str, Any]) -> None:
    for node in nodes(schema):
        validator = jsonschema.Draft7Validator({**node, "definitions": schema["definitions"]})
        for value in [*node.get("examples", ()), *([node["default"]] if "default" in node else ())]:
            validator.validate(value)


def test_patterns_are_written_for_every_engine(schema: dict[str, Any]) -> None:
    patterns = {node["pattern"] for node in nodes(schema) if "pattern" in node}
    assert len(patterns) >= 7
    for pattern in patterns:
        assert pattern.isascii()
        assert re.fullmatch(r"\^\(\?:.*\)\$", pattern)
        bare = pattern.replace(r"[\s\S]", "")
        assert not re.search(r"\\[wWdDsSbBpP]|\(\?[^:]|(?<!\\)\.", re.sub(r"\[[^]]*]", "", bare))


def test_one_model_differs_at_six_points(schema: dict[str, Any]) -> None:
    profile = "editor" if "errorMessage" in schema else "plain"
    of_one = for_layers({"RMSNorm": "2 modules", "SiLU": "1 module"}, profile)
    assert "$id" not in of_one  # another schema than the one at the address
    schema = {key: part for key, part in schema.items() if key != "$id"}
    assert set(differences(schema, of_one)) - {("kernel_mapping", "errorMessage")} == {
        ("kernel_mapping", "propertyNames"),
        ("kernel_mapping", "properties"),
        ("kernel_mapping", "additionalProperties"),
        ("layer", "description"),
    }
    message = of_one["properties"]["kernel_mapping"].get("errorMessage", "RMSNorm` and `SiLU`")
    assert message.endswith("RMSNorm` and `SiLU`")


def differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The last two keys to everything that is in one of them alone, or another there."""
    for name in ("properties", "definitions"):
        assert one[name].keys() == other[name].keys()
        for key, left in one[name].items():
            right = other[name][key]
            yield from (
                (key, keyword)
                for keyword in left.keys() | right.keys()
                if left.get(keyword) != right.get(keyword)
            )
    rest = [
        {key: part for key, part in schema.items() if key not in {"properties", "definitions"}}
        for schema in (one, other)
    ]
    assert rest[0] == rest[1]


def test_the_wheel_holds_the_files(tmp_path: Path) -> None:
    """Built without isolation: what builds it is installed for the tests."""
    root = SCHEMAS.parent
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
    ]
    subprocess.run([*command, str(root)], capture_output=True, timeout=120, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for file in FILES.values():
            assert archive.read(f"kernel_schema/schemas/{file.name}") == file.read_bytes()
        archive.extractall(tmp_path / "installed")
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
import kernel_schema
schemas = [kernel_schema.json_schema(profile=profile) for profile in ("editor", "plain")]
print(json.dumps([kernel_schema.__file__, *schemas]))
"""
    # Installed as usual, and in an archive that is never unpacked.
    for home in (tmp_path / "installed", wheel):
        command = [sys.executable, "-c", code, str(home)]
        said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        module, *schemas = json.loads(said.stdout)
        assert module.startswith(str(home))
        assert schemas == [ks.json_schema(), ks.json_schema(profile="plain")]


def test_no_room_takes_the_name_of_the_function() -> None:
    """A package `kernel_schema.json_schema` would take its place as soon as it is imported."""
    ks.KernelConfig.model_json_schema()
    assert ks.json_schema is json_schema
