"""What pydantic says of the models, alone or inside a model of the user, FastAPI for one."""

from __future__ import annotations

import json
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import jsonschema
import jsonschema_rs
import pytest
from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import models_json_schema

import kernel_schema as ks
from tests.json_schema.documents import problems, refused_by_a_schema
from tests.json_schema.test_validators import DOCUMENTS as OF_FILES
from tests.json_schema.test_validators import EXPECTED as OF_FILES_EXPECTED
from tests.json_schema.test_verdict import STRICTNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.json_schema import JsonSchemaMode

# Only files extend others.
DOCUMENTS = [
    document
    for document in OF_FILES
    if not (isinstance(document.value, dict) and "extends" in document.value)
]
EXPECTED = {str(document.case): OF_FILES_EXPECTED[str(document.case)] for document in DOCUMENTS}

MODELS: list[type[BaseModel]] = [
    ks.KernelConfig,
    ks.KernelSpec,
    ks.DeviceMapping,
    ks.ModeMapping,
    ks.CapabilityEntry,
]
MODES: list[JsonSchemaMode] = ["validation", "serialization"]


class Training(BaseModel):
    """A model of the user."""

    steps: int = 1
    kernels: ks.KernelConfig
    others: dict[str, ks.KernelConfig | None] = {}
    fallback: ks.KernelConfig = Field(ks.KernelConfig({}), description="Where all else fails.")


def alone(mode: JsonSchemaMode) -> Any:
    return ks.KernelConfig.model_json_schema(mode=mode)


def nested(mode: JsonSchemaMode) -> Any:
    schema = Training.model_json_schema(mode=mode)
    return {"$ref": schema["properties"]["kernels"]["$ref"], "$defs": schema["$defs"]}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("made", [alone, nested])
@pytest.mark.parametrize(
    "validator", [jsonschema.Draft202012Validator, jsonschema_rs.Draft202012Validator]
)
def test_the_corpus(validator: Any, made: Callable[[JsonSchemaMode], Any], mode: Any) -> None:
    is_valid = validator(made(mode)).is_valid
    verdicts = {str(document.case): is_valid(document.value) for document in DOCUMENTS}
    assert verdicts == EXPECTED
    assert {True, False} == set(verdicts.values())


def parts(value: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield value
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from parts(item)


PARTS = {
    json.dumps(part): part
    for document in [*(document.value for document in DOCUMENTS), *STRICTNESS]
    for part in parts(document)
}


@pytest.mark.parametrize("model", MODELS)
def test_every_model(model: type[BaseModel]) -> None:
    """Each takes what stands for it in a file, and nothing else."""
    schema = model.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    list_of_it: Any = GenericAlias(list, model)
    outer = create_model("Outer", part=(list_of_it, ...)).model_json_schema()
    inner = jsonschema_rs.Draft202012Validator(outer).is_valid
    is_valid = jsonschema_rs.Draft202012Validator(schema).is_valid
    expected = {text: not refused_by_a_schema(part, model) for text, part in PARTS.items()}
    assert {text: is_valid(part) for text, part in PARTS.items()} == expected
    assert {text: inner({"part": [part]}) for text, part in PARTS.items()} == expected
    assert sum(expected.values()) > 5


def test_what_is_dumped_is_valid() -> None:
    schema = Training.model_json_schema(mode="serialization")
    is_valid = jsonschema_rs.Draft202012Validator(schema).is_valid
    good = [document.value for document in DOCUMENTS if not problems(document.value)]
    assert len(good) > 50
    for value in good:
        training = Training.model_validate({"kernels": value, "others": {"a": value, "b": None}})
        assert is_valid(training.model_dump(mode="json"))
        assert is_valid(json.loads(training.model_dump_json(by_alias=True, exclude_unset=True)))


@pytest.mark.parametrize("model", [*MODELS, Training])
def test_modes_and_names_make_no_difference(model: type[BaseModel]) -> None:
    # Only what has defaults of its own, the user's model, tells the modes apart.
    schemas = [
        model.model_json_schema(mode=mode, by_alias=by_alias)
        for mode in MODES
        for by_alias in (True, False)
    ]
    definitions = [schema["$defs"] for schema in schemas]
    assert definitions[1:] == definitions[:-1]
    assert model is Training or schemas[1:] == schemas[:-1]
    schemas[0]["$defs"].clear()
    assert model.model_json_schema() != schemas[0]


def test_beside_the_models_of_an_api() -> None:
    """As FastAPI writes them: both modes at once, and definitions under another path."""
    start = "#/components/schemas/"
    references, made = models_json_schema(
        [(Training, "validation"), (Training, "serialization"), (ks.KernelSpec, "validation")],
        ref_template=f"{start}{{model}}",
    )
    definitions = made["$defs"]
    for part in parts(definitions):
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            assert part["$ref"].removeprefix(start) in definitions
    for reference in references.values():
        body = {**reference, "components": {"schemas": definitions}}
        is_valid = jsonschema_rs.Draft202012Validator(body).is_valid
        is_spec = reference["$ref"].endswith("KernelSpec")
        for word in ("version", "verison"):
            spec = {"kernel": "org/repo:L", word: 1}
            training = {"kernels": {"kernel_mapping": {"L": {"cuda": {"training": spec}}}}}
            assert is_valid(spec if is_spec else training) is (word == "version")


def test_beside_a_model_of_the_same_name() -> None:
    other = create_model("KernelConfig", kernel=(int, ...))
    layer = create_model("KernelConfigLayer", kernel=(str, ...))
    both = create_model(
        "Both", ours=(ks.KernelConfig, ...), theirs=(other, ...), layer=(layer, ...)
    )
    is_valid = jsonschema_rs.Draft202012Validator(both.model_json_schema()).is_valid
    rest = {"theirs": {"kernel": 1}, "layer": {"kernel": "any"}}
    assert is_valid({"ours": {"kernel_mapping": {"L": "org/repo:L"}}, **rest})
    assert not is_valid({"ours": {"kernel_mapping": {"L": "any"}}, **rest})


def test_a_class_of_the_user() -> None:
    class Pinned(ks.KernelConfig, frozen=True):
        """A config of the user's own class."""

    schema = Pinned.model_json_schema()
    assert schema.pop("title") == "Pinned"
    assert schema.items() <= ks.KernelConfig.model_json_schema().items()
