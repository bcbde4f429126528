"""Default tables of a transformers that is not installed: read as text, whatever the text is."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest

from kernel_schema.integrations.default_table import (
    DefaultTableError,
    Unread,
    read_default_table,
)
from kernel_schema.integrations.transformers import default_rules
from tests.lowering.subprocesses import run_code

pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = Path(str(transformers.__file__)).parent
SOURCE = (INSTALLED / "integrations" / "hub_kernels.py").read_text(encoding="utf-8")
NAME = "transformers/integrations/hub_kernels.py"


def make_wheel(
    folder: Path, source: str | bytes, *, compression: int = ZIP_DEFLATED, name: str = NAME
) -> str:
    """A wheel with that source for the module of the table."""
    path = folder / "transformers-9.0.0-py3-none-any.whl"
    with ZipFile(path, "w", compression) as archive:
        archive.writestr("transformers/__init__.py", '"""..."""\n\n__version__ = "9.0.0"\n')
        archive.writestr(name, source)
    return str(path)


def in_a_table(entries: str) -> str:
    """A module with a table of these entries, in place of that of transformers."""
    return f"import sys\n_KERNEL_MAPPING = {{\n{entries}\n}}\n"


class TestOracle:
    def test_the_installed_table_entry_by_entry(self) -> None:
        """Reading says what importing gives."""
        table = read_default_table(str(INSTALLED))
        assert table.unread == ()
        assert table.version == transformers.__version__
        imported = default_rules()
        assert len(imported) > 50
        for read, rule in zip(table.rules, imported, strict=True):
            assert read == rule

    @pytest.mark.parametrize("place", [INSTALLED, INSTALLED.parent])
    def test_a_folder_of_either_kind(self, place: Path) -> None:
        assert read_default_table(str(place)).rules == default_rules()

    def test_a_checkout(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "transformers").symlink_to(INSTALLED)
        assert read_default_table(str(tmp_path)).rules == default_rules()

    def test_a_wheel(self, tmp_path: Path) -> None:
        table = read_default_table(make_wheel(tmp_path, SOURCE))
        assert (table.version, table.rules, table.unread) == ("9.0.0", default_rules(), ())

    @pytest.mark.slow
    def test_5_24_as_kernels_relabelled_imports_it(self, wheel: Path, unpacked: Path) -> None:
        table = read_default_table(str(wheel))
        assert (table.version, table.unread) == ("5.24.0", ())
        code = (
            "from kernel_schema.integrations.transformers import default_rules\n"
            "print(*map(repr, default_rules()), sep='\\n')"
        )
        done = run_code(code, first_on_path=unpacked)
        assert done.stdout.splitlines() == [repr(rule) for rule in table.rules]
        before = {rule.layer_name: rule for rule in default_rules()}
        changed = {rule.layer_name for rule in {*table.rules} ^ {*default_rules()}}
        assert (len(changed), len(before)) == (13, 28)


UNREAD: dict[str, tuple[str, str | None]] = {
    "a call": ('"A": {"cuda": build()},', "A"),
    "a name": ('"A": {"cuda": KERNEL},', "A"),
    "a spread": ('"A": {"cuda": {**OTHERS}},', "A"),
    "a spread of devices": ('"A": {**OTHERS},', "A"),
    "a spread of layers": ("**OTHERS,", None),
    "a computed name": ('"A" + "B": {"cuda": 5},', None),
    "no table of devices": ('"A": table(),', "A"),
    "a comprehension": ('"A": {"cuda": {mode: 5 for mode in Mode}},', "A"),
    "a computed version": (
        '"A": {"cuda": LayerRepository("o/r", layer_name="L", version=1 + 1)},',
        "A",
    ),
    "options in a table": ('"A": {"cuda": LayerRepository("o/r", **OPTIONS)},', "A"),
    "an argument of another kernels": (
        '"A": {"cuda": LayerRepository("o/r", layer_name="L", version=1, newer=True)},',
        "A",
    ),
    "no pin": ('"A": {"cuda": LayerRepository("o/r", layer_name="L")},', "A"),
    "no text": ('"A": {"cuda": LayerRepository(5, layer_name="L", version=1)},', "A"),
    "another class": ('"A": {"cuda": LockedLayerRepository("o/r", lockfile="/x")},', "A"),
    "a mode of another kernels": (
        '"A": {"cuda": {Mode.NEWER: LayerRepository("o/r", layer_name="L", version=1)}},',
        "A",
    ),
    "modes that exclude each other": (
        '"A": {"cuda": {Mode.INFERENCE | Mode.TRAINING: LayerRepository("o/r", version=1)}},',
        "A",
    ),
    "a mode in text": ('"A": {"cuda": {"x" | "y": 5}},', "A"),
    "a range upside down": (
        '"A": {Device("cuda", CUDAProperties(90, 80)): LayerRepository("o/r", version=1)},',
        "A",
    ),
    "a device of another kind": ('"A": {5: LayerRepository("o/r", version=1)},', "A"),
    "a text": ('"A": {"cuda": "o/r:L"},', "A"),
}


class TestWhatOnlyRunningItWouldTell:
    """It is told by name, and what stands beside it is read."""

    @pytest.mark.parametrize("case", UNREAD)
    def test_an_expression(self, case: str, tmp_path: Path) -> None:
        entry, layer_name = UNREAD[case]
        good = '"Good": {"cpu": LayerRepository("o/r", layer_name="L", version=1)},'
        table = read_default_table(make_wheel(tmp_path, in_a_table(f"{good}\n{entry}")))
        assert [rule.layer_name for rule in table.rules] == ["Good"]
        assert table.unread == (Unread(layer_name, 4, entry),)

    @pytest.mark.parametrize(
        "statement",
        [
            "_KERNEL_MAPPING['A'] = None",
            "del _KERNEL_MAPPING['A']",
            "_KERNEL_MAPPING.update(others)",
            "_KERNEL_MAPPING |= others",
            "_KERNEL_MAPPING = merged(_KERNEL_MAPPING)",
            "_KERNEL_MAPPING = {}",
        ],
    )
    def test_a_table_that_is_changed_later(self, statement: str, tmp_path: Path) -> None:
        source = f"{in_a_table('')}if True:\n    {statement}\n"
        table = read_default_table(make_wheel(tmp_path, source))
        assert table.unread == (Unread(None, 6, statement),)
        assert str(table.unread[0]) == (
            f"its default table cannot be read in line 6: `{statement}`"
        )

    def test_names_and_literals_are_all_that_is_needed(self, tmp_path: Path) -> None:
        entries = """
            "A": {
                "cpu": {},
                Device("cuda", CUDAProperties(90, sys.maxsize)): {
                    Mode.TRAINING | Mode.TORCH_COMPILE: LayerRepository(
                        "o/r", layer_name="L", revision="x", trust_remote_code=["o/r"]
                    )
                },
            },
        """
        table = read_default_table(make_wheel(tmp_path, in_a_table(entries)))
        assert table.unread == ()
        original, ranged = table.rules
        assert original.kernel is None
        assert str(ranged.capabilities) == "capability 90 and above"
        assert (str(ranged.kernel), ranged.mode) == ("o/r@x:L", "training_torch_compile")

    def test_its_line_is_one_of_python(self, tmp_path: Path) -> None:
        """Of a file that has what only `str.splitlines` takes for an end of a line."""
        entry = '"A": {"cuda": build()},'
        source = f"separator = '\u2028'  # \x0c \x85\r\n{in_a_table(entry)}"
        table = read_default_table(make_wheel(tmp_path, source))
        assert table.unread == (Unread("A", 4, entry),)

    def test_is_shown_as_text(self, tmp_path: Path) -> None:
        entry = '"A": {"cuda": f("\x1b[2J' + "x" * 5000 + '")},'
        (unread,) = read_default_table(make_wheel(tmp_path, in_a_table(entry))).unread
        assert "\x1b" not in str(unread)
        assert len(str(unread)) < 400


def _file(folder: Path, raw: bytes) -> str:
    path = folder / "x.whl"
    path.write_bytes(raw)
    return str(path)


def _damaged(folder: Path) -> str:
    raw = bytearray(Path(make_wheel(folder, SOURCE)).read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 64] = b"\xff" * 64
    return _file(folder, bytes(raw))


REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "not there": (lambda folder: str(folder / "no.whl"), "No such file"),
    "no zip": (lambda folder: _file(folder, b"no zip"), "it is no wheel"),
    "empty": (lambda folder: _file(folder, b""), "it is no wheel"),
    "cut off": (
        lambda folder: _file(folder, Path(make_wheel(folder, SOURCE)).read_bytes()[:-30]),
        "it is no wheel",
    ),
    "damaged": (_damaged, "it is no wheel"),
    "of another package": (
        lambda folder: make_wheel(folder, SOURCE, name="other/hub_kernels.py"),
        f"there is no {NAME} in it",
    ),
    "a folder of something else": (str, "there is no transformers/integrations/hub_kernels.py"),
    "another compression": (
        lambda folder: make_wheel(folder, SOURCE, compression=ZIP_BZIP2),
        "compressed in a way",
    ),
    "not Python": (
        lambda folder: make_wheel(folder, "def ("),
        "integrations/hub_kernels.py:1: this is not Python",
    ),
    "nested deep": (lambda folder: make_wheel(folder, "(" * 100_000), "this is not Python"),
    "signs without end": (
        lambda folder: make_wheel(folder, f"x = {'-' * 100_000}1"),
        "this is not Python",
    ),
    "a null character": (lambda folder: make_wheel(folder, "x\0"), "this is not Python"),
    "not UTF-8": (lambda folder: make_wheel(folder, b"\xff"), "its source is not UTF-8"),
    "no table": (lambda folder: make_wheel(folder, "x = 1"), "states no table"),
    "another user": (lambda folder: "~nobody/x.whl", "another user"),
    "a null in the name": (lambda folder: "x\0.whl", "null"),
    "a device": (lambda folder: "/dev/zero", ""),
}


class TestHostile:
    @pytest.mark.parametrize("case", REFUSED)
    def test_no_table(self, case: str, tmp_path: Path) -> None:
        build, words = REFUSED[case]
        with pytest.raises(DefaultTableError) as caught:
            read_default_table(build(tmp_path))
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ("place", "wanted"),
        [
            ("transformers==5.24.0", "transformers==5.24.0"),
            ("transformers>=5.23", "transformers>=5.23"),
            ("transformers", "transformers"),
            ("5.24.0", "transformers==5.24.0"),
        ],
    )
    def test_a_version(
        self, place: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DefaultTableError) as caught:
            read_default_table(place)
        assert str(caught.value).endswith(f": pip download --no-deps '{wanted}'")

    @pytest.mark.parametrize(
        "case",
        [*(pytest.param(case, marks=pytest.mark.slow) for case in ("bomb", "directory")), "sparse"],
    )
    def test_takes_no_memory(self, case: str, tmp_path: Path) -> None:
        """What unpacks to far more than it is, has millions of members, or is itself large."""
        path = tmp_path / "transformers-9.0.0-py3-none-any.whl"
        if case == "bomb":
            with ZipFile(path, "w", ZIP_DEFLATED) as archive:
                archive.writestr("transformers/__init__.py", "")
                with archive.open(NAME, "w") as file:
                    for _ in range(300):
                        file.write(bytes(1_000_000))
        elif case == "directory":
            entry = struct.pack("<4s42x", b"PK\x01\x02")
            members = entry * 2_000_000
            end = struct.pack("<4s4x2HIIH", b"PK\x05\x06", 0, 0, len(members), 0, 0)
            path.write_bytes(members + end)
        else:
            with path.open("wb") as file:
                file.truncate(10_000_000_000)
        code = f"""
import resource, kernels
from kernel_schema.integrations import default_table
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {150 if case == "bomb" else 400}_000_000,) * 2)
try:
    default_table.read_default_table({str(path)!r})
except default_table.DefaultTableError as error:
    print(error)
"""
        done = run_code(code)
        assert ("larger than" if case != "directory" else "more than 50000 files") in done.stdout

    def test_nothing_of_it_is_run_or_imported(self, tmp_path: Path) -> None:
        trap = f"open({str(tmp_path / 'run')!r}, 'w')\nraise SystemExit(3)\n"
        wheel = make_wheel(tmp_path, trap + SOURCE)
        code = (
            "import sys\n"
            "from kernel_schema.integrations.default_table import read_default_table\n"
            f"print(len(read_default_table({wheel!r}).rules), 'transformers' in sys.modules)"
        )
        done = run_code(code)
        assert done.stdout.split() == [str(len(default_rules())), "False"]
        assert not (tmp_path / "run").exists()

    def test_names_in_it_lead_nowhere(self, tmp_path: Path) -> None:
        path = Path(make_wheel(tmp_path, SOURCE))
        with ZipFile(path, "a") as archive:
            archive.writestr("../../outside.py", "x")
            archive.writestr("/absolute.py", "x")
        before: set[Any] = set(tmp_path.parent.iterdir())
        assert read_default_table(str(path)).rules == default_rules()
        assert set(tmp_path.parent.iterdir()) == before
        assert sys.path.count(str(path)) == 0
