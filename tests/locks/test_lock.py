"""The lock file: its text, and that nothing is taken for one that is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.locks.lock import LOCK_FORMAT
from kernel_schema.locks.lock_files import parse_lock
from kernel_schema.locks.step import kept, out_of_step

if TYPE_CHECKING:
    from pathlib import Path

COMMITS = ["0123456789abcdef" * 2 + f"{index:08x}" for index in range(4)]
HASH = "sha256:" + "a" * 64
DEP = ks.LockedKernel(ks.Pin("org/dep", revision="main"), COMMITS[1], "MIT", variants={"x": HASH})
NORM = ks.LockedKernel(
    ks.Pin("org/norm", 1),
    COMMITS[0],
    "Apache-2.0",
    trusted_publisher=True,
    layers=("Norm", "Other"),
    kernel_depends=(DEP.pin,),
    variants={"torch-cuda": HASH, "torch-cpu": HASH},
)
LOCK = ks.Lock((NORM, DEP))
TEXT = f"""\
{{
  "lock_format": 1,
  "kernels": [
    {{
      "repo_id": "org/dep",
      "revision": "main",
      "commit": "{COMMITS[1]}",
      "license": "MIT",
      "trusted_publisher": false,
      "variants": {{
        "x": "{HASH}"
      }}
    }},
    {{
      "repo_id": "org/norm",
      "version": 1,
      "commit": "{COMMITS[0]}",
      "license": "Apache-2.0",
      "trusted_publisher": true,
      "layers": [
        "Norm",
        "Other"
      ],
      "kernel_depends": [
        {{
          "repo_id": "org/dep",
          "revision": "main"
        }}
      ],
      "variants": {{
        "torch-cpu": "{HASH}",
        "torch-cuda": "{HASH}"
      }}
    }}
  ]
}}
"""


def config(**layers: str) -> tuple[ks.Rule, ...]:
    return ks.expand(layers)


IN_STEP = config(Norm="org/norm@v1:Norm", Other="org/norm:Other")


class TestText:
    def test_is_sorted_with_a_line_for_each_build(self) -> None:
        assert LOCK.dumps() == TEXT
        assert ks.Lock((DEP, NORM)).dumps() == TEXT

    def test_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        path = tmp_path / "k.lock"
        path.write_text(TEXT, encoding="utf-8")
        assert ks.read_lock(path) == LOCK

    @given(
        st.lists(
            st.builds(
                ks.LockedKernel,
                st.builds(ks.Pin, st.sampled_from(["a/b", "c/d"]), st.integers(0, 3)),
                st.sampled_from(COMMITS),
                st.none() | st.text("AB-1. ", min_size=1),
                st.booleans(),
                st.lists(st.sampled_from(["A", "B"]), unique=True).map(sorted).map(tuple),
                st.just(()) | st.just((ks.Pin("a/b", 1),)),
                st.dictionaries(st.sampled_from(["torch-cpu", "x"]), st.just(HASH)),
            ),
            unique_by=lambda locked: locked.pin,
        )
    )
    def test_round_trip(self, kernels: list[ks.LockedKernel]) -> None:
        lock = ks.Lock(tuple(kernels))
        assert parse_lock(lock.dumps()) == lock
        assert parse_lock(lock.dumps()).dumps() == lock.dumps()

    def test_of_kernels_own_is_what_kernels_writes(self) -> None:
        rust: Any = pytest.importorskip("kernels._rust")
        versions = {
            "org/norm": rust.KernelVersion.Version(1),
            "org/dep": rust.KernelVersion.Revision("main"),
        }
        locks = {
            rust.KernelDependency(repo_id=repo_id, version=version): rust.KernelLock(commit)
            for (repo_id, version), commit in zip(versions.items(), COMMITS, strict=False)
        }
        assert rust.KernelLocks(locks=locks).to_json() == LOCK.as_kernels_lock()
        assert rust.KernelLocks.from_json(LOCK.as_kernels_lock()).to_json()


def changed(**fields: Any) -> str:
    """The lock with other fields in its second kernel; None leaves one out."""
    data = json.loads(TEXT)
    entry = {**data["kernels"][1], **fields}
    data["kernels"][1] = {key: value for key, value in entry.items() if value is not None}
    return json.dumps(data)


WRONG = {
    "": "it is not JSON",
    "[]": "it is a lock of the kernels library",
    "{}": "it is no lock of kernel-schema",
    "1": "it is no lock of kernel-schema",
    TEXT.replace('"lock_format": 1', '"lock_format": 2'): "reads lock_format 1 only",
    TEXT.replace('"lock_format": 1', '"lock_format": true'): "reads lock_format 1 only",
    f"<<<<<<< ours\n{TEXT}=======\n{TEXT}>>>>>>> theirs\n": "it holds a conflict of a merge",
    TEXT.replace('"lock_format": 1', '"lock_format": 1, "lock_format": 1'): "a key is there twice",
    '{"lock_format": 1}': "the lock lacks `kernels`",
    '{"lock_format": 1, "kernels": [], "x": 1}': "the lock has a key that is not known: `x`",
    '{"lock_format": 1, "kernels": [1]}': "kernels[0] is no object",
    changed(repo_id="norm"): "`repo_id` of kernels[1]",
    changed(repo_id="../../etc"): "`repo_id` of kernels[1]",
    changed(version=-1): "`version` of kernels[1]",
    changed(version=True): "`version` of kernels[1]",
    changed(version=None): "kernels[1] lacks `version`",
    changed(revision="main"): "kernels[1] has a key that is not known: `version`",
    changed(commit="main"): "`commit` of kernels[1]",
    changed(commit=COMMITS[0][:39]): "`commit` of kernels[1]",
    changed(commit=COMMITS[0].upper()): "`commit` of kernels[1]",
    changed(trusted_publisher="yes"): "`trusted_publisher` of kernels[1]",
    changed(trusted_publisher=None): "kernels[1] lacks `trusted_publisher`",
    changed(license=""): "`license` of kernels[1]",
    changed(layers=["a b"]): "`layers` of kernels[1]",
    changed(kernel_depends=[{"repo_id": "a/b"}]): "kernels[1].kernel_depends lacks `version`",
    changed(variants={"../x": HASH}): "`variants` of kernels[1]",
    changed(variants={"..": HASH}): "`variants` of kernels[1]",
    changed(variants={"a/b": HASH}): "`variants` of kernels[1]",
    changed(variants={"torch-cpu": "sha256:1"}): "`variants` of kernels[1]",
    changed(verison=1): "kernels[1] has a key that is not known: `verison`",
    changed(repo_id="org/dep", version=None, revision="main"): "twice",
}


class TestWhatIsNone:
    @pytest.mark.parametrize("text", WRONG, ids=WRONG.values())
    def test_is_refused_in_words(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "k.lock"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ks.LockError) as caught:
            ks.read_lock(path)
        (problem,) = caught.value.diagnostics
        assert problem.code == "unusable-lockfile"
        assert WRONG[text] in problem.message
        assert problem.help

    def test_is_not_shown(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_text("hunter2", encoding="utf-8")
        with pytest.raises(ks.LockError) as caught:
            ks.read_lock(path)
        assert "hunter2" not in str(caught.value)

    def test_is_a_folder_or_too_large_or_not_text(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "k.lock"
        path.write_bytes(b"\xff" * 100)
        for wrong, why in ((tmp_path, "cannot be read"), (path, "it is not UTF-8")):
            with pytest.raises(ks.LockError, match=why):
                ks.read_lock(wrong)
        monkeypatch.setattr("kernel_schema.locks.lock_files.MAX_LOCK_BYTES", 99)
        with pytest.raises(ks.LockError, match="larger than 99 bytes"):
            ks.read_lock(path)

    def test_newer_formats_name_what_reads_them(self) -> None:
        newer = TEXT.replace(f'"lock_format": {LOCK_FORMAT}', f'"lock_format": {LOCK_FORMAT + 1}')
        with pytest.raises(ValueError, match="lock_format 1 only") as caught:
            parse_lock(newer)
        assert "upgrade kernel-schema" in caught.value.help  # type: ignore[attr-defined]


class TestStep:
    def test_nothing_to_say(self) -> None:
        assert list(out_of_step(IN_STEP, LOCK)) == []
        assert kept(IN_STEP, LOCK) == (LOCK, ())

    @pytest.mark.parametrize(
        ("rules", "lock", "says"),
        [
            (
                config(Norm="org/norm@v2:Norm"),
                LOCK,
                ["`org/norm@v2` is not in", *["nothing asks"] * 2],
            ),
            (IN_STEP, ks.Lock((NORM,)), ["`org/dep@main`, on which `org/norm@v1` depends,"] * 2),
            (config(Norm="org/norm:Norm"), LOCK, ["the layers of `org/norm@v1`"]),
            (config(Norm="./disk:Norm"), LOCK, ["nothing asks for it"] * 2),
            (config(), ks.Lock(), []),
        ],
    )
    def test_each_way_to_be_out_of_step(self, rules: Any, lock: ks.Lock, says: list[str]) -> None:
        problems = list(out_of_step(rules, lock))
        assert [problem.code for problem in problems] == ["lock-out-of-step"] * len(says)
        for problem, words in zip(problems, says, strict=True):
            assert words in problem.message
        relocked = kept(rules, lock)
        assert (relocked.lock == lock and not relocked.missing) == (not says)

    def test_a_kernel_with_a_lock_file_of_its_own_is_left_to_it(self) -> None:
        rules = ks.expand({"A": {"kernel": "org/x:L", "lockfile": "kernels.lock"}})
        assert list(out_of_step(rules, ks.Lock())) == []


class TestDiff:
    def written(self, folder: Path, name: str, lock: ks.Lock) -> ks.Document:
        (folder / f"{name}.lock").write_text(lock.dumps(), encoding="utf-8")
        file = folder / f"{name}.yaml"
        text = f"lockfile: {name}.lock\nkernel_mapping: {{Norm: org/norm:Norm}}\n"
        file.write_text(text, encoding="utf-8")
        return ks.read(file)

    def test_shows_commits_that_moved(self, tmp_path: Path) -> None:
        old = self.written(tmp_path, "old", LOCK)
        moved = replace(NORM, commit=COMMITS[2])
        new = self.written(tmp_path, "new", ks.Lock((moved, DEP)))
        (change,) = ks.diff(old, new)
        assert str(change) == (
            "Norm, every device, every mode: "
            f"org/norm@v1:Norm (commit {COMMITS[0][:12]}) -> "
            f"org/norm@v1:Norm (commit {COMMITS[2][:12]})"
        )
        assert ks.diff(old, old) == ()

    def test_a_lock_that_comes_or_cannot_be_read_is_no_change(self, tmp_path: Path) -> None:
        locked = self.written(tmp_path, "old", LOCK)
        plain = ks.KernelConfig({"Norm": "org/norm:Norm"})
        assert ks.diff(plain, locked) == ks.diff(locked, plain) == ()
        (tmp_path / "old.lock").unlink()
        assert ks.diff(locked, plain) == ()
        assert locked.config.digest() == plain.digest()


class TestBillOfMaterials:
    def test_is_valid_by_the_schema_of_the_standard(self) -> None:
        pytest.importorskip("cyclonedx")
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        from kernel_schema.locks.sbom import sbom

        text = sbom(LOCK)
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        assert sbom(ks.Lock((DEP, NORM))) == text
        data = json.loads(text)
        _, norm = data["components"]
        assert (norm["group"], norm["name"], norm["version"]) == ("org", "norm", COMMITS[0])
        assert norm["licenses"] == [{"license": {"id": "Apache-2.0"}}]
        assert norm["purl"] == f"pkg:huggingface/org/norm@{COMMITS[0]}"
        assert {build["hashes"][0]["content"] for build in norm["components"]} == {"a" * 64}
        depends = {each["ref"]: each.get("dependsOn", []) for each in data["dependencies"]}
        assert depends["org/norm@v1"] == ["org/dep@main"]

    @pytest.mark.parametrize("license", ["other", "MIT AND GPL-3.0-only", "no such licence", None])
    def test_of_any_licence(self, license: str | None) -> None:  # noqa: A002 (as the lock has it)
        pytest.importorskip("cyclonedx")
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        from kernel_schema.locks.sbom import sbom

        text = sbom(ks.Lock((replace(DEP, license=license),)))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
