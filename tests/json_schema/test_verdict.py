"""The schema accepts what the pydantic models accept, and refuses what they refuse.

What no schema can state is listed: `SEMANTIC_CODES`, whole floats, two rules for repository ids and
which characters beyond ASCII are printable. In the corpus it has a folder of its own.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from kernel_schema.json_schemas.shipped import PROFILES, shipped
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES, RANGE_KEYS, SPEC_KEYS
from tests.json_schema.documents import corpus, problems, refused_by_a_schema
from tests.strategies import config_data

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

VALIDATORS = {profile: jsonschema_rs.Draft7Validator(shipped(profile)) for profile in PROFILES}
# JSON has no dates: a validator refuses the value itself.
DOCUMENTS = [document for document in corpus() if "is-a-date" not in document.case.name]


def refused_in_the_corpus(document: Any) -> bool:
    if document.case.folder == "invalid/syntax" or "line-end" in document.case.name:
        # A line break at the end escapes those validators alone that use Python's `$`.
        return refused_by_a_schema(document.value)
    return document.case.folder == "invalid/schema"


@pytest.mark.parametrize("profile", PROFILES)
def test_corpus(profile: str) -> None:
    is_valid = VALIDATORS[profile].is_valid
    said = {str(document.case): not is_valid(document.value) for document in DOCUMENTS}
    assert said == {str(document.case): refused_in_the_corpus(document) for document in DOCUMENTS}


def test_the_folders_of_the_corpus_agree_with_the_models() -> None:
    by_folder: dict[str, set[bool]] = {}
    for document in DOCUMENTS:
        refused = bool(problems(document.value))
        by_folder.setdefault(document.case.folder, set()).add(refused)
    assert by_folder["valid"] == {False}
    assert by_folder["invalid/schema"] == {True}
    assert by_folder["invalid/semantic"] >= {True}


def config(entry: Any) -> dict[str, Any]:
    return {"kernel_mapping": {"L": entry}}


STRICTNESS = [
    config({"kernel": "org/repo:L", "version": version})
    for version in (True, "1", {}, [], None, -1, 10**9, 10**30, 1.5)
]
STRICTNESS += [
    config({"kernel": kernel, key: value})
    for kernel in ("org/repo@v1:L", "org/repo@main:L", "./norm:L")
    for key, value in {"version": 1, "revision": "main", "lockfile": "./k.lock"}.items()
]
STRICTNESS += [
    config({"kernel": "./norm:L", "trust_remote_code": True}),
    config({"kernel": "org/repo:L", "version": 1, "revision": "main"}),
    config({"kernel": "org/repo:L", "revision": "main", "lockfile": "./k.lock"}),
    config({"kernel": "original"}),
    config({"inference": "original"}),
    config({"cuda": [{"kernel": "original", "version": 1}]}),
    config({"cpu": [{"kernel": "org/repo:L"}]}),
    config({"cuda": []}),
    config({"cuda": {"cpu": "org/repo:L"}}),
    config("org/repo@v1000000000:L"),
    config(None),
    config({}),
    {"kernel_mapping": []},
    {"kernel_mapping": {"": "org/repo:L"}},
    {"kernel_mapping": {"A ": "org/repo:L"}},
    {"kernel_mapping": {}, "inherit_mapping": "yes"},
    {"kernel_mapping": {}, "$schema": 1},
    {"kernel_mapping": {}, "use_local_kernel": True},
    {},
    [],
    None,
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("document", STRICTNESS, ids=str)
def test_strict(document: Any, profile: str) -> None:
    assert problems(document)
    assert not VALIDATORS[profile].is_valid(document)


@settings(max_examples=150, deadline=None)
@given(config_data())
def test_valid_documents(document: Any) -> None:
    assert not problems(document)
    for validator in VALIDATORS.values():
        validator.validate(document)


_TEXTS = """
original 1 main org/repo:L org/repo@v1:L org/repo@v1000000000:L org/repo org/repo.git:L ./norm:L
~:L C:\\k:L
"""
_SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 90, 1.0, 9.5, 10**9, 10**30),
        *("", " ", "./n\nm:L", "org/repo:L\n", "org/r\u0435:L", "./k\u200b", *_TEXTS.split()),
    ]
)
_KEYS = st.sampled_from(
    (*DEVICE_NAMES[:3], *MODE_NAMES, *SPEC_KEYS, *RANGE_KEYS, "cdua", "Kernel", "x", "", "A ")
)
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_JUNK = st.recursive(
    _SCALARS | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS | _TEXT, inner, max_size=2),
    max_leaves=4,
)


def _tables(value: Any) -> list[Any]:
    """Every table and list of a document."""
    if not isinstance(value, (dict, list)):
        return []
    items = value.values() if isinstance(value, dict) else value
    return [value, *(table for item in items for table in _tables(item))]


@st.composite
def mutated(draw: DrawFn) -> Any:
    """A valid document with a few things changed: most of them are wrong, each in one place."""
    document = copy.deepcopy(draw(config_data()))
    for _ in range(draw(st.integers(1, 3))):
        table = draw(st.sampled_from(_tables(document)))
        change = draw(st.sampled_from(("add", "replace", "remove", "rename")))
        if isinstance(table, list):
            index = draw(st.integers(0, len(table)))
            table[index : index + draw(st.integers(0, 1))] = [draw(_JUNK)]
        elif change == "add" or not table:
            table[draw(_KEYS)] = draw(_JUNK)
        else:
            key = draw(st.sampled_from(sorted(table)))
            value = table.pop(key)
            if change == "rename":
                table[draw(_KEYS)] = value
            elif change == "replace":
                table[key] = draw(_JUNK)
    return document


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(config({"kernel": "org/repo:L", "version": 1.0}))
@example(config({"kernel": "org/repo.git:L"}))
@example(config({"kernel": ["org/repo.git:L"]}))
@example(config("org/repo.git"))
@example(config({"kernel": "org/repo:L", "trust_remote_code": "org/repo.git"}))
@example(config({"kernel": "org/repo:L", "trust_remote_code": ["org/repo.git"]}))
@example(config({"kernel": "org/repo:L", "trust_remote_code": [["org/repo.git"]]}))
@example(config({"cuda": [{"min_capability": 1}, {"kernel": "original", "min_capability": 1}]}))
@given(mutated())
def test_mutated_documents(document: Any) -> None:
    refused = refused_by_a_schema(document)
    note(str(problems(document)))
    for profile, validator in VALIDATORS.items():
        assert validator.is_valid(document) is not refused, profile
