"""Files are never lost: whatever is in the way, a file holds its old content or its new one."""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import mkdtemp
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.files.atomic import create_file, replace_file
from tests.attacks.writers import LARGE
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, modes and signals of POSIX")
needs_root = pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="needs root")

CONFIG = ks.KernelConfig({"A": "org/repo:A"})
TEXT = "kernel_mapping:\n  A: org/repo:A\n"
OTHER = 65_534
WHOLE = "its folder does not let it be replaced as a whole, and it was left as it is"
PACKAGE = Path(ks.__file__).parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where to work; nothing temporary may be left in it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not list(tmp_path.rglob(".kernel-schema-*"))


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "kernels.yaml"
    path.write_text(TEXT)
    return path


def refused(*, match: str) -> Any:
    return pytest.raises(ks.FileAccessError, match=match)


def test_nothing_else_writes_files() -> None:
    """Every file is written through the one module that does it whole."""
    writers: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            modes = [one.value for one in node.args if isinstance(one, ast.Constant)]
            opens = name in {"open", "fdopen"} and any(
                isinstance(mode, str) and re.fullmatch(r"[rwaxbt+]*[wax+][rwaxbt+]*", mode)
                for mode in modes
            )
            if opens or name in {"write_text", "write_bytes", "mkstemp", "NamedTemporaryFile"}:
                writers.add(path.relative_to(PACKAGE).as_posix())
    # Standard streams that are closed get something to write to: nothing. And the config.json of a
    # model is written into a folder made for it, which nobody else reads. Messages of the language
    # server go to standard output, by another descriptor.
    assert writers == {
        *("files/atomic.py", "cli/output/terminal.py", "integrations/pretrained.py"),
        *("cli/commands/server.py", "server/model_worker.py"),
    }


class TestConcurrently:
    def test_readers_see_whole_documents(self, file: Path) -> None:
        configs = [CONFIG, ks.KernelConfig({f"L{n}": "org/repo:L" for n in range(500)})]
        stop = threading.Event()
        seen: list[ks.KernelConfig] = []
        failed: list[BaseException] = []

        def read() -> None:
            try:
                while not stop.is_set():
                    seen.append(ks.load(file))
            except BaseException as error:  # noqa: BLE001 (told by the test)
                failed.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for turn in range(40):
            ks.dump(configs[turn % 2], file)
        stop.set()
        for reader in readers:
            reader.join()
        assert not failed
        assert len(seen) > 1
        assert all(config in configs for config in seen)

    @pytest.mark.parametrize(
        "action", [pytest.param("kill", marks=pytest.mark.slow), "interrupt", "race"]
    )
    def test_writers(self, action: str, tmp_path: Path) -> None:
        done = run_python("-m", "tests.attacks.writers", action, str(tmp_path))
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("step", ["fsync", "replace", "fchmod", "write"])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(5, "Input/output")])
    def test_whatever_is_raised_meanwhile(
        self, step: str, error: Any, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*arguments: object, **options: object) -> None:
            raise error

        owner = os if step in {"fsync", "fchmod"} else Path
        if step == "write":
            monkeypatch.setattr(os, "fdopen", fail)
        else:
            monkeypatch.setattr(owner, step, fail)
        expected = ks.FileAccessError if isinstance(error, OSError) else error
        with pytest.raises(expected):
            replace_file(str(file), LARGE)
        monkeypatch.undo()
        assert file.read_text() == TEXT


class TestChangedMeanwhile:
    @pytest.mark.parametrize("now", ["", TEXT[:-1], f"{TEXT}# mine\n", "x" * len(TEXT)])
    def test_an_edit_stays(self, now: str, file: Path) -> None:
        file.write_text(now)
        with refused(match="was changed while we worked on it: nothing was written"):
            replace_file(str(file), "ours", previous=TEXT.encode())
        assert file.read_text() == now

    def test_a_removed_file_does_not_come_back(self, file: Path) -> None:
        file.unlink()
        with refused(match="was changed while we worked on it"):
            replace_file(str(file), "ours", previous=TEXT.encode())
        assert not file.exists()

    def test_a_touched_file_is_not_changed(self, file: Path) -> None:
        os.utime(file, (1, 1))
        replace_file(str(file), "ours", previous=TEXT.encode())
        assert file.read_text() == "ours"

    def test_attach(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The user saves the file while the model is being built."""
        pytest.importorskip("torch")
        Path("editing.py").write_text(
            "import torch\n\n"
            "def build():\n"
            "    with open('kernels.yaml', 'a') as file:\n"
            "        file.write('# mine\\n')\n"
            "    return torch.nn.ReLU()\n"
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", list(sys.path))
            assert main(["attach", "kernels.yaml", "--model", "editing:build"]) == 2
            sys.modules.pop("editing", None)
        assert capsys.readouterr().err.endswith(
            "kernel-schema: error: `kernels.yaml` was changed while we worked on it: nothing was "
            "written\n  help: try again\n"
        )
        assert file.read_text() == f"{TEXT}# mine\n"


class TestNoSpace:
    LIMIT = """
        import resource, sys
        from kernel_schema.cli.main import main
        # Python ignores the signal: what writes too much gets an error.
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        try:
            sys.exit(main(sys.argv[1:]))
        finally:
            sys.stderr.flush()
    """

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["attach", "kernels.yaml", "--schema", "https://host/x.json"], "kernels.yaml"),
            (["attach", "kernels.yaml"], "kernel-config.schema.json"),
            (["schema", "-o", "new.json"], "new.json"),
            (["schema", "-o", "kernels.yaml", "--force"], "kernels.yaml"),
        ],
    )
    def test_files_have_a_limit(self, arguments: list[str], named: str, file: Path) -> None:
        done = run_python("-c", dedent(self.LIMIT), *arguments)
        assert done.returncode == 2
        expected = f"kernel-schema: error: `{named}` cannot be written: File too large\n"
        assert done.stderr == expected
        assert file.read_text() == TEXT
        assert [path.name for path in Path.cwd().iterdir()] == ["kernels.yaml"]

    @needs_root
    def test_the_disk_is_full(self, tmp_path: Path) -> None:
        if shutil.which("unshare") is None:
            pytest.skip("needs unshare")
        script = f"""
            set -e
            mount -t tmpfs -o size=64k none "$1" || exit 77
            cd "$1"
            printf '{TEXT.encode("unicode_escape").decode()}' > kernels.yaml
            cp kernels.yaml before
            head -c 100000 /dev/zero > filler 2>/dev/null || true
            code=0
            "$2" -m kernel_schema attach kernels.yaml --schema https://host/x.json || code=$?
            cmp kernels.yaml before
            ls -A
            exit $code
        """
        command = ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable]
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode in {1, 77}:
            pytest.skip(f"nothing can be mounted here: {done.stderr}")
        assert done.returncode == 2, done.stderr
        assert done.stderr == (
            "kernel-schema: error: `kernels.yaml` cannot be written: No space left on device\n"
        )
        assert done.stdout.split() == ["before", "filler", "kernels.yaml"]


class TestLinks:
    def test_symbolic_links_are_followed(self, file: Path) -> None:
        Path("deep").mkdir()
        Path("deep/one.yaml").symlink_to("../kernels.yaml")
        Path("two.yaml").symlink_to("deep/one.yaml")
        ks.dump(ks.KernelConfig({}), "two.yaml")
        assert Path("deep/one.yaml").is_symlink()
        assert Path("two.yaml").is_symlink()
        assert not file.is_symlink()
        assert file.read_text() == "kernel_mapping: {}\n"

    def test_in_the_place_of_nothing(self, folder: Path) -> None:
        Path("link.yaml").symlink_to("new.yaml")
        ks.dump(CONFIG, "link.yaml")
        assert Path("link.yaml").is_symlink()
        assert Path("new.yaml").read_text() == TEXT

    def test_loops(self, folder: Path) -> None:
        Path("a.yaml").symlink_to("b.yaml")
        Path("b.yaml").symlink_to("a.yaml")
        with refused(match="`a.yaml` cannot be written: Too many levels of symbolic links"):
            ks.dump(CONFIG, "a.yaml")
        assert Path("a.yaml").is_symlink()

    def test_hard_links_are_separated(self, file: Path) -> None:
        Path("other.yaml").hardlink_to(file)
        ks.dump(ks.KernelConfig({}), file)
        assert Path("other.yaml").read_text() == TEXT
        assert file.read_text() == "kernel_mapping: {}\n"

    def test_a_link_is_no_way_into_pyproject(self, folder: Path) -> None:
        Path("pyproject.toml").write_text("[project]\n")
        Path("kernels.toml").symlink_to("pyproject.toml")
        with refused(match="`kernels.toml` holds more than a config"):
            ks.dump(CONFIG, "kernels.toml")
        assert main(["attach", "kernels.toml"]) == 2
        assert Path("pyproject.toml").read_text() == "[project]\n"


class TestRights:
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o444 | 0o200, 0o755])
    def test_the_mode_stays(self, mode: int, file: Path) -> None:
        file.chmod(mode)
        ks.dump(ks.KernelConfig({}), file)
        assert stat.S_IMODE(file.stat().st_mode) == mode

    def test_privileges_do_not(self, file: Path) -> None:
        file.chmod(0o6755)
        ks.dump(ks.KernelConfig({}), file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o755

    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_a_new_file_has_what_the_umask_says(self, umask: int, mode: int, folder: Path) -> None:
        before = os.umask(umask)
        try:
            create_file("a", "")
            replace_file("b", "")
        finally:
            os.umask(before)
        assert {stat.S_IMODE(Path(name).stat().st_mode) for name in "ab"} == {mode}

    @needs_root
    def test_the_owner_stays(self, file: Path) -> None:
        os.chown(file, OTHER, OTHER)
        ks.dump(ks.KernelConfig({}), file)
        assert (file.stat().st_uid, file.stat().st_gid) == (OTHER, OTHER)

    def test_attributes_and_access_lists_stay(self, file: Path) -> None:
        if not hasattr(os, "setxattr"):
            pytest.skip("attributes of Linux")
        # As setfacl writes `user:65534:r`: version, then tag, rights and id of each entry.
        entries = [(1, 6, -1), (2, 4, OTHER), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
        access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in entries)
        try:
            os.setxattr(file, "system.posix_acl_access", access)
            os.setxattr(file, "user.note", b"kept")
        except OSError as error:
            pytest.skip(f"no attributes here: {error}")
        mode = file.stat().st_mode
        ks.dump(ks.KernelConfig({}), file)
        assert os.getxattr(file, "system.posix_acl_access") == access
        assert os.getxattr(file, "user.note") == b"kept"
        assert file.stat().st_mode == mode

    AS_ANOTHER = """
        import os, stat, sys
        from pathlib import Path
        import kernel_schema as ks
        # What writing needs is imported now: another user need not be allowed to.
        ks.dumps(ks.KernelConfig({}), format="yaml")
        os.chdir(sys.argv[1])
        os.setgroups([])
        os.setegid(65_534)
        os.seteuid(65_534)
        try:
            ks.dump(ks.KernelConfig({}), "kernels.yaml")
        except ks.FileAccessError as error:
            print(error.diagnostics[0].message)
        os.seteuid(0)
        status = os.stat("kernels.yaml")
        print(Path("kernels.yaml").read_text(), end="")
        print(oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid, os.listdir())
    """

    def as_another(self, folder_mode: int, mode: int) -> str:
        """What another user gets who writes into a file of root."""
        folder = Path(mkdtemp())
        try:
            file = folder / "kernels.yaml"
            file.write_text(TEXT)
            file.chmod(mode)
            os.chown(file, 0, 1)
            folder.chmod(folder_mode)
            done = run_python("-c", dedent(self.AS_ANOTHER), str(folder))
        finally:
            shutil.rmtree(folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @needs_root
    @pytest.mark.parametrize(
        ("folder_mode", "mode", "said"),
        [
            pytest.param(0o777, 0o644, "Permission denied\n", id="read-only file"),
            pytest.param(0o755, 0o666, f"Permission denied: {WHOLE}\n", id="read-only folder"),
            pytest.param(0o1777, 0o666, f"Operation not permitted: {WHOLE}\n", id="sticky folder"),
        ],
    )
    def test_what_must_not_be_replaced(self, folder_mode: int, mode: int, said: str) -> None:
        assert self.as_another(folder_mode, mode) == (
            f"`kernels.yaml` cannot be written: {said}{TEXT}{oct(mode)} 0 1 ['kernels.yaml']\n"
        )

    @needs_root
    def test_no_other_group_gets_what_a_group_had(self) -> None:
        written = "kernel_mapping: {}\n"
        kept = self.as_another(0o777, 0o662)
        assert kept == f"{written}0o622 {OTHER} {OTHER} ['kernels.yaml']\n"


class TestWhatExists:
    def test_schema(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["schema", "-o", "kernels.yaml"]) == 2
        assert capsys.readouterr().err == (
            "kernel-schema: error: kernels.yaml exists and is no schema of ours: pass --force\n"
        )
        assert file.read_text() == TEXT
        assert main(["schema", "-o", "kernels.yaml", "--force"]) == 0
        assert main(["schema", "-o", "kernels.yaml", "--profile", "plain"]) == 0
        assert main(["schema", "-o", "kernels.yaml", "--profile", "plain", "--check"]) == 0

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[" * 100_000,
            "[]",
            '{"$schema": "http://json-schema.org/draft-07/schema#"}',
            '{"$schema": "http://json-schema.org/draft-07/schema#", "properties": 1}',
            '{"$schema": "other", "properties": {"kernel_mapping": {}}}',
            "\xff",
        ],
    )
    def test_what_is_no_schema_of_ours(self, text: str, folder: Path) -> None:
        schema = Path("kernel-config.schema.json")
        schema.write_bytes(text.encode("latin-1"))
        Path("kernels.yaml").write_text(TEXT)
        assert main(["schema", "-o", str(schema)]) == 2
        assert main(["attach", "kernels.yaml"]) == 2
        assert schema.read_bytes() == text.encode("latin-1")
        assert Path("kernels.yaml").read_text() == TEXT

    def test_a_link_that_leads_nowhere(self, folder: Path) -> None:
        pytest.importorskip("torch")
        Path("kernels.yaml").write_text(TEXT)
        for name in ("kernel-config.schema.json", "new.yaml"):
            Path(name).symlink_to("elsewhere")
        assert main(["attach", "kernels.yaml"]) == 2
        assert main(["schema", "-o", "kernel-config.schema.json"]) == 2
        model = "kernel_schema.demo.model:build_model"
        assert main(["init", "--model", model, "-o", "new.yaml"]) == 2
        assert not Path("elsewhere").exists()
        # What is asked for is done.
        assert main(["init", "--model", model, "-o", "new.yaml", "--force"]) == 0
        assert Path("elsewhere").read_text().startswith("# Kernels for")

    def test_directories(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("d").mkdir()
        for arguments in (["schema", "-o", "d"], ["schema", "-o", "d", "--force"]):
            assert main(arguments) == 2
            assert capsys.readouterr().err == (
                "kernel-schema: error: `d` cannot be written: Is a directory\n"
            )
        assert not list(Path("d").iterdir())

    def test_a_file_that_comes_since_we_looked(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Path.hardlink_to

        def late(path: Path, target: Path) -> None:
            path.write_text("theirs")
            real(path, target)

        monkeypatch.setattr(Path, "hardlink_to", late)
        with pytest.raises(FileExistsError):
            create_file("a", "ours")
        assert Path("a").read_text() == "theirs"

    def test_file_systems_without_links(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(path: Path, target: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", no_links)
        create_file("a", "ours")
        assert Path("a").read_text() == "ours"
        monkeypatch.setattr(os.path, "lexists", lambda path: False)
        with pytest.raises(FileExistsError):
            create_file("a", "again")
        assert Path("a").read_text() == "ours"


class TestStreams:
    """What is no regular file is written into: there is nothing to be lost."""

    def run(self, redirected: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
        command = ["sh", "-c", f"'{sys.executable}' -m kernel_schema schema {redirected}"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @pytest.mark.slow
    def test_descriptors(self, folder: Path) -> None:
        schema = self.run("").stdout
        assert self.run("-o /dev/stdout").stdout == schema
        assert self.run("-o /dev/stdout | cat").stdout == schema
        Path("log").write_text("before\n")
        assert self.run("-o /dev/stdout >> log").returncode == 0
        assert Path("log").read_text() == f"before\n{schema}"
        assert self.run("-o /dev/fd/3 3> log").returncode == 0
        assert Path("log").read_text() == schema

    def test_devices(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["schema", "-o", "/dev/null"]) == 0
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
        if Path("/dev/full").exists():
            assert main(["schema", "-o", "/dev/full"]) == 2
            said = "`/dev/full` cannot be written: No space left on device\n"
            assert capsys.readouterr().err.endswith(said)

    def test_named_pipes(self, folder: Path) -> None:
        os.mkfifo("pipe.yaml")
        read: list[str] = []
        reader = threading.Thread(target=lambda: read.append(Path("pipe.yaml").read_text()))
        reader.start()
        ks.dump(CONFIG, "pipe.yaml")
        reader.join()
        assert read == [TEXT]
        with refused(match="`pipe.yaml` cannot be written: it is no regular file"):
            replace_file("pipe.yaml", TEXT, previous=b"")
