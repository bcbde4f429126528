"""`kernel-schema lock`: what it writes and says, and that nothing is written where it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main

from .catalog import DEP, ORG, USES
from .server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .server import Hub

NORM = "trusted-org/norm"
CONFIG = f"""\
# what runs where
kernel_mapping:
  A: {NORM}@v1:DemoNorm  # pinned
  B: {USES}:DemoNorm
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "kernels.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


@pytest.fixture
def run(file: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*options: str) -> tuple[int, str, str, int]:
        """Exit code, output, errors, and how often the Hub was asked."""
        asked = len(hub.asked())
        code = main(["lock", "kernels.yaml", *options])
        output = capsys.readouterr()
        return code, output.out, output.err, len(hub.asked()) - asked

    return run


def lock_of(file: Path) -> ks.Lock:
    return ks.read_lock(f"{file}.lock")


class TestLocking:
    def test_writes_the_lock_and_the_key(self, file: Path, run: Callable[..., Any]) -> None:
        code, out, err, asked = run()
        assert (code, err, asked) == (0, "", 13)
        lock = lock_of(file)
        assert [str(pin) for pin in lock.by_pin] == [f"{DEP}@v1", f"{NORM}@v1", f"{USES}@v1"]
        assert lock.by_pin[ks.Pin(USES, 1)].kernel_depends == (ks.Pin(DEP, 1),)
        assert file.read_text() == CONFIG.replace(
            "kernel_mapping", "lockfile: kernels.yaml.lock\nkernel_mapping"
        )
        first = lock.by_pin[ks.Pin(DEP, 1)].commit[:12]
        assert f"locked {DEP}@v1 at {first} (2 builds, Apache-2.0)\n" in out
        assert out.endswith("kernels.yaml.lock written: 3 kernels\n")
        assert ks.load(file).lockfile == f"{file}.lock"

    def test_again_asks_and_changes_nothing(self, file: Path, run: Callable[..., Any]) -> None:
        run()
        before = file.read_bytes(), (file.parent / "kernels.yaml.lock").read_bytes()
        assert run() == (0, "kernels.yaml.lock is up to date: 3 kernels\n", "", 0)
        assert before == (file.read_bytes(), (file.parent / "kernels.yaml.lock").read_bytes())
        assert run("-q") == (0, "", "", 0)

    def test_keeps_drops_and_adds(self, file: Path, hub: Hub, run: Callable[..., Any]) -> None:
        run()
        kept = lock_of(file).by_pin[ks.Pin(NORM, 1)]
        hub.move(NORM, "v1", "v2")
        file.write_text(file.read_text().replace(f"B: {USES}", f"B: {NORM}@main"), "utf-8")
        code, out, _, asked = run()
        # Two for the metadata of the new one; its references and publisher were not known.
        assert (code, asked) == (0, 5)
        assert lock_of(file).by_pin[ks.Pin(NORM, 1)] == kept
        assert f"dropped {USES}@v1: nothing asks for it\n" in out
        assert f"dropped {DEP}@v1" in out
        assert "locked trusted-org/norm@main at" in out

    def test_a_layer_more_needs_no_question(self, file: Path, run: Callable[..., Any]) -> None:
        run()
        file.write_text(f"{file.read_text()}  C: {NORM}@v1:DemoScale\n", encoding="utf-8")
        code, out, _, asked = run()
        assert (code, asked) == (0, 0)
        assert lock_of(file).by_pin[ks.Pin(NORM, 1)].layers == ("DemoNorm", "DemoScale")
        assert out.startswith(f"changed {NORM}@v1")

    def test_writes_where_the_config_says(self, file: Path, run: Callable[..., Any]) -> None:
        file.write_text(f"lockfile: locks/k.lock\n{CONFIG}", encoding="utf-8")
        (file.parent / "locks").mkdir()
        assert run()[0] == 0
        assert len(ks.read_lock(file.parent / "locks/k.lock").kernels) == 3
        assert file.read_text() == f"lockfile: locks/k.lock\n{CONFIG}"

    def test_needs_neither_torch_nor_kernels(self) -> None:
        """Shown by tests/schema/test_imports.py and the contracts: here only the pins."""
        assert ks.lock({"A": "./disk:L"}) == ks.Lock()


class TestUpgrade:
    @pytest.fixture(autouse=True)
    def _moved(self, hub: Hub, run: Callable[..., Any]) -> None:
        run()
        hub.move(NORM, "v1", "v2")
        hub.move(DEP, "v1", "next")

    def test_moves_all(self, file: Path, run: Callable[..., Any]) -> None:
        before = lock_of(file)
        code, out, _, _ = run("--upgrade")
        assert code == 0
        assert out.count("moved") == 2
        old, new = (lock.by_pin[ks.Pin(NORM, 1)].commit[:12] for lock in (before, lock_of(file)))
        assert f"moved {NORM}@v1 from {old} to {new}\n" in out

    def test_moves_one(self, file: Path, run: Callable[..., Any]) -> None:
        code, out, _, asked = run("--upgrade", DEP)
        assert (code, asked, out.count("moved")) == (0, 5, 1)
        assert f"moved {DEP}@v1" in out

    def test_of_what_nothing_asks_for(self, run: Callable[..., Any]) -> None:
        code, _, err, asked = run("--upgrade", "org/other")
        assert (code, asked) == (2, 0)
        assert "nothing asks for `org/other`" in err

    def test_in_a_dry_run(self, file: Path, run: Callable[..., Any]) -> None:
        before = lock_of(file)
        code, out, _, _ = run("--upgrade", "--dry-run")
        assert (code, out.count("moved")) == (1, 2)
        assert lock_of(file) == before
        assert run("--dry-run")[0] == 0


class TestCheck:
    def test_in_step(self, run: Callable[..., Any]) -> None:
        run()
        expected = "kernels.yaml.lock is in step with kernels.yaml\n"
        assert run("--check") == (0, expected, "", 0)

    def test_out_of_step(self, file: Path, run: Callable[..., Any]) -> None:
        run()
        file.write_text(file.read_text().replace("norm@v1", "norm@v2"), encoding="utf-8")
        code, out, err, asked = run("--check")
        assert (code, out, asked) == (1, "", 0)
        assert "kernels.yaml:4:6: error[lock-out-of-step]: `trusted-org/norm@v2` is not in" in err
        assert "kernels.yaml:2:11: error[lock-out-of-step]: `trusted-org/norm@v1` is in" in err

    def test_without_a_lock(self, run: Callable[..., Any]) -> None:
        code, _, err, asked = run("--check")
        assert (code, asked) == (1, 0)
        assert "there is no lock file `kernels.yaml.lock`" in err

    def test_of_a_config_that_does_not_name_it(self, file: Path, run: Callable[..., Any]) -> None:
        run()
        file.write_text(CONFIG, encoding="utf-8")
        assert "does not name its lock" in run("--check")[2]
        assert [problem.code for problem in ks.check(file)] == ["lock-not-used"]

    def test_goes_with_nothing_that_changes(self, run: Callable[..., Any]) -> None:
        assert run("--check", "--upgrade")[0] == run("--check", "--dry-run")[0] == 2


class TestFailures:
    def test_all_at_once_each_at_its_place(
        self, file: Path, hub: Hub, run: Callable[..., Any]
    ) -> None:
        refs = {
            "trusted-org/nothing@v1": "unknown-kernel-repository",
            f"{NORM}@v9": "unknown-kernel-version",
            f"{NORM}@featur/fast": "unknown-kernel-revision",
            f"{ORG}/gated@v1": "hub-access",
        }
        lines = [f"  L{index}: {ref}:DemoNorm" for index, ref in enumerate(refs)]
        text = "\n".join(["kernel_mapping:", *lines, ""])
        file.write_text(text, encoding="utf-8")
        code, out, err, _ = run()
        assert (code, out) == (1, "")
        for line, found in enumerate(refs.values(), 2):
            assert f"kernels.yaml:{line}:7: error[{found}]" in err
        assert "it has `1` and `2`" in err
        assert "did you mean `feature/fast`?" in err
        assert file.read_text() == text
        assert not (file.parent / "kernels.yaml.lock").exists()

    def test_of_a_dependency_name_who_needs_it(self, hub: Hub, run: Callable[..., Any]) -> None:
        hub.move(DEP, "v1", None)
        code, _, err, _ = run()
        assert code == 1
        assert f"has no version 1 (`{USES}@v1` depends on it)" in err

    @pytest.mark.parametrize("fault", ["offline", "down", "503"])
    def test_nobody_answers(
        self,
        file: Path,
        hub: Hub,
        run: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
        fault: str,
    ) -> None:
        import huggingface_hub.constants

        monkeypatch.setattr("kernel_schema.hub.client.time.sleep", lambda _: None)
        if fault == "offline":
            monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        elif fault == "down":
            hub.close()
        else:
            hub.faults.append(Fault("/refs", status=503))
        code, _, err, _ = run()
        assert code == 2
        assert "error[hub-unreachable]" in err
        assert file.read_text() == CONFIG
        assert not (file.parent / "kernels.yaml.lock").exists()

    def test_a_lock_that_cannot_be_used_is_not_replaced(
        self, file: Path, run: Callable[..., Any]
    ) -> None:
        (file.parent / "kernels.yaml.lock").write_text("mine", encoding="utf-8")
        code, _, err, asked = run()
        assert (code, asked) == (1, 0)
        assert "error[unusable-lockfile]" in err
        assert (file.parent / "kernels.yaml.lock").read_text() == "mine"

    def test_what_is_not_written_is_not_told(self, file: Path, run: Callable[..., Any]) -> None:
        file.write_text(f"lockfile: no/such/folder.lock\n{CONFIG}", encoding="utf-8")
        code, out, err, _ = run()
        assert (code, out) == (2, "")
        assert "cannot be written" in err

    def test_in_a_base(
        self, file: Path, run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Told as `check` tells it: with its line, but for a base that lies elsewhere."""
        base = CONFIG.replace("norm@v1", "nope")
        (file.parent / "base.yaml").write_text(base, encoding="utf-8")
        file.write_text("extends: base.yaml\nkernel_mapping: {}\n", encoding="utf-8")
        code, _, err, _ = run()
        assert code == 1
        assert "base.yaml:3:6: error[unknown-kernel-repository]" in err
        assert "3 |   A: trusted-org/nope:DemoNorm" in err
        (file.parent / "inside").mkdir()
        file.rename(file.parent / "inside" / file.name)
        inside = file.parent / "inside" / file.name
        inside.write_text("extends: ../base.yaml\nkernel_mapping: {}\n", encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(inside.parent)
            assert run()[0] == 1
            _, _, err, _ = run()
            assert "error[unknown-kernel-repository]" in err
            assert "nope" not in err
            assert main(["fetch", file.name, "--target", "torch2.13-cpu"]) == 1
            assert "nope" not in capsys.readouterr().err

    def test_of_the_lock_are_told_where_it_is_named(
        self, file: Path, run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text(f"{CONFIG}lockfile: my.lock\n", encoding="utf-8")
        assert main(["fetch", "kernels.yaml", "--target", "torch2.13-cpu"]) == 1
        assert "kernels.yaml:5:11: error[missing-lockfile]" in capsys.readouterr().err
        (file.parent / "my.lock").write_text("mine", encoding="utf-8")
        code, _, err, _ = run()
        assert code == 1
        assert "kernels.yaml:5:11: error[unusable-lockfile]" in err

    def test_standard_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["lock", "-"]) == 2
        assert "its lock lies beside it" in capsys.readouterr().err


class TestExport:
    def test_is_what_kernels_reads(self, file: Path, run: Callable[..., Any]) -> None:
        run()
        assert run("--export", "kernels.lock") == (0, "", "", 0)
        text = (file.parent / "kernels.lock").read_text()
        assert json.loads(text) == json.loads(lock_of(file).as_kernels_lock())
        assert run("--export", "-")[1] == text

    def test_reads_the_lock_and_never_makes_it(self, file: Path, run: Callable[..., Any]) -> None:
        code, _, err, asked = run("--export", "kernels.lock")
        assert (code, asked) == (1, 0)
        assert "there is no lock file" in err
        assert not (file.parent / "kernels.lock").exists()


class TestBillOfMaterials:
    def test_is_printed_of_what_is_locked(self, run: Callable[..., Any]) -> None:
        pytest.importorskip("cyclonedx")
        code, _, err, asked = run("--sbom")
        assert (code, asked) == (1, 0)
        assert "there is no lock file" in err
        run()
        code, out, _, asked = run("--sbom")
        assert (code, asked) == (0, 0)
        assert json.loads(out)["specVersion"] == "1.6"
        assert run("--sbom", "--check")[0] == 2


FORMATS = {
    "k.yaml": ("kernel_mapping: {}\n", "lockfile: k.yaml.lock\nkernel_mapping: {}\n"),
    "flow.yaml": ("{kernel_mapping: {}}\n", '{lockfile: "flow.yaml.lock", kernel_mapping: {}}\n'),
    "crlf.yaml": (
        "# a\r\n---\r\n  kernel_mapping: {}\r\n",
        "# a\r\n---\r\n  lockfile: crlf.yaml.lock\r\n  kernel_mapping: {}\r\n",
    ),
    "mark.yaml": ("\ufeffkernel_mapping: {}", "\ufefflockfile: mark.yaml.lock\nkernel_mapping: {}"),
    "a b.yaml": ("kernel_mapping: {}\n", 'lockfile: "a b.yaml.lock"\nkernel_mapping: {}\n'),
    "k.json": ('{"kernel_mapping": {}}', '{"lockfile": "k.json.lock", "kernel_mapping": {}}'),
    "deep.json": (
        '{\n  "kernel_mapping": {}\n}\n',
        '{\n  "lockfile": "deep.json.lock",\n  "kernel_mapping": {}\n}\n',
    ),
    "k.toml": (
        "#:schema ./k.json\n\n[kernel_mapping]\n",
        '#:schema ./k.json\n\nlockfile = "k.toml.lock"\n\n[kernel_mapping]\n',
    ),
    "bare.toml": (
        "inherit_mapping = false\n[kernel_mapping]\n",
        'lockfile = "bare.toml.lock"\ninherit_mapping = false\n[kernel_mapping]\n',
    ),
    "pyproject.toml": (
        '[project]\nname = "x"\n\n[tool.kernel-schema.kernel_mapping]\n',
        (
            '[project]\nname = "x"\n\n[tool.kernel-schema]\nlockfile = "pyproject.toml.lock"\n'
            "\n[tool.kernel-schema.kernel_mapping]\n"
        ),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_key_in_every_format(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before, after = FORMATS[name]
    file = tmp_path / name
    file.write_bytes(before.encode())
    assert main(["lock", "-q", name]) == 0
    assert file.read_bytes() == after.encode()
    assert ks.load(file).lockfile == str(tmp_path / f"{name}.lock")
    assert main(["lock", "-q", "--check", name]) == 0


def test_a_table_of_a_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.kernel-schema]  # here\nkernel_mapping = {}\n", encoding="utf-8")
    assert main(["lock", "-q", "pyproject.toml"]) == 0
    assert file.read_text() == (
        '[tool.kernel-schema]  # here\nlockfile = "pyproject.toml.lock"\nkernel_mapping = {}\n'
    )
