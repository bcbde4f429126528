"""The schema of a bigger file, in which a config stands: right inside, and all else left free."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.json_schemas.export import for_layers
from kernel_schema.json_schemas.shipped import PROFILES
from tests.editors.node import run_node
from tests.json_schema.test_validators import (
    DOCUMENTS,
    EXPECTED,
    HERE,
    with_fastjsonschema,
    with_jsonschema,
    with_jsonschema_rs,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_schema.routes import Step

ROUTES = ["trainer.kernels", "stages[0].kernels", 'x["a.b"].kernels', "[2][1]", "kernel_mapping"]
WRONG = {"kernel_mapping": {"SiLU": {"hip": "org/repo:SiLU"}}}
RIGHT = {"kernel_mapping": {"SiLU": "org/repo:SiLU"}}


def around(value: Any, steps: tuple[Step, ...]) -> Any:
    """A bigger document, full of what would be wrong in a config."""
    for step in reversed(steps):
        if isinstance(step, str):
            value = {"kernel_mapping": 5, "$schema": None, "": [WRONG], step: value}
        else:
            value = [*([WRONG] * step), value, WRONG, None]
    return value


@pytest.mark.parametrize("at", ROUTES)
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("validator", [with_jsonschema, with_jsonschema_rs, with_fastjsonschema])
def test_the_verdict_inside_is_that_of_the_config(validator: Any, profile: Any, at: str) -> None:
    is_valid = validator(ks.json_schema(profile=profile, at=at))
    steps = ks.Route.parse(at).steps
    documents = DOCUMENTS if (at, profile) == (ROUTES[1], "plain") else DOCUMENTS[::7]
    verdicts = {
        str(document.case): is_valid(around(document.value, steps)) for document in documents
    }
    assert len(verdicts) > 50
    assert verdicts == {name: EXPECTED[name] for name in verdicts}
    # Nothing is said of what stands elsewhere, or that something stands there.
    for free in (
        None,
        1,
        "text",
        [],
        {},
        {"trainer": 5},
        [WRONG],
        {"stages": [1]},
        {"other": WRONG},
    ):
        assert is_valid(free), free


def test_ajv_in_strict_mode() -> None:
    documents = [around(document.value, ("trainer", "kernels")) for document in DOCUMENTS]
    schema = ks.json_schema(profile="plain", at="trainer.kernels")
    said = run_node(HERE / "validate.cjs", {"schema": schema, "documents": documents})
    assert said["warnings"] == []
    assert dict(zip(EXPECTED, said["valid"], strict=True)) == EXPECTED


def test_no_steps_are_the_schema_of_a_config() -> None:
    assert ks.json_schema(at=()) == ks.json_schema()
    assert list(ks.json_schema(at=())) == list(ks.json_schema())


def test_of_one_model() -> None:
    nn = pytest.importorskip("torch").nn

    class Norm(nn.Identity):
        kernel_layer_name = "RMSNorm"

    is_valid = with_jsonschema_rs(ks.json_schema(Norm(), at="a[1]"))
    layers = for_layers({"RMSNorm": "1 module of class Norm in this model."})
    assert ks.json_schema(Norm())["properties"] == layers["properties"]
    assert is_valid({"a": [0, {"kernel_mapping": {"RMSNorm": "org/repo:L"}}]})
    assert not is_valid({"a": [0, {"kernel_mapping": {"RMSNorn": "org/repo:L"}}]})


@pytest.mark.parametrize("at", ["stages[1000].kernels", ("stages", 10**9)])
def test_a_far_position_is_refused(at: Any) -> None:
    with pytest.raises(ks.RouteError, match="a schema states each item before"):
        ks.json_schema(at=at)


class TestCommand:
    def test_it_is_ours_to_bring_up_to_date(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = str(tmp_path / "training.schema.json")
        arguments = ["schema", "--at", "stages[0].kernels", "--output", file]
        assert main([*arguments, "--check"]) == 1
        expected = f"kernel-schema schema --at 'stages[0].kernels' --profile editor --output {file}"
        assert expected in capsys.readouterr().out
        assert main(arguments) == 0
        assert main([*arguments, "--check"]) == 0
        assert main(["schema", "--output", file]) == 0
        assert main(arguments) == 0
        schema = json.loads((tmp_path / "training.schema.json").read_text())
        assert schema == ks.json_schema(at="stages[0].kernels")
        assert not with_jsonschema(schema)({"stages": [{"kernels": WRONG}]})
        assert with_jsonschema(schema)({"stages": [{"kernels": RIGHT}, {"kernels": WRONG}]})

    def test_what_cannot_be_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["schema", "--at", "a[5000]"]) == 2
        assert "kernel-schema: error: --at a[5000]: a schema states" in capsys.readouterr().err
