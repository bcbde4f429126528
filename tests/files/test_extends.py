"""Configs of several files: what counts, where it is told, and what attacks come to."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.diagnostics import Route
from kernel_schema.files.composition.bases import MAX_CHAIN, MAX_FILES
from kernel_schema.schema.vocabulary import DEVICE_NAMES
from tests.strategies import config_data

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "kernel_mapping: {}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(folder: Path, **texts: str) -> Path:
    """Files by their names, `_` for `/`; gives the path of the last."""
    path = folder
    for name, text in texts.items():
        path = folder / f"{name.replace('_', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path


def entries(path: Path) -> dict[str, Any]:
    return ks.read(path).config.model_dump()["kernel_mapping"]


def told(path: str) -> list[tuple[str, str | None, int]]:
    """What is said of a file, by code, file and line."""
    with pytest.raises(ks.ConfigError) as caught:
        ks.read(path)
    return [
        (each.code, each.file, each.span.line)
        for each in caught.value.diagnostics
        if each.span is not None
    ]


class TestMeaning:
    def test_a_layer_and_device_that_a_file_names_replace_what_bases_say(
        self, tmp_path: Path
    ) -> None:
        base = "kernel_mapping:\n  A: {cuda: o/r:A, cpu: o/r:B}\n  B: {cuda: o/r:A}\n  C: o/r:C\n"
        own = (
            "extends: base.yaml\nkernel_mapping:\n  A: {cuda: o/r:Own}\n  B: original\n  D: o/r:D\n"
        )
        assert entries(write(tmp_path, base=base, own=own)) == {
            "A": {"cuda": "o/r:Own", "cpu": "o/r:B"},
            "B": "original",
            "C": "o/r:C",
            "D": "o/r:D",
        }

    def test_an_entry_without_devices_holds_on_those_that_are_not_named(
        self, tmp_path: Path
    ) -> None:
        base = "kernel_mapping: {A: {training: o/r:T}}\n"
        own = "extends: base.yaml\nkernel_mapping: {A: {cuda: o/r:Own}}\n"
        devices = entries(write(tmp_path, base=base, own=own))["A"]
        assert devices.keys() == set(DEVICE_NAMES)
        assert devices.pop("cuda") == "o/r:Own"
        assert all(entry == {"training": "o/r:T"} for entry in devices.values())

    def test_of_two_bases_the_later_wins(self, tmp_path: Path) -> None:
        one, two = "kernel_mapping: {A: o/r:One}\n", "kernel_mapping: {A: o/r:Two}\n"
        own = f"extends: [one.yaml, two.yaml]\n{EMPTY}"
        assert entries(write(tmp_path, one=one, two=two, own=own)) == {"A": "o/r:Two"}

    @pytest.mark.parametrize(
        ("own", "mid", "one", "two", "inherits"),
        [
            ("", "", "", "", True),
            ("inherit_mapping: true\n", "", "inherit_mapping: false\n", "", True),
            ("", "", "inherit_mapping: false\n", "inherit_mapping: true\n", True),
            ("", "inherit_mapping: false\n", "", "inherit_mapping: true\n", True),
            ("", "inherit_mapping: false\n", "", "", False),
        ],
    )
    def test_inherit_mapping_is_of_the_nearest_file(
        self, tmp_path: Path, own: str, mid: str, one: str, two: str, *, inherits: bool
    ) -> None:
        path = write(
            tmp_path,
            mid=f"{mid}{EMPTY}",
            one=f"extends: mid.yaml\n{one}{EMPTY}",
            two=f"{two}{EMPTY}",
            own=f"extends: [one.yaml, two.yaml]\n{own}{EMPTY}",
        )
        assert ks.load(path).inherit_mapping is inherits

    def test_so_is_the_lock(self, tmp_path: Path) -> None:
        base = f"lockfile: k.lock\n{EMPTY}"
        path = write(tmp_path, sub_base=base, own=f"extends: sub/base.yaml\n{EMPTY}")
        document = ks.read(path)
        assert document.config.lockfile == "./sub/k.lock"
        assert document.locate(Route(("lockfile",))).file == str(tmp_path / "sub" / "base.yaml")

    def test_schemas_are_not_inherited(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, base=f"$schema: ./a.json\n{EMPTY}", own=f"extends: base.yaml\n{EMPTY}"
        )
        assert ks.read(path).config.schema_uri is None

    def test_paths_start_at_the_file_that_states_them(self, tmp_path: Path) -> None:
        base = "kernel_mapping: {A: ./norm:L, B: {kernel: o/r:L, lockfile: ../k.lock}}\n"
        path = write(tmp_path, shared_base=base, own=f"extends: shared/base.yaml\n{EMPTY}")
        config = ks.load(path)
        assert str(config.kernel_mapping["A"]) == f"{tmp_path}/shared/norm:L"
        assert ks.read(path).config.model_dump()["kernel_mapping"] == {
            "A": "./shared/norm:L",
            "B": {"kernel": "o/r:L", "lockfile": "./k.lock"},
        }
        ks.dump(config, tmp_path / "dumped.yaml")
        assert ks.load(tmp_path / "dumped.yaml") == config

    def test_texts_have_a_directory(self, tmp_path: Path) -> None:
        write(tmp_path, base="kernel_mapping: {A: o/r:L}\n")
        text = f"extends: base.yaml\n{EMPTY}"
        assert ks.loads(text, format="yaml", directory=tmp_path).kernel_mapping.keys() == {"A"}
        with pytest.raises(ks.ConfigError, match="a text has no folder") as caught:
            ks.loads(text, format="yaml")
        assert caught.value.diagnostics[0].help == "pass `directory=`"

    def test_only_files_extend_others(self) -> None:
        with pytest.raises(ValueError, match="`extends` is for files"):
            ks.KernelConfig.model_validate({"kernel_mapping": {}, "extends": "base.yaml"})

    @given(data=st.lists(config_data(), min_size=1, max_size=3))
    @settings(max_examples=25, deadline=None)
    def test_one_that_says_nothing_means_its_base(
        self, tmp_path_factory: pytest.TempPathFactory, data: list[Any]
    ) -> None:
        folder = tmp_path_factory.mktemp("bases")
        for index, each in enumerate(data):
            config = ks.KernelConfig.model_validate(each)
            ks.dump(config, folder / f"{index}.json")
        last = folder / f"{len(data) - 1}.json"
        own = folder / "own.yaml"
        own.write_text(f"extends: ['{last.name}']\n{EMPTY}")
        alone, extended = ks.load(last), ks.load(own)
        assert extended.kernel_mapping == alone.kernel_mapping
        assert extended.inherit_mapping == alone.inherit_mapping
        assert ks.diff(alone, extended) == ()


class TestPlaces:
    def test_are_in_the_file_that_states_it(self, tmp_path: Path) -> None:
        base = "kernel_mapping:\n  A: o/r:L\n  B: {cpu: o/r:L}\n"
        own = "extends: base.yaml\nkernel_mapping:\n  A: {cuda: o/r:Own}\n"
        document = ks.read(write(tmp_path, base=base, own=own))
        places = {
            (rule.layer_name, str(rule.device)): document.locate(rule.route)
            for rule in ks.expand(document.config)
        }
        assert (places["A", "cuda"].file, places["A", "cuda"].line) == (None, 3)
        assert (places["A", "cpu"].file, places["A", "cpu"].line) == (
            str(tmp_path / "base.yaml"),
            2,
        )
        assert places["A", "cpu"].column == 6
        assert (places["B", "cpu"].line, places["B", "cpu"].column) == (3, 12)
        assert document.locate(Route(("kernel_mapping", "A"), at_key=True)).file is None

    def test_what_is_found_is_told_there_once(self, tmp_path: Path) -> None:
        base = "kernel_mapping:\n  A: ./nowhere:L\n"
        own = "extends: base.yaml\nkernel_mapping:\n  A: {cuda: o/r:Own}\n"
        document = ks.read(write(tmp_path, base=base, own=own))
        (diagnostic,) = ks.check(document)
        assert diagnostic.file == str(tmp_path / "base.yaml")
        assert diagnostic.place.endswith("base.yaml:2:6")
        assert diagnostic.fix is None

    def test_mistakes_of_bases_are_told_in_them(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            one="kernel_mapping: {A: {hip: o/r:L}}\n",
            two="kernel_mapping:\n- x\n",
            own=f"extends:\n- one.yaml\n- two.yaml\n- three.yaml\n{EMPTY}",
        )
        assert told("own.yaml") == [
            ("unknown-device", "one.yaml", 1),
            ("invalid-kernel-mapping", "two.yaml", 2),
            ("missing-base", "own.yaml", 4),
        ]

    def test_nothing_of_a_base_is_mended_in_the_file(self, tmp_path: Path) -> None:
        base = "kernel_mapping: {A: {hip: o/r:L}}\n"
        path = write(tmp_path, base=base, own=f"extends: base.yaml\n{EMPTY}")
        fixed = ks.fix(path, unsafe=True)
        assert fixed.text == path.read_text()
        assert [each.code for each in fixed.left] == ["unknown-device"]

    def test_a_base_that_is_wrong_is_in_no_way_of_mending(self, tmp_path: Path) -> None:
        text = "extends: [base.yaml, gone.yaml]\nkernel_mapping: {A: {hip: o/r:L}}\n"
        path = write(tmp_path, base="kernel_mapping: {A: {cdua: o/r:L}}\n", own=text)
        fixed = ks.fix(path)
        assert fixed.text == text.replace("hip", "rocm")
        assert [each.code for each in fixed.left] == ["unknown-device", "missing-base"]

    def test_a_mistake_hides_nothing_of_what_is_right(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            base="kernel_mapping:\n  A: {hip: o/r:L}\n  B: ./nowhere:L\n",
            own="extends: [base.yaml, gone.yaml]\n"
            "kernel_mapping:\n  C: {hip: o/r:L}\n  D: ./no:L\n",
        )
        with pytest.raises(ks.ConfigError) as caught:
            ks.check("own.yaml")
        assert {
            (each.code, each.file, each.span and each.span.line)
            for each in caught.value.diagnostics
        } == {
            ("missing-base", "own.yaml", 1),
            ("unknown-device", "own.yaml", 3),
            ("missing-local-kernel", "own.yaml", 4),
            ("unknown-device", "base.yaml", 2),
            ("missing-local-kernel", "base.yaml", 3),
        }
        left = {each.code for each in ks.fix("own.yaml").left}
        assert left == {"missing-base", "unknown-device", "missing-local-kernel"}

    def test_a_base_says_why_it_cannot_be_had(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "notes.txt").touch()
        bases = "[gone.yaml, sub, notes.txt, own.yaml]"
        unread = "cannot be read: the format of `notes.txt` cannot be told by its ending"
        write(tmp_path, own=f"extends: {bases}\n{EMPTY}")
        with pytest.raises(ks.ConfigError) as caught:
            ks.read("own.yaml")
        assert [(each.message, each.help) for each in caught.value.diagnostics] == [
            ("the base `gone.yaml` is missing: there is no such file", _START),
            ("the base `sub` cannot be read: this is a directory", _START),
            (
                f"the base `notes.txt` {unread}",
                "bases end in `.yaml`, `.yml`, `.json` or `.toml`",
            ),
            ("`own.yaml` is this file: no file can be its own base", "leave it out"),
        ]

    def test_errors_can_be_pickled(self, tmp_path: Path) -> None:
        path = write(tmp_path, own=f"extends: base.yaml\n{EMPTY}")
        with pytest.raises(ks.ConfigError) as caught:
            ks.read(path)
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (of our own making)
        assert again.diagnostics == caught.value.diagnostics


class TestAttacks:
    @pytest.mark.parametrize(
        "texts",
        [
            {"own": f"extends: own.yaml\n{EMPTY}"},
            {"base": f"extends: own.yaml\n{EMPTY}", "own": f"extends: base.yaml\n{EMPTY}"},
            {"own": f"extends: ./sub/../own.yaml\n{EMPTY}"},
        ],
    )
    def test_cycles(self, tmp_path: Path, texts: dict[str, str]) -> None:
        write(tmp_path, **texts)
        assert [code for code, *_ in told("own.yaml")] == ["invalid-extends"]

    def test_a_link_to_itself_is_a_cycle(self, tmp_path: Path) -> None:
        write(tmp_path, own=f"extends: link.yaml\n{EMPTY}")
        (tmp_path / "link.yaml").symlink_to("own.yaml")
        assert [code for code, *_ in told("own.yaml")] == ["invalid-extends"]

    def test_chains(self, tmp_path: Path) -> None:
        texts = {f"k{index}": f"extends: k{index - 1}.yaml\n{EMPTY}" for index in range(1, 30)}
        write(tmp_path, k0="kernel_mapping: {A: o/r:L}\n", **texts)
        assert ks.load(f"k{MAX_CHAIN - 1}.yaml").kernel_mapping.keys() == {"A"}
        assert told(f"k{MAX_CHAIN}.yaml") == [("invalid-extends", "k1.yaml", 1)]
        assert [code for code, *_ in told("k29.yaml")] == ["invalid-extends"]

    def test_the_longest_chain_counts_whichever_is_met_first(self, tmp_path: Path) -> None:
        texts = {f"k{index}": f"extends: k{index - 1}.yaml\n{EMPTY}" for index in range(1, 8)}
        write(tmp_path, k0=EMPTY, **texts, own=f"extends: [k6.yaml, k7.yaml]\n{EMPTY}")
        assert told("own.yaml") == [("invalid-extends", "k7.yaml", 1)]

    def test_each_file_is_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = {
            f"{side}{index}": f"extends: [a{index - 1}.yaml, b{index - 1}.yaml]\n{EMPTY}"
            for index in range(1, 7)
            for side in "ab"
        }
        base = "kernel_mapping: {A: o/r:L}\n"
        write(tmp_path, a0=base, b0=base, **texts, own=f"extends: [a6.yaml, b6.yaml]\n{EMPTY}")
        counts: dict[str, int] = {}
        from kernel_schema.files.composition import bases

        def counted(text: str, **rest: Any) -> Any:
            counts[rest["file"]] = counts.get(rest["file"], 0) + 1
            return original(text, **rest)

        original = bases.read_alone
        monkeypatch.setattr(bases, "read_alone", counted)
        assert ks.load("own.yaml").kernel_mapping.keys() == {"A"}
        assert set(counts.values()) == {1}
        assert len(counts) == 14

    def test_there_are_only_so_many(self, tmp_path: Path) -> None:
        texts = {f"k{index}": EMPTY for index in range(MAX_FILES + 9)}
        names = ", ".join(f"{name}.yaml" for name in texts)
        write(tmp_path, **texts, own=f"extends: [{names}]\n{EMPTY}")
        assert set(told("own.yaml")) == {("invalid-extends", "own.yaml", 1)}

    def test_what_is_no_file_is_never_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.yaml")
        (tmp_path / "zero.yaml").symlink_to("/dev/zero")
        (tmp_path / "folder.yaml").mkdir()
        write(tmp_path, own=f"extends: [pipe.yaml, zero.yaml, folder.yaml, none.yaml]\n{EMPTY}")
        assert told("own.yaml") == [("missing-base", "own.yaml", 1)] * 4

    def test_huge_bases(self, tmp_path: Path) -> None:
        (tmp_path / "base.yaml").write_bytes(b"#" * 3_000_000 + b"\n" + EMPTY.encode())
        write(tmp_path, own=f"extends: base.yaml\n{EMPTY}")
        assert told("own.yaml") == [("file-too-large", "base.yaml", 1)]
        assert ks.read("own.yaml", max_bytes=4_000_000).text == f"extends: base.yaml\n{EMPTY}"

    def test_bounds_of_the_file_are_those_of_its_bases(self, tmp_path: Path) -> None:
        write(tmp_path, base="#" * 500 + "\n" + EMPTY, own=f"extends: base.yaml\n{EMPTY}")
        with pytest.raises(ks.ConfigError, match="larger than 100 bytes") as caught:
            ks.load("own.yaml", max_bytes=100)
        assert caught.value.diagnostics[0].file == "base.yaml"


_START = "paths of bases start at the folder of the file that names them"


class TestCommand:
    def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "kernel_schema", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_the_excerpt_is_of_the_base(self, tmp_path: Path) -> None:
        base = "# first\nkernel_mapping: {A: {hip: o/r:L}}\n"
        write(tmp_path, base=base, own=f"extends: base.yaml\n{EMPTY}")
        code, output = self.run(tmp_path, "check", "own.yaml")
        assert code == 1
        assert "base.yaml:2:22: error[unknown-device]" in output
        assert "2 | kernel_mapping: {A: {hip: o/r:L}}" in output

    def test_bounds_reach_bases(self, tmp_path: Path) -> None:
        write(tmp_path, base="#" * 500 + "\n" + EMPTY, own=f"extends: base.yaml\n{EMPTY}")
        code, output = self.run(tmp_path, "check", "own.yaml", "--max-bytes", "100")
        assert code == 1
        assert "base.yaml:1:1: error[file-too-large]" in output
        assert self.run(tmp_path, "check", "own.yaml", "--max-bytes", "600")[0] == 0

    def test_what_lies_elsewhere_is_not_quoted(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            elsewhere="password: hunter2\nkernel_mapping: {A: {hip: o/r:L}}\n",
            repo_own=f"extends: ../elsewhere.yaml\n{EMPTY}",
        )
        code, output = self.run(tmp_path / "repo", "check", "own.yaml")
        assert code == 1
        assert "../elsewhere.yaml:1:1: error[unknown-key]" in output
        assert "hunter2" not in output
        assert "password" not in output

    def test_comments_silence_what_is_in_their_file(self, tmp_path: Path) -> None:
        base = "kernel_mapping:\n  A: ./nowhere:L\n"
        ignore = "# kernel-schema: ignore[missing-local-kernel]"
        own = f"extends: base.yaml\nkernel_mapping: {{}}  {ignore}\n"
        write(tmp_path, base=base, own=own)
        code, output = self.run(tmp_path, "check", "own.yaml")
        assert code == 1
        assert "base.yaml:2:6: error[missing-local-kernel]" in output

    def test_what_several_find_is_told_once(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            base="kernel_mapping:\n  A: {hip: o/r:L}\n  B: ./nowhere:L\n",
            one=f"extends: base.yaml\n{EMPTY}",
            two=f"extends: base.yaml\n{EMPTY}",
        )
        files = ["one.yaml", "./base.yaml", "two.yaml"]
        code, output = self.run(tmp_path, "check", *files, "--output-format", "concise")
        assert (code, output.count("\n")) == (1, 3)
        assert output.endswith("Checked 3 files: found 2 errors. `--fix` mends 1.\n")

    def test_comments_of_a_base_count_for_it(self, tmp_path: Path) -> None:
        ignore = "# kernel-schema: ignore[missing-local-kernel, missing-lockfile]"
        base = f"kernel_mapping:\n  A: ./nowhere:L  {ignore}\n  B: ./nowhere:L\n"
        write(tmp_path, base=base, own=f"extends: base.yaml\n{EMPTY}")
        code, output = self.run(tmp_path, "check", "own.yaml", "--output-format", "concise")
        assert (code, output.count("\n")) == (1, 2)
        assert "base.yaml:3:6: error[missing-local-kernel]" in output
        code, output = self.run(
            tmp_path, "check", "own.yaml", "--no-ignore-comments", "--statistics"
        )
        assert output.startswith("2  missing-local-kernel")

    def test_diff_and_convert(self, tmp_path: Path) -> None:
        base = "kernel_mapping:\n  A: o/r:L\n"
        write(tmp_path, base=base, own=f"extends: base.yaml\n{EMPTY}", other=EMPTY)
        code, output = self.run(tmp_path, "diff", "other.yaml", "own.yaml")
        assert code == 1
        assert "added o/r@v1:L (base.yaml:2)" in output
        code, output = self.run(tmp_path, "convert", "own.yaml", "--to", "json")
        assert code == 0
        assert '"A": "o/r:L"' in output
        assert "extends" not in output
