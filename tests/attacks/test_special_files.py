"""Pipes, devices, directories, huge files and links in the place of ours: told at once."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.checking import BAD, COMMAND, GOOD, in_a_folder_of_its_own, run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_a_folder_of_its_own"]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
MEBIBYTE = 2**20
LIMIT = 700 * MEBIBYTE
HUGE = 4 * 2**30
TABLE = "[tool.kernel-schema]\nkernel_mapping = {}\n"
NOBODY = "nobody writes to this pipe"
DEVICE = "it leads to a device, and is no file"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    # Of all devices the one that anybody can open and nobody ever writes to.
    path.symlink_to("/dev/ptmx")


def directory(path: Path) -> None:
    path.mkdir()


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(HUGE)


KINDS = (fifo, zeros, terminal, directory, huge)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def limited(*arguments: str, program: list[str] | None = None) -> tuple[int, str, str]:
    """Run a command that may use little memory, and has to end by itself."""
    import resource

    done = subprocess.run(
        [*(program or COMMAND), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
    )
    assert "Traceback" not in done.stderr
    assert "MemoryError" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
class TestInThePlaceOfAConfig:
    @each_kind
    def test_named(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        kind(tmp_path / "kernels.yaml")
        code, out, err = limited("check", "kernels.yaml")
        told: dict[object, tuple[int, str]] = {
            fifo: (2, NOBODY),
            zeros: (2, DEVICE),
            terminal: (2, DEVICE),
        }
        told |= {directory: (0, "no config file was found there"), huge: (1, "file-too-large")}
        assert (code, told[kind][1] in out + err) == (told[kind][0], True)
        for command in (["convert", "--to", "json"], ["attach"]):
            assert limited(*command, "kernels.yaml")[0] in {1, 2}

    @each_kind
    def test_found(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "a.kernels.yaml").write_text(GOOD)
        kind(tmp_path / "kernels.yaml")
        code, out, _ = limited("check", ".")
        assert code == (kind is huge)
        assert f"Checked {1 + (kind is huge)} file" in out

    @each_kind
    def test_a_pyproject(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "a.kernels.yaml").write_text(GOOD)
        kind(tmp_path / "pyproject.toml")
        code, out, _ = limited("check", ".")
        assert code == (kind is huge)
        assert ("pyproject.toml:1:1: error[file-too-large]" in out) == (kind is huge)

    def test_a_pyproject_is_ours_within_the_limit_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "pyproject.toml").write_text(f"{TABLE}# {'x' * 5000}\n")
        assert run(capsys, ".")[0] == 0
        code, out, _ = run(capsys, ".", "--max-bytes", "1000")
        assert (code, "file-too-large" in out) == (1, True)


@pytest.mark.slow
class TestInThePlaceOfASchema:
    @each_kind
    def test_beside_a_config(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "kernels.yaml").write_text(GOOD)
        kind(tmp_path / "kernel-config.schema.json")
        code, _, err = limited("attach", "kernels.yaml")
        assert code == 2
        assert "kernel-config.schema.json" in err
        assert (tmp_path / "kernels.yaml").read_text() == GOOD

    @each_kind
    def test_to_check(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        kind(tmp_path / "schema.json")
        code, out, err = limited("schema", "--check", "-o", "schema.json")
        assert code == (1 if kind is huge else 2)
        assert "schema.json" in out + err


@pytest.mark.slow
class TestInThePlaceOfALock:
    # One process for all of them: to import kernels takes seconds.
    LOWER = """
import sys
import kernel_schema as ks
for lockfile in sys.argv[1:]:
    try:
        entry = {"kernel": "org/repo:L", "lockfile": lockfile}
        ks.lower(ks.KernelConfig({"A": entry}), device="cpu")
    except ks.LoweringError as error:
        print(error.diagnostics[0].code, error.diagnostics[0].message)
"""

    @each_kind
    def test_checked(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        self.write(tmp_path)
        kind(tmp_path / "k.lock")
        code, out, _ = limited("check", "a.kernels.yaml")
        assert code == (kind is not huge)
        assert ("missing-lockfile" in out) == (kind is not huge)

    def test_lowered(self, tmp_path: Path) -> None:
        pytest.importorskip("kernels")
        for kind in KINDS:
            kind(tmp_path / kind.__name__)
        done = subprocess.run(
            [sys.executable, "-c", self.LOWER, *(f"./{kind.__name__}" for kind in KINDS)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert done.stdout.splitlines() == [
            f"unusable-lockfile the lock file `./{kind.__name__}` "
            + ("is larger than 10000000 bytes" if kind is huge else "is no regular file")
            for kind in KINDS
        ]

    def test_with_a_secret(self, tmp_path: Path) -> None:
        pytest.importorskip("kernels")
        import kernel_schema as ks

        self.write(tmp_path)
        for text in ('"hf_secret"', '["hf_secret"]', '[{"hf_secret": 1}]', "hf_secret: x"):
            (tmp_path / "k.lock").write_text(text)
            with pytest.raises(ks.LoweringError) as caught:
                ks.lower(ks.load("a.kernels.yaml"), device="cpu")
            assert "unusable-lockfile" in str(caught.value)
            assert "hf_secret" not in str(caught.value)

    def write(self, folder: Path) -> None:
        text = "kernel_mapping: {A: {kernel: 'org/repo:L', lockfile: ./k.lock}}\n"
        (folder / "a.kernels.yaml").write_text(text)


@pytest.mark.slow
class TestInThePlaceOfAModel:
    @each_kind
    def test_config_of_a_model(self, kind: Callable[[Path], None], tmp_path: Path) -> None:
        pytest.importorskip("transformers")
        (tmp_path / "model").mkdir()
        kind(tmp_path / "model" / "config.json")
        done = subprocess.run(
            [*COMMAND, "layers", "--model", "./model"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 2
        assert "config.json" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
class TestPipesThatSomebodyWritesTo:
    """What people do with a shell goes on working."""

    def shell(self, line: str, folder: Path) -> tuple[int, str]:
        check = shlex.join([*COMMAND, "check", "--format", "yaml", "--output-format", "concise"])
        done = subprocess.run(
            ["bash", "-c", line.replace("CHECK", check)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=folder,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    @pytest.mark.parametrize(
        "line",
        [
            "CHECK <(cat FILE)",
            "CHECK <(sleep 1.5; cat FILE)",  # longer than we wait for somebody to come
            "cat FILE | CHECK -",
            "(sleep 1.5; cat FILE) | CHECK /dev/stdin",
            "cat FILE | CHECK /dev/fd/0",
            "CHECK /dev/stdin < FILE",
            "mkfifo pipe; cat FILE > pipe & CHECK pipe",
            "mkfifo pipe; cat FILE > pipe & sleep 1.5; CHECK pipe",
        ],
    )
    def test_are_read(self, line: str, tmp_path: Path) -> None:
        (tmp_path / "good").write_text(GOOD)
        (tmp_path / "bad").write_text(BAD)
        assert self.shell(line.replace("FILE", "good"), tmp_path)[0] == 0
        (tmp_path / "pipe").unlink(missing_ok=True)
        code, out = self.shell(line.replace("FILE", "bad"), tmp_path)
        assert code == 1
        assert ":2:10: error[unknown-device]: `hip` is not a device" in out

    def test_large_ones_to_the_end(self, tmp_path: Path) -> None:
        lines = "\n".join(f"  L{index}: org/repo:L" for index in range(20_000))
        (tmp_path / "large").write_text(f"kernel_mapping:\n{lines}\n  Last: org\n")
        code, out = self.shell("CHECK <(cat large)", tmp_path)
        assert code == 1
        assert ":20002:9: error[invalid-kernel-reference]" in out

    def test_empty_ones_are_empty(self, tmp_path: Path) -> None:
        code, out = self.shell("CHECK <(true)", tmp_path)
        assert (code, "error[empty-document]" in out) == (1, True)

    def test_devices_by_their_own_name(self, tmp_path: Path) -> None:
        assert "error[empty-document]" in self.shell("CHECK /dev/null", tmp_path)[1]
        assert "error[file-too-large]" in self.shell("CHECK /dev/zero", tmp_path)[1]


class TestLinksThatLeadAway:
    """Nothing is printed of a file that a stranger's link leads to."""

    SECRET = "hf_0123456789"  # noqa: S105 (nobody's)

    @pytest.fixture
    def repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "repository"
        (folder / "configs").mkdir(parents=True)
        (folder / ".git").mkdir()
        monkeypatch.chdir(folder)
        return folder

    def printed(self, capsys: pytest.CaptureFixture[str], *files: str) -> str:
        """Everything that is printed of files, in each form."""
        forms = ("text", "concise", "json", "github", "sarif")
        texts: list[str] = []
        for form in forms:
            code, out, err = run(capsys, *files, "--output-format", form)
            assert code == 1
            texts += [out, err]
        return "".join(texts)

    @pytest.mark.parametrize(
        "text",
        [
            "TOKEN=SECRET\nOTHER=1\n",
            "SECRET\n",
            "SECRET: 1\n",
            "kernel_mapping: {SECRET: org}\n",
            "kernel_mapping: {A: SECRET}\n",
            "kernel_mapping: {A: {SECRET: 1}}\n",
            "kernel_mapping: {A: ./SECRET:Norm}\n",
            "a: !SECRET b\n",
            "- [SECRET\n",
            "root:SECRET:1:\nx:*:\0\n",
        ],
    )
    def test_their_words_are_not_printed(
        self, text: str, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        secret = tmp_path / "shadow"
        secret.write_text(text.replace("SECRET", self.SECRET))
        for name in ("kernels.yaml", "configs/a.kernels.json", "b.kernels.toml"):
            (repository / name).symlink_to(secret)
            printed = self.printed(capsys, name)
            assert self.SECRET not in printed
            assert f"{name}:" in printed
            assert "link leads" in printed
            # To see it, say that you want to.
            assert str(secret) in printed
        assert self.SECRET not in self.printed(capsys, ".")
        from kernel_schema.cli.main import main

        for command in (["convert", "--to", "json"], ["attach"]):
            code = main([*command[:1], "kernels.yaml", *command[1:]])
            printed = "".join(capsys.readouterr())
            # To write a valid config is what `convert` is for.
            assert self.SECRET not in printed or (code, command[0]) == (0, "convert")

    def test_nor_those_of_the_environment(
        self, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if not Path("/proc/self/environ").exists():
            pytest.skip("needs /proc")
        (repository / "kernels.yaml").symlink_to("/proc/self/environ")
        done = subprocess.run(
            [*COMMAND, "check", "kernels.yaml"],
            env=os.environ | {"HF_TOKEN": self.SECRET},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert self.SECRET not in done.stdout + done.stderr

    def test_nor_through_folders(
        self, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "kernels.yaml").write_text(self.SECRET)
        (repository / "link").symlink_to(tmp_path / "elsewhere")
        assert self.SECRET not in self.printed(capsys, "link/kernels.yaml")

    def test_nor_from_a_repository_elsewhere(
        self,
        tmp_path: Path,
        repository: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "shadow").write_text(self.SECRET)
        (repository / "kernels.yaml").symlink_to(tmp_path / "shadow")
        for folder in (Path("/"), tmp_path / "other"):
            folder.mkdir(exist_ok=True)
            monkeypatch.chdir(folder)
            assert self.SECRET not in self.printed(capsys, str(repository))
            assert self.SECRET not in self.printed(capsys, str(repository / "kernels.yaml"))

    def test_where_they_stay_everything_is_shown(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # As Kubernetes mounts files, and as a repository shares one among folders.
        (repository / "..data").mkdir()
        (repository / "..data" / "kernels.yaml").write_text(BAD)
        (repository / "kernels.yaml").symlink_to("..data/kernels.yaml")
        (repository / "configs" / "kernels.yaml").symlink_to("../kernels.yaml")
        monkeypatch.chdir(repository / "configs")
        for file in ("kernels.yaml", "../kernels.yaml", str(repository / "kernels.yaml")):
            _, out, _ = run(capsys, file)
            assert "2 |   SiLU: {hip: org/repo:SiLU}\n" in out

    def test_what_is_named_itself_is_shown(
        self, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "kernels.yaml").write_text(BAD)
        for file in ("../kernels.yaml", str(tmp_path / "kernels.yaml")):
            _, out, _ = run(capsys, file)
            assert "2 |   SiLU: {hip: org/repo:SiLU}\n" in out

    def test_codes_and_places_stay(
        self, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "target.yaml").write_text(BAD)
        (repository / "kernels.yaml").symlink_to(tmp_path / "target.yaml")
        _, out, _ = run(capsys, "kernels.yaml", "--output-format", "json")
        found = json.loads(out)["diagnostics"]
        assert [(one["code"], one["line"], one["column"], one["route"]) for one in found] == [
            ("unknown-device", 2, 10, []),
            ("invalid-kernel-reference", 3, 12, []),
        ]

    def test_pipes_have_no_excerpt(self, tmp_path: Path) -> None:
        (tmp_path / "bad").write_text(BAD)
        check = shlex.join([*COMMAND, "check", "--format", "yaml"])
        done = subprocess.run(
            ["bash", "-c", f"{check} <(cat bad)"], capture_output=True, text=True, check=False
        )
        assert "`hip` is not a device" in done.stdout
        assert "SiLU: {" not in done.stdout
