"""What the pages show is what happens: each is followed from its top to its end, in a fresh folder.

A block with a language is run or read, by what it is:

- `<!-- file: NAME -->` before it: written to that file.
- `<!-- run: kernel-schema ... -->` before a `text` block: what that command prints.
- `python`: run, with the names of the blocks above it. `sh`: each line is a command that ends well.
- `yaml`, without a file: a valid config.
- `<!-- ci: NAME -->` before a `sh` block: a set-up command, which `.ci/run` runs to the letter.

Blocks without a language are diagrams and grammars.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "schemas/README.md", "kernel_schema/README.md", "tests/README.md")
KINDS_OF_FILES = {"yaml", "json", "toml", "py", "lua"}
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>file|run|ci): (?P<value>.+?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)\n(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of a page that has a language, and the mark before it."""

    page: str
    line: int
    language: str
    mark: str | None
    value: str
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> Iterator[Block]:
    text = text_of(page)
    for match in BLOCK.finditer(text):
        indent = match["indent"]
        lines = [line.removeprefix(indent) for line in match["text"].splitlines()]
        line = text.count("\n", 0, match.start("language")) + 1
        body = "".join(f"{line}\n" for line in lines)
        yield Block(page, line, match["language"], match["mark"], match["value"] or "", body)


class Reader:
    """Follows pages in the current folder, as a person would."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._names: dict[str, Any] = {}

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        try:
            self._follow(block)
        except (Exception, SystemExit) as error:
            place = f"{block.page}, line {block.line}: {block.mark or block.language} {block.value}"
            raise AssertionError(place) from error

    def _follow(self, block: Block) -> None:
        if block.mark == "file":
            self.write(block)
        elif block.mark == "run":
            assert block.language == "text"
            self._capture.readouterr()
            main(shlex.split(block.value)[1:])
            assert self._capture.readouterr().out == block.text
        elif block.mark == "ci":
            assert block.language == "sh"
        elif block.language == "python":
            path = f"{block.page}, line {block.line}"
            code = compile(block.text, path, "exec", dont_inherit=True)
            exec(code, self._names)  # noqa: S102 (our own page)
        elif block.language == "sh":
            self._run(block.text)
        else:
            assert block.language == "yaml", "nothing is done with this block"
            assert ks.loads(block.text, format="yaml").kernel_mapping

    def write(self, block: Block) -> None:
        """Write the file that a block shows."""
        assert block.language in KINDS_OF_FILES
        if block.language == "json":
            json.loads(block.text)
        path = Path(block.value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _run(self, text: str) -> None:
        for line in text.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            if program == "kernel-schema":
                assert main(arguments) == 0
            else:
                path = Path(sys.executable).parent / program
                subprocess.run([path, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_followed_keeps_its_word(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers", reason="the pages look at models")
    pytest.importorskip("check_jsonschema", reason="a page runs it")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("my_model", "norm_model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    reader = Reader(capsys)
    if page != PAGES[0]:
        # The first page is the one that people have read before; the others use its files.
        for block in blocks(PAGES[0]):
            if block.mark == "file":
                reader.write(block)
    # What transformers registers for a model that is loaded with `use_kernels` stays with the page.
    kernels = pytest.importorskip("kernels", reason="the pages apply configs")
    with kernels.use_kernel_mapping({}, inherit_mapping=False):
        for block in blocks(page):
            reader.follow(block)


def test_there_are_blocks_of_every_kind() -> None:
    everything = [block for page in PAGES for block in blocks(page)]
    assert len(everything) > 25
    assert {block.mark for block in everything} == {"file", "run", "ci", None}
    assert {block.language for block in everything} == KINDS_OF_FILES | {"text", "sh", "python"}


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_missed(page: str) -> None:
    """Every fence with a language opens a block that was read, and every mark belongs to one."""
    text = text_of(page)
    found = list(blocks(page))
    assert len(re.findall(r"^ *```\w", text, re.MULTILINE)) == len(found)
    marks = re.findall(r"^ *<!-- (?:file|run|ci):", text, re.MULTILINE)
    assert len(marks) == sum(block.mark is not None for block in found)


def test_the_set_up_commands_are_run_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    names = [block.value for page in PAGES for block in blocks(page) if block.mark == "ci"]
    assert names == ["demo", "test"]
    for name in names:
        assert f"run_from_readme {name}" in ci


@pytest.mark.parametrize("page", PAGES)
def test_every_name_it_uses_is_public(page: str) -> None:
    assert set(re.findall(r"\bks\.([A-Za-z_]+)", text_of(page))) <= set(dir(ks))


def anchor(heading: str) -> str:
    """What a heading is linked by, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        where = (ROOT / page).parent / path if path else ROOT / page
        assert where.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.+)$", where.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_ours_that_it_names_is_there(page: str) -> None:
    """Modules move; what the pages say of the house moves with them."""
    homes = (ROOT, ROOT / page.rpartition("/")[0], ROOT / "kernel_schema")
    for name in re.findall(r"`((?:[a-z_.]+/)+[a-z_*]+\.(?:py|toml|json|yml))`", text_of(page)):
        assert any(list(home.glob(name)) for home in homes), name


def test_the_first_page_is_short() -> None:
    assert len(text_of(PAGES[0]).encode()) <= 12 * 1024


WITHOUT_EXTRAS = """\
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "kernels", "transformers"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from kernel_schema.cli.main import main
for line in sys.stdin:
    assert main(line.split()) == 0, line
"""


def test_the_commands_of_the_base_install_need_no_extra(tmp_path: Path) -> None:
    pattern = r"^\| `pip install kernel-schema` \|(.+) in Python"
    base = re.search(pattern, text_of(PAGES[0]), re.MULTILINE)
    assert base is not None
    commands = {
        "check": "check fine.yaml",
        "convert": "convert fine.yaml --to toml",
        "resolve": "resolve fine.yaml",
        "diff": "diff fine.yaml fine.yaml",
        "schema": "schema",
        "attach": "attach fine.yaml",
        "codes": "codes",
        "env": "env",
    }
    assert set(re.findall(r"`([a-z]+)`", base[1])) == set(commands)
    (tmp_path / "fine.yaml").write_text("kernel_mapping: {A: org/repo:A}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS],
        cwd=tmp_path,
        input="\n".join(commands.values()),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
