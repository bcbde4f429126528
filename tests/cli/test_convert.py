"""`kernel-schema convert`: into files, in place, and with the comments."""

from __future__ import annotations

import re
import stat
from random import Random
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.cli.commands.convert import converted
from kernel_schema.diagnostics import ConfigError
from tests.cli.models import call, write
from tests.corpus.cases import Case, cases
from tests.fuzz.seeds import TOML, YAML, mutated

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_schema.files.document import Document, Format

COMMENTED = """\
# yaml-language-server: $schema=./k.json

# Kernels of ours.

# what runs
kernel_mapping:  # for each layer
  A: {kernel: "o/r:L", version: 1}  # pinned

  # by device
  B:
    # AMD is to come
    cuda:
      # new ones
      - {min_capability: 90, kernel: "o/r:L"}  # Hopper
      - min_capability: 75  # Turing
        max_capability: 89
        kernel: o/r:L  # the same
  # C: o/r:L

inherit_mapping: false  # alone
# the end
"""
AS_TOML = """\
#:schema ./k.json

# Kernels of ours.

inherit_mapping = false  # alone

# what runs
[kernel_mapping]  # for each layer
A = { kernel = "o/r:L", version = 1 }  # pinned

# by device
# AMD is to come
B = { cuda = [
    # new ones
    { min_capability = 90, kernel = "o/r:L" },  # Hopper
    # the same
    { min_capability = 75, max_capability = 89, kernel = "o/r:L" },  # Turing
] }
# C: o/r:L
# the end
"""
REWRITTEN = """\
# yaml-language-server: $schema=./k.json

# Kernels of ours.

# what runs
kernel_mapping:  # for each layer
  A:  # pinned
    kernel: o/r:L
    version: 1

  # by device
  B:
    # AMD is to come
    cuda:
      # new ones
      - min_capability: 90  # Hopper
        kernel: o/r:L
      - min_capability: 75  # Turing
        max_capability: 89
        kernel: o/r:L  # the same
  # C: o/r:L
inherit_mapping: false  # alone
# the end
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    write(tmp_path, "k.yaml", COMMENTED)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = call("convert", *words)
    out, err = capsys.readouterr()
    return code, out, err


class TestOutput:
    @pytest.mark.parametrize("name", ["new.toml", "new.json", "new.yml"])
    def test_its_ending_is_its_format(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert printed(capsys, "k.yaml", "-o", name)[:2] == (0, "")
        assert ks.load(name).digest() == ks.load("k.yaml").digest()
        assert {each.name for each in tmp_path.iterdir()} == {".git", "k.yaml", name}

    def test_what_exists_is_replaced_by_force(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "old.toml", "mine\n")
        (tmp_path / "old.toml").chmod(0o640)
        said = "kernel-schema: error: old.toml exists: pass --force to replace it\n"
        assert printed(capsys, "k.yaml", "-o", "old.toml") == (2, "", said)
        assert (tmp_path / "old.toml").read_text() == "mine\n"
        assert printed(capsys, "k.yaml", "-o", "old.toml", "--force") == (0, "", "")
        assert (tmp_path / "old.toml").read_text() == AS_TOML
        assert stat.S_IMODE((tmp_path / "old.toml").stat().st_mode) == 0o640

    def test_a_broken_file_leaves_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "k.yaml", "kernel_mapping: {A: org/repo}\n")
        assert printed(capsys, "k.yaml", "-o", "new.toml")[0] == 1
        assert not (tmp_path / "new.toml").exists()

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("k.yaml", "--to is needed: yaml, json or toml (or -o FILE with such an ending)"),
            ("k.yaml -o kernels.txt", "--to is needed: yaml, json or toml (kernels.txt does not"),
            ("k.yaml -o new.toml --to json", "new.toml would be read as toml, not as json"),
            ("k.yaml -o pyproject.toml", "pyproject.toml holds more than a config"),
            ("k.yaml -o no/new.toml", "cannot be written: No such file or directory"),
            ("k.yaml --write -o new.yaml", "one of the two"),
            ("k.yaml --write --to toml", "--write keeps the format, yaml: use -o for toml"),
            ("- --write", "standard input cannot be written into"),
            ("k.yaml --write --at trainer.kernels", "k.yaml holds more than that"),
            ("pyproject.toml --write", "pyproject.toml holds more than that"),
            ("--from-transformers a:b --write", "--write goes with a FILE"),
            ("nowhere.yaml --write", "there is no such file"),
        ],
    )
    def test_wrong_calls(
        self, words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = printed(capsys, *words.split())
        assert (code, out) == (2, "")
        assert said in err
        assert {each.name for each in tmp_path.iterdir()} == {".git", "k.yaml"}
        assert (tmp_path / "k.yaml").read_text() == COMMENTED

    def test_in_another_folder_paths_lead_to_the_same_files(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "sub").mkdir()
        write(
            tmp_path,
            "l.yaml",
            """\
            # yaml-language-server: $schema=./k.json
            kernel_mapping:
              A: ./sub/norm:L
              B: {kernel: ./up:L}
            """,
        )
        assert printed(capsys, "l.yaml", "-o", "sub/l.toml") == (0, "", "")
        text = (tmp_path / "sub/l.toml").read_text()
        assert text.startswith("#:schema ../k.json\n")
        assert 'A = "./norm:L"' in text
        assert ks.load("sub/l.toml") == ks.load("l.yaml")
        assert printed(capsys, "l.yaml", "-o", "same.json") == (0, "", "")
        assert '"$schema": "./k.json"' in (tmp_path / "same.json").read_text()
        assert printed(capsys, "same.json", "-o", "sub/other.yaml") == (0, "", "")
        assert "$schema: ../k.json\n" in (tmp_path / "sub/other.yaml").read_text()


class TestWrite:
    def test_in_its_own_format(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "k.yaml").chmod(0o640)
        (tmp_path / "link.yaml").symlink_to("k.yaml")
        assert printed(capsys, "link.yaml", "--write", "--to", "yaml") == (0, "", "")
        assert (tmp_path / "k.yaml").read_text() == REWRITTEN
        assert (tmp_path / "link.yaml").is_symlink()
        assert stat.S_IMODE((tmp_path / "k.yaml").stat().st_mode) == 0o640

    def test_what_is_so_already_is_not_touched(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "k.yaml", REWRITTEN)
        before = (tmp_path / "k.yaml").stat()
        assert printed(capsys, "k.yaml", "--write") == (0, "", "")
        after = (tmp_path / "k.yaml").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    def test_a_byte_order_mark_and_odd_line_ends_go(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "k.yaml"
        file.write_bytes(b"\xef\xbb\xbf" + COMMENTED.replace("\n", "\r\n").encode())
        assert printed(capsys, "k.yaml", "--write") == (0, "", "")
        assert file.read_bytes() == REWRITTEN.encode()

    def test_what_it_loses_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "base.yaml", "kernel_mapping: {A: org/repo:A}\n")
        write(tmp_path, "k.yaml", "x-a: 1\nextends: base.yaml\nx-b: 2\nkernel_mapping: {}\n")
        free = "kernel-schema: warning: not written of k.yaml, for it is free: `x-a` and `x-b`\n"
        code, _, err = printed(capsys, "k.yaml", "--to", "json")
        assert (code, err) == (0, free)
        code, _, err = printed(capsys, "k.yaml", "--write")
        assert code == 0
        assert "k.yaml extends nothing any more: what its bases say is written" in err

    def test_a_broken_file_stays(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(tmp_path, "k.yaml", "kernel_mapping: {A: org/repo}  # so\n")
        assert printed(capsys, "k.yaml", "--write")[0] == 1
        assert (tmp_path / "k.yaml").read_text() == "kernel_mapping: {A: org/repo}  # so\n"

    def test_a_link_that_leads_away(
        self,
        tmp_path: Path,
        tmp_path_factory: pytest.TempPathFactory,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        other = tmp_path_factory.mktemp("other") / "theirs.yaml"
        other.write_text(COMMENTED)
        (tmp_path / "theirs.yaml").symlink_to(other)
        code, _, err = printed(capsys, "theirs.yaml", "--write")
        assert code == 2
        assert "a link leads to it out of this directory or repository" in err
        assert other.read_text() == COMMENTED


class TestComments:
    def test_from_yaml_to_toml_and_back(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert printed(capsys, "k.yaml", "--to", "toml") == (0, AS_TOML, "")
        write(tmp_path, "k.toml", AS_TOML)
        code, text, err = printed(capsys, "k.toml", "--to", "yaml")
        assert (code, err) == (0, "")
        assert words_of(text) == words_of(COMMENTED)

    def test_json_has_none(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = printed(capsys, "k.yaml", "--to", "json")
        assert (code, out[:26]) == (0, '{\n  "$schema": "./k.json",')
        count = COMMENTED.count("#") - 1
        warned = f"kernel-schema: warning: {count} comments of k.yaml are lost: JSON has none\n"
        assert err == warned
        write(tmp_path, "k.yaml", "kernel_mapping: {}  # none\n")
        err = printed(capsys, "k.yaml", "--to", "json")[2]
        assert err == "kernel-schema: warning: 1 comment of k.yaml is lost: JSON has none\n"

    def test_what_they_are_about_may_be_lost(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "k.yaml", "x-l: &l o/r:L  # shared\nkernel_mapping: {A: *l}  # of A\n")
        code, out, err = printed(capsys, "k.yaml", "--to", "toml")
        assert (code, out) == (0, '[kernel_mapping]  # of A\nA = "o/r:L"\n')
        lost = "1 comment of k.yaml is lost: what it is about is not written"
        assert err.endswith(f"kernel-schema: warning: {lost}\n")

    def test_of_a_part_only(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = """\
            # the whole

            lr: 1  # rate
            # ours
            kernels:
              # inside
              kernel_mapping:
                A: o/r:L  # of A
                # B: o/r:L
            # theirs
            end: 1
            """
        write(tmp_path, "train.yaml", text)
        done = printed(capsys, "train.yaml", "--at", "kernels", "--to", "toml")
        toml = '# ours\n\n# inside\n[kernel_mapping]\nA = "o/r:L"  # of A\n# B: o/r:L\n'
        assert done == (0, toml, "")

    def test_of_a_pyproject(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = """\
            # project
            [tool.a]
            b = 1 # b
            [tool.kernel-schema.kernel_mapping] # ours
            # a
            A = 'o/r:L'
            # the rest

            # of c
            [tool.c]
            # end
            """
        write(tmp_path, "pyproject.toml", text)
        code, out, err = printed(capsys, "pyproject.toml", "--to", "yaml")
        assert (code, err) == (0, "")
        assert out == "kernel_mapping:  # ours\n  # a\n  A: o/r:L\n  # the rest\n"

    def test_what_must_not_be_printed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, "k.toml", "# a\u202e\n#\tb\u2028c: d\n##[error]\n[kernel_mapping]\n")
        code, out, err = printed(capsys, "k.toml", "--to", "yaml")
        assert (code, err) == (0, "")
        assert out == "# a\\u202e\n#\tb\\u2028c: d\n#\\u0023[error]\nkernel_mapping: {}\n"

    def test_of_another_header_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        header = "# yaml-language-server: $schema=./k.json"
        write(tmp_path, "k.yaml", f"{header} for us\nkernel_mapping: {{}}\n{header}\n")
        out = printed(capsys, "k.yaml", "--to", "toml")[1]
        assert out == f"{header} for us\n[kernel_mapping]\n{header}\n"


def words_of(text: str) -> list[str]:
    """The comments of a text in which all `#` begin one, in any order."""
    return sorted(re.findall("#.*", text))


def comments_of(document: Document) -> list[str]:
    """Comments as both formats have them, in any order."""
    as_toml = re.compile(r"# *yaml-language-server *:.*?\$schema=(\S*)\s*$")
    return sorted(as_toml.sub(r"#:schema \1", each.text).rstrip() for each in document.comments)


def again(document: Document, format: Format, lost: int = 0) -> Document:
    """The document in a format, read again; so many comments may be lost."""
    text, missing = converted(document, format, None)
    assert missing == lost
    return ks.loads_document(text, format=format)


def check_kept(document: Document) -> None:
    """Nothing is lost on the way to the other format and back, nor in the same one."""
    other: Format = "toml" if document.format == "yaml" else "yaml"
    there = again(document, other)
    back = again(there, document.format)
    same = again(document, document.format)
    for each in (there, back, same):
        assert each.config == document.config
        assert comments_of(each) == comments_of(document)
    assert again(same, document.format).text == same.text


def commented(chance: Random, text: str) -> str:
    """A text with comments put in, above lines and behind them, where there may be none too."""
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if chance.random() < 0.3:
            lines += [""] * chance.randrange(2)
            lines.append(f"{' ' * chance.randrange(5)}# above {number}")
        behind = chance.random() < 0.3
        lines.append(f"{line} # behind {number}" if behind and line.strip() else line)
    return "\n".join(lines)


COMMENTABLE = [
    case
    for case in cases("valid")
    if case.path.suffix in {".yaml", ".toml"} and case.name != "pyproject.toml"
]


@pytest.mark.parametrize("case", COMMENTABLE, ids=str)
def test_the_corpus_keeps_its_comments(case: Case) -> None:
    document = ks.read(case.path)
    check_kept(document)
    chance = Random(str(case))  # noqa: S311 (no secret)
    for _ in range(4):
        text = commented(chance, document.text)
        try:
            changed = ks.loads_document(text, format=document.format)
        except ConfigError:
            continue
        if changed.config == document.config and "x-" not in text:
            check_kept(changed)


@pytest.mark.parametrize(("format", "seeds"), [("yaml", YAML), ("toml", TOML)])
def test_around_odd_values(format: Format, seeds: list[str]) -> None:
    """Where the config is a part of anything, what is beside it is left alone."""
    chance = Random(format)  # noqa: S311 (no secret)
    config = {
        "yaml": "\nzz: # of zz\n  kernel_mapping:\n    # above\n    A: o/r:L # behind\n",
        "toml": "\n[zz.kernel_mapping] # of zz\n# above\nA = 'o/r:L' # behind\n",
    }
    read = 0
    while read < 30:
        text = mutated(chance, seeds) + config[format]
        try:
            document = ks.loads_document(text, format=format, at="zz")
        except ConfigError:
            continue
        read += 1
        there = again(document, "toml" if format == "yaml" else "yaml")
        assert there.config == document.config
        assert {"# of zz", "# above", "# behind"} <= set(comments_of(there))
