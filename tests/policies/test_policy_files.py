"""A policy is read as it is written, or not at all: no mistake in it loosens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import kernel_schema as ks
from kernel_schema.policies.in_force import VARIABLE, policies_in_force
from kernel_schema.policies.policy import KEYS

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
publishers: [kernels-community, our-org]
repositories: ["kernels-community/*", our-org/attn]
licenses: [Apache-2.0, MIT]
require_lock: true
require_trusted_publisher: true
trust_remote_code: false
local_kernels: false
inherit_mapping: false
min_age_days: 7
require_signature: true
"""
POLICY = ks.Policy(
    publishers=("kernels-community", "our-org"),
    repositories=("kernels-community/*", "our-org/attn"),
    licenses=("Apache-2.0", "MIT"),
    require_lock=True,
    require_trusted_publisher=True,
    trust_remote_code=False,
    local_kernels=False,
    inherit_mapping=False,
    min_age_days=7,
    require_signature=True,
)


def read(tmp_path: Path, text: str, ending: str = "yaml") -> ks.Policy:
    path = tmp_path / f"policy.{ending}"
    path.write_text(text, encoding="utf-8")
    return ks.read_policy(path)


def told(tmp_path: Path, text: str, ending: str = "yaml") -> list[str]:
    with pytest.raises(ks.PolicyError) as caught:
        read(tmp_path, text, ending)
    return [
        str(problem).removeprefix(f"{tmp_path}/policy.{ending}:")
        for problem in caught.value.diagnostics
    ]


def test_says_the_same_in_every_format(tmp_path: Path) -> None:
    assert set(POLICY.model_fields_set) == set(KEYS)
    toml = "\n".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else _toml(value)}"
        for key, value in POLICY
    )
    for text, ending in ((YAML, "yaml"), (POLICY.model_dump_json(), "json"), (toml, "toml")):
        assert read(tmp_path, text, ending) == POLICY


def _toml(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "require_lock: true\nrequire_locks: true\n",
            (
                "2:1: error[invalid-policy]: `require_locks` is no key of a policy\n"
                "  help: did you mean `require_lock`?"
            ),
        ),
        (
            "licences: [MIT]\n",
            (
                "1:1: error[invalid-policy]: `licences` is no key of a policy\n"
                "  help: did you mean `licenses`?"
            ),
        ),
        (
            "publishers: our-org\n",
            (
                '1:13: error[invalid-policy]: `"our-org"` is no list of publishers\n'
                "  help: write `[our-org]`"
            ),
        ),
        (
            "publishers: [our-org/attn]\n",
            (
                '1:14: error[invalid-policy]: `"our-org/attn"` is not the name of an organisation '
                "or user\n  help: name repositories under `repositories`"
            ),
        ),
        (
            "repositories: [our-org]\n",
            (
                '1:16: error[invalid-policy]: `"our-org"` is not a repository, or a pattern such '
                "as `our-org/*`\n  help: for all of a publisher write `our-org/*`"
            ),
        ),
        (
            "repositories: ['*']\n",
            (
                '1:16: error[invalid-policy]: `"*"` is not a repository, or a pattern such as '
                "`our-org/*`"
            ),
        ),
        (
            "require_lock: 'true'\n",
            '1:15: error[invalid-policy]: `"true"` is neither true nor false',
        ),
        ("require_lock:\n", "1:14: error[invalid-policy]: `null` is neither true nor false"),
        (
            "min_age_days: true\n",
            (
                "1:15: error[invalid-policy]: `true` is no number of days\n"
                "  help: write a whole number, as 7"
            ),
        ),
        ("licenses: ['']\n", '1:12: error[invalid-policy]: `""` is not the name of a licence'),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    assert told(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("require_lock: true\nrequire_lock: false\n", "duplicate-key"),
        ("<<: {require_lock: true}\n", "yaml-merge"),
        ("# nothing\n", "empty-document"),
        ("- require_lock\n", "invalid-policy"),
        ("require_lock: [\n", "syntax-error"),
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert f"error[{code}]" in told(tmp_path, text)[0]


def test_what_is_dumped_says_the_same() -> None:
    for policy in (POLICY, ks.Policy(), ks.Policy(publishers=())):
        assert ks.Policy.model_validate(policy.model_dump()) == policy


def test_all_mistakes_at_once_in_python_too() -> None:
    wrong: Any = {"publisher": ["a"], "require_lock": "yes", "licenses": "MIT"}
    with pytest.raises(ValidationError) as caught:
        ks.Policy(**wrong)
    found = ks.ConfigError.from_validation_error(caught.value).diagnostics
    assert [problem.code for problem in found] == ["invalid-policy"] * 3
    with pytest.raises(ValidationError):
        ks.Policy.model_validate({"require_lock": 1})


class TestInForce:
    def test_neither_takes_the_place_of_the_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "p.yaml").write_text(YAML, encoding="utf-8")
        assert policies_in_force() == ()
        monkeypatch.setenv(VARIABLE, str(tmp_path / "p.yaml"))
        assert policies_in_force(ks.Policy()) == (ks.Policy(), POLICY)

    @pytest.mark.parametrize("value", ["", "no/such.yaml"])
    def test_one_that_is_not_there_is_no_permission(
        self, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(ks.PolicyError, match=VARIABLE):
            policies_in_force()
