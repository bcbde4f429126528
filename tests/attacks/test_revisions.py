"""A revision that anybody can write is not taken for its publisher's, unless the config says so."""

from __future__ import annotations

from typing import Any

import pytest

import kernel_schema as ks

# What git or the Hub takes for a ref, or might: letters, slashes and dots aside.
REFS = [
    "refs/pr/1",
    "refs/pr/1234",
    "refs/convert/parquet",
    "refs/heads/main",
    "REFS/pr/1",
    "Refs/PR/1",
    "/refs/pr/1",
    "//refs//pr//1",
    "./refs/pr/1",
    "refs/./pr/1",
    "x/../refs/pr/1",
    "../refs/pr/1",
    "refs/pr/1/",
    "refs",
    "pr/1",
    "PR/1",
    "pr//1",
]
NAMES = [
    "main",
    "v1.0",
    "release/2-x",
    "refs-1",
    "feature/refs/x",
    "pr",
    "pr/one",
    "prs/1",
    "a" * 40,
]
TRUSTED = (True, ["org/other", "org/repo"])
UNTRUSTED = (False, ["org/other"], ["org/Repo"])


def spellings(revision: str, **options: Any) -> list[dict[str, Any]]:
    """A kernel with this revision, in the reference and beside it, at several places."""
    table = {"kernel": "org/repo:L", "revision": revision, **options}
    entries = [
        table,
        {"kernel": f"org/repo@{revision}:L", **options},
        {"cuda": [{"min_capability": 90, **table}]},
        {"cpu": {"training": table}},
    ]
    return [*entries, *([] if options else [f"org/repo@{revision}:L"])]  # type: ignore[list-item]


def codes(config: Any) -> list[str]:
    return [one.code for one in ks.check(config)]


@pytest.mark.parametrize("revision", REFS)
def test_a_ref_is_valid_and_not_trusted(revision: str) -> None:
    for entry in spellings(revision):
        assert codes(ks.KernelConfig({"A": entry})) == ["untrusted-revision"]
    for trust in UNTRUSTED:
        for entry in spellings(revision, trust_remote_code=trust):
            assert codes(ks.KernelConfig({"A": entry})) == ["untrusted-revision"]
    for trust in TRUSTED:
        for entry in spellings(revision, trust_remote_code=trust):
            assert codes(ks.KernelConfig({"A": entry})) == []


@pytest.mark.parametrize("revision", NAMES)
def test_a_branch_tag_or_commit_is_trusted(revision: str) -> None:
    for entry in spellings(revision):
        assert codes(ks.KernelConfig({"A": entry})) == []


def test_it_says_how_to_name_a_branch() -> None:
    (found,) = ks.check(ks.KernelConfig({"A": "org/repo@refs/heads/release/2:L"}))
    assert found.help == "name the branch or tag without `refs/`: `release/2`"
    (found,) = ks.check(ks.KernelConfig({"A": "org/repo@refs/pr/2:L"}))
    assert "without `refs/`" in (found.help or "")
    assert "`trust_remote_code`" in (found.help or "")


class TestWhatPutsAConfigInForce:
    CONFIG = ks.KernelConfig({"Norm": "org/repo@refs/pr/1:Norm"})
    TRUSTED = ks.KernelConfig(
        {"Norm": {"kernel": "org/repo@refs/pr/1:Norm", "trust_remote_code": ["org/repo"]}}
    )

    @pytest.fixture
    def model(self) -> Any:
        nn = pytest.importorskip("torch").nn
        pytest.importorskip("kernels")
        norm = type("Norm", (nn.Identity,), {"kernel_layer_name": "Norm"})
        model = nn.Sequential(norm(), nn.Linear(1, 1)).eval()
        assert ks.inspect_model(model)
        return model

    # Leaving the check out is no way past it: only the config can trust.
    @pytest.mark.parametrize(
        "options",
        [{}, {"ignore": ["untrusted-revision"]}, {"select": ["unregistered-layer"]}],
        ids=str,
    )
    def test_kernelize(self, model: Any, options: dict[str, Any]) -> None:
        with pytest.raises(ks.KernelSchemaError) as caught:
            ks.kernelize(model, self.CONFIG, **options)
        assert [one.code for one in caught.value.diagnostics] == ["untrusted-revision"]

    def test_the_others(self, model: Any) -> None:
        def use() -> None:
            with ks.use_kernel_config(self.CONFIG):
                pytest.fail("it is in force")

        for call in (
            lambda: ks.lower(self.CONFIG, device="cpu"),
            lambda: self.CONFIG.create_compatible_mapping(model),
            lambda: self.CONFIG.sanitize_kernel_mapping(model),
            use,
        ):
            with pytest.raises(ks.KernelSchemaError, match="untrusted-revision"):
                call()

    def test_a_plan_says_so(self, model: Any) -> None:
        plan = ks.explain(self.CONFIG, model)
        assert [one.code for one in plan.diagnostics] == ["untrusted-revision"]

    def test_where_it_is_trusted(self, model: Any) -> None:
        mapping = ks.lower(self.TRUSTED, device="cpu")
        repository: Any
        (repository,) = mapping["Norm"]["cpu"].values()
        assert repository._revision == "refs/pr/1"
        assert repository._trust_remote_code == ["org/repo"]
        self.TRUSTED.sanitize_kernel_mapping(model)
